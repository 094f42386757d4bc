package machine

import (
	"github.com/twinwire/twinwire/frame"
)

// An OutState is a state that this side owns and the peer sees (clause 6.9).
type OutState struct {
	id    uint64 // 0 until the first frame, which carries NAME
	name  string
	ended bool
	queue []*item // what waits, oldest first
	bytes int     // of the deltas in the queue
	whole int     // of the newest snapshot
}

// OpenState begins a state of this name. Nothing is sent before its first
// snapshot.
func (m *Machine) OpenState(name string) *OutState {
	return &OutState{name: name}
}

// Snapshot queues the whole value. What waits of the state and was not begun
// is left out: the snapshot contains it, and takes the place of the oldest of
// it, because a reply that waits behind that must not overtake what its
// handler changed (clause 6.9). The payload is shared, only read, and so are
// its compressed parts (Call.Packed). The error is ErrEnded or ErrTooLarge.
func (m *Machine) Snapshot(s *OutState, version uint64, payload []byte, packed ...[]byte) error {
	switch {
	case m.takesNothing() || s.ended:
		return ErrEnded
	case len(payload) > m.cfg.Peer.MaxMessage || len(s.name) > frame.MaxName:
		return ErrTooLarge
	}
	snapshot := &item{kind: itemState, mark: version, content: &Content{Payload: payload, Packed: packed}, flags: uint8(frame.Snapshot), state: s}
	kept := s.queue[:0]
	for _, it := range s.queue {
		switch {
		case it.begun():
			kept = append(kept, it)
			continue
		case snapshot.in == nil:
			m.queues[Normal].replace(it, snapshot)
		default:
			it.unlink()
		}
		s.left(it)
	}
	if snapshot.in == nil {
		m.queues[Normal].push(snapshot)
	}
	clear(s.queue[len(kept):])
	s.queue = append(kept, snapshot)
	s.whole = len(payload)
	return nil
}

// Delta queues a change to the next version: the receiver counts on from the
// snapshot. It returns false if too much
// of the state waits already: the caller then queues a snapshot instead. Too
// much is 1,024 changes, and MaxStateBytes, or what a snapshot takes if that is
// more: one that waits for a peer that does not read must not be made anew for
// every change.
func (m *Machine) Delta(s *OutState, payload []byte, packed ...[]byte) (bool, error) {
	switch {
	case m.takesNothing() || s.ended:
		return true, ErrEnded
	case len(s.queue) > 0 && s.bytes+len(payload) > max(m.cfg.MaxStateBytes, s.whole), len(s.queue) > maxDeltas, len(payload) > m.cfg.Peer.MaxMessage:
		m.limited(LimitStateBytes)
		return false, nil
	}
	m.pushState(s, payload, packed, 0)
	return true, nil
}

// EndState tells the peer that no more will come.
func (m *Machine) EndState(s *OutState) {
	if m.takesNothing() || s.ended {
		return
	}
	s.ended = true
	if s.id != 0 || len(s.queue) > 0 {
		m.pushState(s, nil, nil, uint8(frame.End))
	}
}

func (m *Machine) pushState(s *OutState, payload []byte, packed [][]byte, flags uint8) {
	it := &item{kind: itemState, content: &Content{Payload: payload, Packed: packed}, flags: flags, state: s}
	s.queue = append(s.queue, it)
	s.bytes += len(payload)
	m.queues[Normal].push(it)
}

// sent takes the oldest item, which was sent whole, off the state's queue.
func (s *OutState) sent(it *item) {
	s.left(it)
	s.queue = append(s.queue[:0], s.queue[1:]...)
}

// left takes an item off the bytes that wait.
func (s *OutState) left(it *item) {
	if frame.Flags(it.flags)&frame.Snapshot == 0 {
		s.bytes -= len(it.content.Payload)
	}
}

// An inState is a state of the peer.
type inState struct {
	name     string
	version  uint64 // of the newest snapshot or delta, complete or not
	changes  flow
	snapshot bool
	size     int
	parts    []byte
}

// A StateIn is a snapshot, a delta or the end of a state of the peer.
type StateIn struct {
	Name     string
	Version  uint64
	Snapshot bool
	End      bool
	// Payload is borrowed unless Owned is set.
	Payload []byte
	Owned   bool
}

func (m *Machine) receiveState(f *frame.Frame, eff *Effects) error {
	in := &m.in
	s := in.states[f.ID]
	if f.Flags&frame.HasName != 0 {
		switch {
		case f.ID <= in.lastState:
			return protocolError("state id out of order")
		case len(in.states) >= m.cfg.MaxStates:
			return m.beyond(LimitStates, "too many states")
		case in.states == nil:
			in.states = make(map[uint64]*inState)
		}
		if err := m.next(&in.opened, "states that come and go"); err != nil {
			return err
		}
		in.lastState = f.ID
		s = &inState{name: string(f.Name)}
		in.states[f.ID] = s
	}
	if s == nil || in.openState != nil {
		return protocolError("state out of order")
	}
	snapshot := f.Flags&frame.Snapshot != 0
	end := f.Flags&frame.End != 0
	if err := m.next(&s.changes, "too many changes of a state"); err != nil {
		return err
	}
	switch {
	case end:
		delete(in.states, f.ID)
	case snapshot:
		s.version = f.Next
	default:
		s.version++
	}
	if f.Flags&frame.HasMore == 0 {
		eff.States = append(eff.States, StateIn{Name: s.name, Version: s.version, Snapshot: snapshot, End: end, Payload: f.Payload})
		return nil
	}
	if f.Size > uint64(m.cfg.Own.MaxMessage) || end {
		return m.beyond(LimitMessageSize, "state over the size limit")
	}
	in.openState = s
	s.snapshot, s.size = snapshot, int(f.Size)
	s.parts = new(Rooms).begin(s.size, f)
	return nil
}

func (m *Machine) continueState(f *frame.Frame, eff *Effects) error {
	s := m.in.states[f.ID]
	if s == nil || s != m.in.openState {
		return protocolError("part of a message that was not begun")
	}
	whole, err := new(Rooms).add(&s.parts, s.size, f)
	if err != nil || !whole {
		return err
	}
	eff.States = append(eff.States, StateIn{Name: s.name, Version: s.version, Snapshot: s.snapshot, Payload: s.parts, Owned: true})
	s.parts, m.in.openState = nil, nil
	return nil
}
