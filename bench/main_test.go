package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire/bench/child"
	"github.com/twinwire/twinwire/bench/link"
	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/report"
	"github.com/twinwire/twinwire/bench/suite"
	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) {
	if code, isChild := child.Main(os.Args[1:], all()); isChild {
		os.Exit(code)
	}
	leak.Main(m)
}

// The whole program, with runs that are too short to mean anything.
func TestRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bench.json")
	stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	var stdout bytes.Buffer
	args := []string{"-short", "-rounds", "2", "-measure", "20ms", "-run", "^floor-tls/calls-(1|64)$", "-json", file}
	if code := run(t.Context(), args, &stdout, stderr); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	for _, want := range []string{"one call in flight", "64 in flight", "floor-tls", "medians of 2 rounds", "not measured"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, &stdout)
		}
	}
	var rep report.Report
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &rep); err != nil {
		t.Fatal(err)
	}
	if len(rep.Results) != 2 || rep.Environment.Go == "" || rep.Date.IsZero() {
		t.Errorf("JSON is incomplete: %s", b)
	}
	progress, err := os.ReadFile(stderr.Name())
	if err != nil {
		t.Fatal(err)
	}
	if want := "1/4  round 1 of 2  calls-1  "; !strings.HasPrefix(string(progress), want) || strings.Count(string(progress), "\n") != 4 {
		t.Errorf("progress %q, want 4 lines, the first with %q", progress, want)
	}
}

func TestExitCodes(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	tests := []struct {
		args string
		want int
	}{
		{"-h", 0},
		{"-nonsense", exitUsage},
		{"argument", exitUsage},
		{"-run (", exitUsage},
		{"-run nothing", exitUsage},
		{"-rounds -1", exitUsage},
		{"-networks -peers", exitUsage},
		{"-networks -compare old.json", exitUsage},
		{"-networks -short -full", exitUsage},
		{"-networks -run nothing", exitUsage},
		{"-full", exitUsage},
		{"-into README.md", exitUsage},
		{"-slower 0.9", exitUsage},
	}
	for _, tt := range tests {
		if got := run(t.Context(), strings.Fields(tt.args), io.Discard, null); got != tt.want {
			t.Errorf("%s: exit code %d, want %d", tt.args, got, tt.want)
		}
	}
}

// What was measured is read again, shown, and compared.
func TestReports(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	dir := t.TempDir()
	old := filepath.Join(dir, "old.json")
	if code := run(t.Context(), strings.Fields("-short -rounds 1 -measure 20ms -run /calls-1$ -json "+old), io.Discard, null); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	// A run in which twinwire takes ten times as long.
	rep, err := read(old)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range rep.Results {
		for i := range f.Figures {
			if f.Kind == peer.Subject && f.Figures[i].Metric == report.CallP50 {
				f.Figures[i].Rounds[0].Value *= 10
			}
		}
	}
	slow := filepath.Join(dir, "slow.json")
	f, err := os.Create(slow)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(rep.WriteJSON(f), f.Close()); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		args string
		want int
		says string
	}{
		{"-from " + old, 0, "one call in flight"},
		{"-from " + old + " -out " + filepath.Join(dir, "out"), 0, "one call in flight"},
		{"-from " + old + " -compare " + old, 0, "0 changed beyond noise"},
		{"-from " + slow + " -compare " + old, exitFailed, "SLOWER"},
		{"-from " + slow + " -compare " + old + " -slower 20", 0, "changed beyond noise"},
		{"-from " + old + " -compare " + slow, 0, "changed beyond noise"},
		{"-from " + old + " -compare " + filepath.Join(dir, "none"), exitFailed, ""},
		{"-from " + filepath.Join(dir, "none"), exitFailed, ""},
		{"-from " + slow + " -check", exitBars, "fail"},
	}
	for _, tt := range tests {
		var stdout bytes.Buffer
		if got := run(t.Context(), strings.Fields(tt.args), &stdout, null); got != tt.want {
			t.Errorf("%s: exit code %d, want %d", tt.args, got, tt.want)
		}
		if !strings.Contains(stdout.String(), tt.says) {
			t.Errorf("%s: no %q in\n%s", tt.args, tt.says, &stdout)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "out", "report.html")); err != nil {
		t.Error(err)
	}
}

// The same across networks, where links can be made.
func TestNetworks(t *testing.T) {
	if err := link.Available(); err != nil {
		t.Skip(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	dir := t.TempDir()
	doc := filepath.Join(dir, "performance.md")
	if err := os.WriteFile(doc, []byte("before\n<!-- bench:networks -->\nold\n<!-- /bench:networks -->\nafter\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	measured := filepath.Join(dir, "networks.json")
	steps := []struct {
		args string
		want int
	}{
		{"-networks -short -measure 100ms -run ^twinwire-(wss-cubic|quic)/topics-100mbit-20ms-2%$ -json " + measured, 0},
		{"-from " + measured + " -out " + filepath.Join(dir, "out") + " -into " + doc + " -check", 0},
	}
	for _, s := range steps {
		var stdout bytes.Buffer
		if code := run(t.Context(), strings.Fields(s.args), &stdout, null); code != s.want {
			t.Fatalf("%s: exit code %d, want %d\n%s", s.args, code, s.want, &stdout)
		}
		for _, want := range []string{"events on 50 topics", "100mbit-20ms-2%", "twinwire-quic", "WebSocket wins", "0 lost in 1 run"} {
			if !strings.Contains(stdout.String(), want) {
				t.Errorf("%s: no %q in\n%s", s.args, want, &stdout)
			}
		}
	}
	text, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"before\n", "](out/network-events.svg)", "WebSocket wins", "**events on 50 topics", "\nafter\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, file := range []string{"networks.html", "networks.json", "network-events.svg"} {
		if _, err := os.Stat(filepath.Join(dir, "out", file)); err != nil {
			t.Error(err)
		}
	}
}

// A short run keeps its promise only if its settings do.
func TestShortIsShort(t *testing.T) {
	s := settings(true, false, 0, 0)
	if s.Budget == 0 || s.Budget >= time.Minute {
		t.Errorf("budget %v, want less than a minute", s.Budget)
	}
	for limit, s := range map[time.Duration]report.Settings{
		90 * time.Second: networkSettings(true, false, 0, 0),
		6 * time.Minute:  networkSettings(false, false, 0, 0),
		30 * time.Minute: networkSettings(false, true, 0, 0),
	} {
		if takes := suite.Estimate(suite.Plan(across(), s, regexp.MustCompile("")), s); takes > limit || takes < limit/3 {
			t.Errorf("across networks %+v takes %v, want at most %v", s, takes, limit)
		}
	}
	if full := settings(false, false, 0, 0); full.Budget != 0 || full.IdleSessions < 5000 {
		t.Errorf("a full run has budget %v and %d idle sessions", full.Budget, full.IdleSessions)
	}
}

// BenchmarkEverything runs every workload of twinwire's and every kind of
// workload of the other frameworks, for too short a time to mean anything: it
// fails if one of them does not work. The references are tested in suite.
func BenchmarkEverything(b *testing.B) {
	s := settings(true, true, 1, 20*time.Millisecond)
	s.Warm = 5 * time.Millisecond
	s.Subscribers, s.ManySubscribers, s.IdleSessions, s.EventRate = 20, 30, 40, 20_000
	others := regexp.MustCompile("/(calls-1024|paced-20k|payload-1MiB-4|messages|values|fan-out|idle)$")
	var runs []suite.Run
	for _, r := range suite.Plan(everything(), s, regexp.MustCompile("")) {
		kind := r.Peer.Info().Kind
		if kind == peer.Subject || kind == peer.Other && others.MatchString(r.Name()) {
			runs = append(runs, r)
		}
	}
	for b.Loop() {
		rep := &report.Report{Settings: s}
		suite.Execute(b.Context(), runs, rep, func(suite.Progress) {})
		rep.Finish()
		for _, f := range rep.Failures {
			b.Errorf("%s/%s: %s", f.Peer, f.Workload, f.Error)
		}
		if len(rep.Results) != len(runs) {
			b.Errorf("%d results of %d runs", len(rep.Results), len(runs))
		}
	}
	b.ReportMetric(float64(len(runs)), "runs")
}

// What the reports rely on, whoever adds a peer.
func TestPeers(t *testing.T) {
	for _, peers := range [][]peer.Peer{everything(), across()} {
		checkPeers(t, peers)
	}
}

func checkPeers(t *testing.T, peers []peer.Peer) {
	names := make(map[string]bool)
	type of struct {
		wire peer.Wire
		kind peer.Kind
	}
	references := make(map[of]bool)
	for _, p := range peers {
		i := p.Info()
		if names[i.Name] || i.Name == "" || strings.Trim(i.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Errorf("name %q is there twice or malformed", i.Name)
		}
		names[i.Name] = true
		if i.Kind != peer.Bare && i.Kind != peer.Floor {
			continue
		}
		reference := of{i.Wire, i.Kind}
		if references[reference] {
			t.Errorf("%s: a second peer of kind %s over %s", i.Name, i.Kind, i.Wire)
		}
		references[reference] = true
	}
}
