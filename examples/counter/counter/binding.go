package counter

import (
	"context"
	"iter"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/state"
	"github.com/twinwire/twinwire/state/reflective"
)

// This file binds the contract to the wire by hand. Everything that it uses is
// public.

// stateName is the name of the state, family that of the events.
const (
	stateName = "counter"
	family    = "counter"
)

// schema is what is to be known about State.
func schema() state.Schema[State] {
	s, err := reflective.Of[State]()
	if err != nil {
		panic(err) // the type is above: this cannot depend on the caller
	}
	return s
}

// A Client calls the counter of a server. It is a Counter.
type Client struct {
	session *core.Session
	state   *state.View[State]
	events  *events.Stream[Event]
}

var _ Counter = (*Client)(nil)

// NewClient returns the client of a session. There is one for a session.
func NewClient(s *core.Session) (*Client, error) {
	view, err := state.NewView(s, stateName, schema(), nil)
	if err != nil {
		return nil, err
	}
	return &Client{s, view, events.StreamOf(events.ReceiverOf(s, family), decodeEvent)}, nil
}

// State returns the live copy of the caller's counter.
func (c *Client) State() *state.View[State] { return c.state }

// Events yields what happens to the counters that the caller is subscribed to,
// until ctx is done or the session ends.
func (c *Client) Events(ctx context.Context) iter.Seq[events.Delivery[Event]] {
	return c.events.Events(ctx)
}

// Create implements Counter.
func (c *Client) Create(ctx context.Context) error {
	return c.session.Call(ctx, "counter.Create", nil, nil)
}

// Join implements Counter.
func (c *Client) Join(ctx context.Context, topic events.Topic) error {
	return c.session.Call(ctx, "counter.Join", topic, nil)
}

// Increment implements Counter.
func (c *Client) Increment(ctx context.Context, by uint32) (uint32, error) {
	var sum codec.Value[uint32]
	err := c.session.Call(ctx, "counter.Increment", codec.Value[uint32]{V: by}, &sum)
	return sum.V, err
}

// Note implements Counter.
func (c *Client) Note(ctx context.Context, text string) error {
	return c.session.Send(ctx, "counter.Note", codec.Value[string]{V: text})
}

// A Session is the handler's side of a session: its state is the client's.
type Session struct {
	*core.Session
	State *state.Value[State]
}

// NewService returns the service, with a handler for each session.
func NewService(newHandler func(s *Session) Counter) *core.Service {
	types := schema()
	method := func(f func(ctx context.Context, c Counter, r *core.Request) (codec.Marshaler, error)) core.Method {
		return func(ctx context.Context, instance any, r *core.Request) (codec.Marshaler, error) {
			return f(ctx, instance.(Counter), r)
		}
	}
	return &core.Service{
		Name: "counter",
		Open: func(s *core.Session) (any, error) {
			value, err := state.New(s, stateName, types, State{}, nil)
			if err != nil {
				return nil, err
			}
			return newHandler(&Session{s, value}), nil
		},
		Methods: map[string]core.Method{
			"counter.Create": method(func(ctx context.Context, c Counter, r *core.Request) (codec.Marshaler, error) {
				return nil, c.Create(ctx)
			}),
			"counter.Join": method(func(ctx context.Context, c Counter, r *core.Request) (codec.Marshaler, error) {
				var topic events.Topic
				if err := r.Decode(&topic); err != nil {
					return nil, err
				}
				return nil, c.Join(ctx, topic)
			}),
			"counter.Increment": method(func(ctx context.Context, c Counter, r *core.Request) (codec.Marshaler, error) {
				var by codec.Value[uint32]
				if err := r.Decode(&by); err != nil {
					return nil, err
				}
				sum, err := c.Increment(ctx, by.V)
				return codec.Value[uint32]{V: sum}, err
			}),
			"counter.Note": method(func(ctx context.Context, c Counter, r *core.Request) (codec.Marshaler, error) {
				var text codec.Value[string]
				if err := r.Decode(&text); err != nil {
					return nil, err
				}
				return nil, c.Note(ctx, text.V)
			}),
		},
	}
}

// EventType implements events.Event.
func (Incremented) EventType() string { return family + ".Incremented" }

// AppendMsgpack implements codec.Marshaler.
func (e Incremented) AppendMsgpack(b []byte) ([]byte, error) {
	b = codec.AppendMapHeader(b, 2)
	b = codec.AppendString(b, "From")
	b = codec.AppendUint(b, uint64(e.From))
	b = codec.AppendString(b, "To")
	return codec.AppendUint(b, uint64(e.To)), nil
}

// ReadMsgpack implements codec.Unmarshaler.
func (e *Incremented) ReadMsgpack(r *codec.Reader) error {
	for n := r.MapHeader(); n > 0 && r.Err() == nil; n-- {
		switch key := r.MapKey(); string(key) {
		case "From":
			e.From = r.Uint32()
		case "To":
			e.To = r.Uint32()
		default:
			r.Skip()
		}
	}
	r.Leave()
	return r.Err()
}

// decodeEvent makes an event of what arrived.
func decodeEvent(typ string, r *codec.Reader) (Event, error) {
	switch typ {
	case Incremented{}.EventType():
		var e Incremented
		err := e.ReadMsgpack(r)
		return e, err
	}
	return nil, events.ErrUnknownType
}
