package core

import (
	"context"
	"iter"
	"strconv"
	"time"

	"github.com/twinwire/twinwire/transport"
)

// A Phase is where a session is in its life. That of a server's session knows
// Connected, Detached, Resumed and Ended, that of a client's all but Reset,
// which, with a Connecting before the first session, is what client.Options
// .Changed adds.
type Phase uint8

const (
	// Connecting means that the server is looked for: Try counts how often.
	Connecting Phase = iota
	// Connected means that the session has its first carrier.
	Connected
	// Detached means that it has lost its carrier and waits for another.
	Detached
	// Resumed means that it goes on with another carrier, because it had lost
	// the one before or because this one is better.
	Resumed
	// Reset means that a new session is connected, in place of one that has
	// ended, of which nothing is left.
	Reset
	// Leaving means that the server has announced that it is about to stop: it
	// ends the session by Until, and sooner if nothing is under way. It is told
	// again when the session goes on with another carrier meanwhile (clause 8.4).
	Leaving
	// Closed means that the server, or this side, has closed the session: Cause
	// is a *transport.CloseError with code, reason, and who it was. Ended
	// follows.
	Closed
	// Ended means that it is over. Nothing comes after it.
	Ended
)

// String returns the phase in lower case.
func (p Phase) String() string {
	if p > Ended {
		return "phase(" + strconv.Itoa(int(p)) + ")"
	}
	return [...]string{"connecting", "connected", "detached", "resumed", "reset", "leaving", "closed", "ended"}[p]
}

// A Change is a step in the life of a session.
type Change struct {
	Phase Phase
	At    time.Time
	// Wire describes the carrier of Connected, Resumed and Reset, and the last
	// one otherwise, if there was any.
	Wire transport.Info
	// Cause is why the carrier, or the session, ended: for Detached, Closed and
	// Ended; why the session before ended, for Reset; and why the try before
	// failed, for Connecting.
	Cause error
	// Try is the number of the try, from 1 on: for Connecting.
	Try int
	// Pending is how many calls, and messages that had not been sent, were left
	// without an answer, each of which says what is known of it: for Ended, and
	// for Reset of the session before.
	Pending int
	// Until is when the server ends the session at the latest, and RetryAfter
	// how long after that the client may come back, each zero if it did not say:
	// for Leaving.
	Until      time.Time
	RetryAfter time.Duration
}

// String returns the change for people.
func (c Change) String() string {
	s := c.Phase.String()
	switch c.Phase {
	case Connecting:
		s += ", try " + strconv.Itoa(c.Try)
	case Connected, Resumed, Reset:
		s += " by " + c.Wire.String()
	case Leaving:
		if !c.Until.IsZero() {
			s += " within " + c.Until.Sub(c.At).Round(time.Millisecond).String()
		}
	case Ended:
		s += ", " + strconv.Itoa(c.Pending) + " pending"
	}
	if c.Cause != nil {
		s += ": " + c.Cause.Error()
	}
	return s
}

// A step is a change in a list that any number of readers follow. next and done
// are guarded by the session's mu; next is set before done is closed.
type step struct {
	Change
	next *step
	done chan struct{} // nil until somebody waits for next
}

// steppedLocked adds a change to the session's life. mu is held.
func (s *Session) steppedLocked(c Change) {
	before := s.step
	c.At = time.Now()
	if s.bind != nil {
		c.Wire = s.bind.carrier.Info()
	} else if before != nil {
		c.Wire = before.Wire
	}
	n := &step{Change: c}
	s.step = n
	if before != nil {
		before.next = n
		if before.done != nil {
			close(before.done)
		}
	}
}

// Connecting takes note in the session's life that another carrier is looked
// for, and why the try before failed. It is for Config.Reconnect, and does
// nothing to a session that has a carrier.
func (s *Session) Connecting(try int, cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bind == nil && !s.ended {
		s.steppedLocked(Change{Phase: Connecting, Try: try, Cause: cause})
	}
}

// endedLocked adds the last changes. mu is held, and the machine has not ended
// yet: calls that wait are counted.
func (s *Session) endedLocked() {
	var closed *transport.CloseError
	if s.isClient() && as(s.err, &closed) {
		s.steppedLocked(Change{Phase: Closed, Cause: closed})
	}
	waiting := s.m.Stats()
	s.steppedLocked(Change{Phase: Ended, Cause: s.err, Pending: waiting.CallsRunning + waiting.CallsWaiting})
}

// Lifecycle yields where the session is when it is called, and then each
// change, in order and without leaving one out, until Ended, which is always the
// last, or until ctx is done.
func (s *Session) Lifecycle(ctx context.Context) iter.Seq[Change] {
	s.mu.Lock()
	first := s.step
	s.mu.Unlock()
	return func(yield func(Change) bool) {
		n := first
		for yield(n.Change) && n.Phase != Ended {
			next, done := s.after(n)
			if next == nil {
				select {
				case <-done:
					next, _ = s.after(n)
				case <-ctx.Done():
					return
				}
			}
			n = next
		}
	}
}

// after returns the step after n, or nil and a channel that is closed when there
// is one.
func (s *Session) after(n *step) (*step, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n.next == nil && n.done == nil {
		n.done = make(chan struct{})
	}
	return n.next, n.done
}
