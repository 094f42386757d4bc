package state

import (
	"fmt"
	"time"
)

// late is what an owned value needs to space out what it sends (clause 5.7):
// the first change after a pause goes out at once, what follows within the
// interval is sent together at its end, or before a reply. It is guarded by
// the value's mu.
type late[T any] struct {
	interval time.Duration // between two changes that are sent; 0 is none
	next     time.Time     // the earliest that another is
	armed    bool          // a timer runs
	trail    trail[T]      // open while something waits
}

// tooEarly reports whether a change has to wait.
func (l *late[T]) tooEarly() bool {
	return l.interval > 0 && time.Now().Before(l.next)
}

// deliveredLocked says that all sessions were sent the present version, if they
// could be.
func (o *owned[T]) deliveredLocked() {
	o.last = nil
	l := &o.late
	l.trail.end()
	if l.interval > 0 {
		l.next = time.Now().Add(l.interval)
	}
}

// arm has due called when the next change may be sent. The timer is the only
// one, and nobody stops it: it fires an interval later at the latest.
func (l *late[T]) arm(due func()) {
	if !l.armed {
		l.armed = true
		time.AfterFunc(time.Until(l.next), due)
	}
}

// fired reports whether what waits is to be sent by the timer, which has fired.
// A reply may have sent it, and more have come since, which waits for its own
// time.
func (l *late[T]) fired(due func()) bool {
	l.armed = false
	switch {
	case !l.trail.open:
		return false
	case l.tooEarly():
		l.arm(due)
		return false
	}
	return true
}

// hold tells the session of out that something waits.
func (out *outlet) hold() error {
	if out.held {
		return nil
	}
	if err := out.writer.Hold(out.flush); err != nil {
		return err
	}
	out.held = true
	return nil
}

// deliverLateLocked is deliverLocked for when no Update is there to see a panic
// of the value's own methods: it becomes an error.
func (o *owned[T]) deliverLateLocked(out *outlet) (err error) {
	defer func() {
		if v := recover(); v != nil {
			out.stale = true
			err = fmt.Errorf("state %q: panic: %v", o.name, v)
		}
	}()
	return o.deliverLocked(out)
}

// lock takes mu, or reports false if that would be waiting and wait is not set.
func (o *owned[T]) lock(wait bool) bool {
	if !wait {
		return o.mu.TryLock()
	}
	o.mu.Lock()
	return true
}
