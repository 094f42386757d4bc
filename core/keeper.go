package core

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/internal/machine"
	"github.com/twinwire/twinwire/transport"
)

// newToken returns a token that nobody can guess.
func newToken() (t machine.Token) {
	_, _ = rand.Read(t[:]) // never fails
	return t
}

// NewAttempt returns the id of a new attempt (clause 3.6).
func NewAttempt() (id ID) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}

// A keeper is what lets a session outlive its carriers (clause 14). It is
// guarded by the session's mu.
type keeper struct {
	s *Session
	// time is how long the session waits for a carrier.
	time  time.Duration
	timer *time.Timer // ends the session; nil while it has a carrier
	cause error       // why the carrier before ended
	since time.Time   // when that was

	// A client's.
	ticket    machine.Ticket
	first     *first // how the session began; immutable
	reconnect func(s *Session, cause error)

	// A server's.
	tokens *machine.Tokens
	park   *parking
	parked bool // it is there
	bytes  int  // that it has taken
}

// A resumption is a session that is about to go on with another carrier, at
// the server, from its HELLO to its ATTACH.
type resumption struct {
	machine.Resumption
	s     *Session
	nexts [frame.MaxLanes]uint64 // that the client expects
	told  [frame.MaxLanes]uint64 // that it was told in turn
}

// detachedLocked begins the wait for a carrier.
func (k *keeper) detachedLocked(cause error) {
	k.cause, k.since = cause, time.Now()
	k.timer = time.AfterFunc(k.time, k.expire)
	if k.reconnect != nil {
		go k.reconnect(k.s, cause) // ends with the session, or when it goes on
	}
}

// reboundLocked ends the wait.
func (k *keeper) reboundLocked() {
	if k.timer != nil {
		k.timer.Stop()
		k.timer = nil
	}
	k.unparkLocked()
}

// expire ends a session that nobody came back to.
func (k *keeper) expire() {
	s := k.s
	s.mu.Lock()
	if s.bind != nil || s.ended || k.timer == nil {
		s.mu.Unlock()
		return
	}
	cause := k.cause
	s.mu.Unlock()
	s.end(&lostError{fmt.Errorf("no other carrier within %v: %w", k.time, cause)})
}

// GiveUp ends a session that has no carrier, because none can be had: err is
// why. It is for Config.Reconnect, and does nothing to a session that has one.
func (s *Session) GiveUp(err error) {
	s.mu.Lock()
	detached := s.bind == nil && !s.ended
	s.mu.Unlock()
	if detached {
		s.end(err)
	}
}

// prepare begins a resumption for a client that presents a token. The error
// refuses it. A token that was used by somebody else ends the session (clause
// 14.3).
func (s *Session) prepare(h *hello) (*resumption, error) {
	gone := twinwire.Errorf(twinwire.NotFound, "session is not known")
	k := s.keep
	if k == nil {
		return nil, gone
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.ending || !s.m.Resumable() {
		return nil, gone
	}
	r, claim := k.tokens.Present(*h.token, machine.Attempt(h.attempt), newToken())
	switch claim {
	case machine.Good:
		// Another carrier of the same attempt may know of more.
		return &resumption{Resumption: r, s: s, nexts: h.nexts, told: s.m.Nexts()}, nil
	case machine.Late:
		return nil, twinwire.Errorf(twinwire.Replaced, replaced)
	case machine.Stolen:
		go s.CloseWith(twinwire.Unauthorized, "resume token was used twice", 0)
		return nil, &RefusedError{Code: twinwire.Unauthorized, Reason: "resume token was used before", Never: true}
	}
	return nil, &RefusedError{Code: twinwire.Unauthorized, Reason: "resume token is not valid", Never: true}
}

// attach has the session go on, if r is the newest resumption and has not been
// used.
func (r *resumption) attach(carrier transport.Carrier, heartbeat time.Duration, p *Principal) (*binding, error) {
	s := r.s
	s.mu.Lock()
	counts := s.keep.tokens.Attach(r.Generation)
	if counts {
		s.ownedLocked(p)
	}
	s.mu.Unlock()
	if !counts {
		return nil, twinwire.Errorf(twinwire.Replaced, replaced)
	}
	b := newBinding(s, carrier)
	return b, s.rebind(b, &machine.Binding{
		Generation: r.Generation, Independent: b.carrier.Info().Independent, Heartbeat: heartbeat, Nexts: r.nexts, Told: r.told, Datagram: b.size(),
	})
}
