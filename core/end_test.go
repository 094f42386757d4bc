package core_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/mem"
)

// What a call ends with when the carrier breaks: Unavailable if it was not
// sent, OutcomeUnknown if it was (8.3). The handler's context ends.
func TestCut(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		handler := make(chan error, 1)
		cfg, _ := serving(map[string]core.Handler{"test.Block": func(ctx context.Context, _ *core.Request) (codec.Marshaler, error) {
			<-ctx.Done()
			handler <- ctx.Err()
			return nil, ctx.Err()
		}})
		cfg.Limits = &core.Limits{Calls: 1}
		p := connect(t, o, cfg, &core.Config{})
		running := async(t.Context(), p.client, "test.Block")
		queued := async(t.Context(), p.client, "test.Block")
		p.cc.Cut()
		wantCode(t, must(t, running), twinwire.OutcomeUnknown)
		wantCode(t, must(t, queued), twinwire.Unavailable)
		if err := must(t, handler); err != context.Canceled {
			t.Errorf("handler's context ended with %v", err)
		}
		for _, s := range []*core.Session{p.client, p.server} {
			<-s.Done()
			if wantCode(t, s.Err(), twinwire.Unavailable); !errors.Is(s.Err(), mem.ErrCut) {
				t.Errorf("session ended with %v", s.Err())
			}
			if context.Cause(s.Context()) != s.Err() {
				t.Errorf("the session's context ended with %v", context.Cause(s.Context()))
			}
			_, err := call(t.Context(), s, "test.Block", "")
			if wantCode(t, err, twinwire.Unavailable); !errors.Is(err, mem.ErrCut) {
				t.Errorf("%v does not say why", err)
			}
			wantCode(t, s.Send(t.Context(), "test.Block", nil), twinwire.Unavailable)
		}
		if err := must(t, p.served); !errors.Is(err, mem.ErrCut) {
			t.Errorf("Serve = %v", err)
		}
	})
}

// Whatever byte the carrier breaks at, each call has one outcome, and the right
// one: one that ran is never Unavailable, and an answer belongs to its call.
func TestCutAnywhere(t *testing.T) {
	for _, onePipe := range []bool{true, false} {
		for n := int64(0); n < 600; n += 7 {
			synctest.Test(t, func(t *testing.T) {
				var ran [10]atomic.Int32
				cfg, _ := serving(map[string]core.Handler{"test.Echo": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
					ran[r.Raw()[1]-'0'].Add(1)
					return echo(ctx, r)
				}})
				p := connect(t, &mem.Options{OnePipe: onePipe}, cfg, &core.Config{})
				side := p.cc
				if n%2 == 0 {
					side = p.sc
				}
				side.CutAfter(n)
				texts, errs := [len(ran)]string{}, [len(ran)]error{}
				var wg sync.WaitGroup
				for i := range ran {
					text := string(rune('0'+i)) + strings.Repeat("x", i*3)
					wg.Go(func() { texts[i], errs[i] = call(t.Context(), p.client, "test.Echo", text) })
				}
				wg.Wait()
				synctest.Wait()
				for i, err := range errs {
					switch code := twinwire.CodeOf(err); {
					case code == twinwire.Accepted && len(texts[i]) == 1+i*3 && texts[i][0] == byte('0'+i) && ran[i].Load() == 1:
					case code == twinwire.OutcomeUnknown && ran[i].Load() <= 1:
					case code == twinwire.Unavailable && ran[i].Load() == 0:
					default:
						t.Errorf("cut after %d: call %d ran %d times and ended with %q, %v", n, i, ran[i].Load(), texts[i], err)
					}
				}
			})
		}
	}
}

// Idle sessions stay alive, and a peer that has vanished is noticed within two
// intervals, on both sides (8.1).
func TestHeartbeat(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(map[string]core.Handler{"test.Block": block})
		p := connect(t, o, cfg, &core.Config{})
		time.Sleep(10 * time.Hour)
		if p.client.Err() != nil || p.server.Err() != nil {
			t.Fatalf("an idle session ended with %v and %v", p.client.Err(), p.server.Err())
		}
		running := async(t.Context(), p.client, "test.Block")
		p.cc.Stall(mem.AllLanes)
		p.sc.Stall(mem.AllLanes)
		begin := time.Now()
		<-p.client.Done()
		<-p.server.Done()
		if d := time.Since(begin); d > 20*time.Second {
			t.Errorf("noticed after %v, want 20s", d)
		}
		wantCode(t, p.client.Err(), twinwire.PeerDead)
		wantCode(t, p.server.Err(), twinwire.PeerDead)
		wantCode(t, must(t, running), twinwire.OutcomeUnknown)
	})
}

// The server's interval counts, and the round trip is measured.
func TestHeartbeatInterval(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		p := connect(t, o, &core.Config{Heartbeat: time.Second}, &core.Config{Heartbeat: time.Hour})
		p.cc.Delay(mem.AllLanes, 30*time.Millisecond)
		time.Sleep(10 * time.Second)
		if rtt := p.server.Stats().RTT + p.client.Stats().RTT; rtt < 30*time.Millisecond || rtt > 60*time.Millisecond {
			t.Errorf("round trips are %v and %v", p.server.Stats().RTT, p.client.Stats().RTT)
		}
		p.cc.Stall(mem.AllLanes)
		begin := time.Now()
		<-p.server.Done()
		if d := time.Since(begin); d > 2*time.Second {
			t.Errorf("noticed after %v, want 2s", d)
		}
		p.cc.Unstall(mem.AllLanes)
	})
}

// A server that wants no heartbeats asks for the longest that clients take.
func TestHeartbeatHardlyEver(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		p := connect(t, o, &core.Config{Heartbeat: math.MaxInt64}, new(core.Config))
		p.cc.Stall(mem.AllLanes)
		begin := time.Now()
		<-p.server.Done()
		if d := time.Since(begin); d != 48*time.Hour {
			t.Errorf("noticed after %v, want 48h", d)
		}
		p.cc.Unstall(mem.AllLanes)
	})
}

// Close sends what is queued, and the peer sees the code and the reason; a
// second Close does nothing.
func TestClose(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		n := 0
		cfg, _ := serving(map[string]core.Handler{
			"test.Note":  func(context.Context, *core.Request) (codec.Marshaler, error) { n++; return nil, nil },
			"test.Block": block,
		})
		cfg.Limits = &core.Limits{Messages: 10}
		p := connect(t, o, cfg, &core.Config{})
		running := async(t.Context(), p.client, "test.Block")
		for range 100 {
			if err := p.client.Send(t.Context(), "test.Note", str(strings.Repeat("x", 20_000))); err != nil {
				t.Fatal(err)
			}
		}
		p.client.CloseWith(2000, "enough", 3*time.Second)
		within(t, 0, func() { <-p.client.Done() })
		if synctest.Wait(); n != 100 {
			t.Errorf("%d messages were handled, want 100", n)
		}
		wantCode(t, must(t, running), twinwire.OutcomeUnknown)
		var local, remote *transport.CloseError
		if err := p.client.Err(); !errors.As(err, &local) || local.Remote || local.Code != 2000 || local.Reason != "enough" {
			t.Errorf("client ended with %v", err)
		}
		if err := p.server.Err(); !errors.As(err, &remote) || !remote.Remote || remote.Code != 2000 || remote.Reason != "enough" {
			t.Errorf("server ended with %v", err)
		}
		p.client.CloseWith(1, "again", 0)
		if err := p.client.Close(); err != nil || !errors.Is(p.client.Err(), twinwire.Code(2000)) {
			t.Errorf("Close = %v, Err = %v", err, p.client.Err())
		}
	})
}

// An ordinary end is a CloseError with code Accepted, at both ends; both may
// close at once.
func TestCloseBoth(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		p := connect(t, o, &core.Config{}, &core.Config{})
		within(t, 0, func() {
			var wg sync.WaitGroup
			wg.Go(func() { _ = p.client.Close() })
			wg.Go(func() { _ = p.server.Close() })
			wg.Wait()
		})
		for _, s := range []*core.Session{p.client, p.server} {
			var e *transport.CloseError
			if !errors.As(s.Err(), &e) || e.Code != twinwire.Accepted {
				t.Errorf("session ended with %v", s.Err())
			}
		}
	})
}

// A peer that does not confirm holds up Close for a bounded time, and not at
// all if that is what is asked for.
func TestCloseTime(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		for _, limit := range []time.Duration{0, 3 * time.Second, -1} {
			p := connect(t, o, &core.Config{}, &core.Config{Limits: &core.Limits{CloseTime: limit}})
			p.sc.Stall(mem.AllLanes)
			want := map[time.Duration]time.Duration{0: time.Second, -1: 0}[limit]
			if limit > 0 {
				want = limit
			}
			begin := time.Now()
			_ = p.client.Close()
			if d := time.Since(begin); d != want {
				t.Errorf("CloseTime %v: Close took %v, want %v", limit, d, want)
			}
			p.sc.Unstall(mem.AllLanes)
		}
	})
}

// A handler may end its own session. What the code is out of range of is
// Internal.
func TestCloseByHandler(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(map[string]core.Handler{"test.Leave": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
			r.Session().CloseWith(9999, strings.Repeat("ü", 200), 0)
			return nil, nil
		}})
		p := connect(t, o, cfg, &core.Config{})
		_, err := call(t.Context(), p.client, "test.Leave", "")
		if code := twinwire.CodeOf(err); code != twinwire.Accepted && code != twinwire.OutcomeUnknown {
			t.Errorf("call ended with %v", err)
		}
		<-p.client.Done()
		var e *transport.CloseError
		if !errors.As(p.client.Err(), &e) || e.Code != twinwire.Internal || e.Reason != strings.Repeat("ü", 60) {
			t.Errorf("client ended with %v", p.client.Err())
		}
	})
}

// Drain lets running calls finish, and answers later ones with Unavailable.
func TestDrain(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		release := make(chan struct{})
		cfg, _ := serving(map[string]core.Handler{
			"test.Echo": echo,
			"test.Wait": func(context.Context, *core.Request) (codec.Marshaler, error) { <-release; return nil, nil },
		})
		p := connect(t, o, cfg, &core.Config{})
		running := async(t.Context(), p.client, "test.Wait")
		drained := make(chan error, 1)
		go func() { drained <- p.server.Drain(t.Context(), twinwire.Unavailable, "restarting", time.Minute) }()
		synctest.Wait()
		_, err := call(t.Context(), p.client, "test.Echo", "")
		wantCode(t, err, twinwire.Unavailable)
		// Refused calls do not prolong it, however many there are.
		var stop atomic.Bool
		for range 4 {
			go func() {
				for !stop.Load() {
					_, _ = call(t.Context(), p.client, "test.Echo", "")
					time.Sleep(time.Millisecond)
				}
			}()
		}
		time.Sleep(time.Second)
		none(t, drained)
		none(t, running)
		close(release)
		if err := must(t, running); err != nil {
			t.Errorf("the running call ended with %v", err)
		}
		if err := must(t, drained); err != nil {
			t.Error(err)
		}
		stop.Store(true)
		wantCode(t, p.client.Err(), twinwire.Unavailable)
		time.Sleep(time.Second)
	})
}

// Drain gives up when its context does.
func TestDrainGivesUp(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(map[string]core.Handler{"test.Block": block})
		p := connect(t, o, cfg, &core.Config{})
		running := async(t.Context(), p.client, "test.Block")
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		within(t, 2*time.Second, func() {
			if err := p.server.Drain(ctx, twinwire.Unavailable, "restarting", 0); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Drain = %v", err)
			}
		})
		wantCode(t, must(t, running), twinwire.OutcomeUnknown)
		// Of a session without calls, and one that has ended, there is nothing
		// to wait for.
		idle := connect(t, o, cfg, &core.Config{})
		for range 2 {
			if err := idle.server.Drain(t.Context(), twinwire.Unavailable, "", 0); err != nil {
				t.Errorf("Drain = %v", err)
			}
		}
	})
}

// A context ends the wait of its call although the peer does not read, however
// much there is to send.
func TestStalledPeer(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		o.SendTimeout = -1
		cfg, _ := serving(map[string]core.Handler{"test.Echo": echo})
		p := connect(t, o, cfg, &core.Config{})
		if _, err := call(t.Context(), p.client, "test.Echo", ""); err != nil {
			t.Fatal(err)
		}
		p.cc.Stall(mem.AllLanes)
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				within(t, time.Second, func() {
					_, err := call(ctx, p.client, "test.Echo", strings.Repeat("x", i*1500))
					wantCode(t, err, twinwire.DeadlineExceeded)
				})
			})
		}
		wg.Wait()
		within(t, 0, func() {
			for range 100 {
				if err := p.client.Send(t.Context(), "test.Echo", str(strings.Repeat("x", 1000))); err != nil {
					t.Error(err)
				}
			}
		})
		p.cc.Unstall(mem.AllLanes)
		if _, err := call(t.Context(), p.client, "test.Echo", "alive"); err != nil {
			t.Errorf("the session does not go on: %v", err)
		}
	})
}

// A side that owes an acknowledgement and cannot send it does not burn time
// meanwhile: if its timer fired at once, again and again, the bubble's clock
// would stand still.
func TestStalledIsQuiet(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		o.SendTimeout, o.Buffer = -1, 1
		cfg, _ := serving(map[string]core.Handler{"test.Echo": echo})
		p := connect(t, o, cfg, &core.Config{})
		if _, err := call(t.Context(), p.client, "test.Echo", ""); err != nil {
			t.Fatal(err)
		}
		p.cc.Stall(mem.AllLanes)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for range 5 {
			_ = async(ctx, p.client, "test.Echo")
		}
		for range 10 {
			time.Sleep(time.Second)
			if _, err := p.server.Emit("f.E", nil, core.DropOldest, nil); err != nil {
				t.Fatal(err)
			}
			p.server.Flush()
		}
		<-p.server.Done()
		wantCode(t, p.server.Err(), twinwire.PeerDead)
		p.cc.Unstall(mem.AllLanes)
	})
}

// OnEnd is told once, in whatever order things happen, and a hook that panics
// does no harm.
func TestOnEnd(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		log := new(recorder)
		cfg := &core.Config{Logger: newLogger(log)}
		p := connect(t, o, cfg, cfg)
		told := make(chan error, 10)
		for range 2 {
			p.client.OnEnd(func(err error) { told <- err })
		}
		p.client.OnEnd(func(error) { panic("in a hook") })
		stop := p.client.OnEnd(func(error) { t.Error("a hook that was taken back is called") })
		if !stop() || stop() {
			t.Error("a hook is taken back once")
		}
		last := p.client.OnEnd(func(err error) { told <- err })
		p.server.CloseWith(twinwire.Rejected, "go", 0)
		for range 3 {
			wantCode(t, must(t, told), twinwire.Rejected)
		}
		none(t, told)
		if last() {
			t.Error("a hook that was called is taken back")
		}
		if p.client.OnEnd(func(err error) { told <- err })() {
			t.Error("a hook that was called is taken back")
		}
		wantCode(t, must(t, told), twinwire.Rejected)
		if !log.has("in a hook") {
			t.Error("the panic is not in the log")
		}
	})
}
