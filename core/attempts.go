package core

import "time"

// restLocked takes note that no carrier of an attempt waits any more: its
// session has begun, or its carriers have gone. It is remembered for a while
// (clause 3.6).
func (a *Acceptor) restLocked(t *attempt) {
	t.at = time.Now()
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
