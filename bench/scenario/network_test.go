package scenario

import (
	"testing"
	"time"

	"github.com/twinwire/twinwire/bench/echo"
	"github.com/twinwire/twinwire/bench/link"
)

func TestNetworks(t *testing.T) {
	seen := make(map[string]bool)
	for _, n := range Networks(0, 0.01, 0.02, 0.05) {
		if seen[n.String()] {
			t.Errorf("%v is there twice", n)
		}
		seen[n.String()] = true
	}
	if len(seen) != 16 || !seen["10mbit-100ms-5%"] || !seen["100mbit-20ms-0%"] {
		t.Errorf("networks %v", seen)
	}
}

// The link is the one that was asked for: no call is faster than its round trip,
// no stream than its rate, and packets are lost.
func TestMeasureLoad(t *testing.T) {
	if err := link.Available(); err != nil {
		t.Skip(err)
	}
	n := Network{Rate: 10e6, Trip: 20 * time.Millisecond, Loss: 0.02}
	got, err := MeasureLoad(t.Context(), echo.Peers()[1], n, Load{
		Streams: 1, Size: slowSize, Calls: true, Start: 200 * time.Millisecond, Measure: 500 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Latency.Count == 0 || got.Latency.P50 < n.Trip {
		t.Errorf("%d calls with a p50 of %v, want %v at least", got.Latency.Count, got.Latency.P50, n.Trip)
	}
	if rate := got.Rate * 8; rate <= 0 || rate > float64(n.Rate) {
		t.Errorf("%.0f bits/s of a stream on %v", rate, n)
	}
	if got.Path.DroppedLoss == 0 {
		t.Error("nothing was lost")
	}
}
