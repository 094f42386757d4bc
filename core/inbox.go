package core

import (
	"errors"
	"slices"
	"strconv"
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
// before there is one: of states no more than the limit and one message more,
// of events no more than the limit, whatever names the peer makes up.
type inbox struct {
	mu         sync.Mutex
	limit      int
	err        error // why the session ended
	states     map[string]*stateSlot
	stateBytes int // that wait in all slots

	receivers map[string]EventReceiver // by family
	waiting   *EventBuffer             // of families without a receiver; nil if nothing ever waited
	topics    map[*machine.InTopic]struct{}
}

type stateSlot struct {
	receiver StateReceiver
	waiting  []StateUpdate
	bytes    int
	lost     bool // more arrived than may wait
}

// maxNames is how many names of states are remembered when their states have
// ended and nobody has asked for them.
const maxNames = 1024

func (in *inbox) init(limit int) {
	in.limit = limit
}

func (in *inbox) buffer() *EventBuffer {
	if in.waiting == nil {
		in.waiting = &EventBuffer{limit: in.limit}
	}
	return in.waiting
}

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

// drop forgets what waits of a state.
func (in *inbox) drop(slot *stateSlot) {
	in.stateBytes -= slot.bytes
	slot.waiting, slot.bytes = nil, 0
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
		in.drop(slot)
		slot.lost = false
	}
	size := len(u.Payload) + eventOverhead
	if slot.lost || slot.bytes+size > in.limit && !u.Snapshot || in.stateBytes+size > in.limit+maxMessage {
		in.drop(slot)
		slot.lost = true
		return
	}
	if leading && u.End && len(in.states) > maxNames { // a page trusts its server
		in.drop(slot)
		delete(in.states, u.Name)
		return
	}
	slot.bytes += size
	in.stateBytes += size
	update.Payload = append([]byte(nil), u.Payload...)
	slot.waiting = append(slot.waiting, update)
}

func (in *inbox) give(s *Session, slot *stateSlot, u StateUpdate) {
	err := errPanicked
	s.guard("state receiver", func() { err = slot.receiver.ReceiveState(u) })
	if err != nil && !u.Ended {
		s.log.Warn("twinwire: state cannot be read", "session", s.id.String(), "error", err)
		s.abort(&twinwire.Error{Code: twinwire.ProtocolError, Message: "state cannot be read"})
	}
}

var errPanicked = errors.New("callback panicked")

// event takes an event that arrived.
func (in *inbox) event(s *Session, e *machine.EventIn) {
	in.mu.Lock()
	defer in.mu.Unlock()
	ev := Event{Topic: e.Topic.Name, Kind: e.Kind, Type: e.Type, Missed: e.Missed}
	switch e.Kind {
	case Subscribed:
		if in.topics == nil {
			in.topics = make(map[*machine.InTopic]struct{})
		}
		in.topics[e.Topic] = struct{}{}
		in.tellAll(s, ev)
	case Unsubscribed:
		delete(in.topics, e.Topic)
		in.tellAll(s, ev)
	case Missing:
		in.gap(s, e.Topic, anyFamily, e.Missed)
	default:
		name := family(e.Type)
		if in.saw(e.Topic, name) {
			ev.Missed += e.Topic.Missed // it may have had a part in what nobody told it of
		}
		e.Topic.Missed += e.Missed
		if e.Missed > 0 && len(e.Topic.Families) > 1 {
			in.gap(s, e.Topic, name, e.Missed)
		}
		ev.Payload = e.Payload
		if !e.Owned {
			ev.Payload = append([]byte(nil), e.Payload...)
		}
		if r := in.receivers[name]; r != nil {
			in.tell(s, r, ev)
		} else {
			in.buffer().Push(ev)
		}
	}
}

// maxFamilies bounds the families that are told apart in one topic; of a topic
// with more, everybody is told of its gaps.
const maxFamilies = 8

// saw notes that a topic has events of a family, and reports whether that is
// new.
func (in *inbox) saw(t *machine.InTopic, name string) bool {
	if len(t.Families) == maxFamilies || slices.Contains(t.Families, name) {
		return false
	}
	t.Families = append(t.Families, name)
	return true
}

// gap tells of events that the peer dropped: those families that may have had
// a part in it, but not the one that is told with its event.
func (in *inbox) gap(s *Session, t *machine.InTopic, told string, missed uint64) {
	ev := Event{Topic: t.Name, Kind: Missing, Missed: missed}
	if n := len(t.Families); n == 0 || n == maxFamilies {
		for name, r := range in.receivers {
			if name != told {
				in.tell(s, r, ev)
			}
		}
		in.buffer().miss(gapKey{anyFamily, t.Name}, missed)
		return
	}
	if told == anyFamily {
		t.Missed += missed
	}
	for _, name := range t.Families {
		if r := in.receivers[name]; name == told {
			continue
		} else if r != nil {
			in.tell(s, r, ev)
		} else {
			in.buffer().miss(gapKey{name, t.Name}, missed)
		}
	}
}

func (in *inbox) tellAll(s *Session, ev Event) {
	for _, r := range in.receivers {
		in.tell(s, r, ev)
	}
}

func (in *inbox) tell(s *Session, r EventReceiver, ev Event) {
	s.guard("event receiver", func() { r.ReceiveEvent(ev) })
}

// end tells all receivers that the session has ended.
func (in *inbox) end(s *Session, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.err = err
	for _, slot := range in.states {
		if slot.receiver != nil {
			in.tellEnd(s, slot, StateUpdate{Ended: true, Err: err})
		}
	}
	for _, r := range in.receivers {
		s.guardApart("event receiver", func() { r.EventsEnded(err) })
	}
}

// tellEnd is give for the last time, which no callback may hold up by ending its
// goroutine; a page has no use for that.
func (in *inbox) tellEnd(s *Session, slot *stateSlot, u StateUpdate) {
	if leading {
		s.guardApart("state receiver", func() { in.give(s, slot, u) })
	} else {
		in.give(s, slot, u)
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
		return twinwire.NewError(twinwire.AlreadyExists, "state "+strconv.Quote(name)+" has a receiver already")
	case slot.lost:
		return twinwire.NewError(twinwire.ResourceExhausted, "state "+strconv.Quote(name)+" changed too much before it was received")
	}
	slot.receiver = r
	for _, u := range slot.waiting {
		in.give(s, slot, u)
	}
	in.drop(slot)
	if in.err != nil {
		in.give(s, slot, StateUpdate{Ended: true, Err: in.err})
	}
	return nil
}

// ReceiveEvents has r called with the events of a family. It is told first of
// the topics that this session is subscribed to, then given what arrived
// before, in order, all before ReceiveEvents returns; events of all families
// that nobody received take at most Limits.UnreadBytes, the newest. There is
// one receiver for a family. The error is AlreadyExists if there is one.
func (s *Session) ReceiveEvents(family string, r EventReceiver) error {
	in := &s.inbox
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.receivers[family] != nil {
		return twinwire.NewError(twinwire.AlreadyExists, "events of "+strconv.Quote(family)+" have a receiver already")
	}
	in.receive(s, family, r)
	return nil
}

// EventReceiver returns the receiver of a family of events. If there is none
// it becomes what newReceiver returns, as by ReceiveEvents.
func (s *Session) EventReceiver(family string, newReceiver func() EventReceiver) EventReceiver {
	in := &s.inbox
	in.mu.Lock()
	defer in.mu.Unlock()
	if r := in.receivers[family]; r != nil {
		return r
	}
	r := newReceiver()
	in.receive(s, family, r)
	return r
}

// receive gives a family its receiver, and that what waited for it.
func (in *inbox) receive(s *Session, name string, r EventReceiver) {
	if in.receivers == nil {
		in.receivers = make(map[string]EventReceiver)
	}
	in.receivers[name] = r
	for t := range in.topics {
		in.tell(s, r, Event{Topic: t.Name, Kind: Subscribed})
	}
	if in.waiting != nil {
		in.waiting.takeFamily(name, func(ev Event) { in.tell(s, r, ev) })
	}
	if in.err != nil {
		s.guard("event receiver", func() { r.EventsEnded(in.err) })
	}
}

// UnreadBytes returns Limits.UnreadBytes.
func (s *Session) UnreadBytes() int { return s.limits.UnreadBytes }
