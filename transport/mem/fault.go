package mem

import (
	"time"

	"github.com/twinwire/twinwire/transport/internal/deframe"
)

// AllLanes is every lane, for the methods that plant faults.
const AllLanes = -1

// faults are the faults of one direction beside those of its lanes.
type faults struct {
	planted  bool   // there was ever a fault: Send takes the slow path
	cutAfter int64  // bytes that still pass; negative means all
	cut      bool   // nothing passes any more
	held     bool   // all lanes are stalled, and so is the goodbye
	goodbye  func() // the goodbye that is held
}

// A late batch is one that is delayed.
type late struct {
	at    time.Time
	batch []byte
	timer *time.Timer
}

// Cut breaks the connection at once, in both directions: what has not been
// delivered is lost, and both ends see ErrCut.
func (c *Carrier) Cut() {
	c.end(ErrCut)
	c.peer.end(ErrCut)
}

// CutAfter breaks the connection after n more bytes that c sends, on whatever
// lanes. The Send that crosses the mark returns ErrCut and ends c; the peer is
// still given the whole frames before the mark, then sees ErrCut.
func (c *Carrier) CutAfter(n int64) {
	c.plant(AllLanes, func(*queue) { c.out.faults.cutAfter = max(n, 0) })
}

// Stall holds back what c sends on a lane, or on all of them: it stays in the
// buffer, and a sender waits once that is full. Where all lanes are stalled
// the peer does not learn of a Close of c either. Stalling both ends is a peer
// that has vanished.
func (c *Carrier) Stall(lane int) {
	c.plant(lane, func(q *queue) { q.stalled = true })
	if lane == AllLanes {
		c.out.hold()
	}
}

// Unstall ends Stall. With AllLanes it ends every stall of c.
func (c *Carrier) Unstall(lane int) {
	c.plant(lane, func(q *queue) {
		q.stalled = false
		q.data.Broadcast()
	})
	if lane == AllLanes {
		c.out.release()
	}
}

// Duplicate makes the next batch that c sends on the lane arrive twice, or
// the next one on each.
func (c *Carrier) Duplicate(lane int) {
	c.plant(lane, func(q *queue) { q.repeat = true })
}

// Delay makes what c sends on a lane, or on all of them, arrive d later, in
// order. Zero ends it for what is sent from then on.
func (c *Carrier) Delay(lane int, d time.Duration) {
	c.plant(lane, func(q *queue) { q.delay = max(d, 0) })
}

// plant changes the queues of what c sends.
func (c *Carrier) plant(lane int, change func(*queue)) {
	f := c.out
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults.planted = true
	if lane != AllLanes {
		change(&f.lanes[lane])
		return
	}
	for i := range f.lanes {
		change(&f.lanes[i])
	}
}

func (f *flow) putFaultyLocked(q *queue, batch []byte) error {
	var err error
	if left := f.faults.cutAfter; left >= 0 {
		if int64(len(batch)) >= left {
			n, _, _ := deframe.Whole(batch[:left])
			batch, err = batch[:n], ErrCut
			f.faults.cut = true
			f.wakeReadersLocked() // for the case that nothing is left to read
		}
		f.faults.cutAfter -= int64(len(batch))
	}
	times := 1
	if q.repeat {
		q.repeat, times = false, 2
	}
	for range times {
		switch {
		case len(batch) == 0:
		case q.delay > 0 || len(q.late) > 0:
			f.delayLocked(q, batch)
		default:
			f.appendLocked(q, batch)
		}
	}
	return err
}

// delayLocked keeps a copy of the batch until it is due.
func (f *flow) delayLocked(q *queue, batch []byte) {
	l := late{at: time.Now().Add(q.delay), batch: append([]byte(nil), batch...)}
	if n := len(q.late); n > 0 && q.late[n-1].at.After(l.at) {
		l.at = q.late[n-1].at // a shorter delay does not overtake
	}
	// The timer's goroutine lives for the moment in which it fires; the end
	// of the receiving side stops the timer.
	l.timer = time.AfterFunc(time.Until(l.at), func() { f.arrive(q) })
	q.late = append(q.late, l)
	q.size += len(batch)
	f.pending += len(batch)
}

// arrive moves the batches that are due to the reader.
func (f *flow) arrive(q *queue) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	for len(q.late) > 0 && !q.late[0].at.After(now) {
		q.buf = append(q.buf, q.late[0].batch...)
		q.late = q.late[1:]
	}
	q.data.Signal()
}

// hold keeps a goodbye from the peer until release.
func (f *flow) hold() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults.held = true
}

func (f *flow) release() {
	f.mu.Lock()
	goodbye := f.faults.goodbye
	f.faults.held, f.faults.goodbye = false, nil
	f.mu.Unlock()
	if goodbye != nil {
		goodbye()
	}
}

// bye tells the peer that the sending side has ended, unless that is held. It
// does not wait for what is delayed.
func (f *flow) bye(tell func()) {
	f.mu.Lock()
	held := f.faults.held
	if held {
		f.faults.goodbye = tell
	}
	f.mu.Unlock()
	if !held {
		tell()
	}
}
