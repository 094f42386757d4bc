package core

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/twinwire/twinwire/transport"
)

// A Phase is where a session is in its life.
type Phase uint8

const (
	// Connected means that the session has its first carrier.
	Connected Phase = iota
	// Detached means that it has lost its carrier and waits for another.
	Detached
	// Resumed means that it goes on with another carrier, because it had lost
	// the one before or because this one is better.
	Resumed
	// Ended means that it is over. Nothing comes after it.
	Ended
)

// String returns the phase in lower case.
func (p Phase) String() string {
	if p > Ended {
		return fmt.Sprintf("phase(%d)", uint8(p))
	}
	return [...]string{"connected", "detached", "resumed", "ended"}[p]
}

// A Change is a step in the life of a session.
type Change struct {
	Phase Phase
	At    time.Time
	// Wire describes the carrier of Connected and Resumed, and the last one
	// otherwise.
	Wire transport.Info
	// Cause is why the carrier, or the session, ended: for Detached and Ended.
	Cause error
}

// String returns the change for people.
func (c Change) String() string {
	if c.Cause != nil {
		return fmt.Sprintf("%v: %v", c.Phase, c.Cause)
	}
	return fmt.Sprintf("%v by %v", c.Phase, c.Wire)
}

// A step is a change in a list that any number of readers follow. next is set
// before done is closed.
type step struct {
	Change
	next *step
	done chan struct{}
}

// steppedLocked adds a change to the session's life. mu is held.
func (s *Session) steppedLocked(p Phase, cause error) {
	n := &step{Change: Change{Phase: p, At: time.Now(), Wire: s.info, Cause: cause}, done: make(chan struct{})}
	before := s.step
	s.step = n
	if before != nil {
		before.next = n
		close(before.done)
	}
}

// Lifecycle yields where the session is, and then each change, in order and
// without leaving one out, until Ended, which is always the last, or until ctx
// is done.
func (s *Session) Lifecycle(ctx context.Context) iter.Seq[Change] {
	return func(yield func(Change) bool) {
		s.mu.Lock()
		n := s.step
		s.mu.Unlock()
		for yield(n.Change) && n.Phase != Ended {
			select {
			case <-n.done:
				n = n.next
			case <-ctx.Done():
				return
			}
		}
	}
}
