package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/internal/leak"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) { leak.Main(m) }

var (
	subjectTLS  = peer.Info{Name: "subject-tls", Wire: peer.TLS, Kind: peer.Subject}
	subjectQUIC = peer.Info{Name: "subject-quic", Wire: peer.QUIC, Kind: peer.Subject}
	otherTLS    = peer.Info{Name: "other-tls", Wire: peer.TLS, Kind: peer.Other}
	bareTLS     = peer.Info{Name: "bare-tls", Wire: peer.TLS, Kind: peer.Bare}
	bareQUIC    = peer.Info{Name: "bare-quic", Wire: peer.QUIC, Kind: peer.Bare}
	floorTLS    = peer.Info{Name: "floor-tls", Wire: peer.TLS, Kind: peer.Floor}
	floorQUIC   = peer.Info{Name: "floor-quic", Wire: peer.QUIC, Kind: peer.Floor}
)

// sample is a report with something of everything.
func sample() (*Report, []Section) {
	r := &Report{
		Date: time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC),
		Took: time.Minute,
		Environment: Environment{
			Go: "go1.26.0", OS: "linux", Arch: "amd64", CPU: "a CPU", CPUs: 2,
			Modules: []Module{{"example.com/m", "v1.2.3"}},
		},
		Settings: Settings{
			Rounds: 3, LongRounds: 1, Measure: time.Second, Warm: time.Second, Payload: 32,
			Subscribers: 10, EventRate: 50_000, EventWindow: 32, IdleSessions: 100,
		},
		Missing:  []Missing{{"other-tls", peer.TLS, ValueStream, "it has no streams"}},
		Failures: []Failure{{"other-tls", ManyInFlight, 1, "it broke"}},
	}
	// The floor drifts from round to round, and the others with it.
	for i, drift := range []float64{1, 2, 4} {
		round := i + 1
		calls := func(p peer.Info, workload string, rate, p50 float64) {
			r.Add(p, workload, round, Values{
				CallRate: rate / drift, CallP50: p50 * drift, CallP99: 3 * p50 * drift,
				CallCPU: 1.25, CallAllocs: 3, CallClientCPU: 2,
			})
		}
		for _, p := range []struct {
			info      peer.Info
			rate, p50 float64
		}{
			{floorTLS, 1_000_000, 40}, {bareTLS, 150_000, 44}, {otherTLS, 50_000, 100}, {subjectTLS, 450_000, 55},
			{floorQUIC, 400_000, 80}, {bareQUIC, 100_000, 80}, {subjectQUIC, 120_000, 160},
		} {
			calls(p.info, OneInFlight, 1e6/p.p50, p.p50)
			calls(p.info, ManyInFlight, p.rate, 500)
		}
		stream := func(p peer.Info, rate float64) {
			r.Add(p, LargeStreams, round, Values{StreamRate: rate / drift, StreamCPU: 1000, StreamAllocs: 2, StreamClientCPU: 900})
		}
		stream(subjectTLS, 850)
		stream(bareTLS, 1000)
		r.Add(subjectTLS, Messages, round, Values{MessageRate: 950_000 / drift, ItemCPU: 0.5, ItemAllocs: 1, ItemClientCPU: 0.75, ItemClientAllocs: 2})
		r.Add(subjectQUIC, Loaded, round, Values{LoadedP50: 900 * drift, LoadedP99: 2000 * drift, LoadedStreamRate: 200, AloneStreamRate: 220})
	}
	r.Add(subjectTLS, "idle", 1, Values{IdleResident: 21.4, IdleGoroutines: 1, IdleHeap: 10})
	r.Add(bareTLS, "idle", 1, Values{IdleResident: 18, IdleGoroutines: 1, IdleHeap: 9})
	r.Finish()
	return r, []Section{
		{Title: "one call in flight", Headline: []Metric{CallP50}, Workloads: []string{OneInFlight}},
		{Title: "1,024 in flight", Headline: []Metric{CallRate}, Workloads: []string{ManyInFlight}},
		{Title: "messages", Headline: []Metric{MessageRate}, Workloads: []string{Messages}},
		{Title: "streams of 64 MiB", Headline: []Metric{StreamRate}, Workloads: []string{LargeStreams}},
		{Title: "one in flight beside streams", Headline: []Metric{LoadedP99}, Workloads: []string{Loaded}},
		{Title: "fan-out", Headline: []Metric{EventRate}, Workloads: []string{"fan-out"}},
		{Title: "idle", Headline: []Metric{IdleResident}, Workloads: []string{"idle"}},
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("differs from %s, which go test -update writes. Got:\n%s", file, got)
	}
}

func TestText(t *testing.T) {
	r, sections := sample()
	var b bytes.Buffer
	if err := r.WriteText(&b, sections); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.txt", b.Bytes())
}

func TestJSON(t *testing.T) {
	r, _ := sample()
	var b bytes.Buffer
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", b.Bytes())
}

// Ratios are taken within each round, so drift that hits both sides cancels.
func TestRatioWithinRounds(t *testing.T) {
	r := new(Report)
	for round, drift := range []float64{1, 5, 25} {
		r.Add(subjectTLS, "w", round, Values{CallRate: 60 * drift})
		r.Add(floorTLS, "w", round, Values{CallRate: 100 * drift})
	}
	r.Add(floorTLS, "w", 3, Values{CallRate: 1e9}) // without its counterpart
	r.Finish()
	f := r.find(peer.Subject, peer.TLS, "w", CallRate)
	if f.PerFloor == nil || *f.PerFloor != 0.6 {
		t.Errorf("ratio %v, want 0.6", f.PerFloor)
	}
	if f.PerBare != nil {
		t.Errorf("ratio %v to a bare library that was not measured", *f.PerBare)
	}
	if floor := r.find(peer.Floor, peer.TLS, "w", CallRate); floor.PerFloor != nil {
		t.Error("the floor is compared with itself")
	}
}

func TestSummarize(t *testing.T) {
	tests := []struct {
		values           []float64
		median, min, max float64
		spread           float64
	}{
		{[]float64{4}, 4, 4, 4, 0},
		{[]float64{9, 1}, 5, 1, 9, 0.8},
		{[]float64{3, 1, 2}, 2, 1, 3, 0.5},
		{[]float64{0, 0}, 0, 0, 0, 0},
	}
	for _, tt := range tests {
		var f Figure
		for i, v := range tt.values {
			f.Rounds = append(f.Rounds, Value{i, v})
		}
		f.summarize()
		spread, _ := f.spread()
		if f.Median != tt.median || f.Min != tt.min || f.Max != tt.max || spread != tt.spread {
			t.Errorf("%v: median %v, range %v to %v, spread %v", tt.values, f.Median, f.Min, f.Max, spread)
		}
		if f.Rounds[0].Value != tt.values[0] {
			t.Errorf("%v: the rounds have changed places", tt.values)
		}
	}
}

func TestNumber(t *testing.T) {
	tests := []struct {
		v      float64
		digits int
		want   string
	}{
		{0, 0, "0"}, {999, 0, "999"}, {1000, 0, "1,000"}, {1234567.89, 1, "1,234,567.9"}, {-1000.5, 2, "-1,000.50"}, {-100, 0, "-100"},
	}
	for _, tt := range tests {
		if got := Number(tt.v, tt.digits); got != tt.want {
			t.Errorf("Number(%v, %d) = %q, want %q", tt.v, tt.digits, got, tt.want)
		}
	}
}
