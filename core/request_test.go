package core_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// inHandler runs f as the handler of a call; the context of the call is given
// to f and canceled by cancel.
func inHandler(t *testing.T, o *mem.Options, timeout time.Duration, f func(ctx context.Context, cancel func(), p *pair)) {
	t.Helper()
	outer, cancel := context.WithCancel(t.Context())
	if timeout > 0 {
		outer, cancel = context.WithTimeout(t.Context(), timeout)
	}
	defer cancel()
	var p *pair
	ready, returned := make(chan struct{}), make(chan struct{})
	cfg, log := serving(map[string]core.Handler{"test.Do": func(ctx context.Context, _ *core.Request) (codec.Marshaler, error) {
		<-ready
		defer close(returned)
		f(ctx, cancel, p)
		return nil, nil
	}})
	p = connect(t, o, cfg, &core.Config{})
	close(ready)
	_, _ = call(outer, p.client, "test.Do", "")
	<-returned
	synctest.Wait()
	if log.has("panicked") {
		t.Errorf("log: %q", log.lines)
	}
}

// The context of a handler ends when the caller gives up, and says so in every
// way that a context can.
func TestRequestContext(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		inHandler(t, o, 0, func(ctx context.Context, cancel func(), p *pair) {
			if _, ok := ctx.Deadline(); ok || ctx.Err() != nil || ctx.Value(testKey{}) != nil {
				t.Errorf("a fresh context: %v", ctx.Err())
			}
			child, stop := context.WithCancelCause(context.WithValue(ctx, testKey{}, 1))
			defer stop(nil)
			var after, never atomic.Int32
			context.AfterFunc(ctx, func() { after.Add(1) })
			context.AfterFunc(child, func() { after.Add(1) })
			if take := context.AfterFunc(ctx, func() { never.Add(1) }); !take() || take() {
				t.Error("a function is taken back once")
			}
			cancel()
			<-ctx.Done()
			<-child.Done()
			synctest.Wait()
			if ctx.Err() != context.Canceled || context.Cause(ctx) != context.Canceled || child.Err() != context.Canceled {
				t.Errorf("ended with %v, %v, %v", ctx.Err(), context.Cause(ctx), child.Err())
			}
			if after.Load() != 2 || never.Load() != 0 {
				t.Errorf("%d functions ran, and %d that were taken back", after.Load(), never.Load())
			}
			if context.AfterFunc(ctx, func() { after.Add(1) })() {
				t.Error("a function of a context that is over is taken back")
			}
			if synctest.Wait(); after.Load() != 3 {
				t.Error("a function of a context that is over does not run")
			}
			if s, ok := core.SessionFrom(child); !ok || s != p.server || child.Value(testKey{}) != 1 {
				t.Error("a child lost its session")
			}
		})
	})
}

// Err and Done tell of the deadline without anybody having asked before.
func TestRequestDeadline(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		inHandler(t, o, time.Second, func(ctx context.Context, cancel func(), p *pair) {
			if at, ok := ctx.Deadline(); !ok || time.Until(at) != time.Second {
				t.Errorf("deadline in %v, %v", time.Until(at), ok)
			}
			p.cc.Stall(mem.AllLanes) // the caller's CANCEL does not come
			time.Sleep(time.Second - 1)
			if ctx.Err() != nil {
				t.Errorf("ended early: %v", ctx.Err())
			}
			time.Sleep(time.Nanosecond)
			if ctx.Err() != context.DeadlineExceeded {
				t.Errorf("ended with %v", ctx.Err())
			}
			<-ctx.Done()
			p.cc.Unstall(mem.AllLanes)
		})
		inHandler(t, o, time.Second, func(ctx context.Context, cancel func(), p *pair) {
			p.cc.Stall(mem.AllLanes)
			child, stop := context.WithTimeout(ctx, time.Hour)
			defer stop()
			within(t, time.Second, func() { <-child.Done() })
			if child.Err() != context.DeadlineExceeded || !errors.Is(context.Cause(child), context.DeadlineExceeded) {
				t.Errorf("a child ended with %v", child.Err())
			}
			p.cc.Unstall(mem.AllLanes)
		})
	})
}

// The session's end is the end of the context, seen by Err alone as well.
func TestRequestOfEndedSession(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		inHandler(t, o, 0, func(ctx context.Context, cancel func(), p *pair) {
			p.cc.Cut()
			<-p.server.Done()
			if ctx.Err() != context.Canceled {
				t.Errorf("ended with %v", ctx.Err())
			}
			<-ctx.Done()
		})
		inHandler(t, o, 0, func(ctx context.Context, cancel func(), p *pair) {
			done := ctx.Done()
			p.cc.Cut()
			<-done
		})
	})
}

// After its handler has returned a context is over; and nothing of it costs a
// goroutine.
func TestRequestContextAfter(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		var kept context.Context
		var child context.Context
		inHandler(t, o, 0, func(ctx context.Context, cancel func(), p *pair) {
			kept = ctx
			before := runtime.NumGoroutine()
			for range 100 {
				var stop func()
				child, stop = context.WithCancel(ctx)
				t.Cleanup(stop)
			}
			if n := runtime.NumGoroutine(); n > before+10 {
				t.Errorf("100 contexts cost %d goroutines", n-before)
			}
		})
		if kept.Err() != context.Canceled || child.Err() != context.Canceled {
			t.Errorf("ended with %v and %v", kept.Err(), child.Err())
		}
		<-kept.Done()
	})
}

// A request knows its name, its arguments and its session; a reply's metadata
// set after the handler returned has no effect.
func TestRequest(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		var kept *core.Request
		cfg, _ := serving(map[string]core.Handler{"test.Echo": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			kept = r
			if r.Name() != "test.Echo" || string(r.Raw()) != "\xa1x" || r.Session() == nil {
				t.Errorf("request %q %q %v", r.Name(), r.Raw(), r.Session())
			}
			return echo(ctx, r)
		}})
		p := connect(t, o, cfg, &core.Config{})
		var md core.Metadata
		if _, err := call(core.WithReplyMetadata(core.Idempotent(t.Context()), &md), p.client, "test.Echo", "x"); err != nil || md != nil {
			t.Errorf("%v, %v", md, err)
		}
		kept.SetReplyMetadata(core.Metadata{"late": "x"})
	})
}

// What Limits say by zero and by negative numbers.
func TestLimits(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(map[string]core.Handler{"test.Echo": echo})
		cfg.Limits = &core.Limits{}
		p := connect(t, o, cfg, cfg)
		if _, err := call(t.Context(), p.client, "test.Echo", "x"); err != nil {
			t.Error(err)
		}
		// None at all of what may be none; the least of the rest.
		none := *cfg
		none.Limits = &core.Limits{
			Calls: -1, Messages: -1, MessageSize: -1, LargeBytes: -1, QueuedCalls: -1, QueuedBytes: -1, ReplyBytes: -1,
			EventBytes: -1, UnreadBytes: -1, StateBytes: -1, States: -1, Topics: -1, HandshakeTime: -1, CloseTime: -1,
		}
		p = connect(t, o, &none, &none)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := call(ctx, p.client, "test.Echo", "x")
		wantCode(t, err, twinwire.DeadlineExceeded)
		if err := p.client.Send(ctx, "test.Echo", str("x")); err != nil && twinwire.CodeOf(err) != twinwire.DeadlineExceeded {
			t.Error(err)
		}
		_, err = p.server.Subscribe("topic", core.DropOldest)
		wantCode(t, err, twinwire.ResourceExhausted)
		_, err = call(t.Context(), p.client, "test.Echo", string(make([]byte, 20_000)))
		wantCode(t, err, twinwire.TooLarge)
		// More than there can be counts as the most there is.
		much := *cfg
		much.Limits = &core.Limits{Calls: 1 << 40, Messages: 1 << 40, MessageSize: 1 << 40, LargeBytes: 1 << 40, Topics: 1 << 40}
		p = connect(t, o, &much, &much)
		if _, err := call(t.Context(), p.client, "test.Echo", string(make([]byte, 1<<20))); err != nil {
			t.Error(err)
		}
	})
}
