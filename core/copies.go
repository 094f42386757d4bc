package core

import (
	"time"

	"github.com/twinwire/twinwire/transport"
)

// featureEarly is the feature of clause 17.
const featureEarly = "early"

const (
	// lossLook is how often a carrier is asked for losses, at most, while there is
	// something to send.
	lossLook = 250 * time.Millisecond
	// lossTime is for how long after a loss small frames are sent twice.
	lossTime = 30 * time.Second
)

// loss is what a binding knows of the losses of its path. It is guarded by the
// session's mu.
type loss struct {
	carrier transport.Lossy
	seen    uint64        // how many there were
	look    time.Duration // when it is asked again
	until   time.Duration // when the last one is of no interest any more
}

// newLoss returns nil where nobody knows, or nothing can be done about it.
func (b *binding) newLoss() *loss {
	if c, ok := b.carrier.(transport.Lossy); leading && ok && b.datagrams != nil && b.datagrams.DatagramSize() > 0 {
		return &loss{carrier: c}
	}
	return nil
}

// copyLocked has small frames sent twice where packets are lost, and only there:
// on a clean path that would cost, and bring nothing. mu is held.
func (s *Session) copyLocked(b *binding, now time.Duration) {
	l := b.loss
	if l == nil || now < l.look {
		return
	}
	sends, may := s.m.Copies()
	if !may {
		return
	}
	l.look = now + lossLook
	n := l.carrier.Lost()
	if n > l.seen {
		l.until = now + lossTime
	}
	if l.seen = n; sends != (now < l.until) {
		s.m.SetCopies(!sends)
	}
}
