package report

import (
	"testing"

	"github.com/twinwire/twinwire/bench/peer"
)

func TestLatencyBar(t *testing.T) {
	tests := []struct {
		name          string
		subject, bare float64 // 0: not measured
		want          Verdict
	}{
		{"at the bar", 60, 40, Pass},
		{"over it", 61, 40, Fail},
		{"no subject", 0, 40, NotMeasured},
		{"no bare library", 60, 0, NotMeasured},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := new(Report)
			add(r, subjectQUIC, OneInFlight, CallP50, tt.subject)
			add(r, bareQUIC, OneInFlight, CallP50, tt.bare)
			add(r, bareTLS, OneInFlight, CallP50, 1000) // of another wire
			r.Finish()
			if got := latencyBar(r, peer.QUIC); got.Verdict != tt.want {
				t.Errorf("got %+v, want %s", got, tt.want)
			}
			if r.Failed() != (tt.want == Fail) {
				t.Errorf("failed: %v", r.Failed())
			}
		})
	}
}

func TestRateBar(t *testing.T) {
	tests := []struct {
		name           string
		subject, floor float64
		want           Verdict
		wanted         float64
	}{
		{"over the absolute bar", 250_000, 1_000_000, Pass, 200_000},
		{"over the absolute bar, without a floor", 200_000, 0, Pass, 200_000},
		{"under it, enough of a slow floor", 41_000, 100_000, Pass, 40_000},
		{"under both", 39_000, 100_000, Fail, 40_000},
		{"under it, and the floor is fast", 199_000, 600_000, Fail, 200_000},
		{"under it, without a floor", 100_000, 0, NotMeasured, 200_000},
		{"no subject", 0, 100_000, NotMeasured, 200_000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := new(Report)
			add(r, subjectTLS, ManyInFlight, CallRate, tt.subject)
			add(r, floorTLS, ManyInFlight, CallRate, tt.floor)
			r.Finish()
			got := rateBar(r, peer.TLS, minCallsTLS)
			if got.Verdict != tt.want || got.Want < tt.wanted-1 || got.Want > tt.wanted+1 {
				t.Errorf("got %+v, want %s at %.0f", got, tt.want, tt.wanted)
			}
		})
	}
}

func add(r *Report, p peer.Info, workload string, m Metric, v float64) {
	if v != 0 {
		r.Add(p, workload, 1, Values{m: v})
	}
}
