package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	all   = flag.Bool("mutants", false, "plant every bug, and print a table")
	only  = flag.String("mutant", "", "plant only the bugs whose names match this regular expression")
	seeds = flag.Int("seeds", 20_000, "histories that a planted bug may survive")
)

// A subject is a package whose files bugs are planted in, and the tests that
// have to find them.
type subject struct {
	dir  string
	args func() []string
}

var (
	machine = &subject{"../machine", func() []string {
		return []string{"-test.run=^TestHistories$", "-test.timeout=5m", "-histories", strconv.Itoa(*seeds)}
	}}
	// Events of which only the newest counts have histories of their own, and
	// for what their peers must not do, tests.
	newest = &subject{"../machine", func() []string {
		return []string{"-test.run=^TestLatest", "-test.failfast", "-test.timeout=5m"}
	}}
	// Copies of frames are in some of the histories, and have tests.
	early = &subject{"../machine", func() []string {
		return []string{"-test.run=^Test(Cop(y|ies)|CallTwice|Histories$)", "-test.failfast", "-test.timeout=5m", "-histories", strconv.Itoa(*seeds)}
	}}
	// The histories of the driver cannot be had again, and what is rare in them
	// has tests of its own.
	driver = &subject{"../../core", func() []string {
		return []string{
			"-test.run=^Test(Histories|Resume|End|Watchdog|Lifecycle|Parked|Old|Attach|Attempt|First|Login|Principal|Cut|Close|Drain|Expiry)",
			"-test.failfast", "-test.timeout=3m", "-histories=100",
		}
	}}
)

// few is how many bugs are planted of each table without -mutants, but of that
// of the driver, whose tests take longer to build.
const few, fewDrivers = 6, 2

// A Mutant is a bug to be planted: a text of a file and what takes its place.
type Mutant struct {
	Name     string
	File     string // of its subject
	Old, New string
	Clause   string // of docs/protocol.md that it breaks
}

// source returns the file with the bug in it.
func (m *Mutant) source(of *subject) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(of.dir, m.File))
	if err != nil {
		return nil, err
	}
	if n := bytes.Count(b, []byte(m.Old)); n != 1 {
		return nil, fmt.Errorf("the text that it replaces is %d times in %s", n, m.File)
	}
	return bytes.Replace(b, []byte(m.Old), []byte(m.New), 1), nil
}

// A result is what became of a mutant.
type result struct {
	*Mutant
	seeds  int    // that it took, 0 if it survived or a test found it
	killer string // the first check that failed
	err    error
}

// report finds the history that failed, and what it said, and failed the test
// that did.
var (
	report = regexp.MustCompile(`(?:\w+\.go:\d+|panic): history (\d+) \([^)]*\): (.*)`)
	failed = regexp.MustCompile(`(?:--- FAIL: (\w+)|panic: .*\n)`)
)

// kill plants a bug and runs tests until one of them finds it.
func kill(ctx context.Context, of *subject, dir string, m *Mutant) (r result) {
	r.Mutant = m
	source, err := m.source(of)
	if err != nil {
		r.err = err
		return r
	}
	original, err := filepath.Abs(filepath.Join(of.dir, m.File))
	if err != nil {
		r.err = err
		return r
	}
	mutated, overlay, binary := filepath.Join(dir, m.File), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "mutant.test")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{original: mutated}})
	if err != nil {
		r.err = err
		return r
	}
	for name, content := range map[string][]byte{mutated: source, overlay: replace} {
		if r.err = os.WriteFile(name, content, 0o600); r.err != nil {
			return r
		}
	}
	build := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", overlay, "-o", binary, ".")
	build.Dir = of.dir
	if out, err := build.CombinedOutput(); err != nil {
		r.err = fmt.Errorf("it does not build: %w\n%s", err, out)
		return r
	}
	run := exec.CommandContext(ctx, binary, of.args()...)
	run.Dir = of.dir
	run.Env = append(os.Environ(), "GOMAXPROCS=1") // one after another
	out, err := run.CombinedOutput()
	_ = os.Remove(binary) // they are large
	if err == nil {
		r.err = errors.New("it survives")
		return r
	}
	found := report.FindSubmatch(out)
	if by := failed.FindSubmatch(out); found == nil && of != machine && by != nil {
		if r.killer = string(by[1]); r.killer == "" {
			r.killer = "a panic"
		}
		return r
	}
	if found == nil {
		r.err = fmt.Errorf("no history says that it found it: %w\n%s", err, out)
		return r
	}
	n, err := strconv.Atoi(string(found[1]))
	r.seeds, r.killer, r.err = n+1, string(found[2]), err
	return r
}

// TestMutantsFit checks that every bug can be planted.
func TestMutantsFit(t *testing.T) {
	names := map[string]bool{}
	for of, list := range map[*subject][]Mutant{machine: mutants, newest: newests, early: earlies, driver: drivers} {
		for i := range list {
			m := &list[i]
			if names[m.Name] || m.Clause == "" || m.Old == m.New {
				t.Errorf("%q: its name is not its own, or it has no clause, or it changes nothing", m.Name)
			}
			names[m.Name] = true
			if _, err := m.source(of); err != nil {
				t.Errorf("%s: %v", m.Name, err)
			}
		}
	}
}

// TestMutants plants bugs in the machine, and every one has to be found by a
// history.
func TestMutants(t *testing.T) {
	took := plant(t, machine, choose(t, mutants, few))
	if slices.Sort(took); len(took) > 0 {
		median := took[len(took)/2]
		t.Logf("the median within %d histories, all within %d", median, took[len(took)-1])
		if *all && median > 100 {
			t.Errorf("the median bug took %d histories", median)
		}
	}
}

// TestNewestMutants plants bugs in the machine's events of which only the
// newest counts.
func TestNewestMutants(t *testing.T) { plant(t, newest, choose(t, newests, few)) }

// TestEarlyMutants plants bugs in the machine's copies of frames.
func TestEarlyMutants(t *testing.T) { plant(t, early, choose(t, earlies, few)) }

// TestDriverMutants plants bugs in the driver of the machine.
func TestDriverMutants(t *testing.T) { plant(t, driver, choose(t, drivers, fewDrivers)) }

// plant plants bugs, each of which has to be found, and returns how many
// histories that took.
func plant(t *testing.T, of *subject, chosen []*Mutant) (took []int) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds a test binary for each bug; run it without -short")
	}
	results := make([]result, len(chosen))
	dir := t.TempDir()
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var running sync.WaitGroup
	for i, m := range chosen {
		running.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			own := filepath.Join(dir, strconv.Itoa(i))
			if err := os.Mkdir(own, 0o700); err != nil {
				results[i] = result{Mutant: m, err: err}
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
			defer cancel()
			results[i] = kill(ctx, of, own, m)
			t.Logf("%s: found within %d: %s %v", m.Name, results[i].seeds, results[i].killer, results[i].err)
		})
	}
	running.Wait()
	for _, r := range results {
		if r.err != nil {
			t.Errorf("%s (clause %s): %v", r.Name, r.Clause, r.err)
			continue
		}
		took = append(took, r.seeds)
	}
	if *all || *only != "" {
		t.Log("\n" + table(results))
	}
	t.Logf("%d of %d bugs found", len(took), len(chosen))
	return took
}

// choose returns the bugs of a table to plant: few, unless flags say more.
func choose(t *testing.T, table []Mutant, few int) (chosen []*Mutant) {
	name, err := regexp.Compile(*only)
	if err != nil {
		t.Fatal(err)
	}
	for i := range table {
		m := &table[i]
		switch {
		case !name.MatchString(m.Name):
		case *all || *only != "" || i%(len(table)/few) == 0 && len(chosen) < few:
			chosen = append(chosen, m)
		}
	}
	return chosen
}

// table writes what became of the mutants as a table.
func table(results []result) string {
	var b strings.Builder
	b.WriteString("| Planted bug | Clause | Found within | By |\n|---|---|---|---|\n")
	for _, r := range results {
		killer := r.killer
		if r.err != nil {
			killer = "survives"
		}
		if _, after, ok := strings.Cut(killer, "s: "); ok && strings.HasPrefix(killer, "at ") {
			killer = after // without the time
		}
		if len(killer) > 100 {
			killer = killer[:100] + "..."
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %s |\n", r.Name, r.Clause, r.seeds, strings.ReplaceAll(killer, "|", "/"))
	}
	return b.String()
}
