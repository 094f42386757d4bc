package machine

import (
	"time"

	"github.com/twinwire/twinwire/frame"
)

// Receive takes frames that arrived in a pipe and adds to eff what follows
// from them. An error is a violation of the protocol by the peer, a
// *twinwire.Error; the carrier is to be closed with it and the session ended.
// eff is valid even then.
func (m *Machine) Receive(pipe int, frames []byte, now time.Duration, eff *Effects) error {
	if m.ended {
		return nil
	}
	m.beat.heard, m.beat.asked, m.beat.doubt = now, 0, false
	m.stats.BytesReceived += uint64(len(frames))
	var f frame.Frame
	for len(frames) > 0 {
		n, err := f.Parse(frames)
		if err != nil {
			return protocolError(err.Error())
		}
		m.stats.FramesReceived++
		if err := m.receive(pipe, &f, n, now, eff); err != nil {
			return err
		}
		frames = frames[n:]
	}
	if m.agree() {
		eff.Closed = true
	}
	return nil
}

// receive takes one frame of n bytes.
func (m *Machine) receive(pipe int, f *frame.Frame, n int, now time.Duration, eff *Effects) error {
	if int(f.Lane) >= m.cfg.Lanes {
		return protocolError("lane out of range")
	}
	if !f.Kind.Numbered() {
		return m.receiveControl(pipe, f, eff)
	}
	l := &m.lanes[f.Lane]
	if !m.carries(pipe, int(f.Lane)) || !l.bound {
		return protocolError("frame on a lane that is not bound")
	}
	isNew, err := l.accept(f, n, m.client(), now)
	if err != nil || !isNew {
		return err
	}
	if want, ok := m.laneOf(f); ok && want != int(f.Lane) {
		return protocolError("frame on the wrong lane")
	}
	taken := false
	if !page && m.early != nil {
		if taken, err = m.tookEarly(f, eff); err != nil {
			return err
		}
	}
	if !taken {
		if f.Packed {
			if err := m.inflate(f); err != nil {
				return err
			}
		}
		if err := m.receiveNumbered(f, l, now, eff); err != nil {
			return err
		}
	}
	if int(f.Lane) == m.role.event && len(m.out.held) > 0 {
		m.release(eff)
	}
	return nil
}

// laneOf returns the lane that a numbered frame belongs on (clause 2.6).
func (m *Machine) laneOf(f *frame.Frame) (int, bool) {
	switch f.Kind {
	case frame.Topic, frame.Event, frame.Gap:
		return m.role.event, true
	case frame.More:
		if f.Flags.Of() == frame.OfEvent {
			return m.role.event, true
		}
	case frame.Data, frame.Reset:
		return 0, false // of the sender's choice (clause 12.3)
	}
	return m.role.call, f.Kind.Known()
}

// inflate puts what the payload was made of into its place (clause 16.3).
func (m *Machine) inflate(f *frame.Frame) error {
	if m.cfg.Inflate == nil {
		return protocolError("compressed payload without agreement")
	}
	payload, err := m.cfg.Inflate(f.Payload)
	switch {
	case err != nil:
		return protocolError("malformed compressed payload")
	case len(payload) == 0, len(payload) > frame.MaxPayload, f.Flags&frame.HasMore != 0 && len(payload) != frame.MaxPayload:
		return protocolError("compressed payload of another size")
	}
	f.Payload, f.Packed = payload, false
	return nil
}

func (m *Machine) receiveNumbered(f *frame.Frame, l *lane, now time.Duration, eff *Effects) error {
	switch f.Kind {
	case frame.Call, frame.Message:
		return m.receiveCall(f, l, now, eff)
	case frame.Reply:
		return m.receiveReply(f, eff)
	case frame.Cancel:
		m.receiveCancel(f, eff)
	case frame.More:
		switch f.Flags.Of() {
		case frame.OfCall:
			return m.continueCall(f, eff)
		case frame.OfReply:
			return m.continueReply(f, eff)
		case frame.OfState:
			return m.continueState(f, eff)
		default:
			return m.continueEvent(f, eff)
		}
	case frame.Data:
		return m.receiveData(f, eff)
	case frame.Reset:
		return m.receiveReset(f, eff)
	case frame.Stop:
		m.receiveStop(f)
	case frame.State:
		return m.receiveState(f, eff)
	case frame.Topic:
		return m.receiveTopic(f, eff)
	case frame.Event, frame.Gap:
		return m.receiveEvent(f, l, eff)
	default:
		return m.ignore(now) // Parse has refused those that must not be
	}
	return nil
}

func (m *Machine) receiveControl(pipe int, f *frame.Frame, eff *Effects) error {
	if m.cfg.Independent && pipe != 0 && f.Kind != frame.Attach {
		switch {
		case !m.lanes[pipe].bound:
			return protocolError("frame on a lane that is not bound")
		case f.Kind != frame.Ack && f.Kind.Known():
			return protocolError("control frame outside of lane 0")
		}
	}
	switch f.Kind {
	case frame.Attach:
		return m.receiveAttach(pipe, f)
	case frame.Open:
		return m.receiveOpen(f)
	case frame.Ack:
		err := m.acknowledge(int(f.Lane), f.Next, m.beat.heard)
		if int(f.Lane) == m.role.call {
			m.received(eff)
		}
		return err
	case frame.Ping:
		return m.receivePing(f.ID, m.beat.heard)
	case frame.Pong:
		m.receivePong(f.ID, m.beat.heard)
	case frame.Credit:
		return m.receiveCredit(f)
	case frame.Window:
		m.receiveWindow(f)
	case frame.Close:
		return m.receiveClose(f)
	case frame.Leaving:
		return m.receiveLeaving(f, eff)
	case frame.Latest:
		return protocolError("LATEST outside of a datagram")
	case frame.Early:
		return m.receiveCopying(f)
	case frame.Hello, frame.Challenge, frame.Proof, frame.Welcome, frame.Refuse:
		return m.receiveRenewal(f, eff)
	default:
		return m.ignore(m.beat.heard)
	}
	return nil
}

// receiveAttach binds a lane (clause 4.5).
func (m *Machine) receiveAttach(pipe int, f *frame.Frame) error {
	l := &m.lanes[f.Lane]
	all := f.Flags&frame.AllLanes != 0
	switch {
	case m.client():
		return protocolError("ATTACH from a server")
	case f.ID != m.cfg.Generation:
		return protocolError("ATTACH of another generation")
	case !m.carries(pipe, int(f.Lane)):
		return protocolError("ATTACH on the stream of another lane")
	case all == m.cfg.Independent, all && f.Lane != 0:
		return protocolError("ATTACH does not suit the carrier")
	case l.attached:
		return protocolError("lane is bound already")
	}
	l.attached, l.bound = true, true
	if all {
		for i := range m.lanes {
			m.lanes[i].bound = true
		}
	}
	return nil
}

// receiveOpen binds a lane that the server wants (clause 4.6).
func (m *Machine) receiveOpen(f *frame.Frame) error {
	switch {
	case !m.client():
		return protocolError("OPEN from a client")
	case m.lanes[f.Lane].bound:
		return nil
	}
	m.lanes[f.Lane].asked = true
	return nil
}
