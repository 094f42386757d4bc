package core_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
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

// Streams that were left do not count any more, also if all of the call was here
// when they were.
func TestValuesLeftAfterTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _ := serving(map[string]core.Handler{
			"test.Values": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
				return nil, core.ReplyValues(r, core.Normal, count(20_000, nil), in)
			},
		})
		p := connect(t, new(mem.Options), server, &core.Config{Limits: &core.Limits{Streams: 2}})
		for i := range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			n := 0
			for _, err := range core.CallValues(ctx, p.client, "test.Values", nil, nil, in) {
				if err != nil {
					t.Fatalf("call %d: %v", i, err)
				}
				if n++; n == 1 {
					time.Sleep(time.Second) // all of it arrives
					break
				}
			}
			cancel()
			if n == 0 {
				t.Fatalf("call %d had no values", i)
			}
		}
		for i := range 10 { // whose streams nobody takes
			x, err := p.client.Begin(t.Context(), "test.Values", nil)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			stop := context.AfterFunc(ctx, x.Cancel)
			if err := x.Result(nil); err != nil {
				t.Fatalf("exchange %d: %v", i, err)
			}
			stop()
			cancel()
		}
	})
}

// A stream that was taken arrives although Result waits since before it began.
func TestTakenBeforeItBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _ := serving(map[string]core.Handler{
			"test.Late": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
				time.Sleep(time.Second)
				w := r.Writer(0, core.Normal)
				if _, err := w.Write([]byte("all of it")); err != nil {
					return nil, err
				}
				return nil, w.Close()
			},
		})
		p := connect(t, new(mem.Options), server, new(core.Config))
		x, err := p.client.Begin(t.Context(), "test.Late", nil)
		if err != nil {
			t.Fatal(err)
		}
		r := x.Reader(0)
		read := make(chan string, 1)
		go func() {
			b, err := io.ReadAll(r)
			if err != nil {
				t.Error(err)
			}
			read <- string(b)
		}()
		if err := x.Result(nil); err != nil {
			t.Error(err)
		}
		if got := <-read; got != "all of it" {
			t.Errorf("read %q", got)
		}
	})
}

// Answers that come with an event whose receiver ends its goroutine end their
// calls all the same.
func TestAnsweredWithAnExit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _ := serving(map[string]core.Handler{
			"test.Emit": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
				_, err := r.Session().Emit("f.E", nil, core.DropOldest, r)
				return nil, err
			},
		})
		p := connect(t, &mem.Options{OnePipe: true}, server, new(core.Config))
		if err := p.client.ReceiveEvents("f", quitter{core.Emitted}); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- p.client.Call(context.Background(), "test.Emit", nil, nil) }()
		select {
		case <-done: // whatever its outcome
		case <-time.After(time.Hour):
			t.Error("the call waits for ever")
			_ = p.client.Close()
		}
		<-p.client.Done()
	})
}

// Who waits to send a message is told when calls that were given up make room.
func TestRoomThatCallsLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _ := serving(map[string]core.Handler{"test.Block": block, "test.Note": echo})
		server.Limits = &core.Limits{Calls: 1}
		p := connect(t, &mem.Options{OnePipe: true}, server, &core.Config{Limits: &core.Limits{QueuedCalls: 4}})
		done := []chan error{async(t.Context(), p.client, "test.Block")}
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		for range 4 {
			done = append(done, async(ctx, p.client, "test.Block"))
		}
		synctest.Wait()
		sent := make(chan error, 1)
		go func() { sent <- p.client.Send(t.Context(), "test.Note", str("x")) }()
		synctest.Wait()
		if len(sent) > 0 {
			t.Fatalf("there was room: %v", <-sent)
		}
		began := time.Now()
		cancel()
		if err := <-sent; err != nil || time.Since(began) > 100*time.Millisecond {
			t.Errorf("sent after %v: %v", time.Since(began), err)
		}
		_ = p.client.Close()
		for _, err := range done {
			<-err
		}
	})
}

// Whose first event in a topic comes behind others' gap is told of it: it may have
// had a part in what was dropped.
func TestMissedByAFamilyThatWasNotSeen(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		p := connect(t, o, &core.Config{Limits: &core.Limits{EventBytes: 16 << 10}}, new(core.Config))
		missed := make(map[string]uint64)
		for _, family := range []string{"game", "chat"} {
			if err := p.client.ReceiveEvents(family, told(func(ev core.Event) { missed[family] += ev.Missed })); err != nil {
				t.Fatal(err)
			}
		}
		sub, err := p.server.Subscribe("topic", core.DropOldest)
		if err != nil {
			t.Fatal(err)
		}
		emit := func(typ string, size int) {
			if _, err := sub.Emit(typ, make([]byte, size), nil); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		for lane := range 4 {
			p.sc.Stall(lane)
		}
		for range 10 {
			emit("game.Started", 4<<10)
		}
		for range 10 {
			emit("chat.Said", 4<<10)
		}
		p.server.Flush()
		synctest.Wait()
		for lane := range 4 {
			p.sc.Unstall(lane)
		}
		synctest.Wait()
		if missed["chat"] == 0 {
			t.Fatal("nothing was dropped")
		}
		emit("game.Over", 1)
		p.server.Flush()
		synctest.Wait()
		if missed["game"] < 10 {
			t.Errorf("the family that lost 10 events was told of %d", missed["game"])
		}
	})
}

// told is an EventReceiver.
type told func(core.Event)

func (f told) ReceiveEvent(ev core.Event) { f(ev) }
func (f told) EventsEnded(error)          {}

// Who subscribes while the peer says goodbye is told that the session ends, which
// that does not change.
func TestSubscribeBehindAGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		joined := make(chan error, 1)
		server, _ := serving(map[string]core.Handler{
			"test.Join": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
				time.Sleep(time.Second)
				_, err := r.Session().Subscribe("topic", core.DropOldest)
				joined <- err
				return nil, nil
			},
		})
		p := connect(t, new(mem.Options), server, new(core.Config))
		if _, err := p.client.Emit("f.E", nil, core.DropOldest, nil); err != nil { // binds its lane
			t.Fatal(err)
		}
		p.client.Flush()
		synctest.Wait()
		const events = 2
		p.cc.Stall(events) // the goodbye waits for what is on its way there
		if _, err := p.client.Emit("f.E", nil, core.DropOldest, nil); err != nil {
			t.Fatal(err)
		}
		p.client.Flush()
		if err := p.client.Send(t.Context(), "test.Join", nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		p.client.CloseWith(twinwire.Accepted, "", 0)
		wantCode(t, <-joined, twinwire.Unavailable)
		p.cc.Unstall(events)
		<-p.server.Done()
		var closed *transport.CloseError
		if err := p.server.Err(); !errors.As(err, &closed) || !closed.Remote || closed.Code != twinwire.Accepted {
			t.Errorf("the session ended with %v", err)
		}
	})
}

// Names that a peer makes up for states are not all remembered.
func TestNamesOfStatesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := serving(nil)
		h := newHostile(t, &mem.Options{OnePipe: true}, acceptor(t, cfg), false)
		const states = 5000
		for id := uint64(1); id <= states; id++ {
			if err := h.send(1,
				frame.Frame{Kind: frame.State, Flags: frame.HasName | frame.Snapshot, ID: id, Next: 1, Name: []byte("state/" + strconv.FormatUint(id, 10)), Payload: []byte{0xc0}},
				frame.Frame{Kind: frame.State, Flags: frame.End, ID: id},
			); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if n := core.StatesOf(h.session); n > states/2 || n == 0 {
			t.Errorf("%d of %d names are remembered", n, states)
		}
	})
}
