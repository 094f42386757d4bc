package core_test

import (
	"bytes"
	"context"
	"errors"
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

// A call that is canceled in the delivery that takes it beyond the rate ends the
// session and nothing else.
func TestCanceledBeyondTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := serving(map[string]core.Handler{"test.Echo": echo})
		cfg.Limits = &core.Limits{Rate: 10, RateBurst: 3, RateCloses: true}
		p := connect(t, &mem.Options{OnePipe: true}, cfg, new(core.Config))
		for range 3 {
			if _, err := call(t.Context(), p.client, "test.Echo", "x"); err != nil {
				t.Fatal(err)
			}
		}
		p.cc.Stall(0)
		ctx, cancel := context.WithCancel(t.Context())
		done := async(ctx, p.client, "test.Echo")
		cancel()
		wantCode(t, <-done, twinwire.Canceled)
		synctest.Wait()
		p.cc.Unstall(0)
		<-p.client.Done()
		wantCode(t, p.client.Err(), twinwire.ResourceExhausted)
	})
}

// What was received is acknowledged behind a goodbye (clause 8.2), although
// answers come with it, for which the reader has claimed the pipe.
func TestAcknowledgedAtGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		cfg, _ := serving(map[string]core.Handler{
			"test.Echo": echo,
			"test.Gate": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
				<-gate
				return echo(ctx, r)
			},
		})
		client, _ := serving(map[string]core.Handler{"test.Note": echo})
		p, near, _ := connectPiecemeal(t, cfg, client)
		near.frames = 100
		var answered []chan error
		for range 2 {
			answered = append(answered, async(t.Context(), p.client, "test.Gate"))
		}
		time.Sleep(time.Second)
		if err := p.server.Send(t.Context(), "test.Note", str("x")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // it has arrived, and its acknowledgement waits
		p.sc.Stall(0)
		close(gate)
		synctest.Wait()
		p.server.CloseWith(twinwire.Accepted, "", 0)
		synctest.Wait()
		near.sent.Store(0)
		p.sc.Unstall(0)
		for _, err := range answered {
			if err := <-err; err != nil {
				t.Error(err)
			}
		}
		<-p.client.Done()
		if near.sent.Load() == 0 {
			t.Error("nothing was acknowledged behind the goodbye")
		}
	})
}

// Who reads, and serves a batch while its session moves, leaves no answer to a
// lull of the carrier that has ended.
func TestMoveWhileServingABatch(t *testing.T) {
	for name, from := range map[string]func(*roaming) *core.Session{
		"Server": func(w *roaming) *core.Session { return w.client },
		"Client": func(w *roaming) *core.Session { return w.server },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var w *roaming
				var move atomic.Bool
				flip := func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
					if move.CompareAndSwap(true, false) {
						if err := w.again(w.client); err != nil {
							t.Error(err)
						}
						synctest.Wait()
					}
					return echo(ctx, r)
				}
				server, _ := serving(map[string]core.Handler{"test.Flip": flip})
				client, _ := serving(map[string]core.Handler{"test.Flip": flip})
				w = roam(t, server, client)
				if err := w.again(w.client); err != nil { // to one pipe
					t.Fatal(err)
				}
				synctest.Wait()
				caller := from(w)
				quick(t, caller, "test.Flip")
				release := core.Hold(caller)
				var answered []chan error
				for range 2 { // which arrive together
					answered = append(answered, async(t.Context(), caller, "test.Flip"))
				}
				synctest.Wait()
				move.Store(true)
				began := time.Now()
				release()
				for _, err := range answered {
					if err := <-err; err != nil {
						t.Error(err)
					}
				}
				if took := time.Since(began); took > 50*time.Millisecond || move.Load() {
					t.Errorf("answered after %v", took)
				}
			})
		})
	}
}

// The instance of a service is closed when no handler runs, also where one runs in
// a goroutine that reads a carrier which the session has left.
func TestCloseWaitsForWhoReads(t *testing.T) {
	for name, moves := range map[string]int{"Lanes": 0, "OnePipe": 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var w *roaming
				var end, closed, early atomic.Bool
				ran := make(chan struct{})
				svc := service(nil)
				svc.Close = func(any, error) { closed.Store(true) }
				svc.Methods["test.Flip"] = func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
					if end.CompareAndSwap(true, false) {
						if err := w.again(w.client); err != nil {
							t.Error(err)
						}
						synctest.Wait()
						go func() { _ = w.client.Close() }()
						synctest.Wait()
						early.Store(closed.Load())
						close(ran)
					}
					return echo(ctx, r)
				}
				w = roam(t, &core.Config{Services: []*core.Service{svc}}, new(core.Config))
				for range moves {
					if err := w.again(w.client); err != nil {
						t.Fatal(err)
					}
					synctest.Wait()
				}
				quick(t, w.client, "test.Flip")
				end.Store(true)
				_, _ = call(t.Context(), w.client, "test.Flip", "x") // the session may end first
				<-ran
				synctest.Wait()
				if early.Load() || !closed.Load() {
					t.Errorf("closed while a handler ran: %t, and in the end: %t", early.Load(), closed.Load())
				}
			})
		})
	}
}

// hooked calls back before it sends.
type hooked struct {
	*mem.Carrier
	before atomic.Pointer[func()]
}

func (c *hooked) Send(lane int, batch []byte) error {
	if f := c.before.Swap(nil); f != nil {
		(*f)()
	}
	return c.Carrier.Send(lane, batch)
}

// A call whose answer waits for its events can be given up at the moment at which
// its reader is about to tell its status.
func TestGivenUpWhileReceived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _ := serving(map[string]core.Handler{
			"test.Emit": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
				_, err := r.Session().Emit("test.Event", nil, core.DropOldest, r)
				return nil, err
			},
		})
		client, _ := serving(map[string]core.Handler{"test.Note": echo})
		p := new(pair)
		p.cc, p.sc = mem.Pipe(new(mem.Options))
		near := &hooked{Carrier: p.cc}
		a := acceptor(t, server)
		began := make(chan *core.Session, 1)
		a.Began = func(s *core.Session) { began <- s }
		serve(t, a, p.sc)
		offer, err := greet(t, near, client, core.ID{1})
		if err != nil {
			t.Fatal(err)
		}
		p.client, p.server = offer.Accept(), <-began
		t.Cleanup(func() { _ = p.client.Close() })
		if err := p.client.Call(t.Context(), "test.Emit", nil, nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		const calls, events = 1, 2 // lanes
		p.sc.Stall(calls)
		p.sc.Stall(events)
		ctx, cancel := context.WithCancel(t.Context())
		var st core.Status
		done := make(chan error, 1)
		go func() { done <- p.client.Call(core.WithStatus(ctx, &st), "test.Emit", nil, nil) }()
		synctest.Wait()
		for range 40 { // so that what arrives is acknowledged at once
			if err := p.server.Send(t.Context(), "test.Note", nil); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		givenUp := make(chan error, 1)
		f := func() {
			cancel()
			givenUp <- <-done
		}
		near.before.Store(&f)
		p.sc.Unstall(calls)
		if err := <-givenUp; !errors.Is(err, context.Canceled) {
			t.Errorf("the call ended with %v", err)
		}
		synctest.Wait()
		p.sc.Unstall(events)
		synctest.Wait()
		if !st.Final() {
			t.Errorf("the status stays at %v", st.Now())
		}
	})
}

// clipped is a value that returns a slice without room, as slices.Clip does.
type clipped struct{ text string }

func (c clipped) AppendMsgpack(b []byte) ([]byte, error) {
	b = codec.AppendString(b, c.text)
	return b[:len(b):len(b)], nil
}

// What a large message was encoded into is its own until it is sent, although a
// Marshaler has cut off the room behind it.
func TestClippedMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		same := func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			var v codec.Value[string]
			err := r.Decode(&v)
			return clipped{v.V}, err
		}
		cfg, _ := serving(map[string]core.Handler{"test.Same": same})
		p := connect(t, &mem.Options{OnePipe: true}, cfg, new(core.Config))
		one := func(i int) {
			var got codec.Value[string]
			text := strings.Repeat(string(rune('a'+i)), 60<<10)
			if err := p.client.Call(t.Context(), "test.Same", clipped{text}, &got); err != nil {
				t.Error(err)
			} else if got.V != text {
				t.Errorf("sent %d times %q, got %d times", len(text), text[:1], bytes.Count([]byte(got.V), []byte(text[:1])))
			}
		}
		one(0)
		for _, end := range []*mem.Carrier{p.cc, p.sc} { // arguments wait, and answers
			end.Stall(0)
			var done sync.WaitGroup
			for i := range 10 {
				done.Go(func() { one(1 + i) })
				synctest.Wait()
			}
			end.Unstall(0)
			done.Wait()
		}
	})
}
