package events

import (
	"runtime"
	"sync"
	"time"
)

// A flusher sends what was queued for sessions. The publisher links those
// that have something to send into a list and goes on; goroutines take one
// after another and flush it. Each session is in the list once, so events that
// are emitted before its turn leave together.
//
// There are as many goroutines as there is work for, at most GOMAXPROCS. They
// belong to the hub, end when the list is empty, and Hub.Close waits for them.
// Flushing does not block on a peer in practice; should it do so all the same,
// the watchdog notices that nothing moves and starts others in place of those
// that hang, twice as many each time.
type flusher struct {
	mu         sync.Mutex
	head, tail *member
	waiting    int    // in the list
	running    int    // goroutines
	allowed    int    // goroutines that may run; 0 for as many as GOMAXPROCS
	taken      uint64 // how many were ever taken off the list
	watched    uint64 // taken when the watchdog last looked
	watching   bool   // the timer is set
	timer      *time.Timer
	idle       sync.Cond // running has become 0
}

const (
	// perFlusher is how many sessions must wait for another goroutine to be
	// worth its while.
	perFlusher = 8
	// watchEvery is how long nothing may move before the watchdog acts.
	watchEvery = 5 * time.Millisecond
)

// add appends a list of n members.
func (f *flusher) add(head, tail *member, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tail == nil {
		f.head = head
	} else {
		f.tail.next = head
	}
	f.tail = tail
	f.waiting += n
	wanted := 1
	if f.waiting > perFlusher {
		most := max(runtime.GOMAXPROCS(0), f.allowed)
		wanted = min((f.waiting+perFlusher-1)/perFlusher, most)
	}
	f.startLocked(wanted - f.running)
	if f.running > 0 && !f.watching {
		f.watchLocked()
	}
}

func (f *flusher) startLocked(n int) {
	for range n {
		f.running++
		go f.run() // ends when the list is empty
	}
}

// run flushes sessions until none is left.
func (f *flusher) run() {
	var turn turn
	f.mu.Lock()
	for f.head != nil {
		m := f.head
		f.head = m.next
		if f.head == nil {
			f.tail = nil
		}
		m.next = nil
		f.waiting--
		f.taken++
		f.mu.Unlock()
		// Before the flush: what is emitted from here on queues it again.
		m.dirty.Store(false)
		if m.session.Flush() {
			turn.give()
		}
		f.mu.Lock()
	}
	f.running--
	f.allowed = 0
	if f.running == 0 && f.idle.L != nil {
		f.idle.Broadcast()
	}
	f.mu.Unlock()
}

// A turn lets goroutines of QUIC run between two sessions. So each of a thousand
// sessions is sent while its memory is at hand, and in its turn; otherwise the
// scheduler has a thousand goroutines to choose from. Where so much else is to be
// done that turns take a millisecond, a burst does without them: it would wait
// for all of that again and again.
type turn struct {
	skip   int // so many are not given
	given  int // of turnRun
	waited time.Duration
}

const (
	// turnRun turns take turnTime at most, or else turnSkip are not given.
	turnRun  = 16
	turnTime = 16 * time.Millisecond
	turnSkip = 1024
)

func (t *turn) give() {
	if t.skip > 0 {
		t.skip--
		return
	}
	began := time.Now()
	runtime.Gosched()
	t.given++
	t.waited += time.Since(began)
	switch {
	case t.waited > turnTime:
		*t = turn{skip: turnSkip}
	case t.given == turnRun:
		*t = turn{}
	}
}

// watchLocked has the watchdog look in a while.
func (f *flusher) watchLocked() {
	f.watching, f.watched = true, f.taken
	if f.timer == nil {
		f.timer = time.AfterFunc(watchEvery, f.watch)
	} else {
		f.timer.Reset(watchEvery)
	}
}

// watch is the watchdog's: it runs while sessions wait, and starts goroutines
// if all there are hang.
func (f *flusher) watch() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watching = false
	if f.waiting == 0 {
		return
	}
	if f.taken == f.watched {
		f.allowed = 2 * f.running
		f.startLocked(min(f.running, f.waiting))
	}
	f.watchLocked()
}

// wait returns when nothing is left to flush.
func (f *flusher) wait() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle.L = &f.mu
	for f.running > 0 {
		f.idle.Wait()
	}
}

// A fanOut collects the sessions that an event was queued for.
type fanOut struct {
	f          *flusher
	head, tail *member
	n          int
}

// chunk is how many sessions an emitter collects before it lets the flusher
// begin with them.
const chunk = 128

// sent notes the outcome of queueing an event for a member. An error is that
// of a session which is about to end: it leaves the hub by itself.
func (o *fanOut) sent(m *member, flush bool, err error) {
	if err != nil || !flush || m.dirty.Load() || !m.dirty.CompareAndSwap(false, true) {
		return
	}
	if o.tail == nil {
		o.head = m
	} else {
		o.tail.next = m
	}
	o.tail = m
	if o.n++; o.n == chunk {
		o.flush()
	}
}

// flush hands what was collected to the flusher.
func (o *fanOut) flush() {
	if o.n > 0 {
		o.f.add(o.head, o.tail, o.n)
		o.head, o.tail, o.n = nil, nil, 0
	}
}
