//go:build !race

// The race detector makes both ends so slow that calls wait for a CPU, not for
// the link.

package scenario

import (
	"errors"
	"testing"
	"time"

	"github.com/twinwire/twinwire/bench/link"
)

// slowLatency is the bar for calls beside streams.
const slowLatency = 300 * time.Millisecond

// share returns a rate in bytes a second as a fraction of the slow link's.
func share(rate float64) float64 { return rate * 8 / float64(SlowLink().Rate) }

// Calls do not wait behind streams, and streams do not suffer from calls. What
// is asked for here is less than the bar where few figures would make it a
// matter of luck; the bench command's -networks measures it.
func TestCallsBesideStreams(t *testing.T) {
	if err := link.Available(); err != nil {
		t.Skip(err)
	}
	for _, p := range subjects() {
		for way, down := range map[string]bool{"up": false, "down": true} {
			t.Run(p.Info().Name+"/"+way, func(t *testing.T) {
				var s Slow
				err := ErrOverrun
				for tries := 3; tries > 0 && errors.Is(err, ErrOverrun); tries-- {
					s, err = MeasureSlow(t.Context(), p, down, time.Second, 3*time.Second)
				}
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("alone %.1f %% of the link, with calls %.1f %%, starting %+v, then %+v",
					100*share(s.Alone.Rate), 100*share(s.With.Rate), s.With.Starting, s.With.Latency)
				if l := s.With.Latency; l.Count < 10 || l.P99 >= slowLatency {
					t.Errorf("calls beside streams: %+v, want all under %v", l, slowLatency)
				}
				if worst := s.With.Starting.Max; worst > 2*slowLatency {
					t.Errorf("while the streams begin a call takes %v", worst)
				}
				if s.Kept() < 0.8 || share(s.Alone.Rate) < 0.7 {
					t.Errorf("streams get %.1f %% of the link, and %.1f %% of that beside calls",
						100*share(s.Alone.Rate), 100*s.Kept())
				}
			})
		}
	}
}
