package core

import (
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/internal/machine"
	"github.com/twinwire/twinwire/internal/plain"
)

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
	parked bool // it is there
	bytes  int  // that it has taken
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
	if k.timer == nil || time.Since(k.since) < k.time { // somebody did, and may have gone again
		s.mu.Unlock()
		return
	}
	cause := k.cause
	s.mu.Unlock()
	s.endDetached(&lostError{plain.Wrap("no other carrier within "+k.time.String(), cause)})
}

// GiveUp ends a session that has no carrier, because none can be had: err is
// why. It is for Config.Reconnect, and does nothing to a session that has one.
func (s *Session) GiveUp(err error) {
	s.endDetached(err)
}

// errCrowdedOut is why a session ends that had to make room for another.
var errCrowdedOut = twinwire.NewError(twinwire.ResourceExhausted, "too many sessions of this client wait for another carrier")

// parkLocked takes room for what the session keeps. A client has as many
// sessions as it likes.
func (k *keeper) parkLocked() bool {
	if k.s.isClient() {
		return true
	}
	n := k.s.m.Kept()
	oldest, ok := k.s.host.park(k.s, n)
	if !ok {
		return false
	}
	k.parked, k.bytes = true, n
	if oldest != nil {
		go oldest.GiveUp(errCrowdedOut) // needs the mu of the other one; ends at once
	}
	return true
}

// unparkLocked gives the room back.
func (k *keeper) unparkLocked() {
	if !k.s.isClient() && k.parked {
		k.s.host.unpark(k.s, k.bytes)
		k.parked = false
	}
}
