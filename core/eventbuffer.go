package core

import (
	"context"
	"sync"
)

// An EventBuffer holds events for somebody who takes them later: bounded in
// bytes, in order. When it is full it drops the oldest, and says so with the
// next event of that topic and family, or with one of kind Missing if there is
// none. Of more than 1,024 topics with gaps that nobody has been told of, the
// rest are told together, with the topic "".
type EventBuffer struct {
	mu     sync.Mutex
	limit  int
	q      []Event
	head   int
	bytes  int
	missed map[gapKey]uint64 // not told yet
	ready  chan struct{}     // has one element when somebody who waits is to look
	waits  int               // how many wait
	err    error             // why no more will come
}

// A gapKey is what gaps are counted for: events of one family in one topic.
type gapKey struct{ family, topic string }

// anyFamily is the family of gaps whose family is not known. No event type can
// be of it.
const anyFamily = "*"

// keyOf returns the key of a gap before, or in place of, an event.
func keyOf(ev *Event) gapKey {
	if ev.Kind != Emitted {
		return gapKey{anyFamily, ev.Topic}
	}
	return gapKey{family(ev.Type), ev.Topic}
}

// maxGaps bounds the gaps that are told apart.
const maxGaps = 1024

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

// Offer is Push unless that would make the buffer drop something, and reports
// whether it was.
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
		b.miss(keyOf(&old), old.Missed)
	}
	b.q = append(b.q, ev)
	b.bytes += size
	b.wake()
}

// miss counts events that were dropped.
func (b *EventBuffer) miss(key gapKey, n uint64) {
	if n == 0 {
		return
	}
	if b.missed == nil {
		b.missed = make(map[gapKey]uint64)
	}
	if _, ok := b.missed[key]; !ok && len(b.missed) >= maxGaps {
		key = gapKey{family: anyFamily}
	}
	b.missed[key] += n
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
	for waited := false; ; waited = true {
		over := ctx.Err() != nil
		b.mu.Lock()
		if waited {
			b.waits--
		}
		if over {
			b.wake() // somebody else is to look
			b.mu.Unlock()
			return Event{}, context.Cause(ctx)
		}
		if ev, ok := b.next(); ok {
			if b.head < len(b.q) || len(b.missed) > 0 {
				b.wake() // for what is left
			}
			b.mu.Unlock()
			return ev, nil
		}
		if err := b.err; err != nil {
			b.wake() // the others are to know as well
			b.mu.Unlock()
			return Event{}, err
		}
		if b.ready == nil {
			b.ready = make(chan struct{}, 1)
		}
		b.waits++
		b.mu.Unlock()
		select {
		case <-b.ready:
		case <-ctx.Done():
		}
	}
}

// next takes the oldest event, with what was missed before it, or else a gap.
func (b *EventBuffer) next() (Event, bool) {
	if b.head < len(b.q) {
		ev := b.pop()
		if len(b.missed) > 0 && (ev.Kind == Emitted || ev.Kind == Missing) {
			b.tell(&ev, keyOf(&ev))
			b.tell(&ev, gapKey{anyFamily, ev.Topic})
		}
		return ev, true
	}
	for key, n := range b.missed {
		delete(b.missed, key)
		return Event{Topic: key.topic, Kind: Missing, Missed: n}, true
	}
	return Event{}, false
}

// tell adds what was missed under a key to an event.
func (b *EventBuffer) tell(ev *Event, key gapKey) {
	if n, ok := b.missed[key]; ok {
		ev.Missed += n
		delete(b.missed, key)
	}
}

// takeFamily takes everything of one family out of the buffer. Gaps whose
// family is not known are told as well, and stay for the other families.
func (b *EventBuffer) takeFamily(name string, take func(Event)) {
	kept := b.q[:0]
	bytes := 0
	for _, ev := range b.q[b.head:] {
		if ev.Kind == Emitted && family(ev.Type) == name {
			b.tell(&ev, keyOf(&ev))
			take(ev)
			continue
		}
		kept = append(kept, ev)
		bytes += len(ev.Payload) + eventOverhead
	}
	clear(b.q[len(kept):])
	b.q, b.head, b.bytes = kept, 0, bytes
	for key, n := range b.missed {
		if key.family == name || key.family == anyFamily {
			take(Event{Topic: key.topic, Kind: Missing, Missed: n})
		}
		if key.family == name {
			delete(b.missed, key)
		}
	}
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

// wake has one of those who wait look. What it finds for others it passes on.
func (b *EventBuffer) wake() {
	if b.waits == 0 {
		return
	}
	select {
	case b.ready <- struct{}{}:
	default:
	}
}
