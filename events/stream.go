package events

import (
	"context"
	"errors"
	"iter"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/internal/plain"
)

// ErrUnknownType is what a Decoder returns for a type that it does not know.
var ErrUnknownType = errors.New("events: unknown type of event")

// A Decoder reads an event of the named type. It returns ErrUnknownType for a
// type that it does not know.
type Decoder[E any] func(typ string, r *codec.Reader) (E, error)

// A Delivery is one event as its subscriber gets it.
type Delivery[E any] struct {
	// Topic is the topic of the event; "" for one to every session, or to this
	// one alone.
	Topic Topic
	// Event is the event. It is the zero value if Err is set, and if events
	// were missed and none has followed yet.
	Event E
	// Missed is how many events of this topic were dropped before this one,
	// by either side, because somebody did not keep up.
	Missed uint64
	// Type is the name of the event's type; "" if there is only a gap.
	Type string
	// Payload is the encoded event. It is shared and must not be changed.
	Payload []byte
	// Err says that the event could not be decoded: BadRequest.
	Err error
}

// A Stream is a Receiver whose events are decoded: E is the interface that all
// of a family's events implement, or the one type that there is.
type Stream[E any] struct {
	receiver *Receiver
	decode   Decoder[E]
}

// StreamOf returns a stream that decodes the events of a receiver.
func StreamOf[E any](r *Receiver, decode Decoder[E]) *Stream[E] {
	return &Stream[E]{receiver: r, decode: decode}
}

// Receiver returns the receiver below.
func (s *Stream[E]) Receiver() *Receiver { return s.receiver }

// Err returns why there will be no more events; see Receiver.Err.
func (s *Stream[E]) Err() error { return s.receiver.Err() }

// Unknown returns how many events were skipped because the decoder did not
// know their type: those of a newer version of the peer, as a rule. All streams
// of the session's family count together; one that several iterators saw counts
// for each.
func (s *Stream[E]) Unknown() uint64 { return s.receiver.unknown.Load() }

// Events yields the events that arrive, as Receiver.All does, decoded. An
// event of an unknown type is skipped and counted. One that cannot be decoded
// is yielded with Err set; the iteration goes on. The begin and the end of
// subscriptions are left out.
func (s *Stream[E]) Events(ctx context.Context) iter.Seq[Delivery[E]] {
	return func(yield func(Delivery[E]) bool) {
		var r codec.Reader
		for ev := range s.receiver.All(ctx) {
			d := Delivery[E]{Topic: Topic(ev.Topic), Missed: ev.Missed}
			switch ev.Kind {
			case core.Missing:
			case core.Emitted:
				v, err := s.read(&r, &ev)
				if err == ErrUnknownType {
					s.receiver.unknown.Add(1)
					if ev.Missed == 0 {
						continue
					}
					break // what was missed must be told all the same
				}
				d.Event, d.Err = v, err
				d.Type, d.Payload = ev.Type, ev.Payload
			default:
				continue
			}
			if !yield(d) {
				return
			}
		}
	}
}

// read decodes one event. A decoder that panics is an error like any other.
func (s *Stream[E]) read(r *codec.Reader, ev *core.Event) (v E, err error) {
	defer func() {
		r.Reset(nil)
		if p := recover(); p != nil {
			err = errors.New("decoder panicked: " + plain.Text(p))
		}
		if err != nil && err != ErrUnknownType {
			var zero E
			v, err = zero, plain.Join(twinwire.NewError(twinwire.BadRequest, "event "+ev.Type+" cannot be decoded"), err)
		}
	}()
	r.Reset(ev.Payload)
	v, err = s.decode(ev.Type, r)
	switch {
	case errors.Is(err, ErrUnknownType):
		return v, ErrUnknownType
	case err != nil:
		return v, err
	}
	return v, r.Finish()
}
