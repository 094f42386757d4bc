package core

import (
	"strconv"
	"strings"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/internal/machine"
)

// Overflow says what happens to the events of a topic when a session does not
// keep up.
type Overflow = machine.Overflow

const (
	// DropOldest drops the events that wait longest; the subscriber is told
	// how many it missed.
	DropOldest = machine.DropOldest
	// Disconnect ends the session with SlowConsumer.
	Disconnect = machine.Disconnect
	// Latest is for topics of which only the newest event counts, such as where
	// a pointer is: it takes the place of one that waits, which nobody is told
	// of, and travels by datagram where the wire has them and it fits (at most
	// about 1,000 bytes). No older event arrives after a newer one, and the
	// newest always arrives: 50 ms after it, if its datagram may have been lost
	// (clauses 7.6 to 7.9). A reply may overtake what goes by datagram. Events
	// that belong to no topic are dropped as with DropOldest.
	Latest = machine.Latest
)

// A Subscription is that of a session to one topic, on the side that emits.
// Package events is made of them; a program uses that.
type Subscription struct {
	session *Session
	sub     *machine.Sub
}

// Session returns the session that is subscribed.
func (sub *Subscription) Session() *Session { return sub.session }

// Subscribe subscribes the peer to a topic, whose name is any bytes, at most
// 255. The caller sees to it that a topic is not subscribed to twice. The
// error is Unavailable if the session has ended, ResourceExhausted if it has
// Limits.Topics subscriptions (at most 16,384), TooLarge for the name, and
// SlowConsumer if too much waits for the session already, which ends it.
func (s *Session) Subscribe(topic string, overflow Overflow) (*Subscription, error) {
	if len(topic) > frame.MaxName {
		return nil, tooLarge("topic name", len(topic), frame.MaxName)
	}
	most := min(s.limits.Topics, machine.MaxTopics)
	s.mu.Lock()
	switch {
	case s.ended || s.ending:
		s.mu.Unlock()
		return nil, endedError(s.Err())
	case s.topics >= most:
		s.mu.Unlock()
		s.counts.Add(LimitTopics)
		return nil, twinwire.NewError(twinwire.ResourceExhausted, "session is subscribed to "+strconv.Itoa(most)+" topics already")
	}
	sub, err := s.m.Subscribe(topic, overflow)
	if err != nil {
		s.mu.Unlock()
		if err == machine.ErrEnded { // the peer says goodbye
			return nil, endedError(s.Err())
		}
		s.abortApart(err)
		return nil, err
	}
	s.topics++
	s.kick(background)
	return &Subscription{s, sub}, nil
}

// Cancel ends the subscription. Events that were emitted before still arrive.
func (sub *Subscription) Cancel() {
	s := sub.session
	s.mu.Lock()
	if s.m.Unsubscribe(sub.sub) {
		s.topics--
	}
	s.kick(background)
}

// Emit queues an event for the subscriber. flush says that the caller is to
// call [Session.Flush], which sends it; otherwise that is being done. The
// payload is shared: nobody may change it any more. An event that cause's
// handler emits is delivered before the reply to cause, if cause is a request
// of the subscriber's session; cause may be nil. The error is Unavailable if
// the session or the subscription has ended; and with core.Disconnect
// SlowConsumer if this event was one too many, or TooLarge if the peer does not
// accept one of its size, both of which end the session. It is BadRequest, and
// nothing ends, for a type that is no name of clause 6.2, over 255 bytes for one.
func (sub *Subscription) Emit(typ string, payload []byte, cause *Request) (flush bool, err error) {
	return sub.session.emit(sub.sub, typ, payload, DropOldest, cause)
}

// Emit queues an event that belongs to no topic, as Subscription.Emit does.
func (s *Session) Emit(typ string, payload []byte, overflow Overflow, cause *Request) (flush bool, err error) {
	return s.emit(nil, typ, payload, overflow, cause)
}

func (s *Session) emit(sub *machine.Sub, typ string, payload []byte, overflow Overflow, cause *Request) (flush bool, err error) {
	packed := s.packer.packShared(payload)
	s.mu.Lock()
	if typ != s.emitted { // as a rule it is the same string as before
		if !frame.ValidType(typ) {
			s.mu.Unlock()
			return false, twinwire.NewError(twinwire.BadRequest, strconv.Quote(typ[:min(len(typ), 300)])+" cannot be the name of an event type")
		}
		s.emitted = typ
	}
	ordinal, err := s.m.Emit(sub, typ, payload, overflow, packed...)
	if err == nil {
		if cause != nil && cause.session == s {
			s.m.Caused(cause.inboundLocked(), ordinal)
		}
		// Who writes to the pipe looks for more when it has written, but for what can
		// be copied meanwhile.
		sends, _ := s.m.Copies()
		flush = s.bind != nil && (sends || s.bind.writing&(1<<s.m.EventPipe()) == 0) || s.datagramsWaitLocked()
		s.mu.Unlock()
		return flush, nil
	}
	s.mu.Unlock()
	if as(err, new(*twinwire.Error)) {
		s.abortApart(err)
		return false, err
	}
	return false, endedError(s.Err())
}

// Flush sends what waits. It does not block on the peer: what cannot be sent
// at once is left to a goroutine of the session. It reports whether goroutines
// of the carrier have yet to send what it was given, as those of QUIC do.
func (s *Session) Flush() (others bool) {
	s.mu.Lock()
	others = s.bind != nil && s.bind.prompt == nil
	s.kick(promptly)
	return others
}

// An Event is what arrived on the event lane.
type Event struct {
	// Topic is the topic's name; "" for what was emitted to every session, and
	// for gaps in so many topics that they are not told apart any more.
	Topic string
	// Kind says what it is.
	Kind EventKind
	// Type is the event's type, such as "counter.Incremented". Its family is
	// what stands before the last dot.
	Type string
	// Missed is how many events of this topic were dropped before this one.
	Missed uint64
	// Payload is the encoded event.
	Payload []byte
}

// EventKind is the kind of an Event.
type EventKind = machine.EventInKind

const (
	// Emitted is an event.
	Emitted = machine.Emitted
	// Subscribed and Unsubscribed are the begin and the end of a subscription.
	Subscribed, Unsubscribed = machine.Subscribed, machine.Unsubscribed
	// Missing means that the last Missed events of the topic were dropped.
	Missing = machine.Missing
)

// family returns the family of an event type.
func family(typ string) string { return typ[:max(0, strings.LastIndexByte(typ, '.'))] }
