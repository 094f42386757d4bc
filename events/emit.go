package events

import (
	"context"
	"errors"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
)

// Emit sends an event to all subscribers of a topic, here and, through the
// broker, on other servers. It queues the event and returns: it waits neither
// for a subscriber nor for the network, and a topic without subscribers is not
// an error. The events of one goroutine arrive in their order; those of several
// arrive in one order, the same for all subscribers.
//
// ctx says on whose behalf the event is emitted: if it is the context of a
// handler, or made of one, the reply to that call does not overtake the event
// on its way to the caller (clause 6.10). That ctx is done does not matter: what
// an event says has happened.
//
// The error is BadRequest for a bad name, TooLarge for a topic or an event over
// its limit, Unavailable if the hub is closed; the event was then not sent to
// anybody. Any other is that of the event's encoding, or of the broker, in
// which case it was sent to the subscribers of this hub.
func (h *Hub) Emit(ctx context.Context, name Topic, ev Event) error {
	if err := h.closed(); err != nil {
		return err
	}
	if err := name.check(); err != nil {
		return err
	}
	typ, payload, err := encode(ev)
	if err != nil {
		return err
	}
	h.deliver(name, typ, payload, causeOf(ctx))
	if h.bridge != nil {
		return h.bridge.publish(ctx, subjectOf(name), typ, payload)
	}
	return nil
}

// EmitAll sends an event to all sessions that the hub knows and for which
// filter returns true; nil stands for all. They receive it with the topic "".
// Without a filter the event goes to the sessions of other servers as well;
// with one it does not, because a function cannot travel.
//
// filter runs in this goroutine before anything is sent and may take its time.
// If it panics for a session, that one is left out and EmitAll returns
// Internal. Otherwise EmitAll is as Emit; the events of all calls have one
// order, which has nothing to do with those of topics.
func (h *Hub) EmitAll(ctx context.Context, ev Event, filter func(*core.Session) bool) error {
	if err := h.closed(); err != nil {
		return err
	}
	typ, payload, err := encode(ev)
	if err != nil {
		return err
	}
	if filter == nil {
		h.deliverAll(typ, payload, causeOf(ctx))
		if h.bridge != nil {
			return h.bridge.publish(ctx, subjectAll, typ, payload)
		}
		return nil
	}
	chosen, err := h.choose(filter)
	f := fanOut{f: &h.flusher}
	overflow, cause := h.overflow(""), causeOf(ctx)
	h.order.Lock()
	for _, m := range chosen {
		flush, err := m.session.Emit(typ, payload, overflow, cause)
		f.sent(m, flush, err)
	}
	h.order.Unlock()
	f.flush()
	return err
}

// EmitTo sends an event to one session, which receives it with the topic "".
// It is for what concerns that session alone; the error is Unavailable if it
// has ended. Otherwise EmitTo is as Emit. The events that one goroutine emits
// to a session by EmitTo and EmitAll arrive in their order.
func (h *Hub) EmitTo(ctx context.Context, s *core.Session, ev Event) error {
	if err := h.closed(); err != nil {
		return err
	}
	typ, payload, err := encode(ev)
	if err != nil {
		return err
	}
	m := h.member(s)
	f := fanOut{f: &h.flusher}
	flush, err := s.Emit(typ, payload, h.overflow(""), causeOf(ctx))
	f.sent(m, flush, err)
	f.flush()
	return err
}

// choose returns the members that the filter lets pass.
func (h *Hub) choose(filter func(*core.Session) bool) (chosen []*member, err error) {
	for i := range h.sessions {
		from := len(chosen)
		chosen = h.sessions[i].appendTo(chosen)
		kept := chosen[:from]
		for _, m := range chosen[from:] {
			pass := false
			if !h.guard("filter of EmitAll", func() { pass = filter(m.session) }) {
				err = twinwire.NewError(twinwire.Internal, "filter panicked")
			}
			if pass {
				kept = append(kept, m)
			}
		}
		chosen = kept
	}
	return chosen, err
}

// deliver sends an encoded event to the subscribers of this hub.
func (h *Hub) deliver(name Topic, typ string, payload []byte, cause *core.Request) {
	t := h.locked(name)
	if t == nil {
		return
	}
	f := fanOut{f: &h.flusher}
	for _, sub := range t.subs {
		flush, err := sub.sub.Emit(typ, payload, cause)
		f.sent(sub.member, flush, err)
	}
	t.mu.Unlock()
	f.flush()
}

// deliverAll sends an encoded event to all sessions of this hub.
func (h *Hub) deliverAll(typ string, payload []byte, cause *core.Request) {
	f := fanOut{f: &h.flusher}
	overflow := h.overflow("")
	h.order.Lock()
	for i := range h.sessions {
		shard := &h.sessions[i]
		shard.mu.RLock()
		for _, m := range shard.members {
			flush, err := m.session.Emit(typ, payload, overflow, cause)
			f.sent(m, flush, err)
		}
		shard.mu.RUnlock()
	}
	h.order.Unlock()
	f.flush()
}

// causeOf returns the request on whose behalf ctx is.
func causeOf(ctx context.Context) *core.Request {
	r, _ := core.RequestFrom(ctx)
	return r
}

// errNotEvent is what a typed emitter returns for a value that has no codec.
var errNotEvent = errors.New("events: value is not an Event; generate its code, or write AppendMsgpack and EventType")
