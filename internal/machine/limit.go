package machine

import "time"

// A Limit is a bound that a machine keeps its peer, or its own side, to.
// Config.Limited is told each time that one is reached.
type Limit uint8

const (
	// LimitCalls and LimitMessages are those of the windows (clauses 5.2 and
	// 5.4), LimitMessageSize and LimitLargeBytes those of what the peer sends
	// (clauses 2.4 and 5.5).
	LimitCalls Limit = iota
	LimitMessages
	LimitMessageSize
	LimitLargeBytes
	// LimitStreams and LimitStreamBytes are those of clauses 12.5 and 12.4.
	LimitStreams
	LimitStreamBytes
	// LimitQueue is that of calls and messages of this side that wait,
	// LimitReplyBytes of replies, LimitEventBytes of events and LimitStateBytes
	// of the changes of a state.
	LimitQueue
	LimitReplyBytes
	LimitEventBytes
	LimitStateBytes
	// LimitStates is that of states of the peer, LimitStateRate of their changes
	// (clause 5.7), LimitPings of clause 8.1.
	LimitStates
	LimitStateRate
	LimitPings
	// LimitUnknown is that of frames that are ignored (clause 2.2).
	LimitUnknown
	// Limits is how many there are.
	Limits
)

// maxUnknown is how many frames of kinds that are not known a peer may send
// within a second (clause 2.2).
const maxUnknown = 1000

// ignore counts a frame of a kind that is not known.
func (m *Machine) ignore(now time.Duration) error {
	m.stats.UnknownFrames++
	if now-m.unknownSince >= time.Second {
		m.unknownSince, m.unknown = now, 0
	}
	if m.unknown++; m.unknown > maxUnknown {
		return m.beyond(LimitUnknown, "too many frames of unknown kinds")
	}
	return nil
}

// limited tells that a limit was reached.
func (m *Machine) limited(l Limit) {
	if m.cfg.Limited != nil {
		m.cfg.Limited(l)
	}
}

// beyond is the error of a peer that goes on beyond a limit.
func (m *Machine) beyond(l Limit, reason string) error {
	m.limited(l)
	return protocolError(reason)
}
