package sim

import (
	"bytes"
	"context"
	"encoding/json"
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

// machineDir is the directory whose files the mutants change.
const machineDir = "../machine"

// few is how many bugs are planted without -mutants.
const few = 6

// A Mutant is a bug to be planted: a text of a file and what takes its place.
type Mutant struct {
	Name     string
	File     string // of internal/machine
	Old, New string
	Clause   string // of docs/protocol.md that it breaks
}

// source returns the file with the bug in it.
func (m *Mutant) source() ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(machineDir, m.File))
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
	seeds  int    // that it took, 0 if it survived
	killer string // the first check that failed
	err    error
}

// report finds the history that failed, and what it said.
var report = regexp.MustCompile(`(?:\w+\.go:\d+|panic): history (\d+) \([^)]*\): (.*)`)

// kill plants a bug and runs histories until one of them finds it.
func kill(ctx context.Context, dir string, m *Mutant) (r result) {
	r.Mutant = m
	source, err := m.source()
	if err != nil {
		r.err = err
		return r
	}
	original, err := filepath.Abs(filepath.Join(machineDir, m.File))
	if err != nil {
		r.err = err
		return r
	}
	mutated, overlay, binary := filepath.Join(dir, m.File), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "machine.test")
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
	build.Dir = machineDir
	if out, err := build.CombinedOutput(); err != nil {
		r.err = fmt.Errorf("it does not build: %w\n%s", err, out)
		return r
	}
	run := exec.CommandContext(ctx, binary, "-test.run=^TestHistories$", "-test.timeout=5m", "-histories", strconv.Itoa(*seeds))
	run.Dir = machineDir
	run.Env = append(os.Environ(), "GOMAXPROCS=1") // one after another
	out, err := run.CombinedOutput()
	_ = os.Remove(binary) // they are large
	if err == nil {
		r.err = fmt.Errorf("it survives %d histories", *seeds)
		return r
	}
	found := report.FindSubmatch(out)
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
	for i := range mutants {
		m := &mutants[i]
		if names[m.Name] || m.Clause == "" || m.Old == m.New {
			t.Errorf("%q: its name is not its own, or it has no clause, or it changes nothing", m.Name)
		}
		names[m.Name] = true
		if _, err := m.source(); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
}

// TestMutants plants bugs, and every one has to be found.
func TestMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a test binary for each bug; run it without -short")
	}
	chosen := choose(t)
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
			results[i] = kill(ctx, own, m)
			t.Logf("%s: found within %d: %s %v", m.Name, results[i].seeds, results[i].killer, results[i].err)
		})
	}
	running.Wait()
	var took []int
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
	if slices.Sort(took); len(took) > 0 {
		median := took[len(took)/2]
		t.Logf("%d of %d bugs found, the median within %d histories, all within %d", len(took), len(chosen), median, took[len(took)-1])
		if *all && median > 100 {
			t.Errorf("the median bug took %d histories", median)
		}
	}
}

// choose returns the bugs to plant.
func choose(t *testing.T) (chosen []*Mutant) {
	name, err := regexp.Compile(*only)
	if err != nil {
		t.Fatal(err)
	}
	for i := range mutants {
		m := &mutants[i]
		switch {
		case !name.MatchString(m.Name):
		case *all || *only != "" || i%(len(mutants)/few) == 0 && len(chosen) < few:
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
