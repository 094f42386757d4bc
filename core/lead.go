package core

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/internal/machine"
	"github.com/twinwire/twinwire/transport"
)

// The goroutine that reads a carrier can lead: it serves requests itself,
// where it read them, and reads on afterwards. Waking up another goroutine for
// them costs more than short calls do: with one call in flight on WebSocket
// the round trip took 1.68 of the bare library's with a worker, and takes 1.31
// without; with 64 in flight nobody else contends for the session's locks, and
// the answers to what was read at once are written at once.
//
// It leads a request that is alone if its method has been short for a while,
// and a batch if its methods are brief on average. When a handler takes longer
// after all, the lookout has another goroutine go on reading
// (transport.Handover), and workers serve the rest. So a handler that blocks
// holds up its session for two looks at most, and its method goes to the workers
// from then on. What a batch takes beyond leadTime goes to the workers too.

// leading is whether readers may lead: a page has one thread, and is spared the
// code.
const leading = runtime.GOOS != "js"

const (
	// shortTime is how long a handler may take to be short, and shortRuns how
	// often in a row it must have been.
	shortTime = 50 * time.Microsecond
	shortRuns = 16
	// longRuns is how many short runs make up for a long one.
	longRuns = 64
	// leadAfter is how many calls come first: the reader's stack grows when it
	// serves, from 4 KiB to 8, which a session that makes a call now and then is
	// better without.
	leadAfter = 16
	// briefTime is what the runs of a brief method take on average: less than
	// what it costs to have other CPUs take part.
	briefTime = 5 * time.Microsecond
	// leadTime is how long the reader serves before it reads on.
	leadTime = time.Millisecond
	// clockRuns is how many runs of one method share a reading of the clock, which
	// is a twentieth of a short call.
	clockRuns = 8
	// ledAnswers is how many answers the reader gives before they are sent.
	ledAnswers = 128
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
	parts   bool               // what is handed over is one lane of several; immutable
	lulls   bool               // the carrier calls lull; immutable
	led     bool               // there is something in queue; guarded by recvMu
	calls   int32              // that came before the reader may serve

	lane    int      // what the reader reads
	queue   requests // to be served by the reader
	unsent  int      // answers that wait for the carrier's lull
	busy    *Request // is being served by the reader
	method  *target  // of it
	runs    uint64   // counts what it served
	handed  bool     // another goroutine reads
	left    int      // goroutines that are ending, for which others read on
	watched bool     // the lookout looks
	seen    uint64   // runs at its last look
	idle    int      // looks without anything to see
}

// init finds out whether the carrier can be handed over.
func (l *leader) init(carrier transport.Carrier, info transport.Info) {
	l.carrier, _ = carrier.(transport.Handover)
	l.parts = info.Independent
}

// mayLead reports whether the reader should serve what has arrived itself. The
// workers' mu is held.
func (b *binding) mayLead(started []*machine.Inbound) bool {
	w := &b.s.work
	if b.lead.carrier == nil || w.paused || w.drained != nil || b.lead.busy != nil || !w.queue.empty() {
		return false
	}
	if l := &b.lead; l.calls < leadAfter {
		l.calls += int32(min(len(started), leadAfter))
		return false
	}
	alone := len(started) == 1 && w.open == 0
	for _, v := range started {
		t, ok := v.Target.(*target)
		if !ok || v.OneWay || t.streak.Load() < shortRuns || !alone && time.Duration(t.mean.Load()) > briefTime {
			return false
		}
	}
	return true
}

// serveHere serves what is queued for the goroutine that reads a lane, which
// calls it.
func (b *binding) serveHere(lane int) error {
	s := b.s
	w, l := &s.work, &b.lead
	defer w.wg.Done()
	w.mu.Lock()
	l.lane = lane
	if !l.watched {
		l.watched, l.seen, l.idle = true, 0, 0
		s.mux.lookout.watch(b)
	}
	writer := reader
	if l.parts && len(l.queue.list) > 1 {
		writer = background // QUIC has who writes more than a packet wait until it is sent
	}
	returned := false
	defer func() {
		if !returned { // the handler ended this goroutine
			b.leave()
		}
	}()
	began := time.Now()
	at, timed, n := began, 0, 0
	for r := l.queue.take(); r != nil; r = l.queue.take() {
		t, _ := r.in.Target.(*target)
		l.busy, l.method = r, t
		l.runs++
		w.mu.Unlock()
		s.handle(r)
		w.mu.Lock()
		w.answeredLocked(r)
		late := l.handed
		if timed++; timed == clockRuns || late || l.queue.next() == nil || l.queue.next().in.Target != any(t) {
			now := time.Now()
			t.took(now.Sub(at), timed)
			at, timed = now, 0
			late = late || now.Sub(began) > leadTime
		}
		if late {
			b.passOnLocked()
		}
		if n++; n%ledAnswers == 0 {
			w.mu.Unlock()
			s.mu.Lock()
			s.kick(writer)
			w.mu.Lock()
		}
	}
	handed := l.handed
	l.busy, l.handed = nil, false
	returned = true
	if !handed && l.lulls && b.deferred > 0 && n > 1 && l.unsent+n < ledAnswers {
		// What else has arrived is served first: with 64 calls in flight there
		// are a third as many writes then. One that is alone does not wait.
		l.unsent += n
		w.mu.Unlock()
		return nil
	}
	l.unsent = 0
	w.mu.Unlock()
	s.mu.Lock()
	s.kick(writer)
	if handed {
		return transport.ErrHandedOver
	}
	return nil
}

// onLull has lull called of the binding that a carrier will have, and reports
// whether the carrier can tell.
func onLull(carrier transport.Carrier, bound *atomic.Pointer[binding]) bool {
	c, ok := carrier.(transport.Lull)
	return leading && ok && c.OnLull(func() bool {
		b := bound.Load()
		return b != nil && b.lull()
	})
}

// lull is called by the reader before it waits: there is nothing else to deliver.
// It reports whether anything was sent for what was delivered.
func (b *binding) lull() bool {
	early := b.early
	b.early = false
	if b.deferred == 0 {
		return early
	}
	b.sendDeferred()
	return true
}

// sendDeferred sends the answers that the reader has given, and what those send
// who were given answers.
func (b *binding) sendDeferred() {
	b.deferred, b.given = 0, 0
	w, l := &b.s.work, &b.lead
	w.mu.Lock()
	who := promptly
	if l.unsent > 0 {
		who = reader
	}
	l.unsent = 0
	w.mu.Unlock()
	b.s.mu.Lock()
	if pipe := b.claimed; pipe >= 0 {
		b.claimed = -1
		b.s.mu.Unlock()
		b.s.writeClaimed(b, pipe)
		b.s.mu.Lock()
	}
	b.s.kick(who)
}

// passOnLocked gives what is queued for the reader to the workers.
func (b *binding) passOnLocked() {
	w, l := &b.s.work, &b.lead
	for r := l.queue.take(); r != nil; r = l.queue.take() {
		r.in.keepArgs()
		w.queue.push(r)
	}
	b.s.startWorkerLocked()
}

// leave has another goroutine read on, unless one does, because this one ends.
func (b *binding) leave() {
	w, l := &b.s.work, &b.lead
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answeredLocked(l.busy)
	b.passOnLocked()
	handed := l.handed
	l.busy, l.handed = nil, false
	if !l.parts {
		l.left++
	}
	if handed {
		return
	}
	go b.takeOver(l.carrier.Handover(l.lane, b.deliver))
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
		l.method.streak.Store(-longRuns)
		b.passOnLocked()
		go b.takeOver(l.carrier.Handover(l.lane, b.deliver))
		b.s.mu.Lock()
		b.s.kick(background) // what was answered before it
	default:
		l.idle++
	}
	l.seen = l.runs
	l.watched = !w.over && l.idle < looks
	return l.watched
}

// takeOver goes on reading in place of a goroutine that is busy. It ends with
// the carrier, or when it is busy itself.
func (b *binding) takeOver(receive func() error) {
	if b.lead.parts { // of which Receive sees to the end
		_ = receive()
		return
	}
	err := errExited
	returned := false
	defer func() {
		if returned && !errors.Is(err, transport.ErrHandedOver) || !returned && !b.takenOver() {
			b.ended(err)
		}
	}()
	err = receive()
	returned = true
}

// took notes how long a few runs of the method took together.
func (t *target) took(d time.Duration, runs int) {
	switch {
	case d > shortTime: // one of them, for all that is known
		t.streak.Store(-longRuns)
	case t.streak.Load() < shortRuns:
		t.streak.Add(int32(runs))
	}
	// A run that was cut short by others' work must not count for too many.
	mean := t.mean.Load()
	t.mean.Store(mean + (int64(min(d/time.Duration(runs), shortTime))-mean)*int64(runs)/shortRuns)
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
