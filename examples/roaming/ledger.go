package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/twinwire/twinwire"
)

// A ledger is what both sides write down, to be compared at the end.
type ledger struct {
	mu   sync.Mutex
	cond sync.Cond // something was written; of mu

	// Calls. Each has a number from 1 on.
	sent    uint64
	ran     map[uint64]int // by the server
	ended   map[uint64]error
	answers int
	longest time.Duration // that a call waited for its answer

	// Events. next is the number that the client expects.
	emitted, next     uint64
	received, missed  int
	disorder, between int // between are those while there was no session

	// Uploads: bytes of those that ended with a hash, and of those that ended
	// with their session.
	uploaded, brokenOff int64
	hashes, wrong       int

	// Sessions.
	sessions, resumed, moved int
	wire                     string // "" while there is none
	restarts                 int
}

func newLedger() *ledger {
	l := &ledger{ran: make(map[uint64]int), ended: make(map[uint64]error)}
	l.cond.L = &l.mu
	return l
}

// write changes the ledger.
func (l *ledger) write(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	l.cond.Broadcast()
}

// until waits until the ledger says so.
func (l *ledger) until(ctx context.Context, what string, so func() bool) error {
	defer context.AfterFunc(ctx, func() { l.write(func() {}) })()
	l.mu.Lock()
	defer l.mu.Unlock()
	for !so() {
		if ctx.Err() != nil {
			return fmt.Errorf("waiting for %s: %w", what, context.Cause(ctx))
		}
		l.cond.Wait()
	}
	return nil
}

// call makes a call with a number of its own.
func (l *ledger) call(f func(n uint64) error) error {
	var n uint64
	l.write(func() { l.sent++; n = l.sent })
	began := time.Now()
	err := f(n)
	took := time.Since(began)
	l.write(func() {
		l.ended[n] = err
		if err == nil {
			l.answers++
			l.longest = max(l.longest, took)
		}
	})
	return err
}

// run notes that the server runs a call.
func (l *ledger) run(n uint64) { l.write(func() { l.ran[n]++ }) }

// emit gives an event its number.
func (l *ledger) emit(f func(n uint64) error) (err error) {
	l.write(func() { l.emitted++; err = f(l.emitted) })
	return err
}

// subscribe returns the number of the last event before a subscription.
func (l *ledger) subscribe(f func() error) (after uint64, err error) {
	l.write(func() { after, err = l.emitted, f() })
	return after, err
}

// follow notes that the events behind after are to be received.
func (l *ledger) follow(after uint64) {
	l.write(func() {
		l.between += int(after + 1 - max(l.next, 1))
		l.next = after + 1
	})
}

// receive notes an event.
func (l *ledger) receive(n uint64) {
	l.write(func() {
		l.received++
		if n < l.next {
			l.disorder++
			return
		}
		l.missed += int(n - l.next)
		l.next = n + 1
	})
}

// close compares what both sides have written, prints it, and reports whether
// there is nothing to complain of.
func (l *ledger) close(out io.Writer) (clean bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var ran, lost, twice, notRun, unknown, unknownRan int
	for n := uint64(1); n <= l.sent; n++ {
		times := l.ran[n]
		if times > 0 {
			ran++
		}
		if times > 1 {
			twice++
		}
		err, ended := l.ended[n]
		switch {
		case ended && err == nil && times > 0:
		case errors.Is(err, twinwire.Unavailable) && times == 0:
			notRun++
		case errors.Is(err, twinwire.OutcomeUnknown):
			unknown++
			unknownRan += min(times, 1)
		default: // without an answer, or with one that is not true
			lost++
		}
	}
	missed := l.missed + int(l.emitted+1-l.next)
	fmt.Fprintf(out, "\ncalls     %d sent, %d answered, %d run, %d lost, %d run twice; longest wait %v\n",
		l.sent, l.answers, ran, lost, twice, l.longest.Round(time.Millisecond))
	fmt.Fprintf(out, "          under way at the restart: %d did not run, %d with unknown outcome (%d of them ran)\n", notRun, unknown, unknownRan)
	fmt.Fprintf(out, "events    %d emitted, %d received, %d missed, %d out of order; %d while there was no session\n",
		l.emitted, l.received, missed, l.disorder, l.between)
	fmt.Fprintf(out, "upload    %.1f MB, %d of %d hashes equal; %.1f MB broken off by the restart\n",
		float64(l.uploaded)/1e6, l.hashes, l.hashes+l.wrong, float64(l.brokenOff)/1e6)
	fmt.Fprintf(out, "sessions  %d, with %d resumptions and %d moves; %d restart(s)\n", l.sessions, l.resumed, l.moved, l.restarts)
	clean = lost == 0 && twice == 0 && l.answers+notRun+unknown == int(l.sent) &&
		missed == 0 && l.disorder == 0 && l.received+l.between == int(l.emitted) &&
		l.wrong == 0 && l.hashes > 0 && l.sessions == 1+l.restarts &&
		(l.restarts > 0 || notRun+unknown == 0)
	if clean {
		fmt.Fprintln(out, "the ledger is clean")
	} else {
		fmt.Fprintln(out, "THE LEDGER IS NOT CLEAN")
	}
	return clean
}
