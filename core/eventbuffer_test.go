package core

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
)

func take(t *testing.T, b *EventBuffer) Event {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	ev, ok := b.next()
	if !ok {
		t.Fatal("the buffer is empty")
	}
	return ev
}

func emitted(topic, typ string, size int) Event {
	return Event{Topic: topic, Kind: Emitted, Type: typ, Payload: make([]byte, size)}
}

func TestEventBufferDropsTheOldestAndSaysSo(t *testing.T) {
	b := NewEventBuffer(4 * (100 + eventOverhead))
	for range 3 {
		b.Push(emitted("x", "a.X", 100))
	}
	b.Push(Event{Topic: "x", Kind: Missing, Missed: 5})
	b.Push(emitted("y", "a.X", 100))
	b.Push(emitted("x", "a.X", 100))
	for _, want := range []struct {
		topic  string
		kind   EventKind
		missed uint64
	}{
		{"x", Emitted, 2}, {"x", Missing, 5}, {"y", Emitted, 0}, {"x", Emitted, 0},
	} {
		ev := take(t, b)
		if ev.Topic != want.topic || ev.Kind != want.kind || ev.Missed != want.missed {
			t.Errorf("got %+v, want %+v", ev, want)
		}
	}
	if b.bytes != 0 {
		t.Errorf("an empty buffer counts %d bytes", b.bytes)
	}
}

func TestEventBufferTellsGapsThatNothingFollows(t *testing.T) {
	b := NewEventBuffer(1)
	b.Push(Event{Topic: "x", Kind: Missing, Missed: 2}) // counts in whatever family follows
	b.Push(emitted("x", "a.X", 0))
	b.Push(emitted("y", "a.X", 0))
	if ev := take(t, b); ev.Topic != "y" || ev.Missed != 0 {
		t.Errorf("got %+v, want the newest", ev)
	}
	sum := uint64(0)
	for range 2 {
		ev := take(t, b)
		if ev.Kind != Missing || ev.Topic != "x" {
			t.Errorf("got %+v, want a gap", ev)
		}
		sum += ev.Missed
	}
	if sum != 3 {
		t.Errorf("%d are missed, want 3", sum)
	}
}

// A peer that makes up topics does not make the buffer grow: their gaps are
// told together.
func TestEventBufferBoundsItsGaps(t *testing.T) {
	b := NewEventBuffer(1)
	const topics = 5 * maxGaps
	for i := range topics {
		b.Push(emitted(fmt.Sprint(i), "a.X", 0))
	}
	if len(b.missed) > maxGaps+1 {
		t.Errorf("%d gaps are told apart, want %d", len(b.missed), maxGaps)
	}
	b.Close(errors.New("end"))
	delivered, missed := 0, uint64(0)
	for {
		ev, err := b.Next(t.Context())
		if err != nil {
			break
		}
		missed += ev.Missed
		if ev.Kind == Emitted {
			delivered++
		}
	}
	if delivered+int(missed) != topics {
		t.Errorf("%d delivered and %d missed, want %d in all", delivered, missed, topics)
	}
}

func TestEventBufferOffer(t *testing.T) {
	b := NewEventBuffer(2 * eventOverhead)
	for i, want := range []bool{true, true, false} {
		if got := b.Offer(emitted("x", "a.X", 0)); got != want {
			t.Errorf("offer %d: %v, want %v", i, got, want)
		}
	}
	take(t, b)
	b.SetLimit(10)
	if b.Offer(emitted("x", "a.X", 0)) {
		t.Error("a smaller limit was not kept")
	}
	take(t, b)
	if !b.Offer(emitted("x", "a.X", 1000)) {
		t.Error("one event always fits")
	}
}

func TestEventBufferTakesOneFamily(t *testing.T) {
	b := NewEventBuffer(4 * eventOverhead)
	for _, ev := range []Event{
		emitted("x", "a.X", 0), // dropped
		emitted("x", "b.X", 0), // dropped
		emitted("x", "b.X", 0),
		emitted("x", "a.X", 0),
		emitted("y", "b.Y", 0),
		emitted("x", "a.X", 0),
	} {
		b.Push(ev)
	}
	b.mu.Lock()
	b.miss(gapKey{anyFamily, "z"}, 7)
	b.mu.Unlock()
	var got []string
	see := func(ev Event) { got = append(got, fmt.Sprint(ev.Topic, " ", ev.Type, " ", ev.Missed)) }
	b.takeFamily("a", see)
	b.takeFamily("b", see)
	b.takeFamily("a", see)
	want := []string{"x a.X 1", "x a.X 0", "z  7", "x b.X 1", "y b.Y 0", "z  7", "z  7"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if b.bytes != 0 || len(b.q) != 0 {
		t.Errorf("%d bytes and %d events are left", b.bytes, len(b.q))
	}
}

func TestEventBufferNext(t *testing.T) {
	b := NewEventBuffer(1000)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if _, err := b.Next(ctx); err != why {
		t.Errorf("Next is %v, want the cause", err)
	}
	go b.Push(emitted("x", "a.X", 0))
	if ev, err := b.Next(t.Context()); err != nil || ev.Topic != "x" {
		t.Errorf("Next is %+v, %v", ev, err)
	}
	b.Push(emitted("y", "a.X", 0))
	b.Close(why)
	b.Push(emitted("z", "a.X", 0))
	if ev, err := b.Next(t.Context()); err != nil || ev.Topic != "y" {
		t.Errorf("Next is %+v, %v", ev, err)
	}
	if _, err := b.Next(t.Context()); err != why {
		t.Errorf("Next is %v, want why it was closed", err)
	}
}

// Whoever waits gets something, however many do, and learns of the end.
func TestEventBufferWakesAllWhoWait(t *testing.T) {
	const waiting, events = 8, 200
	b := NewEventBuffer(1 << 20)
	got := make(chan Event)
	ended := errors.New("ended")
	gone, cancel := context.WithCancel(t.Context())
	defer cancel()
	var takers sync.WaitGroup
	for i := range waiting {
		ctx, givesUp := t.Context(), i%4 == 0
		if givesUp {
			ctx = gone
		}
		takers.Go(func() {
			for {
				ev, err := b.Next(ctx)
				if err != nil {
					if err != ended && !(givesUp && err == context.Canceled) {
						t.Errorf("got %v, want %v", err, ended)
					}
					return
				}
				got <- ev
			}
		})
	}
	for i := range events {
		if i == events/2 {
			cancel()
		}
		for range i % 3 {
			b.Push(emitted("x", "a.X", 10))
		}
		for range i % 3 {
			<-got
		}
	}
	b.Close(ended)
	takers.Wait()
}
