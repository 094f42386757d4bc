// Package fan is what a program writes by hand where its framework has no
// topics: a queue for each subscriber, and a loop over all of them.
package fan

import (
	"bytes"
	"errors"
	"sync"
)

// queue is how many events wait for one subscriber: more than the harness has
// under way.
const queue = 64

// ErrClosed is what Publish returns after Close.
var ErrClosed = errors.New("fan: closed")

// A Fan gives every event to every subscriber. Its zero value has none.
type Fan struct {
	mu     sync.Mutex
	all    map[*Subscriber]struct{}
	closed bool

	recipients []*Subscriber // owned by the goroutine that publishes
}

// A Subscriber has events waiting for it. Its owner calls Leave.
type Subscriber struct {
	// Events gives them in order. They are shared: nobody may change one.
	Events <-chan []byte
	// Done is closed when the subscriber has left or the fan is closed.
	Done <-chan struct{}

	fan    *Fan
	events chan []byte
	leave  func()
}

// Subscribe returns a subscriber to every event that is published from now on.
func (f *Fan) Subscribe() *Subscriber {
	events, done := make(chan []byte, queue), make(chan struct{})
	s := &Subscriber{Events: events, Done: done, fan: f, events: events, leave: sync.OnceFunc(func() { close(done) })}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		s.leave()
		return s
	}
	if f.all == nil {
		f.all = make(map[*Subscriber]struct{})
	}
	f.all[s] = struct{}{}
	return s
}

// Leave ends the subscription. It may be called again.
func (s *Subscriber) Leave() {
	s.leave()
	s.fan.mu.Lock()
	defer s.fan.mu.Unlock()
	delete(s.fan.all, s)
}

// Publish puts one event into every queue. It waits while one is full, until
// its owner leaves. It is called from one goroutine at a time.
func (f *Fan) Publish(event []byte) error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return ErrClosed
	}
	f.recipients = f.recipients[:0]
	for s := range f.all {
		f.recipients = append(f.recipients, s)
	}
	f.mu.Unlock()
	event = bytes.Clone(event)
	for _, s := range f.recipients {
		select {
		case s.events <- event:
		case <-s.Done:
		}
	}
	return nil
}

// Close ends every subscription.
func (f *Fan) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for s := range f.all {
		s.leave()
	}
}
