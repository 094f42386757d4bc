package scenario

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/twinwire/twinwire/bench/child"
	"github.com/twinwire/twinwire/bench/echo"
	"github.com/twinwire/twinwire/bench/link"
	"github.com/twinwire/twinwire/bench/load"
	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/subject"
	"github.com/twinwire/twinwire/internal/leak"
)

// peers are those with a wire that a link can carry.
func peers() []peer.Peer { return slices.Concat(subjects(), echo.Peers()) }

func subjects() []peer.Peer {
	return slices.DeleteFunc(subject.Peers(), func(p peer.Peer) bool { return p.Info().Wire == peer.Memory })
}

func TestMain(m *testing.M) {
	if code, isChild := child.Main(os.Args[1:], slices.Concat(peers(), subject.NetworkPeers(), echo.NetworkPeers())); isChild {
		os.Exit(code)
	}
	leak.Main(m)
}

func stage(t testing.TB, p peer.Peer) *Stage {
	t.Helper()
	if err := link.Available(); err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	s, err := Start(ctx, p, SlowLink().config(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func calls(t testing.TB, s *Stage, measure time.Duration) load.Latency {
	t.Helper()
	latency, err := s.Calls(t.Context(), 200*time.Millisecond, measure)
	if err != nil {
		t.Fatal(err)
	}
	return latency
}

// Without load a call takes one round trip, over whatever wire.
func TestCallsTakeOneRoundTrip(t *testing.T) {
	for _, p := range peers() {
		t.Run(p.Info().Name, func(t *testing.T) {
			s := stage(t, p)
			latency := calls(t, s, 600*time.Millisecond)
			if latency.Count < 3 || latency.P50 < 50*time.Millisecond || latency.P50 > 75*time.Millisecond {
				t.Errorf("%+v, want a median of one round trip", latency)
			}
			there, back := s.Link.A.Stats(), s.Link.B.Stats()
			if there.Delivered == 0 || back.Delivered == 0 || there.Overrun+back.Overrun != 0 {
				t.Errorf("%+v there, %+v back, want packets both ways", there, back)
			}
		})
	}
}

func TestLinkCanBeChanged(t *testing.T) {
	s := stage(t, subjects()[0])
	for _, end := range []*link.End{s.Link.A, s.Link.B} {
		p := end.Path()
		p.Delay = 5 * time.Millisecond
		if err := end.SetPath(p); err != nil {
			t.Fatal(err)
		}
	}
	if latency := calls(t, s, 300*time.Millisecond); latency.P50 < 10*time.Millisecond || latency.P50 > 45*time.Millisecond {
		t.Errorf("%+v after the delay has become a fifth", latency)
	}
}

func TestContextEndsStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, subjects()[0], SlowLink().config(), 0); err == nil {
		t.Error("a stage begins with a context that has ended")
	}
}

// Reported: the times of calls over the link of the bars, without load.
func BenchmarkCall(b *testing.B) {
	for _, p := range peers() {
		b.Run(p.Info().Name, func(b *testing.B) {
			s := stage(b, p)
			var worst load.Latency
			for b.Loop() {
				if l := calls(b, s, time.Second); l.P99 > worst.P99 {
					worst = l
				}
			}
			b.ReportMetric(float64(worst.P50.Microseconds())/1e3, "ms-p50")
			b.ReportMetric(float64(worst.P99.Microseconds())/1e3, "ms-p99")
			b.ReportMetric(float64(max(s.Link.A.Stats().MaxLate, s.Link.B.Stats().MaxLate).Microseconds()), "µs-delivery-late-max")
		})
	}
}
