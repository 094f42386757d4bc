package machine

import (
	"time"

	"github.com/twinwire/twinwire"
)

// maxPings is how many PINGs a peer may send within a second (clause 8.1).
const maxPings = 10

type heartbeat struct {
	heard time.Duration // when something was last received
	asked time.Duration // when a PING was queued since; 0 for none
	doubt bool          // the application doubts that the peer can be reached
	pings int32         // of the peer since second

	doubted time.Duration // when it last said so

	since time.Duration // when something was sent after nothing was waited for

	second time.Duration // when counting of the peer's PINGs began
}

// How a carrier ends whose peer went silent: for two heartbeats (clause 8.1), or
// for as long as the watchdog waits, twice (clause 14.5).
var (
	ErrPeerDead   = &twinwire.Error{Code: twinwire.PeerDead, Message: "nothing was heard from the peer for two heartbeats"}
	ErrPeerSilent = &twinwire.Error{Code: twinwire.PeerDead, Message: "nothing was heard from the peer while an answer was waited for"}
)

// Watchdog bounds: how long a peer may be silent that somebody waits for, until
// it is asked, and then until it is given up. A question is cheap; with the
// answer's time and the five round trips of another carrier a call waits for ten.
const (
	watchTime   = 400 * time.Millisecond
	askTrips    = 2 // round trips, if that is longer
	answerTrips = 3
)

// interval returns how long a silence may last before a question, and after it.
// A client that can go on over another carrier is impatient while its
// application waits for something (clause 14.5); its peer answers questions
// at once, however long handlers take.
func (m *Machine) interval() time.Duration {
	if !m.awaits() {
		return m.cfg.Heartbeat
	}
	trips := askTrips * m.cfg.Trip
	if m.beat.asked != 0 {
		trips = answerTrips * m.cfg.Trip
	}
	return min(m.cfg.Heartbeat, max(watchTime, trips))
}

// silence returns when the silence of the peer began.
func (m *Machine) silence() time.Duration {
	if m.awaits() {
		return max(m.beat.heard, m.beat.since)
	}
	return m.beat.heard
}

// awaits reports whether the watchdog looks: something is waited for.
func (m *Machine) awaits() bool {
	return m.cfg.Watchdog && (m.beat.doubt || m.out.running.len() > 0 || m.unacknowledged())
}

// Doubt asks the peer at once whether it is there, because the application has
// reason to doubt it. A watchdog then waits for the answer as it does for one
// that the application waits for (clause 14.5). However often it is called, the
// peer is not asked more often than clause 8.1 allows.
func (m *Machine) Doubt(now time.Duration) {
	const every = 2 * time.Second / maxPings // which leaves half of them for heartbeats
	if m.ended || m.detached || m.beat.doubted != 0 && now-m.beat.doubted < every {
		return
	}
	m.beat.doubt, m.beat.doubted = true, now
	m.ask(now)
}

// Heard returns when something was last received.
func (m *Machine) Heard() time.Duration { return m.beat.heard }

// ask sends a PING.
func (m *Machine) ask(now time.Duration) {
	m.beat.asked = now
	m.control.ping, m.control.token = true, uint64(now/time.Microsecond)
}

// unacknowledged reports whether the peer has not acknowledged something.
func (m *Machine) unacknowledged() bool {
	for i := range m.cfg.Lanes {
		if m.lanes[i].acked != m.lanes[i].sent {
			return true
		}
	}
	return false
}

// Deadline returns when Tick wants to be called next. It may only have moved
// closer after Receive, which wants an acknowledgement sent. Once Tick was
// called it is in the future, also while nothing can be sent.
func (m *Machine) Deadline() time.Duration {
	if m.detached {
		return 1<<63 - 1
	}
	at := max(m.silence(), m.beat.asked) + m.interval()
	if m.events != nil {
		if due := m.events.latest.due; due != 0 && due < at {
			at = due
		}
	}
	if c := m.early; !page && c != nil && c.due != 0 && c.due < at {
		at = c.due
	}
	for i := range m.cfg.Lanes {
		l := &m.lanes[i]
		if due := l.ackDue; due != 0 && due < at {
			at = due
		}
		if p := l.pace; p != nil && p.refill != 0 && p.refill < at {
			at = p.refill
		}
	}
	return at
}

// Tick takes note of the time. After it Ready may report something to send.
// It returns ErrPeerDead or ErrPeerSilent when the peer has been silent for too
// long.
func (m *Machine) Tick(now time.Duration) error {
	if m.ended || m.detached {
		return nil
	}
	for i := range m.cfg.Lanes {
		l := &m.lanes[i]
		if l.ackDue != 0 && l.ackDue <= now {
			l.ackDue, l.ackLate = 0, true
		}
		if l.pace != nil {
			l.pace.tick(now)
		}
	}
	m.repair(now)
	if !page && m.early != nil {
		m.early.tick(now)
	}
	b := &m.beat
	switch {
	case b.asked != 0 && now-b.asked >= m.interval():
		// Counted from the question: a process that was suspended wakes up
		// after a long silence of its own making.
		if m.interval() < m.cfg.Heartbeat {
			return ErrPeerSilent
		}
		return ErrPeerDead
	case b.asked == 0 && now-m.silence() >= m.interval():
		for i := range m.lanes {
			if l := &m.lanes[i]; l.keep.empty() {
				l.keep = nil // an idle session holds on to no room
			}
		}
		m.ask(now)
	}
	return nil
}

func (m *Machine) receivePing(token uint64, now time.Duration) error {
	if now-m.beat.second >= time.Second {
		m.beat.second, m.beat.pings = now, 0
	}
	if m.beat.pings++; m.beat.pings > maxPings {
		return m.beyond(LimitPings, "too many heartbeats")
	}
	for i := range m.lanes {
		m.lanes[i].ask() // with the PONG (clause 8.1)
	}
	if c := &m.control; len(c.pongs) < maxPings {
		c.pongs = append(c.pongs, token)
	} else {
		// The peer does not read: what it asked longest ago is of no use.
		copy(c.pongs, c.pongs[1:])
		c.pongs[len(c.pongs)-1] = token
	}
	return nil
}

func (m *Machine) receivePong(token uint64, now time.Duration) {
	if token == m.control.token && token > 0 {
		rtt := now - time.Duration(token)*time.Microsecond
		m.stats.RTT = rtt
		// The shortest counts: one that an outage made long must not have the
		// next outage go unnoticed.
		if m.cfg.Trip == 0 || rtt < m.cfg.Trip {
			m.cfg.Trip = rtt
		}
	}
}
