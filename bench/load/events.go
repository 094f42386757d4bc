package load

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Window is how many events may be published and not yet delivered to every
// subscriber. It bounds what a peer has to queue, and is what keeps a
// publisher that goes as fast as it can from measuring its own memory.
const Window = 32

// slots is a ring of counters for the events under way.
const slots = 2 * Window

// An Event is one that was published: its number, from 0, and when it was due.
// The clock is the machine's, which both processes read.
type Event struct {
	Number uint64
	Due    time.Time
}

// Append appends the event as a payload of PayloadSize bytes.
func (e Event) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, e.Number)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Due.UnixNano()))
	return append(b, make([]byte, PayloadSize-16)...)
}

// Events counts and times what subscribers receive, and tells the publisher
// which events have reached all of them.
type Events struct {
	subscribers int32
	received    io.Writer
	latency     *Recorder
	delivered   atomic.Uint64
	slots       [slots]atomic.Int32 // deliveries of the event whose number is the index, modulo slots

	mu  sync.Mutex
	err error // the first failure
}

// NewEvents expects subscribers to be served. For each event that has reached
// them all it writes the count of such events to received, 8 bytes at once;
// where two counts arrive out of order, the higher one holds.
func NewEvents(subscribers int, received io.Writer) *Events {
	return &Events{subscribers: int32(subscribers), received: received, latency: NewRecorder()}
}

// Subscriber returns what subscriber i does with its events.
func (e *Events) Subscriber(i int) func([]byte) {
	var next uint64
	return func(payload []byte) {
		if len(payload) != PayloadSize {
			e.fail(fmt.Errorf("load: event of %d bytes", len(payload)))
			return
		}
		number := binary.BigEndian.Uint64(payload)
		if number != next {
			e.fail(fmt.Errorf("load: subscriber %d got event %d for event %d", i, number, next))
			return
		}
		next++
		due := time.Unix(0, int64(binary.BigEndian.Uint64(payload[8:])))
		e.latency.Record(i, time.Since(due))
		e.delivered.Add(1)
		if e.slots[number%slots].Add(1) == e.subscribers {
			e.slots[number%slots].Store(0)
			e.report(number + 1)
		}
	}
}

// report writes to a pipe that the publisher reads; where it has gone, so has
// the run.
func (e *Events) report(count uint64) {
	if _, err := e.received.Write(binary.BigEndian.AppendUint64(nil, count)); err != nil {
		e.fail(err)
	}
}

func (e *Events) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil {
		e.err = err
	}
}

// Err returns the first failure of any subscriber, or nil.
func (e *Events) Err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

// Delivered returns how many deliveries there were, over all subscribers.
func (e *Events) Delivered() uint64 { return e.delivered.Load() }

// Latency returns the times since the last time it was called, from when each
// event was due to each delivery.
func (e *Events) Latency() Latency { return e.latency.Take() }
