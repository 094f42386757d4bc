package machine

import (
	"slices"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// fastWindow is the window that a stream gets when it turns out to be of more
// than one frame, if there is room.
const fastWindow = 512 << 10

// An InStream is a stream that the peer sends (clause 12).
type InStream struct {
	// Owner is the driver's own; Config.NewStream made it.
	Owner any

	of       party // nil while it is early, and after its call
	early    bool  // its call has not arrived (clause 12.3)
	id       uint64
	slot     uint8
	isCallee bool // the peer is the callee
	lane     uint8

	begun     bool
	ended     bool // its end or its reset has arrived
	reset     bool // it was its reset
	stopped   bool // nobody wants it here
	stopSent  bool
	code      twinwire.Code // of the stop
	text      []byte
	counted   bool // it is over (clause 12.5)
	windowDue bool

	received, consumed, limit uint64
	window                    int
}

// A DataIn is something that arrived of a stream of the peer.
type DataIn struct {
	Stream *InStream
	// Payload is the next bytes. It is borrowed.
	Payload []byte
	// Last says that they are the last.
	Last bool
	// Reset says that the peer has given up the stream, with a code and the
	// payload of a rejection.
	Reset bool
	Code  twinwire.Code
}

// InStream returns the stream of the peer in a slot of a call, which may not
// have begun. If not, and the peer is the caller, it is asked for: the call may
// be one without streams (clause 12.4).
func (m *Machine) InStream(of party, slot uint8) *InStream {
	s := of.streams().in(slot)
	if s == nil {
		s = m.newIn(of.number(), slot, !of.callee())
		m.attachStream(of, s)
		if of.callee() && !of.settled() {
			m.dueWindow(s)
		}
	}
	return s
}

// InStreams returns the streams of the peer of a call, as far as they are
// known.
func InStreams(of party) []*InStream {
	if x := of.existing(); x != nil {
		return x.ins
	}
	return nil
}

func (m *Machine) newIn(id uint64, slot uint8, callee bool) *InStream {
	s := &InStream{id: id, slot: slot, isCallee: callee, window: m.cfg.Own.Stream, limit: uint64(m.cfg.Own.Stream)}
	s.Owner = m.cfg.NewStream(s)
	return s
}

func (m *Machine) attachStream(of party, s *InStream) {
	s.of = of
	x := of.streams()
	x.ins = append(x.ins, s)
}

// attachEarly gives a call that has arrived the streams that arrived before
// it, and drops those whose call did not come; of is nil if this one is not
// run. Exact is for a call that others with lower ids may follow, whose streams
// still wait.
//
// Until then they count as open, also if they have ended: a peer must not
// have any number of streams of calls that never come.
func (m *Machine) attachEarly(id uint64, of *Inbound, eff *Effects, exact bool) {
	m.str.early = slices.DeleteFunc(m.str.early, func(s *InStream) bool {
		switch {
		case s.id > id, exact && s.id < id:
			return false
		case s.id == id && of != nil && !of.replied:
			s.early = false
			m.attachStream(of, s)
			if s.ended && (s.reset || s.consumed == s.received) {
				m.inOver(s)
			}
		default:
			s.early = false
			m.inOver(s)
			eff.Dropped = append(eff.Dropped, s)
		}
		return true
	})
}

// inOf returns the stream that a DATA or RESET is of. If its call is over, or
// canceled, or will not come, live is false.
func (m *Machine) inOf(f *frame.Frame) (of party, s *InStream, live bool, err error) {
	slot := uint8(f.Slot)
	if f.Flags&frame.OfCallee != 0 {
		c := m.out.running.get(f.ID)
		switch {
		case c == nil && f.ID > m.out.nextID:
			return nil, nil, false, protocolError("stream of a call that was not made")
		case c == nil || c.canceled:
			return nil, nil, false, nil
		}
		return c, c.x.in(slot), true, nil
	}
	if v := m.in.running.get(f.ID); v != nil {
		return v, v.x.in(slot), !v.replied, nil
	}
	if f.ID <= m.in.lastID || m.isEarly(f.ID) {
		return nil, nil, false, nil
	}
	for _, s := range m.str.early {
		if s.id == f.ID && s.slot == slot {
			return nil, s, true, nil
		}
	}
	return nil, nil, true, nil
}

// receiveData takes a DATA (clause 12.2).
func (m *Machine) receiveData(f *frame.Frame, eff *Effects) error {
	of, s, live, err := m.inOf(f)
	if err != nil {
		return err
	}
	st := &m.str
	first := f.Flags&frame.First != 0
	if first {
		if st.opened++; st.opened > st.granted {
			return m.beyond(LimitStreams, "stream beyond the limit")
		}
	}
	if !live {
		if first {
			m.countOver()
		}
		return nil
	}
	asked := s != nil // by its reader, which may have come before it
	switch {
	case first && asked && s.begun:
		return protocolError("stream began twice")
	case !first && (s == nil || !s.begun):
		return protocolError("stream did not begin")
	case s == nil:
		s = m.newIn(f.ID, uint8(f.Slot), f.Flags&frame.OfCallee != 0)
		if of != nil {
			m.attachStream(of, s)
		} else {
			s.early = true
			st.early = append(st.early, s)
		}
	}
	if first {
		s.begun, s.id, s.lane = true, f.ID, f.Lane
		if c, ok := of.(*Call); ok && !c.Streams && !asked {
			s.stopped, s.code = true, twinwire.NotImplemented
		}
		if s.stopped {
			m.sendStop(s)
			m.inOver(s)
		}
	}
	if err := s.accept(f, len(f.Payload)); err != nil {
		if s.received > s.limit {
			m.limited(LimitStreamBytes)
		}
		return err
	}
	s.ended = f.Flags&frame.Last != 0
	if first && !s.ended && !s.stopped {
		// A stream of more than one frame is likely to be a long one: that it
		// need not grow step by step doubles the rate of the first MiB.
		m.grow(s, min(fastWindow-s.window, m.str.spare/4))
		m.grant(s, uint64(s.window))
	}
	if !s.stopped {
		eff.Data = append(eff.Data, DataIn{Stream: s, Payload: f.Payload, Last: s.ended})
		if s.ended && s.consumed == s.received {
			m.inOver(s)
		}
	}
	if s.ended || s.stopped {
		m.release(eff)
	}
	return nil
}

// accept checks a frame of a stream that has begun.
func (s *InStream) accept(f *frame.Frame, n int) error {
	s.received += uint64(n)
	switch {
	case s.ended:
		return protocolError("stream went on after its end")
	case s.lane != f.Lane:
		return protocolError("stream changed its lane")
	case s.received > s.limit:
		return protocolError("stream beyond its window")
	}
	return nil
}

// receiveReset takes a RESET (clause 12.6).
func (m *Machine) receiveReset(f *frame.Frame, eff *Effects) error {
	_, s, live, err := m.inOf(f)
	if err != nil || !live {
		return err
	}
	if s == nil || !s.begun {
		return protocolError("stream did not begin")
	}
	if err := s.accept(f, 0); err != nil {
		return err
	}
	s.ended, s.reset = true, true
	if !s.stopped {
		eff.Data = append(eff.Data, DataIn{Stream: s, Reset: true, Code: twinwire.Code(f.Code), Payload: f.Payload})
	}
	m.inOver(s)
	m.release(eff)
	return nil
}

// ConsumedStream says that the application has taken n more bytes.
func (m *Machine) ConsumedStream(s *InStream, n int) {
	if s.consumed += uint64(n); s.counted || m.ended {
		return
	}
	if s.ended {
		if s.consumed == s.received {
			m.inOver(s)
		}
		return
	}
	// A quarter of the window at a time, but at once where the peer may be
	// waiting for it.
	limit := s.consumed + uint64(s.window)
	if limit-s.limit < uint64(s.window/4) && s.received < s.limit {
		return
	}
	if s.consumed == s.received {
		// The application is waiting for more: a larger window may be what it
		// takes to fill the path.
		m.grow(s, s.window)
		limit = s.consumed + uint64(s.window)
	}
	m.grant(s, limit)
}

// grow makes the window of a stream larger by at most n bytes.
func (m *Machine) grow(s *InStream, n int) {
	if n = min(n, m.cfg.MaxStream-s.window, m.str.spare); n > 0 {
		m.str.spare -= n
		s.window += n
	}
}

// grant lets the peer send a stream up to a limit.
func (m *Machine) grant(s *InStream, limit uint64) {
	if limit > s.limit {
		s.limit = limit
		m.dueWindow(s)
	}
}

// dueWindow queues a WINDOW.
func (m *Machine) dueWindow(s *InStream) {
	if !s.windowDue {
		s.windowDue = true
		m.str.windows = append(m.str.windows, s)
	}
}

// StopStream says that nobody here wants more of a stream (clause 12.7).
func (m *Machine) StopStream(s *InStream, code twinwire.Code, text []byte) {
	if s.stopped || s.counted || m.ended {
		return
	}
	if s.stopped = true; s.ended {
		m.inOver(s)
		return
	}
	s.code, s.text = code, text
	if s.begun {
		m.sendStop(s)
		m.inOver(s)
	} else if s.of.number() != 0 {
		s.id = s.of.number()
		m.sendStop(s)
	}
}

// sendStop queues a STOP, once.
func (m *Machine) sendStop(s *InStream) {
	if !s.stopSent {
		s.stopSent = true
		m.queues[Normal].push(&item{kind: itemStop, id: s.id, slot: s.slot, flags: uint8(calleeFlag(s.isCallee)), code: uint16(s.code), content: &Content{Payload: s.text}})
	}
}

// inOver takes note that a stream of the peer is over (clause 12.5).
func (m *Machine) inOver(s *InStream) {
	if s.counted || !s.begun || s.early {
		return
	}
	s.counted = true
	m.str.spare += s.window - m.cfg.Own.Stream
	m.countOver()
}

func (m *Machine) countOver() {
	st := &m.str
	st.over++
	limit := st.over + uint64(m.cfg.Own.Streams)
	if limit-st.granted >= uint64(max(1, m.cfg.Own.Streams/4)) || st.opened == st.granted {
		st.granted = limit
		m.control.streams = true
	}
}

// dropIns ends the streams of the peer of a call that is over.
func (m *Machine) dropIns(x *exchange) {
	if x != nil {
		for _, s := range x.ins {
			s.stopped = true
			m.inOver(s)
		}
	}
}

// batchWindows appends WINDOWs that are due (clause 12.4), as many as a batch
// has room for.
func (m *Machine) batchWindows() {
	st := &m.str
	start, n := len(m.appended), 0
	for ; n < len(st.windows) && len(m.appended)-start < share; n++ {
		s := st.windows[n]
		if s.windowDue = false; !s.counted && !s.ended {
			m.append(0, &frame.Frame{
				Kind: frame.Window, Flags: calleeFlag(s.isCallee), ID: s.id, Slot: uint64(s.slot), Next: s.limit,
			})
		}
	}
	st.windows = slices.Delete(st.windows, 0, n)
}
