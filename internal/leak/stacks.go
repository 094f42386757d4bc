package leak

import (
	"cmp"
	"runtime"
	"slices"
	"strings"
)

// A goroutine is one paragraph of what runtime.Stack prints.
type goroutine struct {
	id    string // decimal, never used twice in a process
	stack string
}

// started returns the goroutines that count and are not in before, oldest
// first.
func started(before map[string]goroutine) []goroutine {
	var found []goroutine
	for id, g := range goroutines() {
		if _, ok := before[id]; !ok && !g.ours() {
			found = append(found, g)
		}
	}
	slices.SortFunc(found, func(a, b goroutine) int {
		// Ids only grow: the shorter one is the smaller number.
		return cmp.Or(cmp.Compare(len(a.id), len(b.id)), cmp.Compare(a.id, b.id))
	})
	return found
}

// goroutines returns all goroutines but the caller's, by id.
func goroutines() map[string]goroutine {
	buf := make([]byte, 64<<10)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			return parse(string(buf[:n]))
		}
		buf = make([]byte, 2*len(buf))
	}
}

// parse splits what runtime.Stack prints, which begins with the caller.
func parse(all string) map[string]goroutine {
	found := make(map[string]goroutine)
	paragraphs := strings.Split(strings.TrimSpace(all), "\n\n")
	for _, stack := range paragraphs[1:] {
		head, ok := strings.CutPrefix(stack, "goroutine ")
		if !ok {
			continue
		}
		id, _, ok := strings.Cut(head, " ")
		if !ok {
			continue
		}
		found[id] = goroutine{id: id, stack: stack}
	}
	return found
}

// ours reports whether the goroutine belongs to the runtime or to the testing
// package: it outlives tests by design.
func (g goroutine) ours() bool {
	// The first line is the header, the second the innermost function, the
	// last but one who started it.
	lines := strings.Split(g.stack, "\n")
	if len(lines) < 3 {
		return false
	}
	for _, prefix := range []string{
		"os/signal.signal_recv(", // started once by signal.Notify, ends never
		"os/signal.loop(",
		"runtime.ensureSigM",
		"runtime.ReadTrace(", // go test -trace
		"runtime/trace.",
	} {
		if strings.HasPrefix(lines[1], prefix) {
			return true
		}
	}
	for _, line := range lines[1:] {
		switch {
		case strings.HasPrefix(line, "created by runtime."), // finalizers and cleanups
			strings.HasPrefix(line, "runtime.handleEvent("),    // events of a browser
			strings.HasPrefix(line, "testing.tRunner("),        // a test that runs beside this one
			strings.HasPrefix(line, "testing.(*F).Fuzz.func1"), // and a fuzz target
			strings.HasPrefix(line, "testing.runFuzzing("),
			strings.HasPrefix(line, "testing.runTests("):
			return true
		}
	}
	return false
}
