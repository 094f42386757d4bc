package core

import (
	"runtime/debug"
	"sync"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/internal/machine"
	"github.com/twinwire/twinwire/internal/plain"
)

// workers run the handlers of a session. There is no goroutine for a call as
// such: a worker takes requests off the queue one after another, and before it
// runs one while others wait, it sees to it that another worker is about to
// start. So a batch of short calls is served by one or two goroutines, and a
// handler that blocks holds up nobody. Measured with 64 calls in flight: a
// goroutine for each call costs 2 µs and two allocations more per call.
//
// A worker that finds the queue empty ends, but for one, which waits for a
// while: a goroutine that has just started spends as much on making its stack
// larger, several times on the way to the connection, as on a short call.
type workers struct {
	mu       sync.Mutex
	queue    requests
	paused   bool          // nothing is served before the services are open
	starting bool          // a worker was started and has not taken a request yet
	unsent   int           // answers that nobody has flushed yet
	taken    int           // messages since then, for which the peer gets credit
	open     int           // requests that were dispatched, not refused, and not answered
	drained  chan struct{} // closed when open is 0 after Drain; nil before Drain

	idle bool        // a worker waits for wake
	wake chan bool   // true: there is something to do; false: end
	used bool        // it has been woken up since the timer fired
	reap *time.Timer // ends the worker that waits; nil before the first
	over bool        // nobody shall wait any more: the session has ended

	serve func() // Session.serve, made once: a worker is started for many a call

	mail requests // ordered messages, behind the one being handled
	busy bool     // one is being handled

	wg sync.WaitGroup
}

const (
	// flushAfter is how many answers may wait for the queue to become empty.
	flushAfter = 32
	// lingerTime is how long a worker waits for something to do, twice that at
	// most.
	lingerTime = 100 * time.Millisecond
)

// dispatch hands requests to the workers. It is called in the order in which
// they arrived.
func (s *Session) dispatch(b *binding, started []*machine.Inbound) {
	if s.rate != nil && s.limits.RateCloses && !s.rate.AllowN(time.Now(), len(started)) {
		s.counts.Add(LimitRate)
		s.abort(errRate)
		return
	}
	w := &s.work
	w.mu.Lock()
	defer w.mu.Unlock()
	leads := leading && b != nil && b.mayLead(started)
	for _, v := range started {
		in := v.Owner.(*inbound)
		r := &Request{in: in, session: s, method: in.Method, deadline: in.Deadline, oneWay: in.OneWay}
		in.request = r
		switch {
		case w.drained != nil:
			in.refusal = errDraining
		case s.rate != nil && !s.limits.RateCloses && !s.rate.Allow():
			s.counts.Add(LimitRate)
			in.refusal = errRate
		}
		if r.refused = in.refusal != nil; !r.refused {
			w.open++
		}
		if leads && !r.refused {
			b.lead.queue.push(r)
			if !b.lead.led {
				b.lead.led = true
				w.wg.Add(1) // the reader serves: end waits for it
			}
		} else {
			in.keepArgs()
			w.queue.push(r)
		}
	}
	s.startWorkerLocked()
}

// keepArgs copies what is borrowed of where the request was read: others are
// about to serve it.
func (in *inbound) keepArgs() {
	if in.Owned || in.args != nil {
		return
	}
	in.args = buffers.Get().(*buffer)
	in.args.b = append(in.args.b[:0], in.Payload...)
	in.Payload = in.args.b
	if in.Meta != nil {
		in.Meta = append([]byte(nil), in.Meta...)
	}
}

// Why a request is not served.
var (
	errDraining = &twinwire.Error{Code: twinwire.Unavailable, Message: "session is shutting down"}
	errRate     = &twinwire.Error{Code: twinwire.ResourceExhausted, Message: "too many calls and messages a second"}
)

// startWorkerLocked starts a worker unless one is starting already.
func (s *Session) startWorkerLocked() {
	w := &s.work
	switch {
	case w.starting || w.paused || w.queue.empty():
		return
	case w.idle:
		w.idle, w.used = false, true
		w.wake <- true // has room: nobody else was told since it went idle
	default:
		w.wg.Add(1)
		go w.serve()
	}
	w.starting = true
}

// linger waits for something to do and reports whether there is. It is called
// with mu held and returns with it.
func (w *workers) linger() bool {
	if w.idle || w.over {
		return false
	}
	w.idle = true
	if w.reap == nil {
		w.wake = make(chan bool, 1)
		w.reap = time.AfterFunc(lingerTime, w.reapIdle)
	} else if !w.used {
		w.reap.Reset(lingerTime)
	}
	w.used = true
	wake := w.wake
	w.mu.Unlock()
	more := <-wake
	w.mu.Lock()
	return more
}

// reapIdle is the timer's: it ends the worker that has had nothing to do since
// the timer fired before.
func (w *workers) reapIdle() {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.used && !w.over:
		w.used = false
		w.reap.Reset(lingerTime)
	case w.idle:
		w.idle = false
		w.wake <- false
		w.wake, w.reap = nil, nil // an idle session has no use for them
	}
}

// begin opens the services, in a goroutine of its own that end waits for, and
// then lets the workers begin. A service that does not open ends the session;
// what was called meanwhile is answered with its error.
func (s *Session) begin() {
	go func() {
		defer s.work.wg.Done()
		if err := s.open(); err != nil {
			s.openErr = err
			if twinwire.CodeOf(err) == twinwire.Internal {
				s.log.Error("twinwire: service did not open", "session", s.id.String(), "error", err)
			}
			defer s.CloseWith(twinwire.CodeOf(err), reason(err), 0)
		}
		s.resume()
	}()
}

// resume lets the workers begin.
func (s *Session) resume() {
	s.work.mu.Lock()
	defer s.work.mu.Unlock()
	s.work.paused = false
	s.startWorkerLocked()
}

// wait waits for all workers. The session has ended: no new ones start.
func (w *workers) wait() {
	w.mu.Lock()
	w.over = true
	if w.reap != nil {
		w.reap.Stop()
	}
	if w.idle {
		w.idle = false
		w.wake <- false
	}
	w.mu.Unlock()
	w.wg.Wait()
}

// A requests is a queue of requests, whose memory is used again.
type requests struct {
	list []*Request
	head int
}

func (q *requests) empty() bool { return q.head == len(q.list) }

// next returns the request that take will return.
func (q *requests) next() *Request {
	if q.empty() {
		return nil
	}
	return q.list[q.head]
}

func (q *requests) push(r *Request) { q.list = append(q.list, r) }

// take takes the next request off the queue, nil if there is none.
func (q *requests) take() *Request {
	if q.empty() {
		if cap(q.list) > 64 {
			q.list = nil
		}
		q.list, q.head = q.list[:0], 0
		return nil
	}
	r := q.list[q.head]
	q.list[q.head] = nil
	if q.head++; q.head >= 64 && q.head*2 >= len(q.list) {
		// It may never be empty while calls keep coming.
		n := copy(q.list, q.list[q.head:])
		clear(q.list[n:])
		q.list, q.head = q.list[:n], 0
	}
	return r
}

// serve is one worker.
func (s *Session) serve() {
	w := &s.work
	defer w.wg.Done()
	w.mu.Lock()
	defer w.mu.Unlock()
	over := false
	defer func() {
		if !over { // a handler ended this goroutine: another goes on for it
			w.wg.Add(1)
			go w.serve()
		}
	}()
	for more := true; more; more = w.linger() {
		w.starting = false
		for !w.queue.empty() || !w.mail.empty() && !w.busy {
			s.serveQueueLocked()
			w.unsent, w.taken = 0, 0
			w.mu.Unlock()
			s.mu.Lock()
			s.kick(caller)
			w.mu.Lock()
		}
	}
	over = true
}

// serveQueueLocked serves requests until none waits. It gives the lock up
// while a handler runs.
func (s *Session) serveQueueLocked() {
	w := &s.work
	s.serveMailLocked()
	for r := w.queue.take(); r != nil; r = w.queue.take() {
		if r.oneWay && !r.in.Unordered {
			w.mail.push(r)
			s.serveMailLocked()
			continue
		}
		s.serveOne(r)
	}
}

// serveMailLocked serves the ordered messages that wait, unless another worker
// does.
func (s *Session) serveMailLocked() {
	w := &s.work
	if w.busy || w.mail.empty() {
		return
	}
	w.busy = true
	defer func() { w.busy = false }()
	for r := w.mail.take(); r != nil; r = w.mail.take() {
		s.serveOne(r)
	}
}

// serveOne runs one handler. It is called with mu held and gives it up
// meanwhile.
func (s *Session) serveOne(r *Request) {
	w := &s.work
	s.startWorkerLocked()
	// What was answered must not wait for a handler that may block: either a
	// worker is starting, and flushes at its end, or it is done here.
	flush := w.unsent > 0 && (!w.starting || w.unsent >= flushAfter)
	// Nobody waits for the credit of a message as long as there is other.
	flush = flush || w.taken > min(flushAfter, s.limits.Messages/8)
	if flush {
		w.unsent, w.taken = 0, 0
	}
	w.mu.Unlock()
	if flush {
		s.mu.Lock()
		s.kick(background)
	}
	t, _ := r.in.Target.(*target)
	defer func() {
		w.mu.Lock()
		if r.oneWay {
			w.taken++
		} else {
			w.unsent++
		}
		w.answeredLocked(r)
	}()
	if !leading || t == nil || r.oneWay || !s.leads.Load() {
		s.handle(r)
		return
	}
	began := time.Now()
	s.handle(r)
	t.took(time.Since(began), 1)
}

// answeredLocked takes a request off those that are open.
func (w *workers) answeredLocked(r *Request) {
	if r.refused {
		return
	}
	if w.open--; w.open == 0 && w.drained != nil {
		close(w.drained)
	}
}

// guard runs a callback of the user's and logs a panic. One that ends its
// goroutine ends the session with it, which would hang otherwise.
func (s *Session) guard(what string, f func()) {
	returned := false
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("twinwire: callback panicked", "session", s.id.String(), "callback", what,
				"panic", plain.Text(v), "stack", string(debug.Stack()))
		} else if !returned {
			s.log.Error("twinwire: callback ended its goroutine", "session", s.id.String(), "callback", what)
			s.abort(errExited)
		}
	}()
	f()
	returned = true
}

// guardApart is guard in a goroutine of its own, for which it waits: for where
// the session could not go on without its own.
func (s *Session) guardApart(what string, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.guard(what, f)
	}()
	<-done
}

// errExited is the end of a session that a callback ended by runtime.Goexit.
var errExited error = &twinwire.Error{Code: twinwire.Internal, Message: "callback ended its goroutine"}
