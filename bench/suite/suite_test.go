package suite

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire/bench/child"
	"github.com/twinwire/twinwire/bench/echo"
	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/report"
	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) {
	if code, isChild := child.Main(os.Args[1:], slices.Concat(echo.Peers(), echo.NetworkPeers())); isChild {
		os.Exit(code)
	}
	leak.Main(m)
}

// tiny makes runs that measure nothing worth knowing, fast.
func tiny() report.Settings {
	return report.Settings{
		Rounds:          2,
		LongRounds:      1,
		Measure:         20 * time.Millisecond,
		Warm:            5 * time.Millisecond,
		Subscribers:     20,
		ManySubscribers: 30,
		EventRate:       20_000,
		IdleSessions:    40,
	}
}

func everything() *regexp.Regexp { return regexp.MustCompile("") }

func names(runs []Run) string {
	var all []string
	for _, r := range runs {
		all = append(all, r.Name())
	}
	return strings.Join(all, " ")
}

func TestPlan(t *testing.T) {
	peers := echo.Peers()
	s := tiny()
	tests := []struct {
		only, want string
	}{
		{"tls/calls-1$", "floor-tls/calls-1 floor-tls/calls-1"},
		{"quic.*/idle", "bare-quic-go/idle floor-quic/idle"},
		{"nothing", ""},
		// Another peer begins in each round.
		{"/calls-64", "bare-gorilla/calls-64 bare-quic-go/calls-64 floor-tls/calls-64 floor-quic/calls-64 " +
			"bare-quic-go/calls-64 floor-tls/calls-64 floor-quic/calls-64 bare-gorilla/calls-64"},
	}
	for _, tt := range tests {
		if got := names(Plan(peers, s, regexp.MustCompile(tt.only))); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.only, got, tt.want)
		}
	}
}

// Whatever the peers and the workload, a plan goes round by round and, within
// one, workload by workload.
func TestPlanInterleaves(t *testing.T) {
	runs := Plan(echo.Peers(), tiny(), everything())
	if !slices.IsSortedFunc(runs, func(a, b Run) int { return a.Round - b.Round }) {
		t.Error("rounds are not in order")
	}
	seen := make(map[string]bool)
	for i, r := range runs {
		key := string(rune(r.Round)) + r.Workload.Name
		if seen[key] && runs[i-1].Workload.Name != r.Workload.Name {
			t.Errorf("round %d returns to %s", r.Round, r.Workload.Name)
		}
		seen[key] = true
	}
}

// Every kind of workload measures both floors, with real processes.
func TestExecute(t *testing.T) {
	rep := &report.Report{Settings: tiny()}
	var floors []peer.Peer
	for _, p := range echo.Peers() {
		if p.Info().Kind == peer.Floor {
			floors = append(floors, p)
		}
	}
	only := regexp.MustCompile("/(calls-1|calls-1024|calls-100x16|paced-20k|payload-1MiB-4|messages|values|fan-out.*|idle)$")
	runs := Plan(floors, rep.Settings, only)
	shown := 0
	Execute(t.Context(), runs, rep, func(p Progress) {
		if p.Index != shown || p.Total != len(runs) || p.Left <= 0 {
			t.Errorf("progress %d of %d with %v left, want %d of %d", p.Index, p.Total, p.Left, shown, len(runs))
		}
		shown++
	})
	rep.Finish()
	for _, f := range rep.Failures {
		t.Errorf("%s/%s: %s", f.Peer, f.Workload, f.Error)
	}
	if rep.Interrupted || shown != len(runs) {
		t.Errorf("%d of %d runs, interrupted: %v", shown, len(runs), rep.Interrupted)
	}
	want := map[task][]report.Metric{
		calls:      {report.CallRate, report.CallCPU, report.CallAllocs, report.CallClientCPU},
		paced:      {report.PacedKept, report.PacedP50, report.PacedP90, report.PacedP99, report.PacedP999, report.PacedMax},
		payloads:   {report.PayloadRate, report.PayloadP50, report.PayloadP99, report.PayloadCPU, report.PayloadClientCPU, report.PayloadAllocs},
		fanOutMany: {report.EventRate, report.EventCPU, report.EventAllocs},
		fanOut:     {report.EventRate, report.EventP50, report.EventP99, report.EventFixedRate, report.EventCPU, report.EventAllocs},
		idle:       {report.IdleGoroutines, report.IdleConnectRate},
		oneWay:     {report.MessageRate, report.ItemCPU, report.ItemAllocs, report.ItemClientCPU, report.ItemClientAllocs},
		valueStream: {
			report.ValueRate, report.ItemCPU, report.ItemAllocs, report.ItemClientCPU, report.ItemClientAllocs,
		},
	}
	for _, w := range Workloads(rep.Settings) {
		for _, p := range floors {
			if !only.MatchString(p.Info().Name + "/" + w.Name) {
				continue
			}
			for _, m := range want[w.task] {
				figure(t, rep, p.Info(), w, m)
			}
		}
	}
}

// The bare libraries carry streams, which the floors do not.
func TestExecuteStreams(t *testing.T) {
	rep := &report.Report{Settings: tiny()}
	rep.Settings.Rounds = 1
	only := regexp.MustCompile("^(bare|floor)-.*/(stream-1MiB|loaded.*)$")
	runs := Plan(echo.Peers(), rep.Settings, only)
	Execute(t.Context(), runs, rep, func(Progress) {})
	rep.Finish()
	for _, f := range rep.Failures {
		t.Errorf("%s/%s: %s", f.Peer, f.Workload, f.Error)
	}
	want := map[task][]report.Metric{
		byteStreams: {report.StreamRate, report.StreamCPU, report.StreamAllocs, report.StreamClientCPU},
		loaded:      {report.LoadedP50, report.LoadedP99, report.LoadedStreamRate, report.AloneStreamRate},
	}
	for _, w := range Workloads(rep.Settings) {
		for _, p := range echo.Peers() {
			if w.For(p.Info()) != (p.Info().Kind == peer.Bare || w.needs() != peer.Streams) {
				t.Errorf("%s for %s: %v", w.Name, p.Info().Name, w.For(p.Info()))
			}
			if !w.For(p.Info()) || !only.MatchString(p.Info().Name+"/"+w.Name) {
				continue
			}
			for _, m := range want[w.task] {
				figure(t, rep, p.Info(), w, m)
			}
		}
	}
}

// figure fails the test unless rep has a plausible figure for each round.
func figure(t *testing.T, rep *report.Report, p peer.Info, w Workload, m report.Metric) {
	t.Helper()
	for _, res := range rep.Results {
		if res.Peer != p.Name || res.Workload != w.Name {
			continue
		}
		for _, f := range res.Figures {
			if f.Metric != m {
				continue
			}
			if len(f.Rounds) != w.rounds(rep.Settings) {
				t.Errorf("%s/%s: %s has %d rounds, want %d", p.Name, w.Name, m, len(f.Rounds), w.rounds(rep.Settings))
			}
			if f.Median < 0 || m == w.headline[0] && f.Median == 0 {
				t.Errorf("%s/%s: %s is %v", p.Name, w.Name, m, f.Median)
			}
			return
		}
	}
	t.Errorf("%s/%s: no %s", p.Name, w.Name, m)
}

// An interrupt ends the run that is under way, without a failure, and keeps
// what was measured before.
func TestExecuteInterrupted(t *testing.T) {
	rep := &report.Report{Settings: tiny()}
	runs := Plan(echo.Peers(), rep.Settings, regexp.MustCompile("floor-.*/calls-1$"))
	runs[1].Workload = Workloads(rep.Settings)[1]
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	Execute(ctx, runs, rep, func(p Progress) {
		if p.Index == 1 {
			rep.Settings.Measure = time.Hour
			time.AfterFunc(50*time.Millisecond, cancel)
		}
	})
	rep.Finish()
	if !rep.Interrupted || len(rep.Failures) > 0 || len(rep.Results) != 1 {
		t.Errorf("interrupted: %v, failures %v, %d results, want the first run's", rep.Interrupted, rep.Failures, len(rep.Results))
	}
}

// stranger is a peer that no child knows.
type stranger struct{ peer.Peer }

func (stranger) Info() peer.Info { return peer.Info{Name: "stranger"} }

func TestExecuteFailure(t *testing.T) {
	rep := &report.Report{Settings: tiny()}
	peers := []peer.Peer{stranger{}, echo.Peers()[2]}
	Execute(t.Context(), Plan(peers, rep.Settings, regexp.MustCompile("/calls-1$")), rep, func(Progress) {})
	rep.Finish()
	if len(rep.Failures) != 1 || !strings.Contains(rep.Failures[0].Error, `no peer "stranger"`) {
		t.Errorf("failures %v, want one that says why", rep.Failures)
	}
	if len(rep.Results) != 1 || len(rep.Results[0].Figures[0].Rounds) != 2 {
		t.Errorf("results %v, want those of the other peer in both rounds", rep.Results)
	}
}

// What a peer cannot do is not run, and is missing with its reason.
func TestMissing(t *testing.T) {
	peers := []peer.Peer{limited{}, echo.Peers()[0]}
	got := Missing(peers, tiny(), everything())
	want := []report.Missing{
		{Peer: "limited", Workload: report.ValueStream, Reason: "no streams"},
		{Peer: "limited", Workload: report.FanOut, Reason: "no topics"},
		{Peer: "limited", Workload: report.FanOutMany, Reason: "no topics"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, r := range Plan(peers, tiny(), everything()) {
		for _, m := range want {
			if r.Name() == m.Peer+"/"+m.Workload {
				t.Errorf("%s runs", r.Name())
			}
		}
	}
	if only := Missing(peers, tiny(), regexp.MustCompile("values")); len(only) != 1 {
		t.Errorf("of the values alone: %v", only)
	}
}

// limited is a peer with calls and messages.
type limited struct{ peer.Peer }

func (limited) Info() peer.Info {
	return peer.Info{Name: "limited", Can: peer.Messages, Lacks: map[peer.Ability]string{
		peer.Values: "no streams", peer.Events: "no topics",
	}}
}

func TestBudget(t *testing.T) {
	s := tiny()
	s.Measure = 10 * time.Second
	rest := Plan(echo.Peers(), s, regexp.MustCompile("/calls-1$")) // 4 runs a round, 10 s each
	tests := []struct {
		budget, took, estimated time.Duration
		want                    bool
	}{
		{0, time.Hour, time.Hour, false},
		{100 * time.Second, 50 * time.Second, 50 * time.Second, false},
		{80 * time.Second, 50 * time.Second, 50 * time.Second, true},
		{100 * time.Second, 50 * time.Second, 25 * time.Second, true}, // slower than thought
		{65 * time.Second, 20 * time.Second, 40 * time.Second, false}, // faster
	}
	for _, tt := range tests {
		s.Budget = tt.budget
		if got := overruns(rest, s, tt.took, tt.estimated); got != tt.want {
			t.Errorf("budget %v, %v took for %v: overruns %v", tt.budget, tt.took, tt.estimated, got)
		}
	}
}
