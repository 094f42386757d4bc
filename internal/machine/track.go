package machine

import "github.com/twinwire/twinwire"

// A tracked call or message is one whose way the driver wants to know: when it
// was sent whole, and when the peer has received it, which the acknowledgement
// of its last frame says (clause 4.2). Others cost nothing.

// track takes note that a tracked call or message was sent whole.
func (m *Machine) track(c *Call) {
	m.unacked.push(&c.item)
	m.sentTracked = append(m.sentTracked, c)
}

// SentTracked returns the tracked calls and messages that were put into batches
// whole since it was last asked. The slice is valid until the next Batch.
func (m *Machine) SentTracked() []*Call {
	sent := m.sentTracked
	m.sentTracked = sent[:0]
	return sent
}

// received tells of what the peer has received, after an ACK of the call lane.
// For a message that is the end.
func (m *Machine) received(eff *Effects) {
	acked := m.lanes[m.role.call].acked
	for it := m.unacked.first; it != nil && it.mark <= acked; it = m.unacked.first {
		it.unlink()
		if c := it.call; c.OneWay {
			c.finish(twinwire.Accepted, "")
			m.finished(c, eff)
		} else {
			eff.Received = append(eff.Received, c)
		}
	}
}

// endTracked ends the messages of which it is not known that the peer has
// received them: also after a goodbye, since its sender still takes messages
// that were on their way. Calls end with those that are running.
func (m *Machine) endTracked(eff *Effects) {
	for it := m.unacked.pop(); it != nil; it = m.unacked.pop() {
		if c := it.call; c.OneWay {
			c.finish(twinwire.OutcomeUnknown, "session ended before the message was acknowledged")
			m.finished(c, eff)
		}
	}
}
