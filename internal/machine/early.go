package machine

import (
	"slices"
	"time"

	"github.com/twinwire/twinwire/frame"
)

const (
	// copyMost is the most bytes of a frame that is copied.
	copyMost = 512
	// copyTime is how long copies wait for others, and for the frames themselves
	// to be on their way: what is in one packet is lost together.
	copyTime = 4 * time.Millisecond
	// copyPause is for how long nothing is copied after more than one datagram
	// would have had to hold: a peer that is sent so much finds out of a loss soon.
	copyPause = 100 * time.Millisecond
	// maxTaken is how many frames of a lane may be taken early.
	maxTaken = 256
	// earlyHead is the most bytes of an EARLY beside the frame.
	earlyHead = 2 + 2 + 9
)

// copies are the copies of frames in both directions.
type copies struct {
	sends bool // this side copies
	hears bool // the peer has said that it copies

	waiting []byte        // EARLY frames, for one datagram
	due     time.Duration // when they are sent; 0 for none
	pause   time.Duration // until when nothing is copied
	now     time.Duration // of the batch that is being made

	sent, first uint64 // copies that were made, and those of the peer that came first

	// By role, first of calls, then of events.
	lanes [2]earlyLane
}

// earlyLane is what copies of the frames of one lane need.
type earlyLane struct {
	// after is the number behind the last frame sent that others must not
	// overtake, and copied the number behind the last that was copied.
	after, copied uint64
	// through is the number below which all frames arrived that others must not
	// overtake, and taken those that were taken early and have not arrived on
	// their lane, in ascending order.
	through uint64
	taken   []taken
}

// taken is a frame that was taken early.
type taken struct {
	seq  uint64
	call uint64 // the id, of a CALL; 0 of others
	kind frame.Kind
}

func (m *Machine) copies() *copies {
	if m.early == nil {
		m.early = new(copies)
	}
	return m.early
}

// lane returns what copies of a lane need, nil if there are none.
func (c *copies) lane(m *Machine, ln int) *earlyLane {
	switch ln {
	case m.role.call:
		return &c.lanes[0]
	case m.role.event:
		return &c.lanes[1]
	}
	return nil
}

// copyable reports whether frames may be copied: over a carrier with datagrams,
// where calls, events and streams have lanes of their own, and in a session that
// keeps what it sends anyway.
func (m *Machine) copyable() bool {
	return !page && m.cfg.Early && m.cfg.Copies >= earlyHead+copyMost && m.cfg.Lanes >= usualLanes && m.cfg.Retention > 0
}

// Copies reports whether small frames are sent twice, and whether that may be
// asked for.
func (m *Machine) Copies() (sends, may bool) {
	return m.early != nil && m.early.sends, m.copyable()
}

// SetCopies has small frames sent twice, by datagram as well, or no more. It is
// for a path that loses packets.
func (m *Machine) SetCopies(on bool) {
	if sends, may := m.Copies(); on == sends || on && !may {
		return
	}
	c := m.copies()
	if c.sends = on; !on {
		c.forget()
		return
	}
	m.control.early = true
	// Nothing is known of what was sent before.
	c.lanes[0].after = m.lanes[m.role.call].sent
	c.lanes[1].after = m.lanes[m.role.event].sent
}

// Ahead appends small frames of a pipe to b that wait while somebody writes to it,
// and returns the extended slice: about 48 KiB are appended at most. So they are
// copied while a carrier that has lost a packet takes nothing. They are to be sent
// before the next Batch of the pipe. It does nothing unless Copies reports that
// frames are copied.
func (m *Machine) Ahead(pipe int, now time.Duration, b []byte) []byte {
	if sends, _ := m.Copies(); !sends || m.ended || m.detached || m.silent() {
		return b
	}
	m.appended = b
	start := len(b)
	m.early.now = now
	if m.cfg.Watchdog && !m.awaits() {
		m.beat.since = now
	}
	room := func() int { return share - (len(m.appended) - start) }
	for _, p := range order {
		if p == Low && m.carries(pipe, m.role.event) && m.lanes[m.role.event].bound && room() > 0 {
			m.batchEvents(room())
		}
		if m.carries(pipe, m.role.call) && m.lanes[m.role.call].bound && room() > 0 {
			m.batchQueue(p, room(), now)
		}
	}
	return m.batched(start)
}

func (c *copies) forget() { c.waiting, c.due = nil, 0 }

// overtaken reports whether frames sent after f may be received before it: parts
// of large messages, which start when they are whole (clause 6.5), and what
// concerns only what it names.
func overtaken(f *frame.Frame) bool {
	switch f.Kind {
	case frame.Call, frame.Message:
		return f.Flags&frame.HasMore != 0 && !introduces(f)
	case frame.Reply:
		return f.Flags&frame.HasMore != 0
	case frame.More:
		return f.Flags.Of() == frame.OfCall || f.Flags.Of() == frame.OfReply
	case frame.State, frame.Topic, frame.Event, frame.Gap:
		return false
	}
	return true
}

// introduces reports whether the frame tells a name to remember.
func introduces(f *frame.Frame) bool { return f.Ref != 0 && frame.NamedRef(f.Ref) }

// copied reports whether f may be copied: what is whole in one frame, and
// must not be overtaken.
func copied(f *frame.Frame) bool {
	switch f.Kind {
	case frame.Call, frame.Message, frame.Reply, frame.State, frame.Event:
		return f.Flags&frame.HasMore == 0 && !f.Packed
	case frame.Topic, frame.Gap:
		return true
	}
	return false
}

// copy copies a frame that was appended to the batch, as far as copies have room.
func (c *copies) copy(m *Machine, ln int, f *frame.Frame, whole []byte) {
	l := c.lane(m, ln)
	if l == nil || overtaken(f) {
		return
	}
	after := l.after
	l.after = f.Seq + 1
	switch {
	case len(whole) > copyMost || !copied(f) || c.now < c.pause:
	case len(c.waiting)+earlyHead+len(whole) > int(m.cfg.Copies):
		c.forget()
		c.pause = c.now + copyPause
	default:
		l.copied = l.after
		c.sent++
		if len(c.waiting) == 0 {
			c.due = c.now + copyTime
		}
		c.waiting = frame.Append(c.waiting, &frame.Frame{Kind: frame.Early, Lane: uint8(ln), Next: after, Payload: whole})
	}
}

// mayBeEarly reports whether the peer may have taken a call early that was sent
// before the number next, although it has not acknowledged that.
func (m *Machine) mayBeEarly(next uint64) bool {
	return !page && m.early != nil && next <= m.early.lanes[0].copied
}

// tick has copies sent whose time has come.
func (c *copies) tick(now time.Duration) {
	if c.due != 0 && c.due <= now {
		c.due = 0
	}
}

// ready reports whether copies are to be sent.
func (c *copies) ready() bool { return c != nil && c.due == 0 && len(c.waiting) > 0 }

// receiveCopying takes the word of the peer that it will send copies (clause
// 17.2). A page never asks for that.
func (m *Machine) receiveCopying(f *frame.Frame) error {
	if page || !m.cfg.Early {
		return protocolError("EARLY without agreement")
	}
	if f.Lane != 0 || f.Next != 0 || len(f.Payload) > 0 {
		return protocolError("copy outside of a datagram")
	}
	m.copies().hears = true
	return nil
}

// receiveEarly takes a copy (clause 17.3).
func (m *Machine) receiveEarly(early *frame.Frame, now time.Duration, eff *Effects) error {
	var f frame.Frame
	if n, err := f.Parse(early.Payload); err != nil || n != len(early.Payload) {
		return protocolError("EARLY without one whole frame")
	}
	want, ok := m.laneOf(&f)
	if !ok || want != int(f.Lane) || f.Lane != early.Lane || !copied(&f) || early.Next > f.Seq {
		return protocolError("EARLY with a frame that is none of its")
	}
	l := &m.lanes[f.Lane]
	e := m.copies().lane(m, want)
	through := max(e.through, l.next)
	if !l.bound || f.Seq < through || early.Next > through || len(e.taken) == maxTaken {
		return nil
	}
	e.through = f.Seq + 1
	m.early.first++
	if f.Kind == frame.Call {
		err := m.receiveEarlyCall(&f, l, now, eff)
		e.taken = append(e.taken, taken{f.Seq, f.ID, f.Kind})
		return err
	}
	e.taken = append(e.taken, taken{f.Seq, 0, f.Kind})
	return m.receiveNumbered(&f, l, now, eff)
}

// receiveEarlyCall takes a call whose CALL others of lower ids may follow.
func (m *Machine) receiveEarlyCall(f *frame.Frame, l *lane, now time.Duration, eff *Effects) error {
	in := &m.in
	last, streams := in.lastID, m.str.early
	m.str.early = nil // those of other calls still wait
	err := m.receiveCall(f, l, now, eff)
	in.lastID, m.str.early = last, streams
	if v := in.running.get(f.ID); v != nil {
		m.attachEarly(f.ID, v, eff, true)
	}
	return err
}

// isEarly reports whether the call with this id was taken early, and its CALL has
// not arrived on its lane.
func (m *Machine) isEarly(id uint64) bool {
	return !page && m.early != nil && slices.ContainsFunc(m.early.lanes[0].taken, func(t taken) bool { return t.call == id })
}

// tookEarly reports whether a frame that arrived on its lane was taken before,
// and takes note of what was left then.
func (m *Machine) tookEarly(f *frame.Frame, eff *Effects) (bool, error) {
	e := m.early.lane(m, int(f.Lane))
	if e == nil || len(e.taken) == 0 || e.taken[0].seq != f.Seq {
		return false, nil
	}
	t := e.taken[0]
	if t.kind != f.Kind || f.Kind == frame.Call && t.call != f.ID {
		return false, protocolError("frame is not the one that was copied")
	}
	if e.taken = e.taken[1:]; len(e.taken) == 0 {
		e.taken = nil
	}
	if f.Kind == frame.Call && f.ID > m.in.lastID {
		m.in.lastID = f.ID
		if len(m.str.early) > 0 {
			m.attachEarly(f.ID, m.in.running.get(f.ID), eff, false)
		}
	}
	return true, nil
}
