package core_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/internal/leak"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/mem"
)

func TestMain(m *testing.M) { leak.Main(m) }

// run runs a test in a bubble of fake time, on a carrier that is one pipe and
// on one whose lanes are independent.
func run(t *testing.T, test func(t *testing.T, o *mem.Options)) {
	t.Helper()
	for name, onePipe := range map[string]bool{"OnePipe": true, "Lanes": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, &mem.Options{OnePipe: onePipe}) })
		})
	}
}

// A pair is a session with both ends in this process.
type pair struct {
	client, server *core.Session
	cc, sc         *mem.Carrier // their carriers
	served         chan error   // what Serve returned
	acceptor       *core.Acceptor
}

// connect begins a session, which ends with the test.
func connect(t testing.TB, o *mem.Options, server, client *core.Config) *pair {
	t.Helper()
	p := new(pair)
	p.cc, p.sc = mem.Pipe(o)
	a := acceptor(t, server)
	began := make(chan *core.Session, 1)
	a.Began = func(s *core.Session) { began <- s }
	p.served, p.acceptor = serve(t, a, p.sc), a
	offer, err := greet(t, p.cc, client, core.ID{1})
	if err != nil {
		t.Fatal(err)
	}
	p.client = offer.Accept()
	p.server = <-began
	t.Cleanup(func() {
		_ = p.client.Close()
		<-p.server.Done()
	})
	return p
}

func acceptor(t testing.TB, cfg *core.Config) *core.Acceptor {
	t.Helper()
	a, err := core.NewAcceptor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// serve serves a carrier, which is closed with the test at the latest.
func serve(t testing.TB, a *core.Acceptor, carrier transport.Carrier) chan error {
	served := make(chan error, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		served <- a.Serve(carrier)
	}()
	t.Cleanup(func() {
		carrier.Close(twinwire.Accepted, "")
		<-done
	})
	return served
}

func greet(t testing.TB, carrier transport.Carrier, cfg *core.Config, attempt core.ID) (*core.Offer, error) {
	t.Helper()
	mux, err := core.NewMux(cfg.Services, cfg.Interceptors)
	if err != nil {
		t.Fatal(err)
	}
	return core.Greet(context.Background(), carrier, cfg, mux, attempt)
}

// service returns a service of some methods that need no instance.
func service(methods map[string]core.Handler) *core.Service {
	svc := &core.Service{Name: "test", Methods: map[string]core.Method{}}
	for name, h := range methods {
		svc.Methods[name] = func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) { return h(ctx, r) }
	}
	return svc
}

// serving is a configuration with a service of some methods, and a log.
func serving(methods map[string]core.Handler) (*core.Config, *recorder) {
	log := new(recorder)
	return &core.Config{Services: []*core.Service{service(methods)}, Logger: slog.New(log)}, log
}

func str(s string) codec.Value[string] { return codec.Value[string]{V: s} }

// echo answers a text with itself.
func echo(_ context.Context, r *core.Request) (codec.Marshaler, error) {
	var v codec.Value[string]
	if err := r.Decode(&v); err != nil {
		return nil, err
	}
	return v, nil
}

// block answers when its context is over, with why.
func block(ctx context.Context, _ *core.Request) (codec.Marshaler, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// call calls a method with a text and returns the text of its answer.
func call(ctx context.Context, s *core.Session, method, text string) (string, error) {
	var v codec.Value[string]
	err := s.Call(ctx, method, str(text), &v)
	return v.V, err
}

// async calls in a goroutine and returns where its error arrives.
func async(ctx context.Context, s *core.Session, method string) chan error {
	done := make(chan error, 1)
	go func() { _, err := call(ctx, s, method, "x"); done <- err }()
	synctest.Wait()
	return done
}

// now returns what is in a channel when the bubble is at rest.
func now[T any](t *testing.T, c <-chan T) (v T, ok bool) {
	t.Helper()
	synctest.Wait()
	select {
	case v = <-c:
		return v, true
	default:
		return v, false
	}
}

// must returns what is in a channel when the bubble is at rest, and fails if
// that is nothing.
func must[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	v, ok := now(t, c)
	if !ok {
		t.Fatal("nothing has come")
	}
	return v
}

// none fails if something is in a channel when the bubble is at rest.
func none[T any](t *testing.T, c <-chan T) {
	t.Helper()
	if v, ok := now(t, c); ok {
		t.Fatalf("%v has come too early", v)
	}
}

// wantCode fails unless err has the code.
func wantCode(t *testing.T, err error, code twinwire.Code) {
	t.Helper()
	if twinwire.CodeOf(err) != code || code != twinwire.Internal && !errors.Is(err, code) {
		t.Errorf("error is %v (%v), want %v", err, twinwire.CodeOf(err), code)
	}
}

// within fails unless f returns within d of fake time.
func within(t *testing.T, d time.Duration, f func()) {
	t.Helper()
	begin := time.Now()
	if f(); time.Since(begin) > d {
		t.Errorf("it took %v, want %v at most", time.Since(begin), d)
	}
}

// A recorder is a slog.Handler that keeps what is logged.
type recorder struct {
	mu    sync.Mutex
	lines []string
}

func (r *recorder) Enabled(context.Context, slog.Level) bool { return true }
func (r *recorder) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *recorder) WithGroup(string) slog.Handler            { return r }

func (r *recorder) Handle(_ context.Context, rec slog.Record) error {
	line := rec.Level.String() + " " + rec.Message
	rec.Attrs(func(a slog.Attr) bool {
		line += " " + a.String()
		return true
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line)
	return nil
}

// has reports whether a line contains all of the texts.
func (r *recorder) has(texts ...string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
lines:
	for _, line := range r.lines {
		for _, s := range texts {
			if !strings.Contains(line, s) {
				continue lines
			}
		}
		return true
	}
	return false
}

func newLogger(r *recorder) *slog.Logger { return slog.New(r) }
