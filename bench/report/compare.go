package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/twinwire/twinwire/bench/peer"
)

// A Comparison is what has become of twinwire's figures since another run.
// Figures that depend on the machine are compared as ratios to the bare library
// of their own run, round by round, so that a slower hour is no change.
type Comparison struct {
	Old, New *Report
	Changes  []Change
	Compared int // figures that both runs have
	Left     int // figures of the old run that could not be compared
}

// A Change is a figure whose rounds in one run all lie beyond all rounds in the
// other.
type Change struct {
	Peer     string
	Workload string
	Metric   MetricInfo
	Of       string // the peer that it is a multiple of; "" for none
	Old, New float64
	// Worse is by how much: above 1 it got worse, below 1 better.
	Worse float64
}

const (
	// fewRounds are too few for their range to say what noise is; a figure of so
	// few is taken to be anything within unknown of it.
	fewRounds = 3
	unknown   = 0.1
	// leastChange is what nobody needs to hear of.
	leastChange = 0.02
)

// Compare compares two runs that are finished.
func Compare(old, now *Report) *Comparison {
	c := &Comparison{Old: old, New: now}
	for i := range old.Results {
		was := &old.Results[i]
		if was.Kind != peer.Subject {
			continue
		}
		is := now.result(was.Peer, was.Workload)
		for _, m := range Metrics() {
			if m.Better == Neither || was.figure(m.Metric) == nil {
				continue
			}
			before, of := old.relative(was, m)
			after, ofNow := now.relative(is, m)
			if len(after) == 0 || of != ofNow {
				c.Left++
				continue
			}
			c.Compared++
			if change, ok := changed(m, before, after); ok {
				change.Peer, change.Workload, change.Of = was.Peer, was.Workload, of
				c.Changes = append(c.Changes, change)
			}
		}
	}
	slices.SortStableFunc(c.Changes, func(a, b Change) int {
		switch {
		case a.Worse > b.Worse:
			return -1
		case a.Worse < b.Worse:
			return 1
		}
		return 0
	})
	return c
}

// result returns that of a peer under a workload, or nil.
func (r *Report) result(peer, workload string) *Result {
	i := slices.IndexFunc(r.Results, func(res Result) bool { return res.Peer == peer && res.Workload == workload })
	if i < 0 {
		return nil
	}
	return &r.Results[i]
}

// relative returns the figures of all rounds as multiples of what they are
// compared with, and the name of that.
func (r *Report) relative(res *Result, m MetricInfo) ([]float64, string) {
	if res == nil {
		return nil, ""
	}
	f := res.figure(m.Metric)
	if f == nil {
		return nil, ""
	}
	var all []float64
	if m.counted() {
		for _, v := range f.Rounds {
			all = append(all, v.Value)
		}
		return all, ""
	}
	other := r.yardstick(res)
	if other == nil {
		return nil, ""
	}
	return f.ratios(other.figure(m.Metric)), other.Peer
}

// counted reports whether a metric is about numbers of things, which are the
// same on a slow machine.
func (m MetricInfo) counted() bool {
	return m.Unit == "objects" || m.Unit == "KiB/session" || m.Unit == "goroutines/session"
}

// yardstick returns what a result is measured by: the bare library of its wire,
// or that of TLS where there is no wire.
func (r *Report) yardstick(res *Result) *Result {
	wire := res.Wire
	if wire == peer.Memory {
		wire = peer.TLS
	}
	for i := range r.Results {
		other := &r.Results[i]
		if other.Kind == peer.Bare && other.Wire == wire && other.Workload == res.Workload {
			return other
		}
	}
	return nil
}

// changed compares the rounds of two runs.
func changed(m MetricInfo, before, after []float64) (Change, bool) {
	lowBefore, highBefore := bounds(m, before)
	lowAfter, highAfter := bounds(m, after)
	c := Change{Metric: m, Old: median(slices.Clone(before)), New: median(slices.Clone(after))}
	if lowAfter <= highBefore && lowBefore <= highAfter || c.Old == 0 || c.New == 0 {
		return c, false
	}
	c.Worse = c.New / c.Old
	if m.Better == More {
		c.Worse = c.Old / c.New
	}
	return c, c.Worse > 1+leastChange || c.Worse < 1/(1+leastChange)
}

// bounds returns where the figure may lie.
func bounds(m MetricInfo, all []float64) (low, high float64) {
	low, high = slices.Min(all), slices.Max(all)
	if len(all) < fewRounds && !m.counted() {
		low, high = low*(1-unknown), high*(1+unknown)
	}
	return low, high
}

// Slower reports whether anything got worse by more than the ratio.
func (c *Comparison) Slower(ratio float64) bool {
	return slices.ContainsFunc(c.Changes, func(ch Change) bool { return ch.Worse > ratio })
}

// WriteText says what has changed, the worst first, and marks what is worse by
// more than the ratio.
func (c *Comparison) WriteText(w io.Writer, ratio float64) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\nsince %s: %d figures compared, %d changed beyond noise", c.Old.Date.UTC().Format("2006-01-02 15:04"), c.Compared, len(c.Changes))
	if c.Left > 0 {
		fmt.Fprintf(&b, ", %d could not be compared", c.Left)
	}
	b.WriteByte('\n')
	if old, now := c.Old.Environment, c.New.Environment; old.CPU != now.CPU || old.CPUs != now.CPUs || old.Go != now.Go {
		fmt.Fprintf(&b, "not the same machine: %s, %d x %s then; %s, %d x %s now\n", old.Go, old.CPUs, old.CPU, now.Go, now.CPUs, now.CPU)
	}
	t := table{{"", "", "then", "now", "times as good", ""}}
	for _, ch := range c.Changes {
		of := ch.Metric.Unit
		if ch.Of != "" {
			of = "x " + ch.Of
		}
		mark := ""
		if ch.Worse > ratio {
			mark = "SLOWER"
		}
		t = append(t, []string{
			ch.Peer + "/" + ch.Workload + " " + string(ch.Metric.Metric), of,
			Number(ch.Old, 2), Number(ch.New, 2), Number(1/ch.Worse, 2), mark,
		})
	}
	if len(c.Changes) > 0 {
		t.append(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
