package events

import (
	"context"

	"github.com/twinwire/twinwire/core"
)

// A Subscriber is a session and the hub that it belongs to, with the Go type of
// its events: E is as for an [Emitter]. The Session of a generated service with
// events is one, so that a handler needs nothing else:
//
//	err := s.Subscribe("room/7")
//	err = s.Emit(ctx, "room/7", chat.Said{Text: "hello"})
//
// Its Subscribe and Emit stand in front of those of core.Session, which are
// what this package is made of.
type Subscriber[E any] struct {
	*core.Session
	// Hub is the hub that the service was made with.
	Hub *Hub
}

// SubscriberOf makes a session one of h's, as Hub.Add does, and returns it as a
// Subscriber.
func SubscriberOf[E any](h *Hub, s *core.Session) Subscriber[E] {
	h.Add(s)
	return Subscriber[E]{s, h}
}

// Subscribe is Hub.Subscribe for this session. The subscription ends with
// Unsubscribe or with the session.
func (s Subscriber[E]) Subscribe(topic Topic) error { return s.Hub.Subscribe(s.Session, topic) }

// Unsubscribe is Hub.Unsubscribe for this session.
func (s Subscriber[E]) Unsubscribe(topic Topic) { s.Hub.Unsubscribe(s.Session, topic) }

// Emit is Hub.Emit: the event goes to all subscribers of the topic, of which
// this session need not be one. A value that is not an [Event] is an error.
func (s Subscriber[E]) Emit(ctx context.Context, topic Topic, ev E) error {
	return Emitter[E]{s.Hub}.Emit(ctx, topic, ev)
}

// EmitAll is Hub.EmitAll. A value that is not an [Event] is an error.
func (s Subscriber[E]) EmitAll(ctx context.Context, ev E, filter func(*core.Session) bool) error {
	return Emitter[E]{s.Hub}.EmitAll(ctx, ev, filter)
}

// EmitSelf is Hub.EmitTo for this session: nobody else gets the event. A value
// that is not an [Event] is an error.
func (s Subscriber[E]) EmitSelf(ctx context.Context, ev E) error {
	v, err := asEvent(ev)
	if err != nil {
		return err
	}
	return s.Hub.EmitTo(ctx, s.Session, v)
}
