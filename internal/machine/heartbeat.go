package machine

import (
	"time"

	"github.com/twinwire/twinwire"
)

// maxPings is how many PINGs a peer may send within a second (clause 8.1).
const maxPings = 10

type heartbeat struct {
	heard time.Duration // when something was last received
	asked bool          // a PING was sent since

	second time.Duration // when counting of the peer's PINGs began
	pings  int
}

// ErrPeerDead is how a session ends whose peer went silent (clause 8.1).
var ErrPeerDead = &twinwire.Error{Code: twinwire.PeerDead, Message: "nothing was heard from the peer for two heartbeats"}

// Deadline returns when Tick wants to be called next. It may only have moved
// closer after Receive, which wants an acknowledgement sent.
func (m *Machine) Deadline() time.Duration {
	at := m.beat.heard + m.cfg.Heartbeat
	if m.beat.asked {
		at += m.cfg.Heartbeat
	}
	for i := range m.cfg.Lanes {
		if due := m.lanes[i].ackDue; due != 0 && due < at {
			at = due
		}
	}
	return at
}

// Tick takes note of the time. After it Ready may report something to send.
// It returns ErrPeerDead when the peer has been silent for two heartbeats.
func (m *Machine) Tick(now time.Duration) error {
	if m.ended {
		return nil
	}
	silent := now - m.beat.heard
	switch {
	case m.beat.asked && silent >= 2*m.cfg.Heartbeat:
		return ErrPeerDead
	case !m.beat.asked && silent >= m.cfg.Heartbeat:
		m.beat.asked = true
		m.control.pings = append(m.control.pings, uint64(now/time.Microsecond))
	}
	return nil
}

func (m *Machine) receivePing(token uint64, now time.Duration) error {
	if now-m.beat.second >= time.Second {
		m.beat.second, m.beat.pings = now, 0
	}
	if m.beat.pings++; m.beat.pings > maxPings {
		return protocolError("too many heartbeats")
	}
	m.control.pongs = append(m.control.pongs, token)
	return nil
}

func (m *Machine) receivePong(token uint64, now time.Duration) {
	if rtt := now - time.Duration(token)*time.Microsecond; rtt > 0 && rtt < 2*m.cfg.Heartbeat {
		m.stats.RTT = rtt
	}
}
