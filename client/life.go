package client

import (
	"context"
	"sync"
	"time"

	"github.com/twinwire/twinwire/core"
)

// A life tells Options.Changed what happens to a session, and to those that
// Run begins in its place.
type life struct {
	changed func(core.Change) // nil for nobody

	// many says that sessions take each other's place; then Ended is told when
	// no other will.
	many bool

	mu     sync.Mutex // held while changed runs
	before *core.Change
}

// tell tells of a change that no session has told of.
func (l *life) tell(c core.Change) {
	if l.changed == nil {
		return
	}
	c.At = time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed(c)
}

// follow has a goroutine tell of the changes of a session that has just begun.
// It ends with the session, and closes what follow returns.
func (l *life) follow(s *core.Session) (done <-chan struct{}) {
	changes, over := s.Lifecycle(context.Background()), make(chan struct{})
	go func() {
		defer close(over)
		begun := false
		for c := range changes {
			if !begun && c.Phase != core.Connected { // it was lost as soon
				l.pass(core.Change{Phase: core.Connected, At: s.Began(), Wire: c.Wire})
			}
			begun = true
			l.pass(c)
		}
	}()
	return over
}

func (l *life) pass(c core.Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case c.Phase == core.Ended && l.many:
		l.before = &c
		return
	case c.Phase == core.Connected && l.before != nil:
		c.Phase, c.Cause, c.Pending = core.Reset, l.before.Cause, l.before.Pending
		l.before = nil
	}
	if l.changed != nil {
		l.changed(c)
	}
}

// ended tells that no other session will follow. What is left pending is of the
// last one, unless another had taken its place.
func (l *life) ended(cause error) {
	c := core.Change{Phase: core.Ended, Cause: cause}
	l.mu.Lock()
	if l.before != nil {
		c.Wire, c.Pending = l.before.Wire, l.before.Pending
	}
	l.mu.Unlock()
	l.tell(c)
}
