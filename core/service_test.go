package core_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// Each session has an instance of its own, made before its first call is
// served; Close is told once, when the handlers have returned.
func TestServiceInstances(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		closed := make(chan error, 10)
		release := make(chan struct{})
		n := 0
		handlers := 0
		svc := &core.Service{
			Name: "test",
			Open: func(s *core.Session) (any, error) {
				time.Sleep(time.Second) // calls wait meanwhile
				n++
				return n, nil
			},
			Close: func(instance any, cause error) {
				if handlers != 0 {
					t.Error("closed while a handler runs")
				}
				if instance != n {
					t.Errorf("instance is %v", instance)
				}
				closed <- cause
			},
			Methods: map[string]core.Method{
				"test.Which": func(_ context.Context, instance any, _ *core.Request) (codec.Marshaler, error) {
					return codec.Value[int]{V: instance.(int)}, nil
				},
				"test.Stubborn": func(context.Context, any, *core.Request) (codec.Marshaler, error) {
					handlers++
					<-release
					handlers--
					return nil, nil
				},
			},
		}
		for i := 1; i <= 2; i++ {
			p := connect(t, o, &core.Config{Services: []*core.Service{svc}}, &core.Config{})
			var v codec.Value[int]
			if err := p.client.Call(t.Context(), "test.Which", nil, &v); v.V != i || err != nil {
				t.Errorf("instance %d, %v; want %d", v.V, err, i)
			}
			running := async(t.Context(), p.client, "test.Stubborn")
			_ = p.client.Close()
			wantCode(t, must(t, running), twinwire.OutcomeUnknown)
			none(t, closed)
			none(t, p.served) // the session has ended, its handler has not
			release <- struct{}{}
			if must(t, closed) == nil {
				t.Error("closed without a cause")
			}
			must(t, p.served)
			none(t, closed)
		}
	})
}

// A service that does not open ends the session with its code and text; of an
// error without a code and of a panic only the log knows. What was opened
// before is closed.
func TestServiceRefuses(t *testing.T) {
	tests := []struct {
		open         func(*core.Session) (any, error)
		code         twinwire.Code
		text, logged string
	}{
		{func(*core.Session) (any, error) { return nil, twinwire.Errorf(twinwire.PermissionDenied, "not you") }, twinwire.PermissionDenied, "not you", ""},
		{func(*core.Session) (any, error) { return nil, errors.New("secret") }, twinwire.Internal, "", "secret"},
		{func(*core.Session) (any, error) { panic("secret") }, twinwire.Internal, "", "secret"},
	}
	for _, test := range tests {
		run(t, func(t *testing.T, o *mem.Options) {
			var events []string
			first := &core.Service{Name: "first", Open: func(*core.Session) (any, error) { return 1, nil },
				Close: func(any, error) { events = append(events, "first closed") }}
			second := &core.Service{Name: "second", Open: test.open,
				Close:   func(any, error) { events = append(events, "second closed") },
				Methods: map[string]core.Method{"test.Echo": func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) { return echo(ctx, r) }}}
			log := new(recorder)
			p := connect(t, o, &core.Config{Services: []*core.Service{first, second}, Logger: newLogger(log)}, &core.Config{})
			_, err := call(t.Context(), p.client, "test.Echo", "")
			if code := twinwire.CodeOf(err); code != test.code && code != twinwire.Unavailable && code != twinwire.OutcomeUnknown {
				t.Errorf("call ended with %v", err)
			}
			<-p.client.Done()
			wantCode(t, p.client.Err(), test.code)
			synctest.Wait()
			if !slices.Equal(events, []string{"first closed"}) {
				t.Errorf("what happened: %q", events)
			}
			if test.logged != "" && !log.has("ERROR", test.logged) {
				t.Errorf("log: %q", log.lines)
			}
		})
	}
}

// Open may call the peer, on both sides.
func TestOpenCallsPeer(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		var mu sync.Mutex
		var got []string
		config := func(me, peer string) *core.Config {
			cfg, _ := serving(map[string]core.Handler{me + ".Echo": echo})
			cfg.Services[0].Open = func(s *core.Session) (any, error) {
				go func() { // the peer's services open at the same time
					v, err := call(context.Background(), s, peer+".Echo", peer)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					got = append(got, v)
				}()
				return nil, nil
			}
			return cfg
		}
		connect(t, o, config("server", "client"), config("client", "server"))
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if slices.Sort(got); !slices.Equal(got, []string{"client", "server"}) {
			t.Errorf("calls answered %q", got)
		}
	})
}

// The context of a session ends with it, and knows it.
func TestSessionContext(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		p := connect(t, o, &core.Config{}, &core.Config{})
		if s, ok := core.SessionFrom(p.client.Context()); !ok || s != p.client {
			t.Errorf("the context's session is %v", s)
		}
		if _, ok := core.SessionFrom(t.Context()); ok {
			t.Error("any context has a session")
		}
		if _, ok := core.RequestFrom(p.client.Context()); ok {
			t.Error("a session's context has a request")
		}
		if p.client.Context().Err() != nil || p.client.Err() != nil {
			t.Error("ended before its end")
		}
		p.server.CloseWith(2000, "", 0)
		<-p.client.Context().Done()
		wantCode(t, context.Cause(p.client.Context()), 2000)
	})
}

// A mux is refused whose methods are malformed, there twice, or nil.
func TestNewMux(t *testing.T) {
	method := func(context.Context, any, *core.Request) (codec.Marshaler, error) { return nil, nil }
	for name, services := range map[string][]*core.Service{
		"malformed": {{Name: "a", Methods: map[string]core.Method{"a b": method}}},
		"empty":     {{Name: "a", Methods: map[string]core.Method{"": method}}},
		"nil":       {{Name: "a", Methods: map[string]core.Method{"a": nil}}},
		"twice":     {{Name: "a", Methods: map[string]core.Method{"a": method}}, {Name: "b", Methods: map[string]core.Method{"a": method}}},
	} {
		if _, err := core.NewMux(services, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := core.NewAcceptor(&core.Config{Services: services}); err == nil {
			t.Errorf("%s: no error of NewAcceptor", name)
		}
	}
}
