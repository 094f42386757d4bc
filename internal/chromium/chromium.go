// Package chromium runs the tests of a package in a browser: what a package
// does with GOOS=js GOARCH=wasm is tested where it is used.
//
// A test of the package, without the constraint js, calls [Test]. That builds
// the package's tests for js/wasm, serves a page with them at a loopback
// address, opens it in Chromium, and passes if they do. Beside them it serves a
// handler: what the tests have to talk to, which runs in the process of the
// test that called.
package chromium

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// HostVariable is the environment variable in which tests in the browser find
// the URL of the host, without a slash at the end.
const HostVariable = "TWINWIRE_TEST_HOST"

// patience is how long the tests may take in all, with their build.
const patience = 3 * time.Minute

// Options are what a run needs.
type Options struct {
	// Host answers requests below HostVariable's URL; nil for nobody.
	Host http.Handler
	// Skips are the tests that may skip themselves, as patterns of package path.
	Skips []string
	// Flags are more flags for the tests, such as -test.short.
	Flags []string
}

// flags are those of Chromium. It runs as the superuser too, and a machine
// without a display has it; nothing calls home.
var flags = []string{
	"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
	"--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-dev-shm-usage",
	"--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--metrics-recording-only",
}

// Test runs the js/wasm tests of the package in the working directory, which is
// that of the test that calls. It skips where there is no Chromium.
func Test(t *testing.T, o Options) {
	t.Helper()
	program := find()
	if program == "" {
		t.Skip("Chromium is missing: apt-get install chromium")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p := &page{host: o.Host, flags: o.Flags, exited: make(chan int, 1)}
	p.build(ctx, t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.origin = "http://" + l.Addr().String()
	server := &http.Server{Handler: p.routes()}
	served := make(chan struct{})
	go func() { // ends with Close
		defer close(served)
		_ = server.Serve(l)
	}()
	defer func() {
		_ = server.Close()
		<-served
	}()

	code, err := p.open(ctx, t, program)
	text := p.text()
	switch {
	case err != nil:
		t.Fatalf("%v\n%s", err, text)
	case code != 0:
		t.Fatalf("tests in Chromium failed with code %d:\n%s", code, text)
	}
	if !strings.Contains(text, "--- PASS") {
		t.Errorf("no test has run:\n%s", text)
	}
	for _, m := range regexp.MustCompile(`(?m)^ *--- SKIP: (\S+)`).FindAllStringSubmatch(text, -1) {
		if !slices.ContainsFunc(o.Skips, func(pattern string) bool { ok, _ := filepath.Match(pattern, m[1]); return ok }) {
			t.Errorf("skipped in Chromium: %s", m[1])
		}
	}
	if testing.Verbose() {
		t.Log("in Chromium:\n" + text)
	}
}

// find returns the path of Chromium, or "".
func find() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// build builds the tests for the browser.
func (p *page) build(ctx context.Context, t *testing.T) {
	t.Helper()
	p.binary = filepath.Join(t.TempDir(), "test.wasm")
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", p.binary, ".")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go test -c: %v\n%s", err, out)
	}
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatalf("go env: %v", err)
	}
	p.script = filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js")
}

// open opens the page in Chromium and returns the exit code of the tests.
func (p *page) open(ctx context.Context, t *testing.T, program string) (int, error) {
	profile, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(profile) }() // a process of Chromium may still write there
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, append(slices.Clone(flags), "--user-data-dir="+profile, p.origin+"/")...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // it ends with the process
	select {
	case code := <-p.exited:
		cancel()
		<-ended
		return code, nil
	case err := <-ended:
		if ctx.Err() != nil {
			err = fmt.Errorf("no end after %v", patience)
		}
		return 0, fmt.Errorf("chromium ended before the tests: %w", errors.Join(errChromium, err))
	}
}

var errChromium = errors.New("chromium")

//go:embed page.html
var document []byte

// routes serves the page, and takes in what it says.
func (p *page) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(document)
	})
	mux.HandleFunc("GET /wasm_exec.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, p.script) })
	mux.HandleFunc("GET /test.wasm", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, p.binary) })
	mux.HandleFunc("GET /run", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{
			"argv": append([]string{"test", "-test.v", "-test.timeout=2m"}, p.flags...),
			"env":  map[string]string{HostVariable: p.origin + "/host"},
		})
	})
	mux.HandleFunc("POST /output", func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body) // what is cut is seen
		p.write(b)
	})
	mux.HandleFunc("POST /exit", func(_ http.ResponseWriter, r *http.Request) {
		var code int
		if err := json.NewDecoder(r.Body).Decode(&code); err != nil {
			code = -1
		}
		select {
		case p.exited <- code:
		default: // it said so before
		}
	})
	if p.host != nil {
		mux.Handle("/host/", http.StripPrefix("/host", p.host))
	}
	return mux
}
