package events

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/frame"
)

// A Broker carries messages between the hubs of several servers. One that
// passes messages to every hub that asked for the subject, the sender's
// included, is enough: a hub recognises its own, and never passes on what it
// received, so nothing goes round in circles.
//
// Delivery is at most once. What a broker loses, duplicates or reorders stays
// lost, duplicated or reordered: subscribers are not told of a gap, and a reply
// may overtake an event that came through a broker.
//
// Subjects are made by the hub and consist of [A-Za-z0-9_.-] alone; names of
// topics, which peers may have had a hand in, are encoded in them. All methods
// may be called from several goroutines at once.
type Broker interface {
	// Publish sends a message to all who subscribed to the subject. It queues
	// the message and returns, without waiting for the network; what does not
	// fit in the queue is an error. It must not keep the message.
	Publish(ctx context.Context, subject string, message []byte) error
	// Subscribe has receive called with each message of the subject that is
	// published from now on, in order and one at a time for one publisher,
	// until cancel is called. receive does not block; the message must not be
	// changed after it. A broker that loses its connection restores its
	// subscriptions by itself: an error means that it never can.
	Subscribe(subject string, receive func(message []byte)) (cancel func(), err error)
}

// subjectAll is the subject of the events to all sessions.
const subjectAll = "twinwire.all"

// subjectOf returns the subject of a topic. base64 keeps names apart and
// leaves none of the characters that brokers give a meaning to.
func subjectOf(t Topic) string {
	return "twinwire.topic." + base64.RawURLEncoding.EncodeToString([]byte(t))
}

// A bridge connects a hub to its broker. It subscribes to the subjects of the
// topics that have subscribers here.
type bridge struct {
	// Immutable.
	hub    *Hub
	broker Broker
	origin core.ID // tells the messages of this hub from those of others
	cancel context.CancelFunc
	done   chan struct{}
}

func newBridge(h *Hub) *bridge {
	ctx, cancel := context.WithCancel(context.Background())
	b := &bridge{hub: h, broker: h.opts.Broker, origin: core.NewAttempt(), cancel: cancel, done: make(chan struct{})}
	go b.run(ctx) // ends when close cancels ctx
	return b
}

// run keeps the subscriptions to the broker's subjects those of the hub's
// topics. It is a goroutine of its own so that a slow broker holds up nobody
// who subscribes a session.
func (b *bridge) run(ctx context.Context) {
	defer close(b.done)
	cancels := make(map[Topic]func())
	if stop := b.subscribe("", subjectAll); stop != nil {
		cancels[""] = stop
	}
	// What is created and removed while the broker is busy needs no work.
	for n := range b.hub.notify(ctx, 16) {
		if n.Kind == Created {
			if stop := b.subscribe(n.Topic, subjectOf(n.Topic)); stop != nil {
				cancels[n.Topic] = stop
			}
		} else if stop := cancels[n.Topic]; stop != nil {
			delete(cancels, n.Topic)
			b.hub.guard("cancel of the broker", stop)
		}
	}
	for _, stop := range cancels {
		b.hub.guard("cancel of the broker", stop)
	}
}

func (b *bridge) subscribe(t Topic, subject string) (stop func()) {
	var err error
	b.hub.guard("Broker.Subscribe", func() {
		stop, err = b.broker.Subscribe(subject, func(m []byte) { b.receive(t, m) })
	})
	if err != nil {
		b.hub.logger().Error("twinwire: broker does not subscribe", "subject", subject, "error", err)
		return nil
	}
	return stop
}

func (b *bridge) close() {
	b.cancel()
	<-b.done
}

// messageVersion is the first value of a message.
const messageVersion = 1

// publish sends an event to the other hubs: an array of the version, the
// origin, the type and the payload.
func (b *bridge) publish(ctx context.Context, subject, typ string, payload []byte) error {
	m := make([]byte, 0, len(payload)+len(typ)+len(b.origin)+16)
	m = codec.AppendArrayHeader(m, 4)
	m = codec.AppendUint(m, messageVersion)
	m = codec.AppendBytes(m, b.origin[:])
	m = codec.AppendString(m, typ)
	m = codec.AppendBytes(m, payload)
	err := error(twinwire.NewError(twinwire.Internal, "broker panicked"))
	b.hub.guard("Broker.Publish", func() { err = b.broker.Publish(ctx, subject, m) })
	if err != nil {
		return fmt.Errorf("events: broker: %w", err)
	}
	return nil
}

// receive takes a message of another hub, or of this one.
func (b *bridge) receive(t Topic, m []byte) {
	if b.hub.closed() != nil {
		return
	}
	r := codec.NewReader(m, nil)
	n, version := r.ArrayHeader(), r.Uint64()
	if r.Err() == nil && (n < 4 || version != messageVersion) {
		b.malformed(fmt.Errorf("version %d", version))
		return
	}
	origin := r.BorrowBytes()
	typ := r.Str()
	payload := r.BorrowBytes()
	switch err := r.Err(); {
	case err != nil:
		b.malformed(err)
	case string(origin) == string(b.origin[:]):
	case !frame.ValidType(typ) || len(payload) > MaxEvent:
		b.malformed(fmt.Errorf("event is out of bounds"))
	case t == "":
		b.hub.deliverAll(typ, payload, nil)
	default:
		b.hub.deliver(t, typ, payload, nil)
	}
}

func (b *bridge) malformed(err error) {
	b.hub.logger().Warn("twinwire: message of the broker cannot be read", "error", err)
}
