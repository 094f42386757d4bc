package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
)

// An Ability is what not every peer can do. They are bits.
type Ability uint8

const (
	// Streams: a Conn that is dialed with DialOptions.Streams is a Streamer,
	// and every Server a Receiver.
	Streams Ability = 1 << iota
	// Values: every Conn is a Valuer, and every Server a Receiver.
	Values
	// Messages: every Conn is a Messenger, and every Server a Receiver.
	Messages
	// Events: every Server is a Publisher.
	Events
	// Topics: every Server is a TopicPublisher.
	Topics
)

// A Publisher is a Server that sends events to every connection that
// subscribes.
type Publisher interface {
	Server

	// Publish sends one event to every subscribed connection. It may wait
	// while queues are full, until Close, and may not drop the event. It is
	// called from one goroutine at a time and must not keep event.
	Publish(event []byte) error
}

// A TopicPublisher is a Server that sends events on topics to the connections
// that subscribe to them.
type TopicPublisher interface {
	Publisher

	// PublishTo is Publish to the subscribers of one topic.
	PublishTo(topic int, event []byte) error
}

// A Wired is a Conn that knows which of several wires it is on.
type Wired interface {
	Conn

	// Wire names the present wire, or the last one where there is none.
	Wire() Wire
}

// A Streamer is a Conn that carries streams of bytes beside its calls. Its
// methods may be called from several goroutines: each makes a stream of its
// own.
type Streamer interface {
	Conn

	// Upload sends a stream of size bytes to the server, and returns once the
	// server has confirmed that it has them all.
	Upload(size int) error

	// Download has the server send a stream of size bytes, and returns after
	// its end. received is called with the number of bytes of each piece.
	Download(size int, received func(n int)) error
}

// A Valuer is a Conn that sends streams of small values. One Sender, of values
// or of messages, is in use at a time on all connections of a server: the
// server counts what comes in order.
type Valuer interface {
	Conn

	// Values begins a stream.
	Values() (Sender, error)
}

// A Messenger is a Conn that sends what nobody answers. What is said of
// Senders of a Valuer holds here too.
type Messenger interface {
	Conn

	// Messages begins to send messages, each of which is handled by itself.
	Messages() (Sender, error)
}

// ItemSize is the size of the payload of values and one-way messages that are
// not to have another, in bytes: 64 with the head that MessagePack gives it. It
// is the least, too.
const ItemSize = 62

// A Sender sends values or messages. It is used by one goroutine.
type Sender interface {
	// Send sends one payload, which begins with its number in 8 bytes, from 0.
	// It may wait for the server.
	Send(payload []byte) error

	// Close waits until all that was sent has arrived.
	Close() error
}

// A Receiver is a Server that tells what it has received. A Tally is one.
type Receiver interface {
	Server
	Received() Received
}

// Received is what a server has received since it began.
type Received struct {
	Items uint64 // values and messages that were handled
	Bytes uint64 // of streams of bytes
}

// A Tally counts what a server receives.
type Tally struct {
	items, bytes, next atomic.Uint64
}

var errShortItem = errors.New("peer: a value or message without a number")

// Item takes one value or message. It fails if it is not the next one.
func (t *Tally) Item(payload []byte) error {
	if len(payload) < ItemSize {
		return errShortItem
	}
	number, want := binary.BigEndian.Uint64(payload), t.next.Load()
	if number != want && number != 0 {
		return fmt.Errorf("peer: value or message %d for %d", number, want)
	}
	t.next.Store(number + 1)
	t.items.Add(1)
	return nil
}

// Bytes takes n bytes of a stream.
func (t *Tally) Bytes(n int) { t.bytes.Add(uint64(n)) }

// Received returns the counts.
func (t *Tally) Received() Received {
	return Received{Items: t.items.Load(), Bytes: t.bytes.Load()}
}
