package page

import (
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/report"
	"github.com/twinwire/twinwire/bench/scenario"
)

// measured is a report with every kind of peer, and cells that are missing.
func measured() (*report.Report, []report.Section) {
	r := &report.Report{
		Date:        time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC),
		Environment: report.Environment{Go: "go1.26", OS: "linux", Arch: "amd64", CPU: "a <fast> CPU", CPUs: 2, Load: "0.1 0.2 0.3"},
		Settings:    report.Settings{Rounds: 2, Measure: time.Second, Payload: 32, Peers: true, Subscribers: 1000, ManySubscribers: 10_000, EventRate: 50_000},
		Missing:     []report.Missing{{Peer: "slow-one", Workload: report.FanOut, Reason: "no <topics>"}},
	}
	peers := []peer.Info{
		{Name: "floor-tls", Wire: peer.TLS, Kind: peer.Floor},
		{Name: "slow-one", Wire: peer.TLS, Kind: peer.Other},
		{Name: "fast-one", Wire: peer.QUIC, Kind: peer.Other},
		{Name: "bare-lib", Wire: peer.TLS, Kind: peer.Bare},
		{Name: "twinwire-quic", Wire: peer.QUIC, Kind: peer.Subject},
		{Name: "twinwire-wss", Wire: peer.TLS, Kind: peer.Subject},
	}
	rates := []float64{900_000, 20_000, 60_000, 100_000, 250_000, 300_000}
	for round := 1; round <= 2; round++ {
		for i, p := range peers {
			r.Add(p, report.ManyInFlight, round, report.Values{
				report.CallRate: rates[i] * float64(round), report.CallCPU: 2, report.CallClientCPU: 3, report.CallBothCPU: 5,
			})
			kept := 1.0
			if p.Name == "slow-one" {
				kept = 0.5
			} else {
				r.Add(p, report.FanOut, round, report.Values{report.EventRate: rates[i], report.EventP99: 12.5})
			}
			r.Add(p, report.PacedFast, round, report.Values{
				report.PacedKept: kept, report.PacedP50: 50, report.PacedP90: 90, report.PacedP99: 990, report.PacedP999: 1e5,
			})
		}
	}
	r.Finish()
	return r, []report.Section{
		{Workloads: []string{report.ManyInFlight}, Title: "1,024 in flight", Headline: []report.Metric{report.CallRate}},
		{Workloads: []string{report.FanOut}, Title: "fan-out"},
	}
}

// wellFormed fails the test unless the text is XML, and returns what it says.
func wellFormed(t *testing.T, name, text string) []string {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	var said []string
	for {
		token, err := d.Token()
		if err == io.EOF {
			return said
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if text, ok := token.(xml.CharData); ok {
			said = append(said, string(text))
		}
	}
}

func TestPlots(t *testing.T) {
	r, _ := measured()
	plots := Plots(r)
	var names []string
	for _, p := range plots {
		names = append(names, p.Name)
		said := wellFormed(t, p.Name, p.SVG)
		if !slices.Contains(said, "twinwire-wss") || p.Title == "" || p.Caption == "" {
			t.Errorf("%s: title %q, caption %q, says %q", p.Name, p.Title, p.Caption, said)
		}
	}
	// What was not measured is not drawn.
	if want := []string{"calls", "schedule", "cpu", "fan-out"}; !slices.Equal(names, want) {
		t.Fatalf("plots %v, want %v", names, want)
	}
	calls := wellFormed(t, "calls", plots[0].SVG)
	for _, want := range []string{"450,000", "1,024 in flight", "30,000"} {
		if !slices.Contains(calls, want) {
			t.Errorf("calls: no %q in %q", want, calls)
		}
	}
	if slices.Contains(calls, "64 in flight") {
		t.Error("calls: a panel without figures")
	}
	if n := strings.Count(plots[1].SVG, `behind"`); n != 1 {
		t.Errorf("%d lines do not keep up with the schedule, want 1", n)
	}
	if !slices.Contains(wellFormed(t, "fan-out", plots[3].SVG), "–") && strings.Contains(plots[3].SVG, "slow-one") {
		t.Error("fan-out: a row without a word on what is missing")
	}
	if all := Plots(new(report.Report)); len(all) > 0 {
		t.Errorf("%d plots of nothing", len(all))
	}
}

// Twinwire comes first, the fastest of the others next, the references last.
func TestPeersOf(t *testing.T) {
	r, _ := measured()
	var got []string
	for _, x := range peersOf(r) {
		got = append(got, x.name)
	}
	if want := "twinwire-wss twinwire-quic fast-one slow-one bare-lib floor-tls"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestApart(t *testing.T) {
	for _, places := range [][]float64{{10, 11, 12}, {0, 100, 99}, {100, 100, 100}, {50}, nil, {3, 90, 4, 5}} {
		got := slices.Clone(places)
		apart(got, 12, 0, 100)
		for i := range got {
			if got[i] < 0 || got[i] > 100 {
				t.Errorf("%v: %v is outside", places, got)
			}
			for j := range i {
				if d := got[i] - got[j]; d > -11.99 && d < 11.99 {
					t.Errorf("%v: %v are too close", places, got)
				}
				if (places[i] < places[j]) != (got[i] < got[j]) && places[i] != places[j] {
					t.Errorf("%v: %v are in another order", places, got)
				}
			}
		}
	}
}

func TestHeadline(t *testing.T) {
	r, _ := measured()
	got := Headline(r)
	for _, want := range []string{
		"| **twinwire-wss** | **–** | **–** | **450,000** | **–** | **5.0** | **300,000** | **–** | **–** |\n| **twinwire-quic** |",
		"| slow-one | – | – | 30,000 | – | 5.0 | – | – | – |\n",
		"a <fast> CPU, 2 CPUs shared",
		"2001-02-03",
		"0.1 0.2 0.3",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestRounded(t *testing.T) {
	for _, tt := range []struct {
		v      float64
		digits int
		want   string
	}{{12.34, 1, "12.3"}, {999, 0, "999"}, {1234, 0, "1,230"}, {1_585_000, 0, "1,590,000"}, {99_960, 0, "100,000"}} {
		if got := rounded(tt.v, tt.digits); got != tt.want {
			t.Errorf("rounded(%v, %d) = %q, want %q", tt.v, tt.digits, got, tt.want)
		}
	}
}

func TestWrite(t *testing.T) {
	r, sections := measured()
	docs := t.TempDir()
	doc, dir := filepath.Join(docs, "performance.md"), filepath.Join(docs, "plots")
	before := "# Speed\n\n<!-- bench:measured -->\nold\n<!-- /bench:measured -->\n\nprose\n"
	if err := os.WriteFile(doc, []byte(before), 0o666); err != nil {
		t.Fatal(err)
	}
	// Twice: what is there is replaced.
	for range 2 {
		if err := Write(dir, r, sections, []string{doc}); err != nil {
			t.Fatal(err)
		}
	}
	text := content(t, doc)
	for _, want := range []string{"# Speed\n", "](plots/calls.svg)", "**1,024 in flight**", "no <topics>", "\nprose\n", "**missed**"} {
		if strings.Count(text, want) == 0 {
			t.Errorf("performance.md: no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "old") || strings.Count(text, "bench:measured") != 2 {
		t.Errorf("performance.md was not replaced as it should be:\n%s", text)
	}
	html := content(t, filepath.Join(dir, "report.html"))
	for _, want := range []string{"<svg ", "a &lt;fast&gt; CPU", "no &lt;topics&gt;", "450,000", "bars held"} {
		if !strings.Contains(html, want) {
			t.Errorf("report.html: no %q", want)
		}
	}
	if strings.Contains(html, "src=") || strings.Contains(html, "href=") {
		t.Error("report.html needs other files")
	}
	f, err := os.Open(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := report.ReadJSON(f); err != nil {
		t.Error(err)
	}
	if headline := content(t, filepath.Join(dir, "headline.md")); headline != Headline(r) {
		t.Errorf("headline.md is not the headline:\n%s", headline)
	}
}

func content(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestInsertFails(t *testing.T) {
	parts := map[string]string{"headline": "x\n"}
	file := filepath.Join(t.TempDir(), "README.md")
	if err := Insert(file, parts); err == nil {
		t.Error("no file: no error")
	}
	for _, text := range []string{"", "<!-- bench:other -->\n<!-- /bench:other -->\n", "<!-- bench:headline -->\nno end"} {
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := Insert(file, parts); err == nil {
			t.Errorf("%q: no error", text)
		}
		if got := content(t, file); got != text {
			t.Errorf("%q has become %q", text, got)
		}
	}
}

// The page of a run across networks has its own plots and names.
func TestWriteNetworks(t *testing.T) {
	r := &report.Report{Settings: report.Settings{Networks: true, Rounds: 1, Measure: time.Second}, Environment: report.Environment{CPU: "a <fast> CPU", CPUs: 2}}
	ws := peer.Info{Name: "twinwire-wss", Wire: peer.TLS, Kind: peer.Subject}
	quic := peer.Info{Name: "twinwire-quic", Wire: peer.QUIC, Kind: peer.Subject}
	both := peer.Info{Name: "twinwire", Wire: peer.Both, Kind: peer.Subject}
	bare := peer.Info{Name: "bare-quic-go", Wire: peer.QUIC, Kind: peer.Bare}
	section := report.Section{Title: "calls beside", Labels: []string{}}
	for i, n := range scenario.Networks(0, 0.02) {
		w := report.BesideTransfer + n.String()
		section.Workloads, section.Labels = append(section.Workloads, w), append(section.Labels, n.String())
		for j, p := range []peer.Info{ws, quic, bare} {
			r.Add(p, w, 1, report.Values{report.NetP99: float64(20 * (i + 1) * (j + 1)), report.NetRate: float64(9 - j)})
		}
	}
	r.Add(ws, report.BesideMessages+scenario.Lossy(0.02).String(), 1, report.Values{report.NetP99: 1234})
	r.Add(both, report.Move, 1, report.Values{report.MoveLongest: 1100, report.MoveBack: 2500, report.MoveBackMost: 45})
	r.Finish()
	var names []string
	for _, p := range Plots(r) {
		names = append(names, p.Name)
		said := strings.Join(wellFormed(t, p.Name, p.SVG), " ")
		if p.Name == "network-calls" {
			for _, want := range []string{"10 Mbit/s, 20 ms", "100 Mbit/s, 100 ms", "bare-quic-go", "5 %", "100 ms"} {
				if !strings.Contains(said, want) {
					t.Errorf("%s: no %q in %s", p.Name, want, said)
				}
			}
			if n := strings.Count(p.SVG, "<circle"); n != 24 {
				t.Errorf("%s: %d points, want 24", p.Name, n)
			}
		}
	}
	if got, want := strings.Join(names, " "), "network-calls network-transfer network-messages network-move"; got != want {
		t.Errorf("plots %s, want %s", got, want)
	}
	dir := t.TempDir()
	doc := filepath.Join(dir, "performance.md")
	if err := os.WriteFile(doc, []byte("<!-- bench:networks -->\nold\n<!-- /bench:networks -->\n<!-- bench:measured -->\nloopback\n<!-- /bench:measured -->\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Write(dir, r, []report.Section{section}, []string{doc}); err != nil {
		t.Fatal(err)
	}
	text := content(t, doc)
	for _, want := range []string{"](network-calls.svg)", "WebSocket wins", "| 100mbit-100ms-2% | bare-quic-go |", "\nloopback\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	html := content(t, filepath.Join(dir, "networks.html"))
	for _, want := range []string{"two network namespaces", "WebSocket wins", "a &lt;fast&gt; CPU", `<tr class="own"><td>10mbit-20ms-0%</td><td>twinwire-wss</td>`} {
		if !strings.Contains(html, want) {
			t.Errorf("networks.html: no %q", want)
		}
	}
	if strings.Contains(html, "coalesced") || strings.Contains(html, "put all that is pending") {
		t.Error("networks.html speaks of loopback")
	}
}
