package core_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// Both ends call and serve, with the same API; also from within a handler.
func TestCallBothWays(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		back := func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			s, ok := core.SessionFrom(ctx)
			if req, ok2 := core.RequestFrom(ctx); !ok || !ok2 || req != r || s != r.Session() {
				t.Error("the context does not know its request")
			}
			v, err := call(ctx, s, "test.Echo", "from "+r.Name())
			return str(v), err
		}
		cfg, _ := serving(map[string]core.Handler{"test.Echo": echo, "test.Back": back})
		p := connect(t, o, cfg, cfg)
		for _, s := range []*core.Session{p.client, p.server} {
			if v, err := call(t.Context(), s, "test.Echo", "hello"); v != "hello" || err != nil {
				t.Errorf("Echo = %q, %v", v, err)
			}
			if v, err := call(t.Context(), s, "test.Back", ""); v != "from test.Back" || err != nil {
				t.Errorf("Back = %q, %v", v, err)
			}
		}
		if p.client.ID() != p.server.ID() || p.client.ID() == (core.ID{}) {
			t.Errorf("ids are %v and %v", p.client.ID(), p.server.ID())
		}
		if st := p.server.Stats(); st.CallsServed != 3 || st.CallsStarted != 3 {
			t.Errorf("stats: %+v", st)
		}
	})
}

// A nil result is a bare acknowledgement; a nil destination ignores the answer,
// nil arguments are none.
func TestCallOfNothing(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(map[string]core.Handler{
			"test.Echo": echo,
			"test.None": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
				if len(r.Raw()) != 0 {
					t.Errorf("arguments are %x", r.Raw())
				}
				return nil, nil
			},
		})
		p := connect(t, o, cfg, &core.Config{})
		v := str("as before")
		if err := p.client.Call(t.Context(), "test.None", nil, &v); err != nil || v.V != "as before" {
			t.Errorf("%v, %v", v, err)
		}
		if err := p.client.Call(t.Context(), "test.Echo", str("x"), nil); err != nil {
			t.Error(err)
		}
	})
}

// What goes wrong with one call is the error of that call and touches nothing
// else (9.2). What has no code says nothing to the peer and all to the log.
func TestCallErrors(t *testing.T) {
	details := []byte{0x93, 1, 2, 3}
	secret := errors.New("password is swordfish")
	cfg := map[string]core.Handler{
		"test.Echo": echo,
		"test.Coded": func(context.Context, *core.Request) (codec.Marshaler, error) {
			return nil, fmt.Errorf("room %q: %w", "x", twinwire.NotFound)
		},
		"test.Own": func(context.Context, *core.Request) (codec.Marshaler, error) {
			return nil, &twinwire.Error{Code: 2000, Message: "mine", Details: details}
		},
		"test.Bare":   func(context.Context, *core.Request) (codec.Marshaler, error) { return nil, twinwire.Rejected },
		"test.Secret": func(context.Context, *core.Request) (codec.Marshaler, error) { return nil, secret },
		"test.Beyond": func(context.Context, *core.Request) (codec.Marshaler, error) { return nil, twinwire.Code(5000) },
		"test.Panic":  func(context.Context, *core.Request) (codec.Marshaler, error) { panic("at the disco") },
		"test.Encode": func(context.Context, *core.Request) (codec.Marshaler, error) { return broken{err: secret}, nil },
		"test.Crash":  func(context.Context, *core.Request) (codec.Marshaler, error) { return broken{}, nil },
		"test.Nil":    func(context.Context, *core.Request) (codec.Marshaler, error) { return nil, (*nilError)(nil) },
		"test.Long": func(context.Context, *core.Request) (codec.Marshaler, error) {
			return nil, twinwire.Errorf(twinwire.Rejected, "%s", strings.Repeat("é", 5000))
		},
		"test.Key": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
			r.SetReplyMetadata(core.Metadata{"A KEY": "x"})
			return nil, nil
		},
	}
	tests := []struct {
		method  string
		args    codec.Marshaler
		code    twinwire.Code
		message string
		logged  string
	}{
		{"test.Coded", nil, twinwire.NotFound, `room "x"`, ""},
		{"test.Own", nil, 2000, "mine", ""},
		{"test.Bare", nil, twinwire.Rejected, "", ""},
		{"test.Secret", nil, twinwire.Internal, "", "swordfish"},
		{"test.Beyond", nil, twinwire.Internal, "", "5000"},
		{"test.Panic", nil, twinwire.Internal, "", "at the disco"},
		{"test.Encode", nil, twinwire.Internal, "", "swordfish"},
		{"test.Crash", nil, twinwire.Internal, "", "panicked"},
		{"test.Nil", nil, twinwire.Internal, "", "failed"},
		{"test.Key", nil, twinwire.Internal, "", "A KEY"},
		{"test.Long", nil, twinwire.Rejected, strings.Repeat("é", 512), ""},
		{"test.Unknown", nil, twinwire.NotImplemented, "no method test.Unknown", ""},
		{"test.Echo", nil, twinwire.BadRequest, "cannot decode", ""},
		{"test.Echo", codec.Raw{0xc1}, twinwire.BadRequest, "cannot decode", ""},
		{"test.Echo", codec.Raw{0xa1, 'x', 0x00}, twinwire.BadRequest, "cannot decode", ""},
	}
	run(t, func(t *testing.T, o *mem.Options) {
		server, log := serving(cfg)
		p := connect(t, o, server, &core.Config{})
		for _, test := range tests {
			err := p.client.Call(t.Context(), test.method, test.args, nil)
			var e *twinwire.Error
			if !errors.As(err, &e) || e.Code != test.code || !strings.HasPrefix(e.Message, test.message) || test.message == "" && e.Message != "" {
				t.Errorf("%s = %v, want %v with %q", test.method, err, test.code, test.message)
				continue
			}
			if test.code == 2000 && string(e.Details) != string(details) {
				t.Errorf("details are %x, want %x", e.Details, details)
			}
			if test.logged != "" && !log.has("ERROR", test.method, test.logged) {
				t.Errorf("%s: %q is not in the log: %q", test.method, test.logged, log.lines)
			}
		}
		if v, err := call(t.Context(), p.client, "test.Echo", "alive"); v != "alive" || err != nil {
			t.Errorf("the session does not live on: %v", err)
		}
	})
}

// broken cannot be encoded; without an error it panics.
type broken struct{ err error }

func (b broken) AppendMsgpack([]byte) ([]byte, error) {
	if b.err == nil {
		panic("cannot")
	}
	return nil, b.err
}

type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

// What cannot be sent is refused here, and never begins.
func TestCallRefusedHere(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(map[string]core.Handler{"test.Echo": echo})
		p := connect(t, o, cfg, &core.Config{})
		_, err := call(t.Context(), p.client, "not a name", "")
		wantCode(t, err, twinwire.BadRequest)
		_, err = call(t.Context(), p.client, "", "")
		wantCode(t, err, twinwire.BadRequest)
		wantCode(t, p.client.Call(t.Context(), "test.Echo", broken{errors.New("no")}, nil), twinwire.BadRequest)
		_, err = call(core.WithMetadata(t.Context(), core.Metadata{"Key": ""}), p.client, "test.Echo", "")
		wantCode(t, err, twinwire.BadRequest)
		_, err = call(core.WithMetadata(t.Context(), core.Metadata{"key": strings.Repeat("x", 9000)}), p.client, "test.Echo", "")
		wantCode(t, err, twinwire.TooLarge)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = call(ctx, p.client, "test.Echo", "")
		wantCode(t, err, twinwire.Canceled)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v is not context.Canceled", err)
		}
		if n := p.client.Stats().CallsStarted; n != 0 {
			t.Errorf("%d calls were sent", n)
		}
	})
}

// Metadata travels with the call and with its answer, and with a message.
func TestMetadata(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		sent := core.Metadata{"trace": "1234", "a.b/c-d_e": "", "text": "ü\n\x00"}
		got := make(chan core.Metadata, 1)
		cfg, _ := serving(map[string]core.Handler{"test.Echo": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			got <- r.Metadata()
			r.SetReplyMetadata(core.Metadata{"cost": "7"})
			return echo(ctx, r)
		}})
		p := connect(t, o, cfg, &core.Config{})
		for _, text := range []string{"", strings.Repeat("x", 100_000)} {
			var reply core.Metadata
			ctx := core.WithReplyMetadata(core.WithMetadata(t.Context(), sent), &reply)
			if v, err := call(ctx, p.client, "test.Echo", text); v != text || err != nil {
				t.Fatal(err)
			}
			if md := <-got; !maps.Equal(md, sent) {
				t.Errorf("handler sees %q, want %q", md, sent)
			}
			if reply["cost"] != "7" || len(reply) != 1 {
				t.Errorf("caller sees %q", reply)
			}
			if err := p.client.Send(core.WithMetadata(t.Context(), sent), "test.Echo", str(text)); err != nil {
				t.Fatal(err)
			}
			if md := <-got; !maps.Equal(md, sent) {
				t.Errorf("handler of a message sees %q, want %q", md, sent)
			}
		}
		if _, err := call(t.Context(), p.client, "test.Echo", ""); err != nil {
			t.Fatal(err)
		}
		if md := <-got; md != nil {
			t.Errorf("handler sees %q, want none", md)
		}
	})
}

// A deadline travels: both sides give up at the same time, and the handler
// knows when that is.
func TestDeadline(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		ended := make(chan error, 1)
		cfg, _ := serving(map[string]core.Handler{"test.Block": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			if at, ok := ctx.Deadline(); !ok || time.Until(at) != 3*time.Second {
				t.Errorf("deadline in %v, %v; want 3s", time.Until(at), ok)
			}
			<-ctx.Done()
			ended <- ctx.Err()
			return nil, ctx.Err()
		}})
		p := connect(t, o, cfg, &core.Config{})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begin := time.Now()
		_, err := call(ctx, p.client, "test.Block", "")
		wantCode(t, err, twinwire.DeadlineExceeded)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 3*time.Second {
			t.Errorf("ended with %v after %v", err, time.Since(begin))
		}
		if err := must(t, ended); err != context.DeadlineExceeded {
			t.Errorf("handler's context ended with %v", err)
		}
	})
}

// Cancellation travels: the caller returns at once, the handler's context ends,
// and the call's place is free when the handler has returned, not before.
func TestCancel(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		ended, release := make(chan error, 1), make(chan struct{})
		cfg, _ := serving(map[string]core.Handler{
			"test.Echo": echo,
			"test.Slow": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
				<-ctx.Done()
				ended <- context.Cause(ctx)
				<-release
				return nil, ctx.Err()
			},
		})
		cfg.Limits = &core.Limits{Calls: 1}
		p := connect(t, o, cfg, &core.Config{})
		mine := errors.New("changed my mind")
		ctx, cancel := context.WithCancelCause(t.Context())
		done := async(ctx, p.client, "test.Slow")
		none(t, done)
		cancel(mine)
		err := must(t, done)
		if wantCode(t, err, twinwire.Canceled); !errors.Is(err, mine) {
			t.Errorf("%v does not say why", err)
		}
		if err := must(t, ended); err != context.Canceled {
			t.Errorf("handler's context ended with %v", err)
		}
		next := async(t.Context(), p.client, "test.Echo")
		none(t, next)
		close(release)
		if err := must(t, next); err != nil {
			t.Error(err)
		}
	})
}

// A call that waits for the window and is given up was never sent.
func TestCancelQueued(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		var ran atomic.Int32
		cfg, _ := serving(map[string]core.Handler{"test.Block": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			ran.Add(1)
			return block(ctx, r)
		}})
		cfg.Limits = &core.Limits{Calls: 1}
		p := connect(t, o, cfg, &core.Config{})
		first, stop := context.WithCancel(t.Context())
		running := async(first, p.client, "test.Block")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := call(ctx, p.client, "test.Block", "")
		if wantCode(t, err, twinwire.DeadlineExceeded); !strings.Contains(err.Error(), "before it was sent") {
			t.Errorf("error is %v", err)
		}
		stop()
		must(t, running)
		if synctest.Wait(); ran.Load() != 1 {
			t.Errorf("%d calls ran", ran.Load())
		}
	})
}

// 256 calls run at once; the next one waits for a place and then runs; beyond
// the bound of what waits a call fails at once (5.2, 5.3).
func TestWindow(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		var running atomic.Int32
		release := make(chan struct{})
		cfg, _ := serving(map[string]core.Handler{"test.Wait": func(context.Context, *core.Request) (codec.Marshaler, error) {
			running.Add(1)
			<-release
			return nil, nil
		}})
		p := connect(t, o, cfg, &core.Config{Limits: &core.Limits{QueuedCalls: 300}})
		errs := make(chan error, 1000)
		for range 256 + 300 {
			go func() { _, err := call(t.Context(), p.client, "test.Wait", ""); errs <- err }()
			synctest.Wait()
		}
		if n := running.Load(); n != 256 {
			t.Errorf("%d calls run, want 256", n)
		}
		_, err := call(t.Context(), p.client, "test.Wait", "")
		wantCode(t, err, twinwire.ResourceExhausted)
		none(t, errs)
		release <- struct{}{}
		if err := must(t, errs); err != nil {
			t.Error(err)
		}
		if n := running.Load(); n != 257 {
			t.Errorf("%d calls ran, want 257", n)
		}
		close(release)
		for range 256 + 300 - 1 {
			if err := must(t, errs); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Calls from many goroutines, both ways, get their own answers.
func TestManyCalls(t *testing.T) {
	for name, onePipe := range map[string]bool{"OnePipe": true, "Lanes": false} {
		t.Run(name, func(t *testing.T) {
			cfg, _ := serving(map[string]core.Handler{"test.Echo": echo})
			p := connect(t, &mem.Options{OnePipe: onePipe}, cfg, cfg)
			var wg sync.WaitGroup
			for g := range 64 {
				s := []*core.Session{p.client, p.server}[g%2]
				wg.Go(func() {
					for i := range 100 {
						ctx, cancel := context.WithCancel(t.Context())
						if i%10 == 0 {
							go cancel()
						}
						text := fmt.Sprint(g, ":", i)
						if i%20 == 0 {
							text += strings.Repeat("x", 40_000)
						}
						if v, err := call(ctx, s, "test.Echo", text); v != text && twinwire.CodeOf(err) != twinwire.Canceled {
							t.Errorf("%d bytes came back, %v", len(v), err)
						}
						cancel()
					}
				})
			}
			wg.Wait()
		})
	}
}

// Payloads of up to 4 MiB arrive whole, both ways; one byte more is refused,
// as arguments before anything is sent and as a result by the callee.
func TestLarge(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(map[string]core.Handler{
			"test.Echo": echo,
			"test.Much": func(context.Context, *core.Request) (codec.Marshaler, error) {
				return codec.Value[[]byte]{V: make([]byte, 4<<20-4)}, nil
			},
		})
		p := connect(t, o, cfg, cfg)
		const head = 5 // of a text of this size
		for _, s := range []*core.Session{p.client, p.server} {
			for _, n := range []int{16<<10 - 3, 16<<10 - 2, 16 << 10, 100_000, 4<<20 - head} {
				text := strings.Repeat("0123456789abcde", n/15+1)[:n]
				if v, err := call(t.Context(), s, "test.Echo", text); v != text || err != nil {
					t.Fatalf("%d bytes came back as %d, %v", n, len(v), err)
				}
			}
			_, err := call(t.Context(), s, "test.Echo", strings.Repeat("x", 4<<20-head+1))
			wantCode(t, err, twinwire.TooLarge)
			_, err = call(t.Context(), s, "test.Much", "")
			wantCode(t, err, twinwire.TooLarge)
		}
	})
}

// A small call gets through while large ones are on their way.
func TestSmallBesideLarge(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(map[string]core.Handler{"test.Echo": echo})
		p := connect(t, o, cfg, &core.Config{})
		if _, err := call(t.Context(), p.client, "test.Echo", ""); err != nil {
			t.Fatal(err)
		}
		p.cc.Delay(mem.AllLanes, 10*time.Millisecond) // a round trip of 10 ms, 64 KiB at a time
		large := make(chan error, 4)
		for range 3 {
			go func() {
				_, err := call(t.Context(), p.client, "test.Echo", strings.Repeat("x", 4<<20-5))
				large <- err
			}()
		}
		synctest.Wait()
		within(t, 50*time.Millisecond, func() {
			if _, err := call(t.Context(), p.client, "test.Echo", "small"); err != nil {
				t.Error(err)
			}
		})
		none(t, large)
		for range 3 {
			if err := <-large; err != nil {
				t.Error(err)
			}
		}
	})
}
