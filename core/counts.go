package core

import (
	"strconv"
	"sync/atomic"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/internal/machine"
	"github.com/twinwire/twinwire/transport"
)

// A Limit is one of the bounds of [Limits]. [Counts] says how often each was
// reached.
type Limit uint8

const (
	// Of the sessions, by what their peers and they themselves did. The first
	// row ends the peer's session or refuses its call, the second drops or
	// refuses what this side has for it.
	LimitCalls, LimitMessages, LimitMessageSize, LimitLargeBytes = Limit(machine.LimitCalls), Limit(machine.LimitMessages), Limit(machine.LimitMessageSize), Limit(machine.LimitLargeBytes)
	LimitStreams, LimitStreamBytes, LimitStates, LimitPings      = Limit(machine.LimitStreams), Limit(machine.LimitStreamBytes), Limit(machine.LimitStates), Limit(machine.LimitPings)
	// LimitStateRate is of both kinds: changes that were sent together, and a
	// peer that sent too many.
	LimitStateRate                                                      = Limit(machine.LimitStateRate)
	LimitUnknown                                                        = Limit(machine.LimitUnknown)
	LimitQueuedCalls, LimitReplyBytes, LimitEventBytes, LimitStateBytes = Limit(machine.LimitQueue), Limit(machine.LimitReplyBytes), Limit(machine.LimitEventBytes), Limit(machine.LimitStateBytes)
)

const (
	// LimitTopics is Limits.Topics, LimitRate is Limits.Rate.
	LimitTopics = Limit(machine.Limits) + iota
	// LimitFiles is a call that has waited to receive files (Limits.Files).
	LimitFiles
	LimitRate
	// LimitHandshakeTime is a handshake that took too long, LimitAttempts one
	// too many of them at once.
	LimitHandshakeTime
	LimitAttempts
	// Those of Admission.
	LimitSessions
	LimitClientSessions
	LimitAddressSessions
	LimitParked
	LimitParkedBytes
	LimitConnections
	LimitConnectRate
	LimitMemory
	// LimitInflated is a compressed payload that is malformed, or larger than it
	// may be.
	LimitInflated
	// LimitViolations is a carrier that was ended because its peer did what the
	// protocol forbids (clause 9.3), among it what other limits count as well and
	// what a wire notices by itself: too many pings or fragments of WebSocket,
	// streams of QUIC that are no lanes.
	LimitViolations
	limits
)

var limitNames = [limits]string{
	LimitCalls: "calls", LimitMessages: "messages", LimitMessageSize: "message size", LimitLargeBytes: "large bytes",
	LimitStreams: "streams", LimitStreamBytes: "stream bytes", LimitStates: "states", LimitStateRate: "changes of a state", LimitPings: "pings", LimitUnknown: "unknown frames",
	LimitQueuedCalls: "queued calls", LimitReplyBytes: "reply bytes", LimitEventBytes: "event bytes", LimitStateBytes: "state bytes",
	LimitTopics: "topics", LimitFiles: "files", LimitRate: "rate", LimitHandshakeTime: "handshake time", LimitAttempts: "attempts",
	LimitSessions: "sessions", LimitClientSessions: "sessions of a client", LimitAddressSessions: "sessions of an address",
	LimitParked: "parked sessions of a client", LimitParkedBytes: "parked bytes", LimitConnections: "connections of an address",
	LimitConnectRate: "connections per second", LimitMemory: "memory", LimitInflated: "inflated bytes", LimitViolations: "violations of the protocol",
}

// String returns the limit's name, for people and for labels.
func (l Limit) String() string {
	if l >= limits {
		return "limit(" + strconv.Itoa(int(l)) + ")"
	}
	return limitNames[l]
}

// Counts says how often each limit was reached. It counts from the beginning,
// and is made for who looks now and then: counting costs one atomic addition
// where a limit is reached, and nothing elsewhere. The zero value is ready to
// use, from any goroutine.
type Counts struct{ n [limits]atomic.Uint64 }

// Add counts once more. A nil Counts counts nothing.
func (c *Counts) Add(l Limit) {
	if c != nil {
		c.n[l].Add(1)
	}
}

// limited is for the machines of sessions.
func (c *Counts) limited() func(machine.Limit) {
	if c == nil {
		return nil
	}
	return func(l machine.Limit) { c.Add(Limit(l)) }
}

// violated counts a carrier that ended with err if that was because its peer
// broke the protocol.
func (c *Counts) violated(err error) {
	var closed *transport.CloseError
	if as(err, &closed) && !closed.Remote && closed.Code == twinwire.ProtocolError {
		c.Add(LimitViolations)
	}
}

// Of returns how often l was reached.
func (c *Counts) Of(l Limit) uint64 { return c.n[l].Load() }

// All returns the limits that were reached, and how often.
func (c *Counts) All() map[Limit]uint64 {
	all := make(map[Limit]uint64)
	for l := range c.n {
		if n := c.n[l].Load(); n > 0 {
			all[Limit(l)] = n
		}
	}
	return all
}
