package machine

// Waiting returns the bytes that wait to be sent or acknowledged.
func (s Stats) Waiting() int {
	return s.BytesWaiting + s.ReplyBytes + s.EventBytes + s.Unacknowledged
}

// Stats returns the figures of this moment.
func (m *Machine) Stats() Stats {
	st := m.stats
	st.CallsWaiting, st.BytesWaiting = m.out.queued, m.out.queuedBytes
	st.CallsRunning = len(m.out.running)
	st.CallsServing = len(m.in.running)
	st.MessagesServing = m.in.serving
	st.ReplyBytes = m.out.replyBytes
	st.EventBytes = m.events.bytes
	for p := range m.Pipes() {
		st.Unacknowledged += m.Unacknowledged(p)
	}
	return st
}
