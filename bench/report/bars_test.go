package report

import (
	"testing"

	"github.com/twinwire/twinwire/bench/peer"
)

func TestCallsBar(t *testing.T) {
	tests := []struct {
		name           string
		subject, floor float64
		want           Verdict
		wanted         float64
	}{
		{"over the absolute bar", 250_000, 1_000_000, Pass, 150_000},
		{"over the absolute bar, without a floor", 150_000, 0, Pass, 150_000},
		{"under it, enough of a slow floor", 41_000, 100_000, Pass, 40_000},
		{"under both", 39_000, 100_000, Fail, 40_000},
		{"under it, and the floor is fast", 149_000, 600_000, Fail, 150_000},
		{"under it, without a floor", 100_000, 0, NotMeasured, 150_000},
		{"no subject", 0, 100_000, NotMeasured, 150_000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := new(Report)
			add(r, subjectQUIC, ManyInFlight, CallRate, tt.subject)
			add(r, floorQUIC, ManyInFlight, CallRate, tt.floor)
			r.Finish()
			got := callsBar(r, peer.QUIC, minCallsQUIC)
			if got.Verdict != tt.want || got.Want < tt.wanted-1 || got.Want > tt.wanted+1 {
				t.Errorf("got %+v, want %s at %.0f", got, tt.want, tt.wanted)
			}
		})
	}
}

func TestValuesBar(t *testing.T) {
	tests := []struct {
		name           string
		subject, floor float64
		want           Verdict
	}{
		{"over the absolute bar", 500_000, 9_000_000, Pass},
		{"under it, half of a slow floor", 100_000, 200_000, Pass},
		{"under both", 99_000, 200_000, Fail},
		{"no subject", 0, 200_000, NotMeasured},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := new(Report)
			add(r, subjectTLS, ValueStream, ValueRate, tt.subject)
			add(r, floorTLS, ValueStream, ValueRate, tt.floor)
			r.Finish()
			if got := valuesBar(r); got.Verdict != tt.want {
				t.Errorf("got %+v, want %s", got, tt.want)
			}
		})
	}
}

func TestMessagesBar(t *testing.T) {
	tests := []struct {
		name            string
		messages, calls float64
		want            Verdict
	}{
		{"at the bar", 400_000, 200_000, Pass},
		{"under it", 399_000, 200_000, Fail},
		{"no messages", 0, 200_000, NotMeasured},
		{"no calls", 400_000, 0, NotMeasured},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := new(Report)
			add(r, subjectTLS, Messages, MessageRate, tt.messages)
			add(r, subjectTLS, ManyInFlight, CallRate, tt.calls)
			add(r, subjectQUIC, ManyInFlight, CallRate, 1e6) // of another wire
			r.Finish()
			if got := messagesBar(r, peer.TLS); got.Verdict != tt.want {
				t.Errorf("got %+v, want %s", got, tt.want)
			}
		})
	}
}

func TestLoadedBar(t *testing.T) {
	tests := []struct {
		name         string
		loaded, idle float64
		enough       float64
		want         Verdict
	}{
		{"at the bar", 500, 100, 0, Pass},
		{"over it", 501, 100, 0, Fail},
		{"over it, but good enough", 3000, 100, 3000, Pass},
		{"over both", 3001, 100, 3000, Fail},
		{"at the bar, which is beyond what is good enough", 5000, 1000, 3000, Pass},
		{"not loaded", 0, 100, 0, NotMeasured},
		{"not idle", 500, 0, 0, NotMeasured},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := new(Report)
			add(r, subjectTLS, Loaded, LoadedP99, tt.loaded)
			add(r, subjectTLS, OneInFlight, CallP99, tt.idle)
			r.Finish()
			if got := loadedBar(r, peer.TLS, tt.enough); got.Verdict != tt.want {
				t.Errorf("got %+v, want %s", got, tt.want)
			}
		})
	}
}

func add(r *Report, p peer.Info, workload string, m Metric, v float64) {
	if v != 0 {
		r.Add(p, workload, 1, Values{m: v})
	}
}
