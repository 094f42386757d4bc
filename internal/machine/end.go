package machine

import (
	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// batchClose writes the goodbye, with what this side has received and sent: an
// ACK for every lane, whether it is owed or not, because one that was sent in
// another pipe may arrive later than the goodbye (clause 8.2).
func (m *Machine) batchClose() {
	c := &m.closing
	c.sent = true
	f := &frame.Frame{Kind: frame.Close, Code: uint16(c.code), Name: []byte(c.reason), NextCount: m.cfg.Lanes}
	if c.retry > 0 {
		f.Flags = frame.RetryAfter
		f.Millis = millis(c.retry)
	}
	for i := range m.cfg.Lanes {
		f.Nexts[i] = m.lanes[i].sent
		if l := &m.lanes[i]; l.next > 0 {
			m.append(i, &frame.Frame{Kind: frame.Ack, Next: l.next})
			l.acknowledged()
		}
	}
	m.append(0, f)
}

// End is the end of the session without agreement: every call of this side
// ends, with OutcomeUnknown if the peer may have run it and Unavailable if not
// (clause 8.3). Calls that are served here are the driver's to cancel.
func (m *Machine) End(eff *Effects) {
	if m.ended {
		return
	}
	m.ended = true
	lists := []*list{&m.credit, &m.large}
	for i := range m.queues {
		lists = append(lists, &m.waiting[i], &m.queues[i])
	}
	for _, l := range lists {
		for it := l.pop(); it != nil; it = l.pop() {
			if it.kind == itemMessage || it.kind == itemCall && !it.begun() {
				it.call.finish(twinwire.Unavailable, "session ended before the call was sent")
				m.finished(it.call, eff)
			}
		}
	}
	for _, c := range m.out.running.sorted() {
		switch {
		case c.held && (c.canceled || c.x.arrived()):
			// The answer is here; the events that it waits for are not coming.
		case c.held:
			c.finish(twinwire.OutcomeUnknown, "session ended before the streams of the answer came")
		case !c.item.whole:
			c.finish(twinwire.Unavailable, "session ended before the call was sent")
		case m.closing.got && c.item.whole && c.item.mark > m.lanes[m.role.call].acked && !m.mayBeEarly(c.item.mark):
			c.finish(twinwire.Unavailable, "session ended before the call was received")
		default:
			c.finish(twinwire.OutcomeUnknown, "session ended before the answer came")
		}
		m.out.running.remove(c.item.id)
		m.finished(c, eff)
	}
	m.endStreams()
	m.endTracked(eff)
	clear(m.in.partial)
	for i := range m.lanes {
		m.lanes[i].keep.trim(m.lanes[i].sent, m.cfg.FreeChunk)
	}
	m.events = nil
}
