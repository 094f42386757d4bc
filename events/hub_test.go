package events_test

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/transport/mem"
)

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
