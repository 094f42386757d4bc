package events

import (
	"context"
	"iter"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
)

// A Receiver receives the events of one family on a session, undecoded. A
// [Stream] decodes them. Its methods may be called from any goroutine.
type Receiver struct {
	// Immutable.
	session *core.Session
	limit   int

	unknown atomic.Uint64 // events that a stream could not tell the type of

	mu      sync.Mutex
	waiting *core.EventBuffer // takes what arrives while there are no taps
	taps    []*tap
	err     error // why nothing more will come
}

// A tap is one iterator.
type tap struct {
	buf      *core.EventBuffer
	overflow core.Overflow
}

// ReceiverOf returns the receiver of a session for a family of events, such as
// "counter" for "counter.Incremented": the same one each time. From the first
// call on events of the family wait for it; what arrived before has waited in
// the session (core.Limits.UnreadBytes).
func ReceiverOf(s *core.Session, family string) *Receiver {
	limit := s.UnreadBytes()
	r := s.EventReceiver(family, func() core.EventReceiver {
		return &Receiver{session: s, limit: limit, waiting: core.NewEventBuffer(limit)}
	})
	if r, ok := r.(*Receiver); ok {
		return r
	}
	err := twinwire.NewError(twinwire.AlreadyExists, "events of "+strconv.Quote(family)+" have a receiver already")
	other := &Receiver{session: s, waiting: core.NewEventBuffer(0), err: err}
	other.waiting.Close(err)
	return other
}

// Session returns the session.
func (r *Receiver) Session() *core.Session { return r.session }

// Err returns why there will be no more events: nil as long as the session
// lives, and then what its Err returns.
func (r *Receiver) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// All yields what arrives, in order: events, the begin and the end of
// subscriptions (core.Subscribed, core.Unsubscribed), and gaps that no event
// followed (core.Missing). It ends when ctx is done; and when the session has
// ended and everything that arrived was yielded, Err then says why.
//
// Any number of iterators may run; each sees everything that arrives while it
// runs. What arrives while none does waits for the next one, up to
// core.Limits.UnreadBytes, and so does what the only one left over when it
// ended. An iterator whose loop is slow has as much of its own; beyond it the
// oldest are dropped and counted in Missed, unless [WithBuffer] says otherwise.
//
// Payloads are shared by all iterators and must not be changed.
func (r *Receiver) All(ctx context.Context) iter.Seq[core.Event] {
	return func(yield func(core.Event) bool) {
		t := r.open(ctx)
		defer r.close(t)
		for {
			ev, err := t.buf.Next(ctx)
			if err != nil || !yield(ev) {
				return
			}
		}
	}
}

type (
	bufferKey struct{}
	buffering struct {
		bytes    int
		overflow core.Overflow
	}
)

// WithBuffer returns a context whose iterators of events keep this many bytes
// for a loop that is slow, 0 for the session's core.Limits.UnreadBytes; a
// negative number keeps one event. When they are full an iterator drops the
// oldest, or, with core.Disconnect, ends the session with SlowConsumer.
func WithBuffer(ctx context.Context, bytes int, overflow core.Overflow) context.Context {
	return context.WithValue(ctx, bufferKey{}, buffering{bytes, overflow})
}

// open begins an iterator.
func (r *Receiver) open(ctx context.Context) *tap {
	r.mu.Lock()
	defer r.mu.Unlock()
	b, _ := ctx.Value(bufferKey{}).(buffering)
	t := &tap{overflow: b.overflow}
	if b.bytes == 0 {
		b.bytes = r.limit
	}
	if t.buf = r.waiting; t.buf != nil {
		t.buf.SetLimit(b.bytes)
		r.waiting = nil
	} else {
		t.buf = core.NewEventBuffer(b.bytes)
		if r.err != nil {
			t.buf.Close(r.err)
		}
	}
	r.taps = append(r.taps, t)
	return t
}

// close ends an iterator.
func (r *Receiver) close(t *tap) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.taps {
		if r.taps[i] == t {
			r.taps = append(r.taps[:i:i], r.taps[i+1:]...)
			break
		}
	}
	if len(r.taps) == 0 {
		r.waiting = t.buf
		r.waiting.SetLimit(r.limit)
	}
}

// ReceiveEvent is for the session to call.
func (r *Receiver) ReceiveEvent(ev core.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting != nil {
		r.waiting.Push(ev)
		return
	}
	for _, t := range r.taps {
		if t.overflow == core.DropOldest {
			t.buf.Push(ev)
		} else if !t.buf.Offer(ev) {
			t.buf.Close(errSlow)
			r.disconnect()
		}
	}
}

// EventsEnded is for the session to call.
func (r *Receiver) EventsEnded(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	if r.waiting != nil {
		r.waiting.Close(err)
	}
	for _, t := range r.taps {
		t.buf.Close(err)
	}
}

// disconnect ends the session because an iterator does not keep up. The
// session is delivering, so it cannot be ended from here; the goroutine ends at
// once.
func (r *Receiver) disconnect() {
	go r.session.CloseWith(errSlow.Code, errSlow.Message, 0)
}

var errSlow = &twinwire.Error{Code: twinwire.SlowConsumer, Message: "events arrive faster than the program takes them"}
