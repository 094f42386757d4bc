package core

import (
	"time"

	"github.com/twinwire/twinwire/frame"
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

	ahead *[frame.MaxLanes]ahead // by pipe; nil before the first
	pipes uint32                 // those with frames ahead
	turn  uint32                 // those where the next batch is not of such frames
}

// ahead are small frames that are sent before the next batch of their pipe: they
// were made while somebody wrote to it, so that they could be copied.
type ahead struct {
	frames []byte
	sent   []*Status // of what is tracked of them
}

// maxAhead is how much may be ahead before no more is added.
const maxAhead = 8 << 10

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

// aheadLocked makes frames of what waits for pipes that somebody writes to: he may
// wait for a carrier that has lost a packet, and their copies need not. mu is held.
func (s *Session) aheadLocked(b *binding) {
	l := b.loss
	if l == nil {
		return
	}
	if sends, _ := s.m.Copies(); !sends {
		return
	}
	now := s.now()
	if l.ahead == nil {
		l.ahead = new([frame.MaxLanes]ahead)
	}
	for p := range s.m.Pipes() {
		a := &l.ahead[p]
		if (b.writing&^l.turn)&(1<<p) == 0 || len(a.frames) >= maxAhead {
			continue
		}
		before := len(a.frames)
		if a.frames = s.m.Ahead(p, now, a.frames); len(a.frames) > before {
			l.pipes |= 1 << p
			a.sent = append(a.sent, s.releaseSent()...)
			s.arm(now)
		}
	}
}

// takeAhead appends what is ahead in a pipe to buf, and returns it with the
// statuses of what is tracked of it. The batch after that is one with all that
// waits: acknowledgements, and parts of large messages, have their turn. mu is held.
func (l *loss) takeAhead(pipe int, buf []byte) (frames []byte, sent []*Status) {
	if l == nil {
		return buf, nil
	}
	if l.pipes&(1<<pipe) == 0 {
		l.turn &^= 1 << pipe
		return buf, nil
	}
	a := &l.ahead[pipe]
	frames, sent = append(buf, a.frames...), a.sent
	l.pipes &^= 1 << pipe
	l.turn |= 1 << pipe
	*a = ahead{}
	return frames, sent
}

// wakeLocked returns the pipes, as a bit set, that have something to send, without
// looking at some. mu is held.
func (s *Session) wakeLocked(b *binding, but uint32) uint32 {
	wake := s.m.WakeBut(but)
	if leading && b.loss != nil {
		wake |= b.loss.pipes &^ but
	}
	return wake
}
