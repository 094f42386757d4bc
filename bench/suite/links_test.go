package suite

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire/bench/echo"
	"github.com/twinwire/twinwire/bench/link"
	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/report"
)

// tinyLinks are as tiny for networks.
func tinyLinks() report.Settings {
	return report.Settings{Networks: true, Rounds: 1, Measure: 300 * time.Millisecond, Warm: 50 * time.Millisecond}
}

// What is shown is what is measured, under names of its own.
func TestLinkSections(t *testing.T) {
	for _, s := range []report.Settings{{Networks: true, Short: true}, {Networks: true}, {Networks: true, Full: true}} {
		var shown []string
		for _, section := range Sections(s) {
			if len(section.Labels) != len(section.Workloads) {
				t.Errorf("%s: %d labels of %d workloads", section.Title, len(section.Labels), len(section.Workloads))
			}
			shown = append(shown, section.Workloads...)
		}
		var measured []string
		for _, w := range Workloads(s) {
			measured = append(measured, w.Name)
			if w.estimate(s) <= 0 || w.cross == nil {
				t.Errorf("%s takes %v", w.Name, w.estimate(s))
			}
		}
		if !slices.Equal(shown, measured) {
			t.Errorf("%+v: %v is shown and %v measured", s, shown, measured)
		}
		slices.Sort(measured)
		if len(slices.Compact(measured)) != len(shown) {
			t.Errorf("%+v: names are there twice: %v", s, shown)
		}
	}
}

// The networks of the bars are among those that are measured.
func TestLinkBars(t *testing.T) {
	var names []string
	for _, w := range Workloads(report.Settings{Networks: true}) {
		names = append(names, w.Name)
	}
	for _, want := range []string{
		"messages-100mbit-40ms-0%", "messages-100mbit-40ms-2%", "bulk-100mbit-40ms-1%", report.SlowUp, report.SlowDown, report.ShortCut, report.Move,
	} {
		if !slices.Contains(names, want) {
			t.Errorf("no %s in %v", want, names)
		}
	}
}

// Every kind of crossing but those that take seconds, which package scenario
// tests.
func TestCross(t *testing.T) {
	if err := link.Available(); err != nil {
		t.Skip(err)
	}
	want := map[string][]report.Metric{
		report.BesideTransfer: {report.NetRate}, // a call may take longer than all of it
		report.OnTopics:       {report.NetP99, report.NetLost},
		report.BesideMessages: {report.NetP99, report.NetMax},
		report.Bulk:           {report.NetRate},
		"slow-":               {report.NetRate, report.NetAlone, report.NetKept},
	}
	s := tinyLinks()
	s.Full = true // the bare libraries are all that is here
	only := regexp.MustCompile("^(bare-gorilla-cubic/(transfer-100mbit-20ms-0%|messages-.*-0%|bulk|slow-up)|floor-tls-cubic/topics-100mbit-20ms-0%)")
	rep := &report.Report{Settings: s}
	runs := Plan(echo.NetworkPeers(), s, only)
	if len(runs) != len(want) {
		t.Fatalf("runs %s", names(runs))
	}
	Execute(t.Context(), runs, rep, func(Progress) {})
	rep.Finish()
	for _, f := range rep.Failures {
		t.Errorf("%s/%s: %s", f.Peer, f.Workload, f.Error)
	}
	for _, res := range rep.Results {
		for begin, metrics := range want {
			for _, m := range metrics {
				if f := rep.Figure(res.Peer, res.Workload, m); strings.HasPrefix(res.Workload, begin) && f == nil {
					t.Errorf("%s/%s: no %s", res.Peer, res.Workload, m)
				}
			}
		}
	}
}

// Who is no crosser of a workload does not run it.
func TestCrossers(t *testing.T) {
	for _, w := range Workloads(report.Settings{Networks: true}) {
		if w.For(peer.Info{Name: "bare-quic-go", Can: peer.Streams}) != strings.HasPrefix(w.Name, report.Bulk) {
			t.Errorf("%s: bare-quic-go: %v", w.Name, w.For(peer.Info{Name: "bare-quic-go"}))
		}
	}
}
