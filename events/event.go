package events

import (
	"fmt"
	"strconv"
	"sync"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/frame"
)

// MaxEvent is the largest event in bytes (clause 2.4). A subscriber that
// accepts less misses an event that is larger, and is told.
const MaxEvent = 4 << 20

// An Event is a value that can be emitted: it encodes itself and knows the
// name of its type. Generated code makes the types of a contract's events
// events; by hand it is two methods.
type Event interface {
	codec.Marshaler
	// EventType returns the name of the type, such as "counter.Incremented":
	// at most 255 bytes of [A-Za-z0-9._/-]. What stands before the last dot is
	// its family, by which receivers ask for it. It must be the same for all
	// values of a Go type, and callable on the zero value.
	EventType() string
}

// Raw is an event that is encoded already: for programs that pass events on,
// or that do not know their types.
type Raw struct {
	// Type is the name of the event's type.
	Type string
	// Payload is one MessagePack value; the caller answers for its being one.
	// Emit copies it.
	Payload codec.Raw
}

var _ Event = Raw{}

// EventType returns r.Type.
func (r Raw) EventType() string { return r.Type }

// AppendMsgpack appends the payload.
func (r Raw) AppendMsgpack(b []byte) ([]byte, error) { return r.Payload.AppendMsgpack(b) }

// scratch is where events are encoded before their size is known.
type scratch struct{ b []byte }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// maxScratch is the largest buffer that is kept for the next event.
const maxScratch = 64 << 10

// encode returns the type and the encoding of an event, in memory of its own
// that is shared from then on. An event that panics is an error.
func encode(ev Event) (typ string, payload []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("events: encoding of %T panicked: %v", ev, v)
		}
	}()
	typ = ev.EventType()
	if !frame.ValidType(typ) {
		return "", nil, twinwire.NewError(twinwire.BadRequest, strconv.Quote(typ)+" cannot be the type of an event")
	}
	s := scratches.Get().(*scratch)
	b, err := ev.AppendMsgpack(s.b[:0])
	switch {
	case err != nil:
		err = fmt.Errorf("events: cannot encode %s: %w", typ, err)
	case len(b) > MaxEvent:
		err = twinwire.Errorf(twinwire.TooLarge, "event of %d bytes is over the limit of %d", len(b), MaxEvent)
	default:
		payload = make([]byte, len(b))
		copy(payload, b)
	}
	if cap(b) <= maxScratch {
		s.b = b[:0]
		scratches.Put(s)
	}
	return typ, payload, err
}
