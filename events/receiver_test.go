package events_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/transport/mem"
)

// take takes n numbers from an iterator, and then leaves it.
func take(t testing.TB, r *events.Receiver, n int) (numbers []uint64) {
	t.Helper()
	for ev := range r.All(t.Context()) {
		if ev.Kind == core.Emitted {
			if numbers = append(numbers, numberIn(t, ev.Payload)); len(numbers) == n {
				break
			}
		}
	}
	return numbers
}

func TestWhatArrivesBeforeAnIteratorWaits(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		l := connect(t, config{pipe: pipe})
		subscribe(t, &h, l.server, "x")
		emit(t, &h, "x", 0)
		synctest.Wait() // before there is a receiver
		r := events.ReceiverOf(l.client, "counter")
		emit(t, &h, "x", 1)
		synctest.Wait()
		if got := take(t, r, 1); !slices.Equal(got, []uint64{0}) {
			t.Errorf("first loop got %v", got)
		}
		emit(t, &h, "x", 2) // while no loop runs
		synctest.Wait()
		if got := take(t, r, 2); !slices.Equal(got, []uint64{1, 2}) {
			t.Errorf("second loop got %v", got)
		}
		if events.ReceiverOf(l.client, "counter") != r {
			t.Error("a family has two receivers")
		}
	})
}

// What waits is at most Limits.UnreadBytes; the rest is told as missed.
func TestWhatWaitsIsBounded(t *testing.T) {
	for _, claimed := range []bool{false, true} {
		bubble(t, func(t *testing.T, pipe *mem.Options) {
			var h events.Hub
			l := connect(t, config{pipe: pipe})
			subscribe(t, &h, l.server, "x")
			if claimed {
				events.ReceiverOf(l.client, "counter")
			}
			const emitted, size = 200, 20_000
			for n := range uint64(emitted) {
				if err := h.Emit(t.Context(), "x", number{N: n, Pad: size}); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			}
			var got []uint64
			missed := uint64(0)
			for ev := range streamOf(l.client).Events(t.Context()) {
				missed += ev.Missed
				if got = append(got, ev.Event.(number).N); ev.Event.(number).N == emitted-1 {
					break
				}
			}
			if most := (1 << 20) / size; len(got) > most || len(got) < most-2 || int(missed)+len(got) != emitted {
				t.Errorf("claimed %v: %d waited and %d were missed, of %d", claimed, len(got), missed, emitted)
			}
		})
	}
}

func TestIteratorsBesideEachOther(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		l := connect(t, config{pipe: pipe})
		r := events.ReceiverOf(l.client, "counter")
		subscribe(t, &h, l.server, "x")
		emit(t, &h, "x", 0)
		var wg sync.WaitGroup
		var first, second []uint64
		wg.Go(func() { first = take(t, r, 3) })
		synctest.Wait()
		wg.Go(func() { second = take(t, r, 2) })
		synctest.Wait()
		emit(t, &h, "x", 1)
		emit(t, &h, "x", 2)
		wg.Wait()
		if !slices.Equal(first, upTo(3)) || !slices.Equal(second, upTo(3)[1:]) {
			t.Errorf("got %v and %v", first, second)
		}
	})
}

// A loop that is slow loses its own events, visibly, and nobody else's.
func TestSlowIterator(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		l := connect(t, config{pipe: pipe})
		stream := streamOf(l.client)
		subscribe(t, &h, l.server, "x")
		gate := make(chan struct{})
		const emitted = 500
		count := func(ctx context.Context, wait bool) (got, missed uint64) {
			for ev := range stream.Events(ctx) {
				if wait {
					<-gate
				}
				if missed += ev.Missed; ev.Type != "" {
					got++
				}
				if got+missed == emitted {
					break
				}
			}
			return got, missed
		}
		var wg sync.WaitGroup
		var slow, fast [2]uint64
		wg.Go(func() { slow[0], slow[1] = count(events.WithBuffer(t.Context(), 4096, core.DropOldest), true) })
		wg.Go(func() { fast[0], fast[1] = count(t.Context(), false) })
		synctest.Wait()
		for n := range uint64(emitted) {
			emit(t, &h, "x", n)
			synctest.Wait()
		}
		close(gate)
		wg.Wait()
		if fast != [2]uint64{emitted, 0} {
			t.Errorf("the fast one got %d and missed %d", fast[0], fast[1])
		}
		if slow[0] > 70 || slow[0] < 30 || slow[0]+slow[1] != emitted {
			t.Errorf("the slow one got %d and missed %d", slow[0], slow[1])
		}
	})
}

func TestIteratorThatMayNotLoseAnything(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		l := connect(t, config{pipe: pipe})
		subscribe(t, &h, l.server, "x")
		stream := streamOf(l.client)
		gate := make(chan struct{})
		var got []uint64
		var wg sync.WaitGroup
		wg.Go(func() {
			for ev := range stream.Events(events.WithBuffer(t.Context(), 4096, core.Disconnect)) {
				<-gate
				got = append(got, ev.Event.(number).N)
				if ev.Missed > 0 {
					t.Errorf("missed %d", ev.Missed)
				}
			}
		})
		synctest.Wait()
		for n := range uint64(200) {
			emit(t, &h, "x", n)
			synctest.Wait()
		}
		close(gate)
		wg.Wait()
		if len(got) < 30 || !slices.Equal(got, upTo(uint64(len(got)))) {
			t.Errorf("got %v", got)
		}
		<-l.client.Done()
		<-l.server.Done()
		if err := stream.Err(); !errors.Is(err, twinwire.SlowConsumer) {
			t.Errorf("the session ended with %v, want SlowConsumer", err)
		}
	})
}

func TestIteratorsEndWithTheSession(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		l := connect(t, config{pipe: pipe})
		subscribe(t, &h, l.server, "x")
		r := events.ReceiverOf(l.client, "counter")
		var got []uint64
		var wg sync.WaitGroup
		wg.Go(func() { got = take(t, r, -1) })
		for n := range uint64(10) {
			emit(t, &h, "x", n)
		}
		if err := r.Err(); err != nil {
			t.Errorf("Err of a live session is %v", err)
		}
		_ = l.server.Close() // what was queued before arrives
		wg.Wait()
		if !slices.Equal(got, upTo(10)) {
			t.Errorf("got %v", got)
		}
		if err := r.Err(); err == nil || err != l.client.Err() {
			t.Errorf("Err is %v, and the session's is %v", err, l.client.Err())
		}
		if got := take(t, r, 1); got != nil {
			t.Errorf("an iterator after the end got %v", got)
		}
		if got := take(t, events.ReceiverOf(l.client, "late"), 1); got != nil {
			t.Errorf("a receiver after the end got %v", got)
		}
	})
}

func TestIteratorsEndWithTheirContext(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		l := connect(t, config{pipe: pipe})
		r := events.ReceiverOf(l.client, "counter")
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for range r.All(ctx) {
					t.Error("something arrived")
				}
			})
		}
		synctest.Wait()
		cancel()
		wg.Wait()
		if r.Err() != nil {
			t.Errorf("Err is %v", r.Err())
		}
	})
}

// Both ends may emit.
func TestClientEmits(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		l := connect(t, config{pipe: pipe})
		in := record(t, l.server)
		subscribe(t, &h, l.client, "x")
		emit(t, &h, "x", 5)
		synctest.Wait()
		expect(t, in, "x", []uint64{5})
	})
}

// Large events are whole, and leave small ones of other sessions alone.
func TestLargeEvents(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		l := connect(t, config{pipe: pipe})
		in := record(t, l.client)
		subscribe(t, &h, l.server, "x")
		if err := h.Emit(t.Context(), "x", number{N: 1, Pad: 3 << 20}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		emit(t, &h, "x", 2)
		synctest.Wait()
		expect(t, in, "x", []uint64{1, 2})
		if all := in.all(); len(all[len(all)-2].Payload) < 3<<20 {
			t.Error("the large event is short")
		}
	})
}
