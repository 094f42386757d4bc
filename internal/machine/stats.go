package machine

// Stats returns the figures of this moment.
func (m *Machine) Stats() Stats {
	st := m.stats
	st.CallsWaiting, st.BytesWaiting = m.out.queued, m.out.queuedBytes
	st.CallsRunning = len(m.out.running)
	st.CallsServing = len(m.in.running)
	st.MessagesServing = int(m.in.messages - m.in.messagesDone)
	st.ReplyBytes = m.out.replyBytes
	st.EventBytes = m.events.bytes
	for p := range m.Pipes() {
		st.Unacknowledged += m.Unacknowledged(p)
	}
	return st
}
