package machine

import (
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// A Binding is what a session needs to know of the carrier that it goes on
// with (clause 14).
type Binding struct {
	Generation  uint64
	Independent bool
	Heartbeat   time.Duration
	Trip        time.Duration // as in Config
	Datagram    int32         // as in Config
	Copies      int32         // as in Config
	// Nexts are the numbers that the peer expects, by lane.
	Nexts [frame.MaxLanes]uint64
	// Told are the numbers that this side told the peer.
	Told [frame.MaxLanes]uint64
}

// ErrNotResumable means that the peer expects what was never sent.
var ErrNotResumable = &twinwire.Error{Code: twinwire.FailedPrecondition, Message: "peer expects frames that were never sent"}

// Nexts returns the numbers that this side expects, by lane.
func (m *Machine) Nexts() (nexts [frame.MaxLanes]uint64) {
	for i := range m.cfg.Lanes {
		nexts[i] = m.lanes[i].next
	}
	return nexts
}

// Resumable reports whether the session can go on with another carrier: it
// keeps what it sends, and no goodbye was begun.
func (m *Machine) Resumable() bool {
	return m.cfg.Retention > 0 && !m.ended && !m.closing.sent && !m.closing.got
}

// Unheard reports whether nothing has been received in the session.
func (m *Machine) Unheard() bool { return m.stats.BytesReceived == 0 }

// Kept returns how many bytes of frames are kept for another carrier.
func (m *Machine) Kept() int { return m.kept }

// Detach takes note that there is no carrier: nothing is sent until Rebind.
func (m *Machine) Detach() {
	m.settleAll()
	if !page && m.early != nil {
		m.early.forget()
	}
	m.detached = true
}

// Rebind has the session go on with another carrier: what the peer has not
// received is sent again, behind the ATTACH of each lane, and what says how
// much it may send (clause 14.4). What the peer has received is in eff. The error is
// ErrNotResumable.
func (m *Machine) Rebind(b *Binding, now time.Duration, eff *Effects) error {
	for i := range m.cfg.Lanes {
		if b.Nexts[i] > m.lanes[i].sent {
			return ErrNotResumable
		}
	}
	m.settleAll()
	m.detached = false
	m.closing.sent = false // it may be lost; it is sent again behind everything else
	m.cfg.Generation, m.cfg.Independent, m.cfg.Heartbeat = b.Generation, b.Independent, b.Heartbeat
	m.cfg.Trip, m.cfg.Datagram, m.cfg.Copies = b.Trip, b.Datagram, b.Copies
	m.beat.heard, m.beat.asked, m.beat.doubt = now, 0, false
	for i := range m.cfg.Lanes {
		l := &m.lanes[i]
		_ = m.acknowledge(i, b.Nexts[i], now) // not above what was sent
		l.bound, l.attached, l.asked = false, false, false
		l.flight, l.pending, l.pace = l.flight[:0], 0, nil
		if l.acknowledged(); l.next != b.Told[i] {
			// An acknowledgement may have been lost with the other carrier.
			l.owedSince, l.ackLate = b.Told[i], true
		}
		l.keep.rewind()
		l.again = true
	}
	m.received(eff)
	m.lanes[0].bound = !m.client()
	m.control = control{pongs: m.control.pongs[:0], messages: true, largeSize: true, streams: true, leaving: m.leaving.wanted}
	if !page && m.early != nil {
		m.early.forget()
		m.early.sends = false // until this carrier is known to lose packets
	}
	for _, c := range m.out.running.sorted() {
		m.renewWindows(c.x)
	}
	for _, v := range m.in.running.sorted() {
		m.renewWindows(v.x)
	}
	for _, s := range m.str.early {
		m.renewWindow(s)
	}
	return nil
}

// renewWindows has the windows of a call's streams sent again.
func (m *Machine) renewWindows(x *exchange) {
	if x == nil {
		return
	}
	for _, s := range x.ins {
		m.renewWindow(s)
	}
}

func (m *Machine) renewWindow(s *InStream) {
	if !s.ended && !s.counted {
		m.dueWindow(s)
	}
}

// acknowledge takes an acknowledgement into account.
func (m *Machine) acknowledge(ln int, next uint64, now time.Duration) error {
	l := &m.lanes[ln]
	if err := l.acknowledge(next, now); err != nil {
		return err
	}
	if m.cfg.Retention > 0 {
		m.kept -= l.keep.trim(l.acked, m.cfg.FreeChunk)
	}
	return nil
}

// open reports whether new frames of a lane may be sent: not before what is
// sent again, and not more than what may be kept.
func (m *Machine) open(ln int) bool {
	l := &m.lanes[ln]
	switch most := m.cfg.Retention; {
	case l.replays():
		return false
	case most <= 0 || m.kept < most:
		return true
	case ln == m.role.bulk || ln == m.role.stream:
		return l.keep.bytes() < max(most, streamRetention)
	default:
		return l.keep.bytes() < most
	}
}

// streamRetention is how much is kept of the lanes of streams at most, or
// Config.Retention if that is more.
const streamRetention = 16 << 20

// batchReplays appends frames that are sent again, one of each lane, as far as
// the batch has room. It reports whether there were any.
func (m *Machine) batchReplays(pipe int, left func() int) bool {
	progress := false
	for i := range m.cfg.Lanes {
		l := &m.lanes[i]
		if !l.replays() || !m.carries(pipe, i) || !l.bound || left() <= 0 {
			continue
		}
		before := len(m.appended)
		m.appended = l.keep.appendAgain(m.appended)
		m.stats.BytesReplayed += uint64(len(m.appended) - before)
		m.touched |= 1 << i
		progress = true
	}
	return progress
}
