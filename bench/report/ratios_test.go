package report

import (
	"strings"
	"testing"

	"github.com/twinwire/twinwire/bench/peer"
)

var otherQUIC = peer.Info{Name: "another-quic", Wire: peer.QUIC, Kind: peer.Other}

func TestRules(t *testing.T) {
	rate := func(values ...float64) func(*Report) {
		return func(r *Report) {
			for i, p := range []peer.Info{subjectTLS, bareTLS, floorTLS, otherTLS, otherQUIC} {
				add(r, p, ManyInFlight, CallRate, values[i])
			}
		}
	}
	calls := rule{what: "calls", wire: peer.TLS, workload: ManyInFlight, metric: CallRate}
	with := func(change func(*rule)) rule {
		l := calls
		change(&l)
		return l
	}
	tests := []struct {
		name string
		rule rule
		add  func(*Report)
		want Verdict
		got  float64
	}{
		{"of the bare library, at the limit", with(func(l *rule) { l.kind, l.limit = peer.Bare, 2 }), rate(200, 100, 900, 900, 900), Pass, 2},
		{"of the bare library, under it", with(func(l *rule) { l.kind, l.limit = peer.Bare, 2 }), rate(199, 100, 1, 1, 1), Fail, 1.99},
		{"of the floor", with(func(l *rule) { l.kind, l.limit = peer.Floor, 0.5 }), rate(50, 900, 100, 900, 900), Pass, 0.5},
		{"no floor", with(func(l *rule) { l.kind, l.limit = peer.Floor, 0.5 }), rate(50, 900, 0, 900, 900), NotMeasured, 0},
		{"no subject", with(func(l *rule) { l.kind, l.limit = peer.Floor, 0.5 }), rate(0, 900, 100, 900, 900), NotMeasured, 0},
		{"ahead of everyone", with(func(l *rule) { l.rivals, l.limit = everyone, 1 }), rate(100, 900, 900, 50, 100), Pass, 1},
		{"behind one of them", with(func(l *rule) { l.rivals, l.limit = everyone, 1 }), rate(100, 900, 900, 50, 125), Fail, 0.8},
		{"behind one on another wire", with(func(l *rule) { l.rivals, l.limit, l.wires = everyone, 1, []peer.Wire{peer.TLS} }), rate(100, 900, 900, 50, 125), Pass, 2},
		{"of one by name", with(func(l *rule) { l.rivals, l.limit = []string{"other"}, 3 }), rate(100, 900, 900, 50, 10), Fail, 2},
		{"nobody of that name", with(func(l *rule) { l.rivals, l.limit = []string{"nobody"}, 3 }), rate(100, 900, 900, 50, 10), NotMeasured, 0},
		{"less is better, of several the worst", with(func(l *rule) { l.rivals, l.limit, l.most = everyone, 1, true }), rate(100, 1, 1, 200, 80), Fail, 1.25},
		{"absolute", with(func(l *rule) { l.limit, l.most = 100, true }), rate(100, 0, 0, 0, 0), Pass, 100},
		{"absolute, over it", with(func(l *rule) { l.limit, l.most = 99, true }), rate(100, 0, 0, 0, 0), Fail, 100},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := new(Report)
			tt.add(r)
			r.Finish()
			if b := tt.rule.bar(r); b.Verdict != tt.want || b.Got != tt.got {
				t.Errorf("got %+v, want %s with %v", b, tt.want, tt.got)
			}
		})
	}
}

// Every rule can be held and missed: what it names exists.
func TestRulesAreComplete(t *testing.T) {
	metrics := make(map[Metric]MetricInfo)
	for _, m := range Metrics() {
		metrics[m.Metric] = m
	}
	seen := make(map[string]bool)
	for _, l := range rules() {
		m, ok := metrics[l.metric]
		if !ok || l.most != (m.Better == Less) || l.limit <= 0 || l.kind != "" && l.rivals != nil {
			t.Errorf("%s: %+v", l.name(), l)
		}
		if key := l.name() + string(l.wire); seen[key] {
			t.Errorf("%s is there twice", key)
		} else {
			seen[key] = true
		}
		if l.wires != nil && !strings.Contains(l.name(), "this wire") {
			t.Errorf("%s does not say of which wires", l.name())
		}
	}
}

// Rules about other frameworks are bars of runs that measure these.
func TestRulesOfPeers(t *testing.T) {
	few, all := new(Report), &Report{Settings: Settings{Peers: true}}
	few.Finish()
	all.Finish()
	if len(few.Bars) == 0 || len(all.Bars) <= len(few.Bars) {
		t.Errorf("%d bars, and %d with peers, want more", len(few.Bars), len(all.Bars))
	}
	if few.Failed() {
		t.Error("a bar that is not measured counts as missed")
	}
}
