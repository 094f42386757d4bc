package events

import (
	"context"
	"fmt"

	"github.com/twinwire/twinwire/core"
)

// An Emitter emits the events of one family, with their Go type: E is the
// interface that they all implement, such as counter.Event, or the one type
// that there is. There may be any number of emitters; one is no more than a
// typed view of its hub, for code that emits on behalf of no session. A handler
// emits by its session, which is a [Subscriber].
type Emitter[E any] struct{ Hub *Hub }

// EmitterOf returns the emitter of a hub for E.
func EmitterOf[E any](h *Hub) Emitter[E] { return Emitter[E]{h} }

// Emit is Hub.Emit. A value that is not an [Event] is an error.
func (e Emitter[E]) Emit(ctx context.Context, topic Topic, ev E) error {
	v, err := asEvent(ev)
	if err != nil {
		return err
	}
	return e.Hub.Emit(ctx, topic, v)
}

// EmitAll is Hub.EmitAll. A value that is not an [Event] is an error.
func (e Emitter[E]) EmitAll(ctx context.Context, ev E, filter func(*core.Session) bool) error {
	v, err := asEvent(ev)
	if err != nil {
		return err
	}
	return e.Hub.EmitAll(ctx, v, filter)
}

func asEvent[E any](ev E) (Event, error) {
	if v, ok := any(ev).(Event); ok {
		return v, nil
	}
	return nil, fmt.Errorf("%T: %w", ev, errNotEvent)
}
