package core

import "sync"

// A sessionLock guards a session. A page has one thread, on which nobody waits
// for it long.
type sessionLock struct{ sync.Mutex }

// A leftCall is a call that was left to others, which none is.
type leftCall struct{}

func (leftCall) err() error { return nil }

func (*sessionLock) init(*Session) {}

func (*sessionLock) sent() {}

func (l *sessionLock) lockOrLeave(*pending) bool {
	l.Lock()
	return true
}
