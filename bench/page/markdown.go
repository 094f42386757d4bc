package page

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/report"
)

// column is one of the table for the README.
type column struct {
	head     string
	workload string
	metric   report.Metric
	digits   int
}

func columns(s report.Settings) []column {
	return []column{
		{"1 in flight, p50 µs", report.OneInFlight, report.CallP50, 0},
		{"64 in flight, calls/s", report.SomeInFlight, report.CallRate, 0},
		{"1,024 in flight, calls/s", report.ManyInFlight, report.CallRate, 0},
		{"100 x 16, calls/s", report.ManyConns, report.CallRate, 0},
		{"CPU s per million calls, both sides", report.ManyInFlight, report.CallBothCPU, 1},
		{fmt.Sprintf("events to %s, deliveries/s", report.Number(float64(s.Subscribers), 0)), report.FanOut, report.EventRate, 0},
		{"1 MiB echoes, MiB/s", report.FourPayloads, report.PayloadRate, 0},
		{"KiB per idle session", report.Idle, report.IdleResident, 0},
	}
}

// Headline is the table for the README: twinwire's wires, the other frameworks,
// and what the wires reach without one.
func Headline(r *report.Report) string {
	all := columns(r.Settings)
	table := [][]string{{""}}
	for _, c := range all {
		table[0] = append(table[0], c.head)
	}
	for _, x := range peersOf(r) {
		if x.wire == peer.Memory {
			continue
		}
		cells, empty := []string{x.name}, true
		for _, c := range all {
			cell := "–"
			if f := r.Figure(x.name, c.workload, c.metric); f != nil {
				cell, empty = rounded(f.Median, c.digits), false
			}
			cells = append(cells, cell)
		}
		if empty {
			continue
		}
		if x.kind == peer.Subject {
			for i, cell := range cells {
				cells[i] = "**" + cell + "**"
			}
		}
		table = append(table, cells)
	}
	return markdown(table) + "\n" + conditions(r) + "\n"
}

// rounded leaves large numbers three digits: the rest is noise.
func rounded(v float64, digits int) string {
	unit := 1.0
	for v/unit >= 1000 {
		unit *= 10
	}
	if unit == 1 {
		return report.Number(v, digits)
	}
	return report.Number(float64(int(v/unit+0.5))*unit, 0)
}

// conditions says under which the figures are true.
func conditions(r *report.Report) string {
	e := r.Environment
	if r.Settings.Networks {
		return fmt.Sprintf("%s, %d CPUs shared by client, server and link, %s %s/%s, kernel %s, %s; TLS 1.3, %v a run, %s.",
			orUnknown(e.CPU), e.CPUs, e.Go, e.OS, e.Arch, e.Kernel, r.Date.UTC().Format(time.DateOnly), r.Settings.Measure, r.Settings.RoundsText(r.Settings.Rounds)) + loads(e)
	}
	s := fmt.Sprintf("%s, %d CPUs shared by client and server, %s %s/%s, %s; loopback, TLS 1.3, payloads of %d bytes, %v a run, medians of %s.",
		orUnknown(e.CPU), e.CPUs, e.Go, e.OS, e.Arch, r.Date.UTC().Format(time.DateOnly), r.Settings.Payload, r.Settings.Measure, r.Settings.RoundsText(r.Settings.Rounds))
	return s + loads(e)
}

func loads(e report.Environment) string {
	if e.Load == "" {
		return ""
	}
	return " Load averages before the run: " + e.Load + "."
}

func orUnknown(cpu string) string {
	if cpu == "" {
		return "an unknown CPU"
	}
	return cpu
}

// markdown writes a table whose first row is the heading. Empty rows are left
// out.
func markdown(table [][]string) string {
	var b strings.Builder
	for i, cells := range table {
		if len(cells) == 0 {
			continue
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
		if i == 0 {
			b.WriteString("|---" + strings.Repeat("|---:", len(cells)-1) + "|\n")
		}
	}
	return b.String()
}

// Bars is the list of bars.
func Bars(r *report.Report) string {
	table := [][]string{{"", "", "Bar", "Measured"}}
	for _, bar := range r.Bars {
		table = append(table, []string{verdict(bar.Verdict), string(bar.Wire), bar.Name, bar.Detail})
	}
	return strings.ReplaceAll(markdown(table), "---:", "---")
}

func verdict(v report.Verdict) string {
	switch v {
	case report.Pass:
		return "held"
	case report.Fail:
		return "**missed**"
	}
	return "not measured"
}

// Measured is the part of docs/performance.md that a run on loopback writes. The
// plots are in the directory.
func Measured(r *report.Report, sections []report.Section, plots []Plot, dir string) string {
	var b strings.Builder
	b.WriteString(conditions(r) + "\n")
	writePlots(&b, plots, dir)
	b.WriteString("\n## Bars\n\n" + Bars(r))
	b.WriteString("\n## Every figure\n\nCPU is user and system time, of the server or of the client, per call, value, message, MiB or delivery. ± is half the range over the rounds; " +
		"/bare and /floor are ratios to the bare library and to the floor of the same wire.\n")
	writeTables(&b, r, sections)
	return b.String()
}

// Across is the part of docs/performance.md that a run across networks writes.
func Across(r *report.Report, sections []report.Section, plots []Plot, dir string) string {
	var b strings.Builder
	b.WriteString(conditions(r) + " Times count from when a call or an event was due.\n\n" + r.WinsText() + "\n")
	writePlots(&b, plots, dir)
	b.WriteString("\n## Bars on bad networks\n\n" + Bars(r))
	b.WriteString("\n## Every figure on bad networks\n\n± is half the range over the rounds; /bare is the ratio to the bare library of the same wire.\n")
	writeTables(&b, r, sections)
	return b.String()
}

func writePlots(b *strings.Builder, plots []Plot, dir string) {
	for _, p := range plots {
		fmt.Fprintf(b, "\n## %s\n\n%s\n\n![%s](%s)\n", p.Title, p.Caption, p.Title, filepath.ToSlash(filepath.Join(dir, p.Name+".svg")))
	}
}

// writeTables writes the tables, and what is not in them.
func writeTables(b *strings.Builder, r *report.Report, sections []report.Section) {
	for _, s := range sections {
		if t := r.Table(s); t != nil {
			t[0][0] = "**" + t[0][0] + "**"
			b.WriteString("\n" + markdown(t))
		}
	}
	if len(r.Missing) > 0 {
		b.WriteString("\nNot there:\n\n")
		for _, m := range r.Missing {
			fmt.Fprintf(b, "- %s, %s: %s\n", m.Peer, m.Workload, m.Reason)
		}
	}
	if len(r.Failures) > 0 {
		b.WriteString("\nFailed:\n\n")
		for _, f := range r.Failures {
			fmt.Fprintf(b, "- %s, %s: `%s`\n", f.Peer, f.Workload, strings.ReplaceAll(f.Error, "\n", " "))
		}
	}
}

// Insert puts what a run makes between the marks of a file:
//
//	<!-- bench:headline --> ... <!-- /bench:headline -->
//
// and the same for measured and for networks. It fails if the file has none of
// the parts.
func Insert(file string, parts map[string]string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	found := false
	for name, text := range parts {
		begin, end := []byte("<!-- bench:"+name+" -->\n"), []byte("<!-- /bench:"+name+" -->")
		i := bytes.Index(b, begin)
		if i < 0 {
			continue
		}
		i += len(begin)
		n := bytes.Index(b[i:], end)
		if n < 0 {
			return fmt.Errorf("page: %s: no %s", file, end)
		}
		b = append(append(bytes.Clone(b[:i]), text...), b[i+n:]...)
		found = true
	}
	if !found {
		return fmt.Errorf("page: %s: no place for anything: want <!-- bench:X -->, where X is one of %s",
			file, strings.Join(slices.Sorted(maps.Keys(parts)), ", "))
	}
	return os.WriteFile(file, b, 0o666)
}
