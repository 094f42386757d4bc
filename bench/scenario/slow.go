package scenario

import (
	"context"
	"errors"
	"time"

	"github.com/twinwire/twinwire/bench/link"
	"github.com/twinwire/twinwire/bench/peer"
)

const (
	slowRate    = 10_000_000 // bits a second
	slowTrip    = 50 * time.Millisecond
	slowStreams = 2
	slowSize    = 16 << 20

	// The bar for calls beside streams.
	slowLatency = 300 * time.Millisecond
	slowKept    = 0.9
)

// SlowLink is the link of the bar: 10 Mbit/s, 50 ms there and back, and a
// queue of one bandwidth-delay product each way.
func SlowLink() *link.Config {
	return &link.Config{Path: link.Path{Rate: slowRate, Delay: slowTrip / 2}, Seed: 1}
}

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
	if s.Alone, err = once(ctx, p, l); err != nil {
		return s, err
	}
	l.Calls = true
	s.With, err = once(ctx, p, l)
	return s, err
}

// once runs a load on a link of its own.
func once(ctx context.Context, p peer.Peer, l Load) (_ Loaded, err error) {
	s, err := Start(ctx, p, SlowLink())
	if err != nil {
		return Loaded{}, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Load(ctx, l)
}

// Kept is the rate of the streams with the calls as a fraction of that
// without.
func (s *Slow) Kept() float64 { return s.With.Rate / s.Alone.Rate }

// Held reports whether the bar is held: the p99 of the calls is under 300 ms,
// and the streams keep 90 % of their rate.
func (s *Slow) Held() bool {
	l := s.With.Latency
	return l.Count > 0 && l.P99 < slowLatency && s.Kept() >= slowKept
}

// Share returns a rate in bytes a second as a fraction of the slow link's.
func Share(rate float64) float64 { return rate * 8 / slowRate }
