// Package leak makes tests fail that leave goroutines behind.
//
// Every package of this module that starts goroutines ends its tests with
//
//	func TestMain(m *testing.M) { leak.Main(m) }
//
// and a single test that wants to know that it is the one to blame calls
// [Check] first. Both compare the goroutines at the end with those at the
// start, and give the new ones some seconds to finish before they complain: a
// goroutine that has been told to end has not always been scheduled yet.
//
// The goroutines of the runtime and of the testing package do not count.
package leak

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// patience is how long a goroutine may take to end after its test has. It is
// the price of a failure only: a clean run does not wait.
const patience = 5 * time.Second

// Main runs the tests of a package and ends the process with their exit code.
// Where they pass but goroutines that they started are still running after
// five seconds, it prints the stacks of those to standard error and the exit
// code is 1. It does not return.
func Main(m *testing.M) {
	os.Exit(run(m, os.Stderr, patience))
}

// Check makes t fail, with the stacks, if goroutines that start after this
// call are still running five seconds after t and the cleanups registered
// later than this one have finished. Call it first. It cannot tell whose
// goroutine it sees, so it is no use in tests that run in parallel with
// others; nor inside a synctest bubble, which has a check of its own.
func Check(t testing.TB) {
	t.Helper()
	check(t, patience)
}

func check(t testing.TB, patience time.Duration) {
	t.Helper()
	before := goroutines()
	t.Cleanup(func() {
		t.Helper()
		if leaked := wait(before, patience); len(leaked) > 0 {
			t.Errorf("%s", report(leaked))
		}
	})
}

// runner is what run needs of a testing.M.
type runner interface{ Run() int }

// run is Main without the exit. Tests that failed are reported as they are:
// a test that was cut short often leaves goroutines, and those are not the
// news.
func run(m runner, stderr io.Writer, patience time.Duration) int {
	before := goroutines()
	if code := m.Run(); code != 0 {
		return code
	}
	leaked := wait(before, patience)
	if len(leaked) == 0 {
		return 0
	}
	// There is nobody left to tell that standard error is closed.
	_, _ = fmt.Fprintln(stderr, report(leaked))
	return 1
}

// wait polls until all goroutines that count were there before, or until its
// patience is over, and returns those that were not.
func wait(before map[string]goroutine, patience time.Duration) []goroutine {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for step := time.Millisecond; ; step = min(2*step, 100*time.Millisecond) {
		select {
		case <-deadline.C:
			return started(before)
		case <-pause.C:
			if len(started(before)) == 0 {
				return nil
			}
			pause.Reset(step)
		}
	}
}

func report(leaked []goroutine) string {
	var b strings.Builder
	fmt.Fprintf(&b, "leak: goroutines still running after the tests: %d", len(leaked))
	for _, g := range leaked {
		b.WriteString("\n\n")
		b.WriteString(g.stack)
	}
	return b.String()
}
