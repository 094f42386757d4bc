//go:build !js

package core

import (
	"crypto/rand"
	"slices"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/internal/machine"
	"github.com/twinwire/twinwire/transport"
)

// An attempt is a dial of a client, which may come over several carriers
// (clause 3.6).
type attempt struct {
	id      ID
	session ID
	owner   string        // the id of the principal
	seat    *seat         // of the session; nil while the attempt rests
	token   machine.Token // of the session that begins
	at      time.Time     // when it began to rest
	begun   bool
	resting bool // it is in Acceptor.resting
	// others are the carriers on which it may still begin.
	others []transport.Carrier
}

const (
	// attemptTime is how long an attempt is remembered (clause 3.6).
	attemptTime = 30 * time.Second

	// maxAttempts bounds what is remembered: beyond it those that have rested
	// longest are forgotten.
	maxAttempts = 1 << 16
)

// attempt returns the attempt of a hello, which may be new, with the carrier
// noted and a seat for its session. The owner is the id of the principal.
func (a *Acceptor) attempt(h *hello, owner string, carrier transport.Carrier, now time.Time) (*attempt, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.evictLocked(now)
	t := a.attempts[h.attempt]
	switch {
	case t == nil && len(a.attempts) >= maxAttempts:
		return nil, a.ledger.full(LimitAttempts, "too many new sessions")
	case t == nil:
		t = &attempt{id: h.attempt, owner: owner, token: newToken()}
		_, _ = rand.Read(t.session[:]) // never fails
	case t.owner != owner:
		return nil, errOther
	case t.begun:
		return nil, twinwire.NewError(twinwire.Replaced, replaced)
	}
	if t.seat == nil {
		if a.short.Load() {
			return nil, a.ledger.full(LimitMemory, "server is short of memory")
		}
		var err error
		if t.seat, err = a.ledger.take(ownerOf(owner, h.Client), transport.NetworkOf(carrier.Info().RemoteAddr)); err != nil {
			return nil, err
		}
	}
	t.others = append(t.others, carrier)
	a.attempts[t.id] = t
	return t, nil
}

// forget takes the carrier of an arrival that did not become a session off its
// attempt.
func (a *Acceptor) forget(v *arrival) {
	if v.attempt == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	t := v.attempt
	t.others = slices.DeleteFunc(t.others, func(c transport.Carrier) bool { return c == v.carrier })
	if len(t.others) == 0 {
		a.restLocked(t)
	}
}

// restLocked takes note that no carrier of an attempt waits any more: its
// session has begun, or its carriers have gone. It is remembered for a while
// (clause 3.6).
func (a *Acceptor) restLocked(t *attempt) {
	t.at = time.Now()
	t.seat.leave()
	t.seat = nil
	if !t.resting {
		t.resting = true
		a.resting = append(a.resting, t)
	}
}

// evictLocked forgets the attempts that have rested long enough, and where
// there are too many those that have rested longest. What is not at rest is
// bounded by the time of a handshake.
func (a *Acceptor) evictLocked(now time.Time) {
	for len(a.resting) > 0 {
		t := a.resting[0]
		if now.Sub(t.at) <= attemptTime && len(a.attempts) < maxAttempts {
			return
		}
		a.resting[0] = nil
		a.resting = a.resting[1:]
		t.resting = false
		// A carrier may have come since, which will have it rest again.
		if t.begun || len(t.others) == 0 {
			delete(a.attempts, t.id)
		}
	}
}
