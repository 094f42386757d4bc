package quic

import (
	"sync/atomic"
	"time"
)

// A watch calls expire when something has been under way for its timeout.
//
// It is for the writes of a lane. quic-go makes a timer for every write that
// has a deadline and must wait; most writes that wait do so for microseconds.
// This timer is set once in a timeout, however much is written.
type watch struct {
	// Immutable.
	timeout time.Duration
	expire  func()
	epoch   time.Time // what since counts from

	since atomic.Int64 // when it began what is under way; 0 for nothing
	armed atomic.Bool  // the timer is set, or its function runs
	timer *time.Timer
}

func newWatch(timeout time.Duration, expire func()) *watch {
	w := &watch{timeout: timeout, expire: expire, epoch: time.Now()}
	// The timer's goroutine lives for the moment in which it fires.
	w.timer = time.AfterFunc(timeout, w.look)
	w.armed.Store(true)
	return w
}

// now returns the time since the epoch; it is never 0.
func (w *watch) now() int64 { return int64(time.Since(w.epoch)) + 1 }

// begin says that something begins. A nil watch watches nothing.
func (w *watch) begin() {
	if w == nil {
		return
	}
	w.since.Store(w.now())
	w.arm(w.timeout)
}

// end says that it has ended.
func (w *watch) end() {
	if w != nil {
		w.since.Store(0)
	}
}

// stop stops the timer. What begins afterwards may set it once more.
func (w *watch) stop() {
	if w != nil {
		w.timer.Stop()
	}
}

func (w *watch) arm(after time.Duration) {
	if !w.armed.Load() && w.armed.CompareAndSwap(false, true) {
		w.timer.Reset(after)
	}
}

// look is what the timer does.
func (w *watch) look() {
	if since := w.since.Load(); since != 0 {
		left := w.timeout - time.Duration(w.now()-since)
		if left <= 0 {
			w.expire()
			return
		}
		w.timer.Reset(left)
		return
	}
	w.armed.Store(false)
	// What began before that line did not set the timer.
	if w.since.Load() != 0 {
		w.arm(w.timeout)
	}
}
