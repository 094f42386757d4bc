package core

import (
	"context"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/internal/machine"
)

const (
	// mostPatience is how long a session that drains goes on serving what is new
	// for a client that is about to go elsewhere, at most; half of the time that
	// there is, if that is less.
	mostPatience = 5 * time.Second
	// quietCheck is how often CloseWhenQuiet looks without having heard from the
	// peer: calls may also end by their context.
	quietCheck = 50 * time.Millisecond
	// comesBack is how long a session that drains waits for its client to have
	// what was sent, or after the loss of its carrier to come back, at most; half
	// of the time that there is, if that is less. A client knows of the loss after
	// 1.5 s, and dials at once.
	comesBack = 2 * time.Second
)

// Drain lets a server's session finish (clause 8.4). The client is told, with
// the deadline of ctx and retryAfter. Calls and messages that have arrived are
// served, later ones refused with Unavailable, and then the session is closed
// with code and reason as by CloseWith. Where the client has another server to
// go to (client.Run), it is given time for that: for half of the time until the
// deadline, at most 5 s, what arrives is served still, and the session is not
// closed from here. Then the session waits, for 2 s at most, until the client has
// the answers, and for a client that has lost its carrier less than 2 s ago to
// come back for them. Drain returns when the session has ended; if ctx is done
// before, the session ends at once. A second Drain joins the first.
func (s *Session) Drain(ctx context.Context, code twinwire.Code, reason string, retryAfter time.Duration) error {
	s.announce(ctx, retryAfter)
	drained := s.work.refuse()
	var err error
	select {
	case <-drained:
	case <-s.Done():
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.awaitDelivery(ctx)
	s.CloseWith(code, reason, retryAfter)
	select {
	case <-s.Done():
	case <-ctx.Done():
		err = ctx.Err()
		s.mu.Lock()
		b := s.bind
		s.mu.Unlock()
		b.close(code, reason)
		<-s.Done()
	}
	return err
}

// announce tells the client that the session is about to be closed, and waits
// while it may go elsewhere.
func (s *Session) announce(ctx context.Context, retryAfter time.Duration) {
	if s.isClient() {
		return
	}
	patience := mostPatience
	var until time.Duration
	if at, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(at)/2)
		until = max(1, at.Sub(s.began))
	}
	s.mu.Lock()
	s.m.Leave(until, retryAfter)
	waits := s.leaves && s.bind != nil && !s.ending && !s.ended
	s.kick(background)
	if !waits {
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-s.Done():
	case <-timer.C:
	case <-ctx.Done():
	}
}

// awaitDelivery waits until the client has what was sent to it so far, answers
// above all: a session whose carrier breaks behind its goodbye does not go on.
// A client that has just lost its carrier is waited for in any case, since what
// it has sent may be on its way still.
func (s *Session) awaitDelivery(ctx context.Context) {
	if s.isClient() {
		return
	}
	s.mu.Lock()
	began := time.Now()
	if s.bind == nil && s.keep != nil {
		began = s.keep.since
	}
	s.mu.Unlock()
	patience := comesBack - time.Since(began)
	if at, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(at)/2)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	look := time.NewTicker(quietCheck)
	defer look.Stop()
	var sent [frame.MaxLanes]uint64
	asked := false
	for all := false; ctx.Err() == nil; {
		s.mu.Lock()
		if s.keep == nil || s.ended || s.ending || s.m.Closing() {
			s.mu.Unlock()
			return
		}
		if !all {
			sent, all = s.m.Mark()
		}
		if all && s.bind != nil && s.m.Has(&sent) {
			s.mu.Unlock()
			return
		}
		heard := s.hearsLocked()
		if all && s.bind != nil && !asked {
			asked = true
			s.m.Doubt(s.now()) // with the PONG come the acknowledgements that wait
			s.kick(background)
		} else {
			s.mu.Unlock()
		}
		select {
		case <-heard:
		case <-look.C:
		case <-s.Done():
		case <-ctx.Done():
		}
	}
}

// hearsLocked returns a channel that is closed when something has arrived. mu
// is held.
func (s *Session) hearsLocked() <-chan struct{} {
	if s.heard == nil {
		s.heard = make(chan struct{})
	}
	return s.heard
}

// refuse has what arrives from now on refused. The channel is closed when what
// had arrived before has been answered.
func (w *workers) refuse() (drained <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.drained == nil {
		w.drained = make(chan struct{})
		if w.open == 0 {
			close(w.drained)
		}
	}
	return w.drained
}

// leaving takes note of the server's announcement.
func (s *Session) leaving() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	c := Change{Phase: Leaving}
	until, retry := s.m.Leaving()
	if until > 0 {
		c.Until = s.began.Add(until)
	}
	c.RetryAfter = retry
	s.steppedLocked(c)
}

// CloseWhenQuiet waits until no call is under way in the session, in either
// direction, and no message waits or is handled, and then begins to close it as
// CloseWith does: nothing can have begun in between. Right before that ending is
// called, with the session locked: it must neither block nor use the session.
// What is begun later fails with Unavailable. CloseWhenQuiet does not wait for
// the end of the session. The error is ctx's if that is done before the session
// was quiet, and nil otherwise.
func (s *Session) CloseWhenQuiet(ctx context.Context, code twinwire.Code, reason string, ending func()) error {
	look := time.NewTicker(quietCheck)
	defer look.Stop()
	bye := &goodbye{code, reason, ending}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.quiet == bye {
			s.quiet = nil
		}
	}()
	for {
		s.mu.Lock()
		if s.ended || s.ending || s.m.Closing() {
			s.mu.Unlock()
			return nil
		}
		s.quiet = bye
		if s.quietLocked() {
			ending() // first: whoever is refused finds that out
			s.closeLocked(code, reason, 0)
			return nil
		}
		heard := s.hearsLocked()
		s.mu.Unlock()
		select {
		case <-heard:
		case <-look.C:
		case <-s.Done():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// A goodbye is what CloseWhenQuiet says.
type goodbye struct {
	code   twinwire.Code
	reason string
	ending func()
}

// quietLocked reports whether nothing is under way, and no change of a state
// waits for its time: that is over before who asks looks again. mu is held.
func (s *Session) quietLocked() bool { return s.m.Quiet() && len(s.held) == 0 }

// leaveLocked says goodbye if nothing is under way after something has arrived,
// before anybody is told of that: who makes one call after another begins the
// next as soon as he has an answer. mu is held.
func (s *Session) leaveLocked(eff *machine.Effects) {
	bye := s.quiet
	if bye == nil || s.ending || s.ended || s.m.Closing() || !s.quietLocked() {
		return
	}
	s.quiet = nil
	bye.ending()
	s.sayGoodbyeLocked(bye.code, bye.reason, 0, eff)
}
