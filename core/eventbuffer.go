package core

import (
	"context"
	"sync"
)

// An EventBuffer holds events for somebody who takes them later: bounded in
// bytes, in order. When it is full it drops the oldest, and says so with the
// next event of that topic, or with one of kind Missing if there is none.
type EventBuffer struct {
	limit int

	mu     sync.Mutex
	q      []Event
	head   int
	bytes  int
	missed map[string]uint64 // by topic, not told yet
	ready  chan struct{}     // made by who waits; closed when there is something
	err    error             // why no more will come
}

// eventOverhead is what an event counts beside its payload.
const eventOverhead = 64

// NewEventBuffer returns a buffer for limit bytes.
func NewEventBuffer(limit int) *EventBuffer { return &EventBuffer{limit: limit} }

// SetLimit changes how many bytes the buffer may hold. What it holds already
// stays until the next Push.
func (b *EventBuffer) SetLimit(limit int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit = limit
}

// Offer appends an event if that does not make the buffer drop anything, and
// reports whether it did; what does not fit is counted as missed. A buffer
// that was closed takes nothing and reports true.
func (b *EventBuffer) Offer(ev Event) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil && b.head < len(b.q) && b.bytes+len(ev.Payload)+eventOverhead > b.limit {
		return false
	}
	b.push(ev)
	return true
}

// Push appends an event. The payload is the buffer's from then on.
func (b *EventBuffer) Push(ev Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.push(ev)
}

func (b *EventBuffer) push(ev Event) {
	if b.err != nil {
		return
	}
	size := len(ev.Payload) + eventOverhead
	for b.head < len(b.q) && b.bytes+size > b.limit {
		old := b.pop()
		if old.Kind == Emitted {
			old.Missed++
		}
		if old.Missed > 0 {
			if b.missed == nil {
				b.missed = make(map[string]uint64)
			}
			b.missed[old.Topic] += old.Missed
		}
	}
	b.q = append(b.q, ev)
	b.bytes += size
	b.wake()
}

// Close makes Next return err once the buffer is empty.
func (b *EventBuffer) Close(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
		b.wake()
	}
}

// Next takes the oldest event. It waits until there is one, ctx is done, or
// the buffer is closed and empty; the error then says why.
func (b *EventBuffer) Next(ctx context.Context) (Event, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Event{}, context.Cause(ctx)
		}
		b.mu.Lock()
		if ev, ok := b.next(); ok {
			b.mu.Unlock()
			return ev, nil
		}
		if err := b.err; err != nil {
			b.mu.Unlock()
			return Event{}, err
		}
		if b.ready == nil {
			b.ready = make(chan struct{})
		}
		ready := b.ready
		b.mu.Unlock()
		select {
		case <-ready:
		case <-ctx.Done():
		}
	}
}

// MoveTo gives everything that waits to another buffer.
func (b *EventBuffer) MoveTo(to func(Event)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for ev, ok := b.next(); ok; ev, ok = b.next() {
		to(ev)
	}
}

// next takes the oldest event, with what was missed before it, or else a gap.
func (b *EventBuffer) next() (Event, bool) {
	if b.head < len(b.q) {
		ev := b.pop()
		if n, ok := b.missed[ev.Topic]; ok && (ev.Kind == Emitted || ev.Kind == Missing) {
			ev.Missed += n
			delete(b.missed, ev.Topic)
		}
		return ev, true
	}
	for topic, n := range b.missed {
		delete(b.missed, topic)
		return Event{Topic: topic, Kind: Missing, Missed: n}, true
	}
	return Event{}, false
}

func (b *EventBuffer) pop() Event {
	ev := b.q[b.head]
	b.q[b.head] = Event{}
	b.head++
	b.bytes -= len(ev.Payload) + eventOverhead
	switch {
	case b.head == len(b.q):
		b.q, b.head = b.q[:0], 0
		if cap(b.q) > 64 {
			b.q = nil
		}
	case b.head >= 256 && b.head*2 >= len(b.q):
		n := copy(b.q, b.q[b.head:])
		clear(b.q[n:])
		b.q, b.head = b.q[:n], 0
	}
	return ev
}

func (b *EventBuffer) wake() {
	if b.ready != nil {
		close(b.ready)
		b.ready = nil
	}
}
