package load

import (
	"encoding/binary"
	"fmt"
	"sync"
	"time"
)

// A TopicEvent is an event of one of several topics: its number there, from 0,
// and when it was due.
type TopicEvent struct {
	Topic int
	Event
}

// Append appends the event as a payload of PayloadSize bytes.
func (e TopicEvent) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, e.Number)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Due.UnixNano()))
	b = binary.BigEndian.AppendUint64(b, uint64(e.Topic))
	return append(b, make([]byte, PayloadSize-24)...)
}

// Topics counts and times what one subscriber of several topics receives.
// Within a topic the numbers must rise; those that are left out are lost.
type Topics struct {
	latency *Recorder

	mu       sync.Mutex
	next     []uint64 // by topic
	received uint64
	lost     uint64
	err      error // the first failure
}

// NewTopics expects the events of so many topics.
func NewTopics(topics int) *Topics {
	return &Topics{latency: NewRecorder(), next: make([]uint64, topics)}
}

// Receive takes one event. It is called from one goroutine.
func (t *Topics) Receive(payload []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(payload) != PayloadSize {
		t.failLocked(fmt.Errorf("load: event of %d bytes", len(payload)))
		return
	}
	number, topic := binary.BigEndian.Uint64(payload), binary.BigEndian.Uint64(payload[16:])
	switch {
	case topic >= uint64(len(t.next)):
		t.failLocked(fmt.Errorf("load: event of topic %d of %d", topic, len(t.next)))
		return
	case number < t.next[topic]:
		t.failLocked(fmt.Errorf("load: event %d of topic %d after %d", number, topic, t.next[topic]-1))
		return
	}
	t.lost += number - t.next[topic]
	t.next[topic] = number + 1
	t.received++
	t.latency.Record(0, time.Since(time.Unix(0, int64(binary.BigEndian.Uint64(payload[8:])))))
}

func (t *Topics) failLocked(err error) {
	if t.err == nil {
		t.err = err
	}
}

// Err returns the first failure: an event that was not in order, or is none.
func (t *Topics) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// Received returns how many events have arrived, and how many had been
// published before one of these and have not.
func (t *Topics) Received() (received, lost uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.received, t.lost
}

// Latency returns the times since the last time it was called, from when each
// event was due to its arrival.
func (t *Topics) Latency() Latency { return t.latency.Take() }
