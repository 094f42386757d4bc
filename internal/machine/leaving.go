package machine

import (
	"time"

	"github.com/twinwire/twinwire/frame"
)

// leaving is the announcement of the end (clause 8.4): a server's own, or what
// a client was told.
type leaving struct {
	wanted bool
	until  time.Duration // when the session ends at the latest; 0 for no limit
	retry  time.Duration

	gotIn uint64 // the generation in which a client was told last; 0 before
}

// Leave has a server announce that it ends the session by until at the latest,
// 0 for no limit, and that the client may come back retry after that; 0 for no
// advice. Only the first announcement counts.
func (m *Machine) Leave(until, retry time.Duration) {
	if m.leaving.wanted || m.ended {
		return
	}
	m.leaving = leaving{wanted: true, until: until, retry: retry}
	m.control.leaving = true
}

// Leaving returns what a client was told last: when its session ends at the
// latest, and how long after that it may come back, each 0 if that was not
// said.
func (m *Machine) Leaving() (until, retry time.Duration) {
	return m.leaving.until, m.leaving.retry
}

// Quiet reports whether nothing is under way: no call in either direction, no
// message that waits to be sent, and none that is being handled.
func (m *Machine) Quiet() bool {
	return m.out.calls+m.out.queued+m.out.running.len()+m.in.running.len()+int(m.in.serving) == 0
}

func (m *Machine) batchLeaving(now time.Duration) {
	m.control.leaving = false
	f := &frame.Frame{Kind: frame.Leaving}
	if m.leaving.until > 0 {
		f.Next = millis(m.leaving.until - now)
	}
	if m.leaving.retry > 0 {
		f.Flags, f.Millis = frame.RetryAfter, millis(m.leaving.retry)
	}
	m.append(0, f)
}

func (m *Machine) receiveLeaving(f *frame.Frame, eff *Effects) error {
	l := &m.leaving
	switch {
	case !m.client():
		return protocolError("LEAVING from a client")
	case l.gotIn == m.cfg.Generation:
		return protocolError("second LEAVING")
	}
	*l = leaving{gotIn: m.cfg.Generation, retry: time.Duration(min(f.Millis, 1<<40)) * time.Millisecond}
	if f.Next > 0 {
		l.until = m.beat.heard + time.Duration(min(f.Next, 1<<40))*time.Millisecond
	}
	eff.Leaving = true
	return nil
}
