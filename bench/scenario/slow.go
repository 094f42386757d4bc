package scenario

import (
	"context"
	"time"

	"github.com/twinwire/twinwire/bench/peer"
)

const (
	slowStreams = 2
	slowSize    = 16 << 20
)

// SlowLink is the network of the bar about calls beside streams: 10 Mbit/s, and
// 50 ms there and back.
func SlowLink() Network { return Network{Rate: 10e6, Trip: 50 * time.Millisecond} }

// Slow is what becomes of calls behind two streams of 16 MiB on the slow link.
type Slow struct {
	// Alone is without the calls, With is with them, each on a link of its own
	// and from the beginning of the streams.
	Alone, With Loaded
}

// MeasureSlow measures a peer that can do streams of bytes. The streams run
// for start before they are measured for so long.
func MeasureSlow(ctx context.Context, p peer.Peer, down bool, start, measure time.Duration) (s Slow, err error) {
	l := Load{Streams: slowStreams, Size: slowSize, Down: down, Start: start, Measure: measure}
	if s.Alone, err = MeasureLoad(ctx, p, SlowLink(), l); err != nil {
		return s, err
	}
	l.Calls = true
	s.With, err = MeasureLoad(ctx, p, SlowLink(), l)
	return s, err
}

// Kept is the rate of the streams with the calls as a fraction of that
// without.
func (s *Slow) Kept() float64 { return s.With.Rate / s.Alone.Rate }
