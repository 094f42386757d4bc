package server_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/server"
)

// wires are the addresses by which a client chooses a wire, and what it then
// runs on.
var wires = []struct{ name, prefix, runsOn string }{
	{"websocket", "wss://", "websocket"},
	{"quic", "quic://", "quic"},
	{"best", "", "quic"},
	{"webtransport", "https://", "webtransport"},
}

// run runs a test over every wire.
func run(t *testing.T, f func(t *testing.T, e *env)) {
	for _, w := range wires {
		t.Run(w.name, func(t *testing.T) { f(t, start(t, w.prefix, w.runsOn)) })
	}
}

// An env is a server that is up, and how to reach it.
type env struct {
	t      *testing.T
	prefix string
	runsOn string
	srv    *server.Server
	ln     *server.Listener
	dev    *certs.Development
	served chan error

	services []*core.Service
}

// start prepares a server; serve makes it serve.
func start(t *testing.T, prefix, runsOn string) *env {
	t.Helper()
	dev, err := certs.NewDevelopment(&certs.DevelopmentOptions{Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	e := &env{t: t, prefix: prefix, runsOn: runsOn, dev: dev, served: make(chan error, 1)}
	e.srv = &server.Server{Certs: dev, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	return e
}

// serve serves on loopback until the test ends.
func (e *env) serve(services ...*core.Service) *env {
	e.t.Helper()
	e.srv.Handle(services...)
	e.services = services
	ln, err := server.Listen("127.0.0.1:0")
	if err != nil {
		e.t.Fatal(err)
	}
	e.ln = ln
	go func() { e.served <- e.srv.Serve(ln) }()
	e.t.Cleanup(func() {
		if err := e.srv.Close(); err != nil {
			e.t.Error(err)
		}
		if err := <-e.served; err != server.ErrClosed {
			e.t.Errorf("Serve returned %v, want ErrClosed", err)
		}
	})
	return e
}

func (e *env) addr() string { return e.prefix + e.ln.Addr() }

// dial dials the server. The session is closed when the test ends.
func (e *env) dial(opts *client.Options) *core.Session {
	e.t.Helper()
	if opts == nil {
		opts = new(client.Options)
	}
	opts.Pins = e.dev.Pins()
	ctx, cancel := context.WithTimeout(e.t.Context(), 10*time.Second)
	defer cancel()
	s, err := client.Dial(ctx, e.addr(), opts)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { s.Close() })
	return s
}

// service has methods for what the tests need.
func service() *core.Service {
	return &core.Service{Name: "test", Methods: map[string]core.Method{
		"test.Echo": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			var v codec.Raw
			err := r.Decode(&v)
			return v, err
		},
		"test.Wait": func(ctx context.Context, _ any, _ *core.Request) (codec.Marshaler, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}}
}

func text(s string) codec.Value[string] { return codec.Value[string]{V: s} }

func TestCall(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		s := e.serve(service()).dial(nil)
		if got := s.Transport().Wire; got != e.runsOn {
			t.Errorf("session runs on %s, want %s", got, e.runsOn)
		}
		if !s.Transport().Secure {
			t.Error("session is not secure")
		}
		for i := range 100 {
			var got codec.Value[string]
			want := fmt.Sprint("message ", i)
			if err := s.Call(t.Context(), "test.Echo", text(want), &got); err != nil || got.V != want {
				t.Fatalf("echo returned %q, %v; want %q", got.V, err, want)
			}
		}
		big := codec.Value[[]byte]{V: make([]byte, 3<<20)}
		var got codec.Value[[]byte]
		if err := s.Call(t.Context(), "test.Echo", big, &got); err != nil || len(got.V) != len(big.V) {
			t.Errorf("echo of 3 MiB returned %d bytes, %v", len(got.V), err)
		}
	})
}

// A server calls its clients as clients call it.
func TestServerCallsClient(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		answers := make(chan string, 1)
		e.srv.Connected = func(s *core.Session) {
			go func() {
				var got codec.Value[string]
				if err := s.Call(s.Context(), "test.Echo", text("are you there?"), &got); err != nil {
					got.V = err.Error()
				}
				answers <- got.V
			}()
		}
		e.serve().dial(&client.Options{Services: []*core.Service{service()}})
		if got := <-answers; got != "are you there?" {
			t.Errorf("the client answered %q", got)
		}
	})
}

// Shutdown lets a running call finish and refuses new sessions.
func TestShutdown(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		running, finish := make(chan struct{}), make(chan struct{})
		slow := &core.Service{Name: "slow", Methods: map[string]core.Method{
			"slow.Call": func(context.Context, any, *core.Request) (codec.Marshaler, error) {
				close(running)
				<-finish
				return text("done"), nil
			},
		}}
		s := e.serve(slow).dial(nil)
		answer := make(chan error, 1)
		go func() {
			var got codec.Value[string]
			err := s.Call(t.Context(), "slow.Call", nil, &got)
			if err == nil && got.V != "done" {
				err = fmt.Errorf("answer %q", got.V)
			}
			answer <- err
		}()
		<-running
		down := make(chan error, 1)
		go func() { down <- e.srv.Shutdown(t.Context()) }()
		// The session ends only after its call.
		select {
		case <-s.Done():
			t.Fatalf("session ended before its call did: %v", s.Err())
		case err := <-down:
			t.Fatalf("Shutdown returned before the call did: %v", err)
		case <-refused(t, e):
		}
		close(finish)
		if err := <-answer; err != nil {
			t.Errorf("the running call: %v", err)
		}
		if err := <-down; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		<-s.Done()
	})
}

// refused is closed when the server takes no new sessions.
func refused(t *testing.T, e *env) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for t.Context().Err() == nil {
			s, err := client.Dial(t.Context(), e.addr(), &client.Options{Pins: e.dev.Pins()})
			if err != nil {
				return
			}
			s.Close()
		}
	}()
	return done
}

// Close ends sessions whose handlers go on, and tells why.
func TestClose(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		s := e.serve(service()).dial(nil)
		pending := make(chan error, 1)
		go func() { pending <- s.Call(t.Context(), "test.Wait", nil, nil) }()
		var got codec.Value[string]
		if err := s.Call(t.Context(), "test.Echo", text("x"), &got); err != nil {
			t.Fatal(err)
		}
		if err := e.srv.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-pending; err == nil {
			t.Error("a call that cannot have finished returned no error")
		}
		<-s.Done()
		if err := s.Err(); err == nil {
			t.Error("session has ended and says nothing")
		}
	})
}

// TCP and UDP get the same number, and localhost is both families.
func TestListen(t *testing.T) {
	for _, addr := range []string{":0", "127.0.0.1:0", "localhost:0"} {
		l, err := server.Listen(addr)
		if err != nil {
			t.Fatal(err)
		}
		if l.Port() == 0 {
			t.Errorf("Listen(%q) has port 0", addr)
		}
		if _, err := server.Listen(fmt.Sprintf("127.0.0.1:%d", l.Port())); err == nil && addr != ":0" {
			t.Errorf("port of Listen(%q) could be listened at twice", addr)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := server.Listen("nonsense"); err == nil {
		t.Error("Listen took an address without a port")
	}
	s := start(t, "", "").srv
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown of a server that never served: %v", err)
	}
	if err := s.ListenAndServe("127.0.0.1:0"); !errors.Is(err, server.ErrClosed) {
		t.Errorf("ListenAndServe after Shutdown: %v, want ErrClosed", err)
	}
}

// A handler that ignores its context does not hold up Shutdown beyond its own.
func TestShutdownGivesUp(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		t.Parallel() // it waits
		running, finish := make(chan struct{}), make(chan struct{})
		defer close(finish)
		deaf := &core.Service{Name: "deaf", Methods: map[string]core.Method{
			"deaf.Call": func(context.Context, any, *core.Request) (codec.Marshaler, error) {
				close(running)
				<-finish
				return nil, nil
			},
		}}
		s := e.serve(deaf).dial(nil)
		pending := make(chan error, 1)
		go func() { pending <- s.Call(t.Context(), "deaf.Call", nil, nil) }()
		<-running
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := e.srv.Shutdown(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Shutdown returned %v, want the context's error", err)
		}
		if err := <-pending; !errors.Is(err, twinwire.OutcomeUnknown) {
			t.Errorf("the call ended with %v, want OutcomeUnknown", err)
		}
	})
}
