package leak

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// childEnv makes the test binary play a package that leaks: see TestMainExit.
const childEnv = "LEAK_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(run(m, os.Stderr, 50*time.Millisecond))
	}
	Main(m)
}

// lingerInTest blocks until stop is closed; its name is what a report has to
// show.
func lingerInTest(stop chan struct{}, done chan struct{}) {
	defer close(done)
	<-stop
}

// linger starts a goroutine that lives until the function returned is called.
func linger() (end func()) {
	stop, done := make(chan struct{}), make(chan struct{})
	go lingerInTest(stop, done)
	return func() {
		close(stop)
		<-done
	}
}

// tests stands in for a testing.M.
type tests func() int

func (f tests) Run() int { return f() }

func TestRun(t *testing.T) {
	tests := map[string]struct {
		leaks bool
		code  int
		want  int
		says  string
	}{
		"clean":             {false, 0, 0, ""},
		"leak":              {true, 0, 1, "lingerInTest"},
		"failed":            {false, 2, 2, ""},
		"failed and leaked": {true, 2, 2, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			var end func()
			got := run(testsOf(tt.code, func() {
				if tt.leaks {
					end = linger()
				}
			}), &out, 20*time.Millisecond)
			if end != nil {
				end()
			}
			if got != tt.want {
				t.Errorf("exit code %d, want %d", got, tt.want)
			}
			if tt.says == "" && out.Len() > 0 || !strings.Contains(out.String(), tt.says) {
				t.Errorf("printed %q, want it to say %q", out.String(), tt.says)
			}
		})
	}
}

func testsOf(code int, body func()) tests {
	return func() int {
		body()
		return code
	}
}

func TestRunWaitsForGoroutinesThatEnd(t *testing.T) {
	var out bytes.Buffer
	code := run(testsOf(0, func() {
		end := linger()
		time.AfterFunc(30*time.Millisecond, end)
	}), &out, patience)
	if code != 0 {
		t.Errorf("exit code %d for a goroutine that ended in time:\n%s", code, &out)
	}
}

func TestRunIgnoresWhatWasThereBefore(t *testing.T) {
	defer linger()()
	var out bytes.Buffer
	if code := run(testsOf(0, func() {}), &out, 20*time.Millisecond); code != 0 {
		t.Errorf("exit code %d for a goroutine that is older than the tests:\n%s", code, &out)
	}
}

// recorder is a testing.TB that keeps what check tells it.
type recorder struct {
	testing.TB
	cleanups []func()
	errors   []string
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func (r *recorder) finish() {
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
}

func TestCheck(t *testing.T) {
	t.Run("leak", func(t *testing.T) {
		r := &recorder{TB: t}
		check(r, 20*time.Millisecond)
		end := linger()
		r.finish()
		end()
		if len(r.errors) != 1 || !strings.Contains(r.errors[0], "lingerInTest") {
			t.Errorf("errors %q, want one that shows lingerInTest", r.errors)
		}
	})
	t.Run("later cleanups come first", func(t *testing.T) {
		r := &recorder{TB: t}
		Check(r)
		r.Cleanup(linger())
		r.finish()
		if len(r.errors) != 0 {
			t.Errorf("errors %q for a test that cleaned up", r.errors)
		}
	})
}

// A parent that waits for its subtest belongs to the testing package, though
// it is younger than what the subtest compares with.
func TestCheckIgnoresTestingItself(t *testing.T) {
	for range 3 {
		t.Run("sub", func(t *testing.T) {
			Check(t)
			t.Run("sub", func(t *testing.T) { Check(t) })
		})
	}
}

func TestChildLeaks(t *testing.T) {
	if os.Getenv(childEnv) == "" {
		return // only the child of TestMainExit has something to do here
	}
	_ = linger()
}

func TestMainExit(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(exe, "-test.run=^TestChildLeaks$")
	child.Env = append(os.Environ(), childEnv+"=1")
	out, err := child.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("child ended with %v, want exit status 1; it printed\n%s", err, out)
	}
	for _, want := range []string{"PASS", "still running after the tests: 1", "lingerInTest", "created by"} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("child did not print %q but\n%s", want, out)
		}
	}
}

func TestParse(t *testing.T) {
	const dump = `goroutine 7 [running]:
leak.goroutines()
	/src/stacks.go:1 +0x1

goroutine 1 [chan receive]:
testing.(*T).Run(0x1)
	/go/testing.go:1 +0x1
main.main()
	_testmain.go:1 +0x1

goroutine 34 [select, 2 minutes]:
app.loop()
	/src/app.go:9 +0x1
created by app.start in goroutine 7
	/src/app.go:3 +0x1

goroutine 35 [syscall]:
os/signal.signal_recv()
	/go/sigqueue.go:1 +0x1
os/signal.loop()
	/go/signal.go:1 +0x1
created by os/signal.Notify.func1.1 in goroutine 7
	/go/signal.go:1 +0x1

goroutine 36 [running]:
app.finalize()
	/src/app.go:20 +0x1
created by runtime.createfing in goroutine 1
	/go/mfinal.go:1 +0x1
`
	got := parse(dump)
	ours := map[string]bool{"1": false, "34": false, "35": true, "36": true}
	if len(got) != len(ours) {
		t.Errorf("found %d goroutines, want %d", len(got), len(ours))
	}
	for id, want := range ours {
		g, ok := got[id]
		if !ok {
			t.Errorf("goroutine %s is missing", id)
			continue
		}
		if g.ours() != want {
			t.Errorf("goroutine %s: ours is %v, want %v", id, g.ours(), want)
		}
	}
}
