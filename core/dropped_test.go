package core_test

import (
	"context"
	"fmt"
	"runtime"
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

// A fatalist is the result of a handler, and ends its goroutine when it is
// encoded.
type fatalist struct{}

func (fatalist) AppendMsgpack([]byte) ([]byte, error) { runtime.Goexit(); return nil, nil }

// A handler that ends its goroutine, as FailNow of a test does, drops its
// request: the caller is told at once, and whoever comes next is served.
func TestDropped(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		var handled atomic.Int32
		cfg, log := serving(map[string]core.Handler{
			"test.Echo": echo,
			"test.Drop": func(context.Context, *core.Request) (codec.Marshaler, error) { runtime.Goexit(); return nil, nil },
			"test.Late": func(context.Context, *core.Request) (codec.Marshaler, error) { return fatalist{}, nil },
			"test.Note": func(context.Context, *core.Request) (codec.Marshaler, error) {
				if handled.Add(1)%2 == 0 {
					runtime.Goexit()
				}
				return nil, nil
			},
		})
		cfg.Limits = &core.Limits{Calls: 4, Messages: 4}
		p := connect(t, o, cfg, &core.Config{})
		within(t, time.Second, func() {
			var waiting []chan error
			for range 20 { // more than may run at once: none keeps its place
				waiting = append(waiting, async(t.Context(), p.client, "test.Drop"), async(t.Context(), p.client, "test.Late"))
			}
			for _, done := range waiting {
				wantCode(t, must(t, done), twinwire.Internal)
			}
			if got, err := call(t.Context(), p.client, "test.Echo", "still here"); err != nil || got != "still here" {
				t.Errorf("%q, %v", got, err)
			}
		})
		if !log.has("ERROR", "test.Drop") || !log.has("ERROR", "test.Late") {
			t.Errorf("log: %q", log.lines)
		}
		for range 20 {
			if err := p.client.Send(t.Context(), "test.Note", nil); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if n := handled.Load(); n != 20 {
			t.Errorf("%d of 20 messages were handled", n)
		}
		if _, err := call(t.Context(), p.client, "test.Echo", ""); err != nil {
			t.Error(err)
		}
	})
}

// A method that has always been short is served where the session reads: that
// it ends its goroutine must not end the reading, at either end.
func TestShortMethodThatDrops(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		drop := new(atomic.Int32)
		handler := func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			switch drop.Load() {
			case 1:
				runtime.Goexit()
			case 2:
				time.Sleep(time.Second) // another goroutine reads meanwhile
				runtime.Goexit()
			}
			return echo(ctx, r)
		}
		server, _ := serving(map[string]core.Handler{"test.Flip": handler})
		client, _ := serving(map[string]core.Handler{"test.Flip": handler})
		p := connect(t, o, server, client)
		for _, s := range []*core.Session{p.client, p.server} {
			for _, how := range []int32{1, 2, 1} {
				quick(t, s, "test.Flip")
				drop.Store(how)
				_, err := call(t.Context(), s, "test.Flip", "")
				wantCode(t, err, twinwire.Internal)
				drop.Store(0)
				if got, err := call(t.Context(), s, "test.Flip", "x"); got != "x" || err != nil {
					t.Errorf("%q, %v", got, err)
				}
			}
		}
		_ = p.client.Close()
		<-p.server.Done()
	})
}

// A receiver that ends its goroutine.
type quitter struct{ when core.EventKind }

func (q quitter) ReceiveEvent(ev core.Event) {
	if ev.Kind == q.when {
		runtime.Goexit()
	}
}

func (q quitter) EventsEnded(error) { runtime.Goexit() }

// A callback that ends the goroutine of the session ends the session at most,
// and then everything that waits for it.
func TestCallbacksThatExit(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, log := serving(map[string]core.Handler{"test.Block": block})
		p := connect(t, o, cfg, &core.Config{Logger: newLogger(log)})
		var ended atomic.Int32
		for range 3 {
			p.client.OnEnd(func(error) { ended.Add(1); runtime.Goexit() })
		}
		if err := p.client.ReceiveEvents("f", quitter{core.Emitted}); err != nil {
			t.Fatal(err)
		}
		done := async(t.Context(), p.client, "test.Block")
		if _, err := p.server.Emit("f.E", nil, core.DropOldest, nil); err != nil {
			t.Fatal(err)
		}
		p.server.Flush()
		wantCode(t, must(t, done), twinwire.OutcomeUnknown)
		<-p.client.Done()
		<-p.server.Done()
		if n := ended.Load(); n != 3 {
			t.Errorf("%d of 3 hooks ran", n)
		}
		if !log.has("ERROR", "event receiver") {
			t.Errorf("log: %q", log.lines)
		}
	})
	for what, change := range map[string]func(*core.Config, *core.Acceptor){
		"open":  func(cfg *core.Config, _ *core.Acceptor) {},
		"began": func(_ *core.Config, a *core.Acceptor) { a.Began = func(*core.Session) { runtime.Goexit() } },
		"admit": func(_ *core.Config, a *core.Acceptor) {
			a.Admit = func(*core.Hello, transport.Info) error { runtime.Goexit(); return nil }
		},
	} {
		t.Run(fmt.Sprint(what), func(t *testing.T) {
			run(t, func(t *testing.T, o *mem.Options) {
				cfg, _ := serving(map[string]core.Handler{"test.Echo": echo})
				if what == "open" {
					cfg.Services[0].Open = func(*core.Session) (any, error) { runtime.Goexit(); return nil, nil }
				}
				a := acceptor(t, cfg)
				change(cfg, a)
				cc, sc := mem.Pipe(o)
				go func() { _ = a.Serve(sc) }()
				offer, err := greet(t, cc, &core.Config{}, core.ID{1})
				if err != nil {
					return // admit: no session
				}
				s := offer.Accept()
				within(t, time.Second, func() {
					if _, err := call(t.Context(), s, "test.Echo", ""); err == nil {
						t.Error("the call was answered")
					}
					<-s.Done()
				})
			})
		})
	}
}

// An answer that is a code and nothing else is nothing else on the wire.
func TestBareAnswers(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		var code twinwire.Code
		cfg, _ := serving(map[string]core.Handler{
			"test.Answer": func(context.Context, *core.Request) (codec.Marshaler, error) {
				if code == twinwire.Accepted {
					return nil, nil
				}
				return nil, code
			},
		})
		p := connect(t, o, cfg, &core.Config{})
		_ = p.client.Call(t.Context(), "test.Answer", nil, nil) // introduces the name
		for _, code = range []twinwire.Code{twinwire.Accepted, twinwire.Rejected, twinwire.FirstApplicationCode, twinwire.MaxCode} {
			time.Sleep(time.Second) // nothing is owed
			before := p.server.Stats().BytesSent
			err := p.client.Call(t.Context(), "test.Answer", nil, nil)
			if twinwire.CodeOf(err) != code {
				t.Errorf("answered %v, want %v", err, code)
			}
			// With the ACK of the call, which goes along: 4 bytes.
			if n := p.server.Stats().BytesSent - before; n > 14+4 {
				t.Errorf("%v takes %d bytes", code, n)
			}
		}
	})
}
