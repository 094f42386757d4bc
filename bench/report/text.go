package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/twinwire/twinwire/bench/peer"
)

// A Section of the text shows one workload, or several in one table. Its
// headline metrics come with their spread and their ratios.
type Section struct {
	Title     string
	Headline  []Metric
	Workloads []string
	// Labels are what the workloads differ in, where there are several.
	Labels []string
}

// none stands where there is no figure.
const none = "-"

// WriteText writes the report for people, one table for each section that has
// results.
func (r *Report) WriteText(w io.Writer, sections []Section) error {
	var b strings.Builder
	r.appendHead(&b)
	for _, s := range sections {
		r.appendSection(&b, s)
	}
	r.appendMissing(&b)
	r.appendFailures(&b)
	r.appendBars(&b)
	if r.Settings.Networks {
		b.WriteString("\n" + r.WinsText() + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) appendHead(b *strings.Builder) {
	e, s := r.Environment, r.Settings
	fmt.Fprintf(b, "twinwire bench, %s, %s %s/%s", r.Date.UTC().Format(time.RFC3339), e.Go, e.OS, e.Arch)
	if e.CPU != "" {
		fmt.Fprintf(b, ", %s", e.CPU)
	}
	fmt.Fprintf(b, ", %d CPUs shared by client and server\n", e.CPUs)
	rounds := r.rounds()
	if s.Networks {
		fmt.Fprintf(b, "bad networks, TLS 1.3, %v a run; rounds: %d; times are from when a call or an event was due\n", s.Measure, rounds)
	} else {
		r.appendLoopback(b, rounds)
	}
	if r.Interrupted {
		b.WriteString("INTERRUPTED: what follows is what was measured until then\n")
	}
}

func (r *Report) appendLoopback(b *strings.Builder, rounds int) {
	s := r.Settings
	fmt.Fprintf(b, "loopback, TLS 1.3, %d-byte payload, %v a run; medians of %s, ± half the range\n", s.Payload, s.Measure, s.RoundsText(rounds))
	fmt.Fprintf(b, "CPU and allocations are the server's, per call, message, value, MiB or delivery; fan-out p50 and p99 are at %s deliveries/s\n",
		Number(float64(s.EventRate), 0))
	b.WriteString("/bare and /floor: the ratio to the bare library and to the coalesced floor on the same wire\n")
}

// RoundsText says how many rounds there were of what, if most had n.
func (s *Settings) RoundsText(n int) string {
	text := "one round"
	if n != 1 {
		text = fmt.Sprintf("%d rounds", n)
	}
	if s.Networks {
		return text
	}
	if long := min(n, s.LongRounds); long != n {
		of := "idle sessions"
		if s.Short {
			of = "fan-out and idle sessions"
		}
		text += fmt.Sprintf(", of %s %d", of, long)
	}
	if s.ManySubscribers > 0 && n != 1 {
		text += fmt.Sprintf(", of fan-out to %s 1", Number(float64(s.ManySubscribers), 0))
	}
	return text
}

func (r *Report) appendSection(b *strings.Builder, s Section) {
	if t := r.Table(s); len(t) > 0 {
		b.WriteByte('\n')
		table(t).append(b)
	}
}

// Table returns the table of a section, whose first row is the heading. An
// empty row is between two wires. Without results there is no table.
func (r *Report) Table(s Section) [][]string {
	var results []*Result
	for _, w := range s.Workloads {
		results = append(results, r.section(w)...)
	}
	if len(results) == 0 {
		return nil
	}
	t := [][]string{{s.Title}}
	if len(s.Labels) > 0 {
		t[0] = append(t[0], "")
	}
	var columns []MetricInfo
	for _, m := range Metrics() {
		shown := func(res *Result) bool { return res.figure(m.Metric) != nil }
		if m.Column == "" || !slices.ContainsFunc(results, shown) {
			continue
		}
		columns = append(columns, m)
		t[0] = append(t[0], m.Column)
		if slices.Contains(s.Headline, m.Metric) {
			t[0] = append(t[0], "±", "/bare", "/floor")
		}
	}
	last := results[0]
	for _, res := range results {
		if res.Workload != last.Workload || res.Wire != last.Wire && len(s.Labels) == 0 {
			t = append(t, nil)
		}
		last = res
		var row []string
		if len(s.Labels) > 0 {
			row = append(row, s.Labels[slices.Index(s.Workloads, res.Workload)])
		}
		row = append(row, res.Peer)
		for _, m := range columns {
			row = append(row, cells(res.figure(m.Metric), m, slices.Contains(s.Headline, m.Metric))...)
		}
		t = append(t, row)
	}
	return t
}

// Figure returns a figure of a peer, or nil.
func (r *Report) Figure(peer, workload string, m Metric) *Figure {
	if res := r.result(peer, workload); res != nil {
		return res.figure(m)
	}
	return nil
}

// cells writes one figure, with its spread and its ratios if it is a headline.
func cells(f *Figure, m MetricInfo, headline bool) []string {
	switch {
	case f == nil && headline:
		return []string{none, none, none, none}
	case f == nil:
		return []string{none}
	case !headline:
		return []string{Number(f.Median, m.Digits)}
	}
	spread := none
	if s, ok := f.spread(); ok {
		spread = fmt.Sprintf("%.0f%%", s*100)
	}
	return []string{Number(f.Median, m.Digits), spread, ratioCell(f.PerBare), ratioCell(f.PerFloor)}
}

func ratioCell(ratio *float64) string {
	if ratio == nil {
		return none
	}
	return fmt.Sprintf("%.2f", *ratio)
}

// rounds returns how many rounds were made.
func (r *Report) rounds() int {
	n := 0
	for _, res := range r.Results {
		for _, f := range res.Figures {
			n = max(n, len(f.Rounds))
		}
	}
	return n
}

// section returns the results of a workload, wire by wire, twinwire first, the
// floor last.
func (r *Report) section(workload string) []*Result {
	var results []*Result
	for _, wire := range peer.Wires() {
		for _, kind := range []peer.Kind{peer.Subject, peer.Other, peer.Bare, peer.Floor} {
			for i := range r.Results {
				res := &r.Results[i]
				if res.Workload == workload && res.Wire == wire && res.Kind == kind {
					results = append(results, res)
				}
			}
		}
	}
	return results
}

func (r *Report) appendMissing(b *strings.Builder) {
	if len(r.Missing) == 0 {
		return
	}
	b.WriteString("\nnot there\n")
	for _, m := range r.Missing {
		fmt.Fprintf(b, "  %s/%s: %s\n", m.Peer, m.Workload, m.Reason)
	}
}

func (r *Report) appendFailures(b *strings.Builder) {
	if len(r.Failures) == 0 {
		return
	}
	b.WriteString("\nfailed runs\n")
	for _, f := range r.Failures {
		fmt.Fprintf(b, "  round %d, %s/%s: %s\n", f.Round, f.Peer, f.Workload, f.Error)
	}
}

func (r *Report) appendBars(b *strings.Builder) {
	b.WriteString("\nbars\n")
	for _, bar := range r.Bars {
		fmt.Fprintf(b, "  %-12s  %-7s  %s", bar.Verdict, bar.Wire, bar.Name)
		if bar.Detail != "" {
			fmt.Fprintf(b, ": %s", bar.Detail)
		}
		b.WriteByte('\n')
	}
}

// Number writes v with digits after the point and commas between thousands.
func Number(v float64, digits int) string {
	s := strconv.FormatFloat(v, 'f', digits, 64)
	whole, rest := s, ""
	if i := strings.IndexByte(s, '.'); i >= 0 {
		whole, rest = s[:i], s[i:]
	}
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return sign + whole + rest
}

// table is rows of cells: the first column is aligned left, the others right.
// An empty row is a blank line.
type table [][]string

func (t table) append(b *strings.Builder) {
	var widths []int
	for _, row := range t {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range t {
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				b.WriteString(cell + pad)
			} else {
				b.WriteString("  " + pad + cell)
			}
		}
		b.WriteByte('\n')
	}
}
