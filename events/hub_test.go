package events_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/transport/mem"
)

// overPipes runs a test over lanes that share a pipe and over independent ones.
func overPipes(t *testing.T, test func(t *testing.T, pipe *mem.Options)) {
	t.Run("OnePipe", func(t *testing.T) { test(t, &mem.Options{OnePipe: true}) })
	t.Run("Independent", func(t *testing.T) { test(t, &mem.Options{}) })
}

// bubble runs a test in fake time, over both kinds of pipes.
func bubble(t *testing.T, test func(t *testing.T, pipe *mem.Options)) {
	overPipes(t, func(t *testing.T, pipe *mem.Options) {
		// Package core keeps channels in a sync.Pool, and those of another
		// bubble must not be found there.
		runtime.GC()
		runtime.GC()
		synctest.Test(t, func(t *testing.T) { test(t, pipe) })
	})
}

// sink records what a session receives of the family "counter", marks of
// subscriptions included.
type sink struct {
	mu     sync.Mutex
	events []core.Event
}

func (s *sink) ReceiveEvent(ev core.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, ev)
}

func (s *sink) EventsEnded(error) {}

func (s *sink) all() []core.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

func record(t testing.TB, s *core.Session) *sink {
	t.Helper()
	v := new(sink)
	if err := s.ReceiveEvents("counter", v); err != nil {
		t.Fatal(err)
	}
	return v
}

// numbers returns the numbers that arrived in a topic, and how many were
// missed.
func (s *sink) numbers(t testing.TB, topic events.Topic) (numbers []uint64, missed uint64) {
	t.Helper()
	for _, ev := range s.all() {
		if ev.Topic != string(topic) {
			continue
		}
		missed += ev.Missed
		if ev.Kind == core.Emitted {
			numbers = append(numbers, numberIn(t, ev.Payload))
		}
	}
	return numbers, missed
}

func numberIn(t testing.TB, payload []byte) uint64 {
	t.Helper()
	var v number
	if err := v.ReadMsgpack(codec.NewReader(payload, nil)); err != nil {
		t.Fatal(err)
	}
	return v.N
}

func subscribe(t testing.TB, h *events.Hub, s *core.Session, topic events.Topic) {
	t.Helper()
	if err := h.Subscribe(s, topic); err != nil {
		t.Fatal(err)
	}
}

func emit(t testing.TB, h *events.Hub, topic events.Topic, n uint64) {
	t.Helper()
	if err := h.Emit(t.Context(), topic, number{N: n}); err != nil {
		t.Fatal(err)
	}
}

func upTo(n uint64) []uint64 {
	numbers := make([]uint64, n)
	for i := range numbers {
		numbers[i] = uint64(i)
	}
	return numbers
}

func expect(t testing.TB, s *sink, topic events.Topic, want []uint64) {
	t.Helper()
	if got, missed := s.numbers(t, topic); !slices.Equal(got, want) || missed != 0 {
		t.Errorf("topic %q: got %v and missed %d, want %v", topic, got, missed, want)
	}
}

// Clause 7.2: "Events of one topic arrive in the order in which they were
// emitted."
func TestSubscribersReceiveInOrder(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		a, b := connect(t, config{pipe: pipe}), connect(t, config{pipe: pipe})
		inA, inB := record(t, a.client), record(t, b.client)
		subscribe(t, &h, a.server, "x")
		for n := range uint64(50) {
			emit(t, &h, "x", n)
		}
		subscribe(t, &h, b.server, "x")
		subscribe(t, &h, b.server, "\xff\x00")
		for n := range uint64(50) {
			emit(t, &h, "x", 50+n)
			emit(t, &h, "\xff\x00", n)
			emit(t, &h, "nobody", n)
		}
		synctest.Wait()
		expect(t, inA, "x", upTo(100))
		expect(t, inB, "x", upTo(100)[50:])
		expect(t, inB, "\xff\x00", upTo(50))
		if got := slices.Collect(h.Subscribers("x")); len(got) != 2 || h.Count("x") != 2 {
			t.Errorf("%d subscribers, Count %d, want 2", len(got), h.Count("x"))
		}
		if got := slices.Sorted(h.Topics(b.server)); !slices.Equal(got, []events.Topic{"x", "\xff\x00"}) {
			t.Errorf("topics of b are %q", got)
		}
		if h.Flushers() != 0 {
			t.Errorf("%d flushers run with nothing to do", h.Flushers())
		}
	})
}

func TestSubscribeAndUnsubscribeTwiceAreNoOps(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		l := connect(t, config{pipe: pipe})
		in := record(t, l.client)
		h.Unsubscribe(l.server, "x")
		subscribe(t, &h, l.server, "x")
		subscribe(t, &h, l.server, "x")
		h.Unsubscribe(l.server, "y")
		emit(t, &h, "x", 0)
		h.Unsubscribe(l.server, "x")
		h.Unsubscribe(l.server, "x")
		emit(t, &h, "x", 1)
		subscribe(t, &h, l.server, "x")
		emit(t, &h, "x", 2)
		synctest.Wait()
		expect(t, in, "x", []uint64{0, 2})
		var kinds []core.EventKind
		for _, ev := range in.all() {
			kinds = append(kinds, ev.Kind)
		}
		want := []core.EventKind{core.Subscribed, core.Emitted, core.Unsubscribed, core.Subscribed, core.Emitted}
		if !slices.Equal(kinds, want) {
			t.Errorf("the client was told %v, want %v", kinds, want)
		}
	})
}

// An emit right after a subscribe must not be missed: whatever begins after
// Subscribe returned arrives.
func TestEmitAfterSubscribeReturnedIsSeen(t *testing.T) {
	overPipes(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		l := connect(t, config{pipe: pipe})
		var next atomic.Uint64 // the number that is emitted next
		stop := make(chan struct{})
		var emitter sync.WaitGroup
		emitter.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				emit(t, &h, "x", next.Load())
				next.Add(1)
				runtime.Gosched()
			}
		})
		stream := streamOf(l.client)
		for range 100 {
			subscribe(t, &h, l.server, "x")
			from := next.Load()
			for ev := range stream.Events(t.Context()) {
				// The one being emitted while Subscribe ran may be there or not.
				if n := ev.Event.(number).N; n > from+1 {
					t.Errorf("first event is %d, and Subscribe had returned before %d", n, from+1)
				}
				break
			}
			h.Unsubscribe(l.server, "x")
			for ev := range stream.Receiver().All(t.Context()) {
				if ev.Kind == core.Unsubscribed {
					break
				}
			}
		}
		close(stop)
		emitter.Wait()
		h.Close()
	})
}

func TestConcurrentEmittersShareOneOrder(t *testing.T) {
	overPipes(t, func(t *testing.T, pipe *mem.Options) {
		const emitters, each, subscribers = 4, 200, 3
		var h events.Hub
		var links []*link
		for range subscribers {
			l := connect(t, config{pipe: pipe})
			subscribe(t, &h, l.server, "x")
			links = append(links, l)
		}
		var wg sync.WaitGroup
		for e := range uint64(emitters) {
			wg.Go(func() {
				for n := range uint64(each) {
					emit(t, &h, "x", e<<32|n)
				}
			})
		}
		var first []uint64
		for i, l := range links {
			var got []uint64
			last := make([]uint64, emitters)
			for ev := range streamOf(l.client).Events(t.Context()) {
				n := ev.Event.(number).N
				e, n := n>>32, n&(1<<32-1)
				if n != last[e] || ev.Missed != 0 {
					t.Fatalf("subscriber %d: got %d of emitter %d, want %d", i, n, e, last[e])
				}
				last[e]++
				if got = append(got, e<<32|n); len(got) == emitters*each {
					break
				}
			}
			if first == nil {
				first = got
			} else if !slices.Equal(first, got) {
				t.Errorf("subscribers 0 and %d saw different orders", i)
			}
		}
		wg.Wait()
		h.Close()
	})
}

func TestErrors(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		l := connect(t, config{pipe: pipe, limits: &core.Limits{Topics: 2}})
		gone := connect(t, config{pipe: pipe})
		gone.close()
		in := record(t, l.client)
		subscribe(t, &h, l.server, "a")
		subscribe(t, &h, l.server, "b")
		long := events.Topic(strings.Repeat("x", 256))
		emit := func(topic events.Topic, ev events.Event) error { return h.Emit(t.Context(), topic, ev) }
		for _, c := range []struct {
			name string
			err  error
			code twinwire.Code
		}{
			{"topics limit", h.Subscribe(l.server, "c"), twinwire.ResourceExhausted},
			{"empty topic", h.Subscribe(l.server, ""), twinwire.BadRequest},
			{"long topic", h.Subscribe(l.server, long), twinwire.TooLarge},
			{"session has ended", h.Subscribe(gone.server, "a"), twinwire.Unavailable},
			{"emit to the empty topic", emit("", number{}), twinwire.BadRequest},
			{"emit to a long topic", emit(long, number{}), twinwire.TooLarge},
			{"malformed type", emit("a", events.Raw{Type: "no spaces"}), twinwire.BadRequest},
			{"long type", emit("a", events.Raw{Type: strings.Repeat("x", 256)}), twinwire.BadRequest},
			{"large event", emit("a", number{Pad: events.MaxEvent}), twinwire.TooLarge},
			{"failing event", emit("a", failing{twinwire.NotFound}), twinwire.NotFound},
			{"panicking event", emit("a", failing{}), twinwire.Internal},
			{"nil event", emit("a", nil), twinwire.Internal},
			{"large event to all", h.EmitAll(t.Context(), number{Pad: events.MaxEvent}, nil), twinwire.TooLarge},
			{"value without a codec", events.EmitterOf[int](&h).Emit(t.Context(), "a", 1), twinwire.Internal},
			{"value without a codec, to all", events.EmitterOf[int](&h).EmitAll(t.Context(), 1, nil), twinwire.Internal},
		} {
			if twinwire.CodeOf(c.err) != c.code || c.err == nil {
				t.Errorf("%s: error is %v, want %v", c.name, c.err, c.code)
			}
		}
		// None of it changed anything.
		h.Unsubscribe(l.server, "b")
		subscribe(t, &h, l.server, "c")
		if topics, sessions := h.Sizes(); topics != 2 || sessions != 1 {
			t.Errorf("the hub remembers %d topics and %d sessions, want 2 and 1", topics, sessions)
		}
		if err := emit("a", number{N: 7}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		expect(t, in, "a", []uint64{7})
		h.Close()
		h.Close()
		if err := emit("a", number{}); !errors.Is(err, twinwire.Unavailable) {
			t.Errorf("emit after Close: %v", err)
		}
		if err := h.EmitAll(t.Context(), number{}, nil); !errors.Is(err, twinwire.Unavailable) {
			t.Errorf("emit to all after Close: %v", err)
		}
		if err := h.Subscribe(l.server, "d"); !errors.Is(err, twinwire.Unavailable) {
			t.Errorf("subscribe after Close: %v", err)
		}
	})
}

// failing is an event that cannot be encoded.
type failing struct{ err error }

func (failing) EventType() string { return "counter.Failing" }

func (f failing) AppendMsgpack(b []byte) ([]byte, error) {
	if f.err == nil {
		panic("no error")
	}
	return b, f.err
}

func TestEmitAll(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var log bytes.Buffer
		h := events.NewHub(&events.Options{Logger: logTo(&log)})
		var links []*link
		var ins []*sink
		for range 4 {
			l := connect(t, config{pipe: pipe})
			links, ins = append(links, l), append(ins, record(t, l.client))
		}
		for _, l := range links[:3] {
			h.Add(l.server)
			h.Add(l.server)
		}
		all := func(n uint64, filter func(*core.Session) bool) error {
			return h.EmitAll(t.Context(), number{N: n}, filter)
		}
		if err := all(0, nil); err != nil {
			t.Error(err)
		}
		subscribe(t, h, links[3].server, "x") // known from now on
		not1 := func(s *core.Session) bool {
			// A filter may use the hub, and even emit.
			if s == links[0].server {
				if err := all(1, nil); err != nil {
					t.Error(err)
				}
			}
			return s != links[1].server
		}
		if err := all(2, not1); err != nil {
			t.Error(err)
		}
		err := all(3, func(s *core.Session) bool {
			if s == links[2].server {
				panic("no opinion")
			}
			return true
		})
		if !errors.Is(err, twinwire.Internal) {
			t.Errorf("a filter that panics gives %v", err)
		}
		if !strings.Contains(log.String(), "no opinion") {
			t.Error("the panic was not logged")
		}
		synctest.Wait()
		for i, want := range [][]uint64{{0, 1, 2, 3}, {0, 1, 3}, {0, 1, 2}, {1, 2, 3}} {
			expect(t, ins[i], "", want)
		}
		if n := len(slices.Collect(h.Sessions())); n != 4 {
			t.Errorf("the hub knows %d sessions, want 4", n)
		}
		links[0].close()
		links[1].close()
		if n := len(slices.Collect(h.Sessions())); n != 2 {
			t.Errorf("the hub knows %d sessions after two have ended, want 2", n)
		}
	})
}

// Clause 6.10, with an event lane that is slower than the call lane: the reply
// waits for the event.
func TestReplyDoesNotOvertakeItsEvents(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		methods := map[string]core.Method{
			"counter.Increment": func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
				if err := h.Subscribe(r.Session(), "x"); err != nil {
					return nil, err
				}
				// A context made of the handler's counts as well.
				ctx, cancel := context.WithCancel(ctx)
				cancel()
				for n := range uint64(3) {
					if err := h.Emit(ctx, "x", number{N: n}); err != nil {
						return nil, err
					}
				}
				return nil, h.EmitAll(ctx, number{N: 9}, func(*core.Session) bool { return true })
			},
			"counter.Nothing": func(context.Context, any, *core.Request) (codec.Marshaler, error) { return nil, nil },
		}
		l := connect(t, config{pipe: pipe, methods: methods})
		in := record(t, l.client)
		other := connect(t, config{pipe: pipe})
		subscribe(t, &h, other.server, "x")
		if err := l.client.Call(t.Context(), "counter.Nothing", codec.Empty{}, nil); err != nil {
			t.Fatal(err)
		}
		if !pipe.OnePipe {
			l.serverEnd.Delay(eventLane, 300*time.Millisecond)
		}
		began := time.Now()
		if err := l.client.Call(t.Context(), "counter.Increment", codec.Empty{}, nil); err != nil {
			t.Fatal(err)
		}
		expect(t, in, "x", upTo(3))
		expect(t, in, "", []uint64{9})
		if took := time.Since(began); !pipe.OnePipe && took < 300*time.Millisecond {
			t.Errorf("the reply came after %v, before the events can have", took)
		}
		// A call that caused nothing does not wait.
		began = time.Now()
		if err := h.Emit(t.Context(), "x", number{N: 10}); err != nil {
			t.Fatal(err)
		}
		if err := l.client.Call(t.Context(), "counter.Nothing", codec.Empty{}, nil); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 50*time.Millisecond {
			t.Errorf("a reply that caused nothing took %v", took)
		}
	})
}

// eventLane is the lane of events (clause 4.3).
const eventLane = 2

// What a handler emits goes out at once, not with its reply.
func TestEventsDoNotWaitForTheHandler(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		methods := map[string]core.Method{
			"counter.Wait": func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
				if err := h.Subscribe(r.Session(), "x"); err != nil {
					return nil, err
				}
				if err := h.Emit(ctx, "x", number{N: 1}); err != nil {
					return nil, err
				}
				<-ctx.Done()
				return nil, ctx.Err()
			},
		}
		l := connect(t, config{pipe: pipe, methods: methods})
		in := record(t, l.client)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = l.client.Call(ctx, "counter.Wait", codec.Empty{}, nil) })
		synctest.Wait()
		expect(t, in, "x", []uint64{1})
		cancel()
		wg.Wait()
	})
}

func TestSessionsThatEndLeaveTheHub(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		stays := connect(t, config{pipe: pipe})
		subscribe(t, &h, stays.server, "shared")
		for _, end := range []func(l *link){
			func(l *link) { l.close() },
			func(l *link) { l.serverEnd.Cut() },
			func(l *link) { l.server.CloseWith(twinwire.Unavailable, "", 0) },
			func(l *link) { l.serverEnd.Stall(mem.AllLanes); l.clientEnd.Stall(mem.AllLanes) }, // vanishes
		} {
			l := connect(t, config{pipe: pipe})
			subscribe(t, &h, l.server, "shared")
			for n := range 20 {
				subscribe(t, &h, l.server, events.Topic(fmt.Sprint("own ", n)))
			}
			end(l)
			<-l.server.Done()
			synctest.Wait()
			if topics, sessions := h.Sizes(); topics != 1 || sessions != 1 {
				t.Errorf("the hub remembers %d topics and %d sessions, want 1 and 1", topics, sessions)
			}
			l.clientEnd.Cut()
			emit(t, &h, "shared", 1)
		}
	})
}

// A million subscriptions that come and go leave nothing behind, and the
// session lives.
func TestSubscriptionsThatComeAndGoTakeNoMemory(t *testing.T) {
	rounds := 1_000_000
	if testing.Short() || raced {
		rounds = 20_000
	}
	overPipes(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		l := connect(t, config{pipe: pipe})
		churn := func(rounds int) {
			for n := range rounds {
				topic := events.Topic(fmt.Sprint("topic ", n))
				subscribe(t, &h, l.server, topic)
				h.Unsubscribe(l.server, topic)
			}
			// Everything has arrived when the last topic has.
			subscribe(t, &h, l.server, "last")
			emit(t, &h, "last", 0)
			for range streamOf(l.client).Events(t.Context()) {
				break
			}
			h.Unsubscribe(l.server, "last")
		}
		churn(rounds / 10)
		before := heap()
		churn(rounds)
		if after := heap(); after > before+1<<20 {
			t.Errorf("%d subscriptions took %d KiB", rounds, (after-before)>>10)
		}
		if topics, _ := h.Sizes(); topics != 0 {
			t.Errorf("the hub remembers %d topics", topics)
		}
		h.Close()
	})
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// An event that is emitted often enough for queues to grow is encoded once.
func TestEventsAreEncodedOnce(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		ins := make([]*sink, 5)
		for i := range ins {
			l := connect(t, config{pipe: pipe})
			ins[i] = record(t, l.client)
			subscribe(t, &h, l.server, "x")
		}
		var encodings atomic.Int64
		if err := h.Emit(t.Context(), "x", counted{&encodings}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := encodings.Load(); n != 1 {
			t.Errorf("encoded %d times for %d subscribers", n, len(ins))
		}
		for _, in := range ins {
			expect(t, in, "x", []uint64{0})
		}
	})
}

type counted struct{ n *atomic.Int64 }

func (counted) EventType() string { return "counter.Counted" }

func (c counted) AppendMsgpack(b []byte) ([]byte, error) {
	c.n.Add(1)
	return number{}.AppendMsgpack(b)
}
