package core

import (
	"errors"
	"sync"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/transport"
)

// The goroutine that reads a carrier can lead: it serves a request itself,
// where it was read, and reads on afterwards. Waking up another goroutine for
// it costs more than a short call does: with one call in flight on WebSocket
// the round trip took 1.68 of the bare library's with a worker, and takes 1.31
// without.
//
// It leads only if the request is alone and its method has been short for a
// while, and only on carriers that can be handed over: when the handler takes
// longer after all, the lookout has another goroutine go on reading. So a
// handler that blocks holds up its session for two looks at most, and its
// method goes to the workers from then on.

const (
	// shortTime is how long a handler may take to be short, and shortRuns how
	// often in a row it must have been.
	shortTime = 50 * time.Microsecond
	shortRuns = 16
	// longRuns is how many short runs make up for a long one.
	longRuns = 64
	// lookTime is the time between two looks.
	lookTime = time.Millisecond
	// looks is how many looks without anything to see end the lookout's
	// interest in a session.
	looks = 100
)

// A leader is what a binding knows about leading. It is guarded by the
// workers' mu, except as noted.
type leader struct {
	carrier transport.Handover // nil if it cannot be handed over; immutable
	next    *Request           // to be served by the reader; guarded by recvMu

	busy    *Request // is being served by the reader
	runs    uint64   // counts what it served
	handed  bool     // another goroutine reads
	left    int      // goroutines that are ending, for which others read on
	watched bool     // the lookout looks
	seen    uint64   // runs at its last look
	idle    int      // looks without anything to see
}

// init finds out whether the carrier can be handed over.
func (l *leader) init(carrier transport.Carrier, info transport.Info) {
	if h, ok := carrier.(transport.Handover); ok && !info.Independent {
		l.carrier = h
	}
}

// mayLead reports whether the reader should serve r itself. The workers' mu is
// held.
func (b *binding) mayLead(r *Request) bool {
	w := &b.s.work
	if b.lead.carrier == nil || w.open > 0 || w.paused || w.drained != nil || r.OneWay || b.lead.busy != nil {
		return false
	}
	t, ok := r.Target.(*target)
	return ok && t.streak.Load() >= shortRuns
}

// serveHere serves a request in the goroutine that reads.
func (b *binding) serveHere(r *Request) error {
	s := b.s
	w, l := &s.work, &b.lead
	w.mu.Lock()
	l.busy = r
	l.runs++
	if !l.watched {
		l.watched, l.seen, l.idle = true, 0, 0
		s.mux.lookout.watch(b)
	}
	w.mu.Unlock()
	returned := false
	defer func() {
		if !returned { // the handler ended this goroutine
			b.leave(r)
		}
	}()
	s.handle(r)
	returned = true
	w.mu.Lock()
	w.answeredLocked(r)
	w.mu.Unlock()
	s.mu.Lock()
	s.kick(caller)
	w.mu.Lock()
	handed := l.handed
	l.busy, l.handed = nil, false
	w.mu.Unlock()
	if handed {
		w.wg.Done()
		return transport.ErrHandedOver
	}
	return nil
}

// leave has another goroutine read on, unless one does, because this one ends.
func (b *binding) leave(r *Request) {
	w, l := &b.s.work, &b.lead
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answeredLocked(r)
	handed := l.handed
	l.busy, l.handed = nil, false
	l.left++
	if handed {
		w.wg.Done()
		return
	}
	go b.takeOver()
}

// takenOver reports, where a handler or a callback has ended this goroutine,
// which reads, whether another reads on. If not, the carrier is closed.
func (b *binding) takenOver() bool {
	w, l := &b.s.work, &b.lead
	w.mu.Lock()
	defer w.mu.Unlock()
	if l.left > 0 {
		l.left--
		return true
	}
	b.carrier.Close(twinwire.Internal, "")
	return false
}

// exited returns what the goroutine that reads would have, had a handler or a
// callback not ended it.
func (b *binding) exited() error {
	if b.takenOver() {
		return transport.ErrHandedOver
	}
	return errExited
}

// look is the lookout's. It reports whether it is to look again.
func (b *binding) look() bool {
	w, l := &b.s.work, &b.lead
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case l.runs != l.seen:
		l.idle = 0
	case l.busy != nil && !l.handed:
		l.handed = true
		if t, ok := l.busy.Target.(*target); ok {
			t.streak.Store(-longRuns)
		}
		w.wg.Add(1) // end waits for the handler
		go b.takeOver()
	default:
		l.idle++
	}
	l.seen = l.runs
	l.watched = !w.over && l.idle < looks
	return l.watched
}

// takeOver goes on reading in place of a goroutine that is busy. It ends with
// the carrier, or when it is busy itself.
func (b *binding) takeOver() {
	err := errExited
	returned := false
	defer func() {
		if returned && !errors.Is(err, transport.ErrHandedOver) || !returned && !b.takenOver() {
			b.ended(err)
		}
	}()
	err = b.lead.carrier.Handover(b.deliver)
	returned = true
}

// took notes how long a run of the method took.
func (t *target) took(d time.Duration) {
	switch {
	case d > shortTime:
		t.streak.Store(-longRuns)
	case t.streak.Load() < shortRuns:
		t.streak.Add(1)
	}
}

// A lookout looks after the sessions whose readers lead. It has a goroutine
// while there are any, which ends when there are none.
type lookout struct {
	mu       sync.Mutex
	bindings []*binding
	nudge    chan struct{} // has it look at once; nil while there is no goroutine
}

func (o *lookout) watch(b *binding) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bindings = append(o.bindings, b)
	if o.nudge == nil {
		o.nudge = make(chan struct{}, 1)
		go o.run(o.nudge)
	}
}

// forget has the lookout notice that a session has ended, so that its
// goroutine does not outlive the last one.
func (o *lookout) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.nudge != nil {
		select {
		case o.nudge <- struct{}{}:
		default:
		}
	}
}

func (o *lookout) run(nudge <-chan struct{}) {
	tick := time.NewTicker(lookTime)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-nudge:
		}
		o.mu.Lock()
		list := o.bindings
		o.bindings = nil
		o.mu.Unlock()
		kept := list[:0]
		for _, b := range list {
			if b.look() {
				kept = append(kept, b)
			}
		}
		clear(list[len(kept):])
		o.mu.Lock()
		o.bindings = append(kept, o.bindings...)
		if len(o.bindings) == 0 {
			o.bindings, o.nudge = nil, nil
			o.mu.Unlock()
			return
		}
		o.mu.Unlock()
	}
}
