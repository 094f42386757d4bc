package machine

import (
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// sendBuffer is how much of a stream may wait to be sent.
const sendBuffer = 8 * frame.MaxPayload

// An OutStream is a stream that this side sends (clause 12).
type OutStream struct {
	// Owner is the driver's own.
	Owner any
	// Code and Text say why the stream is over, unless it was sent whole.
	Code twinwire.Code
	Text []byte

	of       party
	slot     uint8
	priority Priority

	first, last *Chunk
	queued      int // bytes in the chunks
	sent, limit uint64

	admitted bool // it may begin (clause 12.5)
	begun    bool // its first frame is in a batch
	announce bool // it begins before there is anything in it
	ended    bool // its end is queued
	reset    bool // what is queued is a RESET
	over     bool
	wanted   bool // the driver waits for room

	prev, next *OutStream
	in         *ring
}

// Over reports whether nothing can be sent any more.
func (s *OutStream) Over() bool { return s.over || s.ended || s.reset }

// OpenStream returns the stream of this side in a slot of a call, a new one
// the first time. A call of this side may not have been sent yet. A stream
// that cannot be sent, because the call is answered or canceled or the peer
// takes no streams, is over from the beginning: an answer must not wait for it
// (clauses 12.8 and 12.9).
func (m *Machine) OpenStream(of party, slot uint8, p Priority) *OutStream {
	x := of.streams()
	s := x.out(slot)
	if s == nil {
		s = &OutStream{of: of, slot: slot, priority: p, limit: uint64(m.cfg.Peer.Stream)}
		x.outs = append(x.outs, s)
		switch {
		case m.str.limit == 0:
			s.over, s.Code, s.Text = true, twinwire.ResourceExhausted, Rejection("peer takes no streams", nil)
		case m.ended || of.settled():
			s.over, s.Code = true, twinwire.Canceled
		}
	}
	return s
}

// Room returns how many bytes of a stream may be queued.
func (m *Machine) Room(s *OutStream) int { return max(0, sendBuffer-s.queued) }

// Waiting returns how many bytes of a stream wait to be sent.
func (m *Machine) Waiting(s *OutStream) int { return s.queued }

// Write queues a part of p that there is room for, and returns its length.
func (m *Machine) Write(s *OutStream, p []byte) int {
	if s.Over() || m.ended {
		return 0
	}
	n := min(len(p), m.Room(s))
	for p = p[:n]; len(p) > 0; {
		if s.last == nil || len(s.last.Free()) == 0 {
			m.link(s, m.cfg.NewChunk())
		}
		k := copy(s.last.Free(), p)
		s.last.Fill(k)
		p = p[k:]
	}
	s.queued += n
	m.activate(s)
	return n
}

// WriteChunk queues a chunk, whole, and takes it over. The driver has made
// sure that there is room, or does not mind.
func (m *Machine) WriteChunk(s *OutStream, c *Chunk) {
	if s.Over() || m.ended || len(c.Bytes()) == 0 {
		m.cfg.FreeChunk(c)
		return
	}
	m.link(s, c)
	s.queued += len(c.Bytes())
	m.activate(s)
}

func (m *Machine) link(s *OutStream, c *Chunk) {
	if s.last == nil {
		s.first = c
	} else {
		s.last.next = c
	}
	s.last = c
}

// Announce begins a stream before there is anything in it.
func (m *Machine) Announce(s *OutStream) {
	if !s.Over() {
		s.announce = true
		m.activate(s)
	}
}

// EndStream queues the end of a stream.
func (m *Machine) EndStream(s *OutStream) {
	if !s.Over() {
		s.ended = true
		m.activate(s)
	}
}

// ResetStream gives a stream up (clause 12.6). What is queued is dropped. One
// that was announced begins for it, so that the peer learns of it.
func (m *Machine) ResetStream(s *OutStream, code twinwire.Code, text []byte) {
	if s.over || s.reset || m.ended {
		return
	}
	s.Code, s.Text = code, text
	if !s.begun && !s.announce {
		m.streamOver(s)
		return
	}
	m.dropChunks(s)
	m.tellRoom(s)
	s.reset = true
	m.activate(s)
}

// WantRoom has Freed return the stream when it has room again, or is over.
func (m *Machine) WantRoom(s *OutStream) { s.wanted = true }

// Freed returns the streams that have room again, or are over, since it was
// last asked. The slice is valid until anything else is done.
func (m *Machine) Freed() []*OutStream {
	if m.str.turns == nil {
		return nil
	}
	f := m.str.freed
	m.str.freed = m.str.freed[:0]
	return f
}

// tellRoom makes the driver know that it need not wait any more.
func (m *Machine) tellRoom(s *OutStream) {
	if s.wanted {
		s.wanted = false
		m.str.make()
		m.str.freed = append(m.str.freed, s)
	}
}

// sendable reports whether there is a frame to send of a stream.
func (s *OutStream) sendable() bool {
	return s.reset || s.announce && !s.begun || s.queued > 0 && s.sent < s.limit || s.ended && s.queued == 0
}

// activate has a stream take its turns if there is something to send.
func (m *Machine) activate(s *OutStream) {
	if s.in != nil || s.over || s.of.number() == 0 || !s.sendable() {
		return
	}
	st := &m.str
	st.make()
	if !s.admitted {
		if st.begun >= st.limit {
			st.waiting.push(s)
			return
		}
		st.begun++
		s.admitted = true
	}
	st.active[s.priority].push(s)
}

// admitStreams lets streams begin that waited for others to be over.
func (m *Machine) admitStreams() {
	st := &m.str
	for st.turns != nil && st.waiting.first != nil && st.begun < st.limit {
		s := st.waiting.first
		s.unlink()
		m.activate(s)
	}
}

// streamLane returns the lane of the streams of a priority (clause 4.3).
func (m *Machine) streamLane(p Priority) int {
	if p == Bulk {
		return m.role.bulk
	}
	return m.role.stream
}

// streamsReady reports whether streams have something to send in a lane.
func (m *Machine) streamsReady(ln int) bool {
	p := m.lanes[ln].pace
	return m.streamsWant(ln) && (p == nil || p.open())
}

// streamsWant reports whether streams of a lane have something to send.
func (m *Machine) streamsWant(ln int) bool {
	if m.str.turns == nil {
		return false
	}
	for p := range m.str.active {
		if m.str.active[p].count > 0 && m.streamLane(Priority(p)) == ln {
			return true
		}
	}
	return false
}

// batchStreams appends frames of the streams of a priority until the batch has
// grown by budget bytes; they take turns. It reports whether it appended any.
func (m *Machine) batchStreams(pipe int, p Priority, budget int, now time.Duration) bool {
	if m.str.turns == nil {
		return false
	}
	r := &m.str.active[p]
	ln := m.streamLane(p)
	if r.count == 0 || !m.carries(pipe, ln) {
		return false
	}
	pc := m.lanes[ln].pace
	if pc == nil {
		pc = &pace{called: m.calledAt}
		m.lanes[ln].pace = pc
	}
	start := len(m.appended)
	for r.first != nil && len(m.appended)-start < budget && m.open(ln) && pc.open() && !pc.closed() {
		s := r.first
		s.unlink()
		m.batchStream(s, ln, now)
	}
	if pc.limit > 0 && !m.streamsWant(ln) {
		pc.idle()
	}
	return len(m.appended) > start
}

// batchStream appends one frame of a stream.
func (m *Machine) batchStream(s *OutStream, ln int, now time.Duration) {
	f := &frame.Frame{ID: s.of.number(), Slot: uint64(s.slot), Flags: calleeFlag(s.of.callee())}
	if s.reset && s.begun {
		f.Kind, f.Code, f.Payload = frame.Reset, uint16(s.Code), s.Text
		m.append(ln, f)
		m.streamOver(s)
		return
	}
	f.Kind = frame.Data
	if !s.begun {
		s.begun = true
		s.of.streams().began++
		f.Flags |= frame.First
	}
	c := s.first
	if c != nil {
		f.Payload = c.Bytes()
		if left := s.limit - s.sent; uint64(len(f.Payload)) > left {
			f.Payload = f.Payload[:left]
		}
	}
	n := len(f.Payload)
	if m.lanes[ln].pace.asks(n) {
		f.Flags |= frame.Ask
	}
	s.queued -= n
	s.sent += uint64(n)
	if s.ended && s.queued == 0 && !s.reset {
		f.Flags |= frame.Last
	}
	m.chunk = c
	m.append(ln, f)
	m.chunk = nil
	m.lanes[ln].pace.sent(m.lanes[ln].sent, n, now)
	if c != nil {
		if c.Drop(n); len(c.Bytes()) == 0 {
			if s.first = c.next; s.first == nil {
				s.last = nil
			}
			m.doneWith(c)
		}
	}
	if f.Flags&frame.Last != 0 {
		m.streamOver(s)
		return
	}
	if s.queued <= sendBuffer/2 {
		m.tellRoom(s)
	}
	m.activate(s)
}

// streamOver ends a stream of this side: it was sent whole, or will not be.
func (m *Machine) streamOver(s *OutStream) {
	if s.over {
		return
	}
	s.over = true
	s.unlink()
	m.dropChunks(s)
	m.tellRoom(s)
	if s.admitted && !s.begun {
		m.str.begun--
		m.admitStreams()
	}
	if v, ok := s.of.(*Inbound); ok && v.replyWaits && !v.x.sending() {
		m.queueReply(v)
	}
}

func (m *Machine) dropChunks(s *OutStream) {
	for c := s.first; c != nil; {
		next := c.next
		m.doneWith(c)
		c = next
	}
	s.first, s.last, s.queued = nil, nil, 0
}

// doneWith gives a chunk back, once nothing is kept in it.
func (m *Machine) doneWith(c *Chunk) {
	if c.done = true; c.refs == 0 {
		m.cfg.FreeChunk(c)
	}
}

// endStreams gives back what waits to be sent of calls that are served here,
// at the end of the session.
func (m *Machine) endStreams() {
	for _, v := range m.in.running.sorted() {
		if v.x != nil {
			for _, s := range v.x.outs {
				s.unlink()
				m.dropChunks(s)
			}
		}
	}
}

// dropStreams ends the streams of this side of a call that is over or canceled
// (clauses 12.8 and 12.9).
func (m *Machine) dropStreams(x *exchange, code twinwire.Code) {
	if x == nil {
		return
	}
	for _, s := range x.outs {
		if !s.over {
			s.Code = code
			m.streamOver(s)
		}
	}
}

// outOf returns the stream of this side that a frame of the peer is about, and
// its call; nil if the call is over.
func (m *Machine) outOf(f *frame.Frame) (party, *OutStream) {
	if f.Flags&frame.OfCallee != 0 {
		if v := m.in.running.get(f.ID); v != nil {
			return v, v.x.out(uint8(f.Slot))
		}
		return nil, nil
	}
	if c := m.out.running.get(f.ID); c != nil {
		return c, c.x.out(uint8(f.Slot))
	}
	return nil, nil
}

// receiveWindow takes a WINDOW (clause 12.4).
func (m *Machine) receiveWindow(f *frame.Frame) {
	of, s := m.outOf(f)
	if c, ok := of.(*Call); ok && s == nil && !c.item.streams && !c.canceled {
		// The callee waits for what will not come.
		m.EndStream(m.OpenStream(c, uint8(f.Slot), Normal))
	}
	if s != nil && f.Next > s.limit {
		s.limit = f.Next
		m.activate(s)
	}
}

// receiveStop takes a STOP (clause 12.7).
func (m *Machine) receiveStop(f *frame.Frame) {
	of, s := m.outOf(f)
	if of == nil {
		return
	}
	if s == nil {
		// It shall not begin. The text is not kept: a peer may stop all slots
		// of all calls.
		x := of.streams()
		x.outs = append(x.outs, &OutStream{of: of, slot: uint8(f.Slot), over: true, Code: twinwire.Code(f.Code)})
		return
	}
	if !s.over {
		s.Code = twinwire.Code(f.Code)
		if len(f.Payload) <= maxRejection {
			s.Text = append([]byte(nil), f.Payload...)
		}
		m.streamOver(s)
	}
}
