//go:build !js

package core

import (
	"sync"
	"sync/atomic"
)

// A sessionLock guards a session. Who has a call to make while another
// goroutine holds it need not wait for it: the call is left to that one, which
// starts it before anything else is done with the session. The reader and the
// writer hold it for a whole batch at a time; with 1,024 calls in flight a twelfth
// of the callers slept for it, and with 16 on each of 100 sessions over QUIC there
// are 1.14 times as many calls without.
type sessionLock struct {
	sync.Mutex
	s    *Session
	left atomic.Pointer[pending] // calls that were left, the last one first
	due  bool                    // what was left is yet to be written; guarded by Mutex
}

// A leftCall is what there is to know about a call that was left.
type leftCall struct {
	next   *pending
	failed error // why the machine did not take it; written with the lock before it is done
}

func (c *leftCall) err() error { return c.failed }

func (l *sessionLock) init(s *Session) { l.s = s }

// sent is called with the lock by who sees to it that what waits is sent.
func (l *sessionLock) sent() { l.due = false }

// Lock returns with the lock, when all calls that were left have been started.
func (l *sessionLock) Lock() {
	l.Mutex.Lock()
	l.takeLeft()
}

// Unlock gives the lock back. Whatever was left to its holder is started and on
// its way then.
func (l *sessionLock) Unlock() {
	if l.due {
		l.s.kickLocked(background)
	}
	l.Mutex.Unlock()
	for l.left.Load() != nil && l.TryLock() { // who has it now does as much
		l.takeLeft()
		l.s.kickLocked(background)
		l.Mutex.Unlock()
	}
}

// lockOrLeave returns true with the lock, or leaves the call to its holder: then
// p.left.err says when it is done whether it could be started.
func (l *sessionLock) lockOrLeave(p *pending) bool {
	if l.TryLock() {
		l.takeLeft()
		return true
	}
	for {
		p.left.next = l.left.Load()
		if l.left.CompareAndSwap(p.left.next, p) {
			break
		}
	}
	// The holder may have looked before that.
	if l.TryLock() {
		l.takeLeft()
		l.Unlock()
	}
	return false
}

// takeLeft starts the calls that were left, in their order. It is called with
// the lock.
func (l *sessionLock) takeLeft() {
	if l.left.Load() == nil {
		return
	}
	var first *pending
	for p := l.left.Swap(nil); p != nil; {
		p.left.next, first, p = first, p, p.left.next
	}
	for p := first; p != nil; {
		next := p.left.next
		p.left.next = nil // it may be in use again as soon as it has failed
		if err := l.s.m.Start(&p.Call); err != nil {
			p.left.failed = l.s.startError(err)
			p.done <- struct{}{}
		}
		p = next
	}
	l.due = true
}
