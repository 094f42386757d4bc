package core_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// A treacherous error panics when it is asked what it says.
type treacherous struct{}

func (treacherous) Error() string { panic("ask me no questions") }

// Failed is told of every way in which a handler fails, with the instance of
// the session, and what it returns is what the caller gets.
func TestFailed(t *testing.T) {
	secret := errors.New("secret")
	methods := map[string]core.Handler{
		"test.Fine":    echo,
		"test.Error":   func(context.Context, *core.Request) (codec.Marshaler, error) { return nil, secret },
		"test.Code":    func(context.Context, *core.Request) (codec.Marshaler, error) { return nil, twinwire.NotFound },
		"test.Panic":   func(context.Context, *core.Request) (codec.Marshaler, error) { panic("secret") },
		"test.Result":  func(context.Context, *core.Request) (codec.Marshaler, error) { return broken{secret}, nil },
		"test.Encoder": func(context.Context, *core.Request) (codec.Marshaler, error) { return broken{}, nil },
		"test.Meta": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
			r.SetReplyMetadata(core.Metadata{"NOT": "a key"})
			return nil, nil
		},
		"test.Treacherous": func(context.Context, *core.Request) (codec.Marshaler, error) { return nil, treacherous{} },
	}
	panics := map[string]bool{"test.Panic": true, "test.Encoder": true}
	run(t, func(t *testing.T, o *mem.Options) {
		var answer func(err error) error
		var told error
		cfg, log := serving(methods)
		cfg.Services[0].Open = func(*core.Session) (any, error) { return "instance", nil }
		cfg.Services[0].Failed = func(ctx context.Context, instance any, r *core.Request, err error) error {
			if from, ok := core.RequestFrom(ctx); instance != "instance" || !ok || from != r {
				t.Errorf("instance %v, request %v", instance, ok)
			}
			told = err
			return answer(err)
		}
		p := connect(t, o, cfg, &core.Config{})
		for method := range methods {
			told = nil
			answer = func(err error) error { return fmt.Errorf("no %w", twinwire.PermissionDenied) }
			_, err := call(t.Context(), p.client, method, "")
			var panicked *core.PanicError
			switch {
			case method == "test.Fine":
				if err != nil || told != nil {
					t.Errorf("%s: %v, told %v", method, err, told)
				}
				continue
			case told == nil, panics[method] != errors.As(told, &panicked), panicked != nil && len(panicked.Stack) == 0:
				t.Errorf("%s: told %v", method, told)
			}
			wantCode(t, err, twinwire.PermissionDenied)

			answer = func(error) error { return nil }
			if _, err := call(t.Context(), p.client, method, ""); err != nil {
				t.Errorf("%s: not acknowledged, but %v", method, err)
			}
			answer = func(err error) error { return err } // as without it
			_, err = call(t.Context(), p.client, method, "")
			want := twinwire.Internal
			if method == "test.Code" {
				want = twinwire.NotFound
			}
			if twinwire.CodeOf(err) != want {
				t.Errorf("%s: %v, want %v", method, err, want)
			}
			answer = func(error) error { panic("in Failed") }
			_, err = call(t.Context(), p.client, method, "")
			wantCode(t, err, twinwire.Internal)
			if !log.has("ERROR", "in Failed") {
				t.Error("a panic of Failed is not logged")
			}
		}
		if !log.has("ERROR", "test.Error", "secret") {
			t.Errorf("log: %q", log.lines)
		}
		told, answer = nil, func(error) error { return nil }
		if err := p.client.Send(t.Context(), "test.Code", nil); err != nil {
			t.Fatal(err)
		}
		if synctest.Wait(); !errors.Is(told, twinwire.NotFound) || log.has("WARN", "not handled") {
			t.Errorf("of a message: told %v, log %q", told, log.lines)
		}
	})
}

// The fallback serves what no service of the mux serves, calls and messages,
// and interceptors stand around it.
func TestFallback(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		var seen, messages []string
		cfg, _ := serving(map[string]core.Handler{"test.Echo": echo})
		cfg.Services = append(cfg.Services, &core.Service{
			Name: "rest",
			Open: func(*core.Session) (any, error) { return "rest", nil },
			Fallback: func(ctx context.Context, instance any, r *core.Request) (codec.Marshaler, error) {
				if r.OneWay() {
					messages = append(messages, r.Name())
				}
				return str(instance.(string) + " " + r.Name()), nil
			},
		})
		cfg.Interceptors = []core.Interceptor{func(ctx context.Context, r *core.Request, next core.Handler) (codec.Marshaler, error) {
			seen = append(seen, r.Name())
			return next(ctx, r)
		}}
		p := connect(t, o, cfg, &core.Config{})
		for method, want := range map[string]string{"test.Echo": "x", "test.None": "rest test.None", "other": "rest other"} {
			if got, err := call(t.Context(), p.client, method, "x"); got != want || err != nil {
				t.Errorf("%s: %q, %v", method, got, err)
			}
		}
		if err := p.client.Send(t.Context(), "note", nil); err != nil {
			t.Fatal(err)
		}
		if synctest.Wait(); len(seen) != 4 || len(messages) != 1 {
			t.Errorf("intercepted %q, messages %q", seen, messages)
		}
	})
}

// Interceptors see unknown names without a fallback too, and can answer them.
func TestInterceptUnknown(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg := &core.Config{Interceptors: []core.Interceptor{func(ctx context.Context, r *core.Request, next core.Handler) (codec.Marshaler, error) {
			if r.Name() == "ping" {
				return str("pong"), nil
			}
			return next(ctx, r)
		}}}
		p := connect(t, o, cfg, &core.Config{})
		if got, err := call(t.Context(), p.client, "ping", ""); got != "pong" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		_, err := call(t.Context(), p.client, "pong", "")
		wantCode(t, err, twinwire.NotImplemented)
	})
}

func TestTwoFallbacks(t *testing.T) {
	f := func(context.Context, any, *core.Request) (codec.Marshaler, error) { return nil, nil }
	if _, err := core.NewMux([]*core.Service{{Name: "a", Fallback: f}, {Name: "b", Fallback: f}}, nil); err == nil {
		t.Error("no error")
	}
}
