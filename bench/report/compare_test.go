package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/twinwire/twinwire/bench/peer"
)

// run is a report whose rounds have these figures of the subject, and the bare
// library's, which follow the machine.
func run(m Metric, subject []float64, bare ...float64) *Report {
	r := new(Report)
	for i, v := range subject {
		r.Add(subjectTLS, ManyInFlight, i+1, Values{m: v})
		if len(bare) > 0 {
			r.Add(bareTLS, ManyInFlight, i+1, Values{m: bare[min(i, len(bare)-1)]})
		}
	}
	r.Finish()
	return r
}

func TestCompare(t *testing.T) {
	tests := []struct {
		name     string
		old, new *Report
		worse    float64 // 0 for no change
	}{
		{"the same", run(CallRate, []float64{100, 110, 90}, 100), run(CallRate, []float64{90, 100, 110}, 100), 0},
		{"ranges that touch", run(CallRate, []float64{100, 110, 90}, 100), run(CallRate, []float64{70, 80, 90}, 100), 0},
		{"fewer calls", run(CallRate, []float64{100, 110, 90}, 100), run(CallRate, []float64{70, 50, 80}, 100), 100. / 70},
		{"more calls", run(CallRate, []float64{70, 50, 80}, 100), run(CallRate, []float64{100, 110, 90}, 100), 0.7},
		{"longer", run(CallP50, []float64{10, 11, 12}, 10), run(CallP50, []float64{22, 23, 24}, 10), 23. / 11},
		{"a machine of half the speed", run(CallRate, []float64{100, 110, 90}, 100), run(CallRate, []float64{50, 55, 45}, 50), 0},
		{"a round of half the speed", run(CallRate, []float64{100, 100, 100}, 100), run(CallRate, []float64{100, 50, 100}, 100, 50, 100), 0},
		{"one round, within what one round may be", run(CallRate, []float64{100}, 100), run(CallRate, []float64{85}, 100), 0},
		{"one round, beyond that", run(CallRate, []float64{100}, 100), run(CallRate, []float64{50}, 100), 2},
		{"allocations, without a bare library", run(CallAllocs, []float64{4, 4, 4}), run(CallAllocs, []float64{5, 5, 5}), 1.25},
		{"hardly any more", run(CallAllocs, []float64{4, 4, 4}), run(CallAllocs, []float64{4.04, 4.04, 4.04}), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := Compare(tt.old, tt.new)
			if c.Compared != 1 {
				t.Fatalf("%d figures compared, want 1", c.Compared)
			}
			var worse float64
			if len(c.Changes) > 0 {
				worse = c.Changes[0].Worse
			}
			if worse < tt.worse*0.999 || worse > tt.worse*1.001 {
				t.Errorf("worse by %v, want %v", worse, tt.worse)
			}
			if c.Slower(1.1) != (tt.worse > 1.1) || c.Slower(3) {
				t.Errorf("slower than 1.1: %v; slower than 3: %v", c.Slower(1.1), c.Slower(3))
			}
		})
	}
}

// Only what both runs have, and measure by the same, is compared; other
// frameworks never are.
func TestCompareWithout(t *testing.T) {
	old := run(CallRate, []float64{100}, 100)
	old.Add(otherTLS, ManyInFlight, 1, Values{CallRate: 100})
	for name, now := range map[string]*Report{
		"no results":      new(Report),
		"no bare library": run(CallRate, []float64{10}),
		"another figure":  run(CallP50, []float64{10}, 10),
	} {
		if c := Compare(old, now); c.Compared != 0 || c.Left != 1 || c.Slower(1) {
			t.Errorf("%s: %d compared, %d left, changes %v", name, c.Compared, c.Left, c.Changes)
		}
	}
}

// Without a wire there is no bare library; that of TLS takes its place.
func TestCompareInMemory(t *testing.T) {
	mem := peer.Info{Name: "mem", Wire: peer.Memory, Kind: peer.Subject}
	with := func(p50 float64) *Report {
		r := run(CallP50, []float64{100, 100, 100}, 100)
		for i := range 3 {
			r.Add(mem, ManyInFlight, i+1, Values{CallP50: p50})
		}
		r.Finish()
		return r
	}
	c := Compare(with(10), with(20))
	if len(c.Changes) != 1 || c.Changes[0].Worse != 2 || c.Changes[0].Of != bareTLS.Name {
		t.Errorf("changes %+v, want one by 2 of %s", c.Changes, bareTLS.Name)
	}
}

func TestCompareText(t *testing.T) {
	old, _ := sample()
	now, _ := sample()
	now.Environment.CPUs = 4
	for _, f := range []*Figure{now.find(peer.Subject, peer.TLS, "idle", IdleGoroutines), now.find(peer.Subject, peer.TLS, Messages, ItemAllocs)} {
		for i := range f.Rounds {
			f.Rounds[i].Value *= 1.5
		}
	}
	now.find(peer.Subject, peer.TLS, "idle", IdleResident).Rounds[0].Value /= 2
	var b bytes.Buffer
	if err := Compare(old, now).WriteText(&b, 1.4); err != nil {
		t.Fatal(err)
	}
	if strings.Count(b.String(), "SLOWER") != 2 {
		t.Errorf("want 2 that are slower:\n%s", &b)
	}
	golden(t, "compare.txt", b.Bytes())
}

func TestReadJSON(t *testing.T) {
	r, _ := sample()
	var first, second bytes.Buffer
	if err := r.WriteJSON(&first); err != nil {
		t.Fatal(err)
	}
	read, err := ReadJSON(bytes.NewReader(first.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if err := read.WriteJSON(&second); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("what is read is not what was written")
	}
	for _, bad := range []string{"", "{}", "[", `{"results": 1}`} {
		if _, err := ReadJSON(strings.NewReader(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
