package core_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// quick calls a method until its session serves it where it reads.
func quick(t *testing.T, s *core.Session, method string) {
	t.Helper()
	for range 200 {
		if _, err := call(t.Context(), s, method, "x"); err != nil {
			t.Fatal(err)
		}
	}
}

// A method that has always been short and then blocks holds up its session for
// two looks at most, again and again.
func TestShortMethodThatBlocks(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		var gate atomic.Pointer[chan struct{}]
		cfg, _ := serving(map[string]core.Handler{
			"test.Echo": echo,
			"test.Flip": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
				if g := gate.Load(); g != nil {
					select {
					case <-*g:
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				}
				return echo(ctx, r)
			},
		})
		p := connect(t, o, cfg, &core.Config{})
		for range 3 {
			gate.Store(nil)
			quick(t, p.client, "test.Flip")
			g := make(chan struct{})
			gate.Store(&g)
			blocked := async(t.Context(), p.client, "test.Flip")
			within(t, 3*time.Millisecond, func() {
				if _, err := call(t.Context(), p.client, "test.Echo", "behind it"); err != nil {
					t.Error(err)
				}
			})
			none(t, blocked)
			close(g)
			if err := must(t, blocked); err != nil {
				t.Errorf("the call that blocked ended with %v", err)
			}
		}
		// Its caller can give it up, and so can the end of the session.
		gate.Store(nil)
		quick(t, p.client, "test.Flip")
		g := make(chan struct{})
		gate.Store(&g)
		ctx, cancel := context.WithCancel(t.Context())
		given := async(ctx, p.client, "test.Flip")
		cancel()
		wantCode(t, must(t, given), twinwire.Canceled)
		gate.Store(nil)
		quick(t, p.client, "test.Flip")
		gate.Store(&g)
		lost := async(t.Context(), p.client, "test.Flip")
		p.client.Close()
		wantCode(t, must(t, lost), twinwire.OutcomeUnknown)
		if err := <-p.served; err == nil {
			t.Error("the server does not say why the session ended")
		}
		p.served <- nil
	})
}

// A method that has always been short may call the peer, whose answer comes
// over what it was read from.
func TestShortMethodThatCallsBack(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		var back atomic.Bool
		cfg, _ := serving(map[string]core.Handler{
			"test.Ask": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
				if !back.Load() {
					return echo(ctx, r)
				}
				answer, err := call(ctx, r.Session(), "test.Answer", "who is it?")
				return str(answer), err
			},
		})
		client, _ := serving(map[string]core.Handler{
			"test.Answer": func(context.Context, *core.Request) (codec.Marshaler, error) { return str("me"), nil },
		})
		p := connect(t, o, cfg, client)
		quick(t, p.client, "test.Ask")
		back.Store(true)
		for range 3 {
			within(t, 3*time.Millisecond, func() {
				if got, err := call(t.Context(), p.client, "test.Ask", "x"); err != nil || got != "me" {
					t.Errorf("answer %q, %v", got, err)
				}
			})
		}
	})
}

// A panic and an error where the session reads are those of one call.
func TestShortMethodThatFails(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		var what atomic.Value
		what.Store("")
		cfg, log := serving(map[string]core.Handler{
			"test.Fail": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
				switch what.Load() {
				case "panic":
					panic("on purpose")
				case "error":
					return nil, errors.New("not for the peer")
				case "close":
					r.Session().CloseWith(twinwire.FirstApplicationCode, "enough", 0)
				}
				return echo(ctx, r)
			},
		})
		p := connect(t, o, cfg, &core.Config{})
		for _, w := range []string{"panic", "error", ""} {
			quick(t, p.client, "test.Fail")
			what.Store(w)
			_, err := call(t.Context(), p.client, "test.Fail", "x")
			if w == "" {
				if err != nil {
					t.Error(err)
				}
				continue
			}
			wantCode(t, err, twinwire.Internal)
			if len(log.lines) == 0 {
				t.Errorf("%s was not logged", w)
			}
			what.Store("")
		}
		quick(t, p.client, "test.Fail")
		what.Store("close")
		// The goodbye may overtake the answer, which is not queued yet.
		if _, err := call(t.Context(), p.client, "test.Fail", "x"); err != nil && !errors.Is(err, twinwire.OutcomeUnknown) {
			t.Errorf("the call that closed the session: %v", err)
		}
		<-p.client.Done()
		wantCode(t, p.client.Err(), twinwire.FirstApplicationCode)
	})
}
