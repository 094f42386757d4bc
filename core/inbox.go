package core

import (
	"fmt"
	"sync"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/internal/machine"
)

// A StateReceiver gets the snapshots and deltas of one state of the peer, in
// order. It is called from where the session reads, and before a reply that
// was sent after them is delivered: it must be quick and must not block. An
// error ends the session with ProtocolError.
type StateReceiver interface {
	ReceiveState(u StateUpdate) error
}

// A StateUpdate is a snapshot or a delta of a state, or its end.
type StateUpdate struct {
	Version  uint64
	Snapshot bool // Payload replaces the value; otherwise it is a delta
	End      bool // the peer sends no more of this state
	// Ended says that the session has ended; Err is why. It is the last.
	Ended bool
	Err   error
	// Payload is borrowed.
	Payload []byte
}

// An EventReceiver gets the events of one family, in order. It is called from
// where the session reads: it must be quick and must not block.
type EventReceiver interface {
	// ReceiveEvent takes an event. It may keep the payload.
	ReceiveEvent(ev Event)
	// EventsEnded says that the session has ended and why; nothing follows.
	EventsEnded(err error)
}

// An inbox hands states and events to their receivers, and keeps what arrives
// before there is one.
type inbox struct {
	mu     sync.Mutex
	limit  int
	err    error // why the session ended
	states map[string]*stateSlot
	events map[string]*eventSlot
	// missed counts, by topic, gaps that no event followed: nobody knows which
	// family they belong to, so one that is asked for later is told as well.
	missed map[string]uint64
}

type stateSlot struct {
	receiver StateReceiver
	waiting  []StateUpdate
	bytes    int
	lost     bool // more arrived than may wait
}

type eventSlot struct {
	receiver EventReceiver
	waiting  *EventBuffer
}

const (
	// maxFamilies bounds the event families that a peer may make up.
	maxFamilies = 64
	// maxMissed bounds the topics that inbox.missed remembers.
	maxMissed = 1024
)

func (in *inbox) init(limit int) { in.limit = limit }

func (in *inbox) slot(name string) *stateSlot {
	if in.states == nil {
		in.states = make(map[string]*stateSlot)
	}
	slot := in.states[name]
	if slot == nil {
		slot = new(stateSlot)
		in.states[name] = slot
	}
	return slot
}

func (in *inbox) family(name string) *eventSlot {
	if in.events == nil {
		in.events = make(map[string]*eventSlot)
	}
	slot := in.events[name]
	if slot == nil {
		slot = &eventSlot{waiting: NewEventBuffer(in.limit)}
		in.events[name] = slot
		for topic, n := range in.missed {
			slot.waiting.Push(Event{Topic: topic, Kind: Missing, Missed: n})
		}
	}
	return slot
}

// state takes a state update that arrived.
func (in *inbox) state(s *Session, u *machine.StateIn) {
	in.mu.Lock()
	defer in.mu.Unlock()
	slot := in.slot(u.Name)
	update := StateUpdate{Version: u.Version, Snapshot: u.Snapshot, End: u.End, Payload: u.Payload}
	if slot.receiver != nil {
		in.give(s, slot, update)
		return
	}
	if u.Snapshot {
		slot.waiting, slot.bytes, slot.lost = nil, 0, false
	}
	if slot.bytes += len(u.Payload) + eventOverhead; slot.lost || slot.bytes > in.limit && !u.Snapshot {
		slot.waiting, slot.lost = nil, true
		return
	}
	update.Payload = append([]byte(nil), u.Payload...)
	slot.waiting = append(slot.waiting, update)
}

func (in *inbox) give(s *Session, slot *stateSlot, u StateUpdate) {
	err := errPanicked
	s.guard("state receiver", func() { err = slot.receiver.ReceiveState(u) })
	if err != nil && !u.Ended {
		s.log.Warn("twinwire: state cannot be read", "session", s.id.String(), "error", err)
		s.fail(&twinwire.Error{Code: twinwire.ProtocolError, Message: "state cannot be read"})
	}
}

var errPanicked = fmt.Errorf("callback panicked")

// event takes an event that arrived.
func (in *inbox) event(s *Session, e *machine.EventIn) {
	in.mu.Lock()
	defer in.mu.Unlock()
	ev := Event{Topic: e.Topic.Name, Kind: e.Kind, Type: e.Type, Missed: e.Missed}
	if e.Kind != Emitted {
		for _, slot := range in.events {
			slot.give(s, ev)
		}
		if ev.Kind == Missing && len(in.missed) < maxMissed {
			if in.missed == nil {
				in.missed = make(map[string]uint64)
			}
			in.missed[ev.Topic] += ev.Missed
		}
		return
	}
	name := family(e.Type)
	if in.events[name] == nil && len(in.events) >= maxFamilies {
		s.fail(&twinwire.Error{Code: twinwire.ProtocolError, Message: "too many event families"})
		return
	}
	ev.Payload = e.Payload
	if !e.Owned {
		ev.Payload = append([]byte(nil), e.Payload...)
	}
	in.family(name).give(s, ev)
}

func (slot *eventSlot) give(s *Session, ev Event) {
	if slot.receiver == nil {
		slot.waiting.Push(ev)
		return
	}
	s.guard("event receiver", func() { slot.receiver.ReceiveEvent(ev) })
}

// end tells all receivers that the session has ended.
func (in *inbox) end(s *Session, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.err = err
	for _, slot := range in.states {
		if slot.receiver != nil {
			in.give(s, slot, StateUpdate{Ended: true, Err: err})
		}
	}
	for _, slot := range in.events {
		if slot.receiver != nil {
			s.guard("event receiver", func() { slot.receiver.EventsEnded(err) })
		}
	}
}

// ReceiveState has r called with the peer's state of this name. What arrived
// before is given to r at once, in order, before ReceiveState returns. There
// is one receiver for a name. The error is AlreadyExists if there is one, and
// ResourceExhausted if more had arrived than Limits.UnreadBytes.
func (s *Session) ReceiveState(name string, r StateReceiver) error {
	in := &s.inbox
	in.mu.Lock()
	defer in.mu.Unlock()
	slot := in.slot(name)
	switch {
	case slot.receiver != nil:
		return twinwire.Errorf(twinwire.AlreadyExists, "state %q has a receiver already", name)
	case slot.lost:
		return twinwire.Errorf(twinwire.ResourceExhausted, "state %q changed too much before it was received", name)
	}
	slot.receiver = r
	for _, u := range slot.waiting {
		in.give(s, slot, u)
	}
	slot.waiting = nil
	if in.err != nil {
		in.give(s, slot, StateUpdate{Ended: true, Err: in.err})
	}
	return nil
}

// ReceiveEvents has r called with the events of a family. What arrived before
// is given to r at once, in order, before ReceiveEvents returns; of more than
// Limits.UnreadBytes, the newest. There is one receiver for a family. The
// error is AlreadyExists if there is one.
func (s *Session) ReceiveEvents(family string, r EventReceiver) error {
	in := &s.inbox
	in.mu.Lock()
	defer in.mu.Unlock()
	slot := in.family(family)
	if slot.receiver != nil {
		return twinwire.Errorf(twinwire.AlreadyExists, "events of %q have a receiver already", family)
	}
	in.receive(s, slot, r)
	return nil
}

// receive gives a family its receiver, and that what waited for it.
func (in *inbox) receive(s *Session, slot *eventSlot, r EventReceiver) {
	slot.receiver = r
	slot.waiting.MoveTo(func(ev Event) { slot.give(s, ev) })
	slot.waiting = nil
	if in.err != nil {
		s.guard("event receiver", func() { r.EventsEnded(in.err) })
	}
}

// EventReceiver returns the receiver of a family of events. If there is none
// it becomes what newReceiver returns, as by ReceiveEvents.
func (s *Session) EventReceiver(family string, newReceiver func() EventReceiver) EventReceiver {
	in := &s.inbox
	in.mu.Lock()
	defer in.mu.Unlock()
	slot := in.family(family)
	if slot.receiver == nil {
		in.receive(s, slot, newReceiver())
	}
	return slot.receiver
}

// UnreadBytes returns Limits.UnreadBytes.
func (s *Session) UnreadBytes() int { return s.limits.UnreadBytes }

// A StateWriter sends a state of this side to the peer.
type StateWriter struct {
	session *Session
	state   *machine.OutState
}

// OpenState begins a state. Nothing is sent before its first snapshot.
func (s *Session) OpenState(name string) *StateWriter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &StateWriter{s, s.m.OpenState(name)}
}

// Snapshot sends the whole value; what still waits of the state is left out.
// The payload is shared: nobody may change it any more. A reply that is
// queued after it does not overtake it. The error is Unavailable if the
// session has ended, or TooLarge.
func (w *StateWriter) Snapshot(version uint64, payload []byte) error {
	s := w.session
	s.mu.Lock()
	err := s.m.Snapshot(w.state, version, payload)
	s.kick(false)
	return s.stateError(err)
}

// Delta sends a change. It returns false if too much of the state waits
// already; the caller then sends a snapshot. Otherwise it is as Snapshot.
func (w *StateWriter) Delta(version uint64, payload []byte) (ok bool, err error) {
	s := w.session
	s.mu.Lock()
	ok, err = s.m.Delta(w.state, version, payload)
	s.kick(false)
	return ok, s.stateError(err)
}

// Close tells the peer that no more will come.
func (w *StateWriter) Close() {
	s := w.session
	s.mu.Lock()
	s.m.EndState(w.state)
	s.kick(false)
}

func (s *Session) stateError(err error) error {
	if err == machine.ErrEnded {
		return endedError(s.Err())
	}
	return err
}
