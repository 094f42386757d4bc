package machine

import "time"

// counters are those figures of Stats that count from the begin of the session.
type counters struct {
	FramesSent, FramesReceived uint64
	BytesSent, BytesReceived   uint64
	CallsStarted, CallsServed  uint64
	Messages, EventsSent       uint64
	EventsMissed               uint64
	UnknownFrames              uint64
	BytesReplayed              uint64
	RTT                        time.Duration
}

// Waiting returns the bytes that wait to be sent or acknowledged.
func (s Stats) Waiting() int {
	return s.BytesWaiting + s.ReplyBytes + s.EventBytes + s.Unacknowledged
}

// Stats returns the figures of this moment.
func (m *Machine) Stats() Stats {
	c := &m.stats
	st := Stats{
		FramesSent: c.FramesSent, FramesReceived: c.FramesReceived, BytesSent: c.BytesSent, BytesReceived: c.BytesReceived,
		CallsStarted: c.CallsStarted, CallsServed: c.CallsServed, Messages: c.Messages, EventsSent: c.EventsSent,
		EventsMissed: c.EventsMissed, UnknownFrames: c.UnknownFrames, BytesReplayed: c.BytesReplayed, RTT: c.RTT,
	}
	st.CallsWaiting, st.BytesWaiting = m.out.queued, m.out.queuedBytes
	st.CallsRunning = m.out.running.len()
	st.CallsServing = m.in.running.len()
	st.MessagesServing = int(m.in.serving)
	st.ReplyBytes = m.out.replyBytes
	if m.events != nil {
		st.EventBytes = m.events.bytes
	}
	if !page && m.early != nil {
		st.FramesCopied, st.CopiesFirst = m.early.sent, m.early.first
	}
	for p := range m.Pipes() {
		st.Unacknowledged += m.Unacknowledged(p)
	}
	return st
}
