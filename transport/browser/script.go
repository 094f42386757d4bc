//go:build js

package browser

import (
	"sync"
	"sync/atomic"
	"syscall/js"
	"time"
)

var uint8Array = js.Global().Get("Uint8Array")

// here returns where the program runs, as servers hear of it: the origin of the
// page.
func here() string {
	if location := js.Global().Get("location"); location.Truthy() {
		return location.Get("origin").String()
	}
	return "unknown"
}

// remote returns the host and the port of a URL, which has none where it is that
// of the scheme.
func remote(u js.Value) string {
	host, port := u.Get("hostname").String(), u.Get("port").String()
	switch {
	case port != "":
	case u.Get("protocol").String() == "ws:":
		port = "80"
	default:
		port = "443"
	}
	return host + ":" + port
}

// construct calls a constructor, whose exception is the error.
func construct(class js.Value, args ...any) (v js.Value, err error) {
	defer func() {
		if e, ok := recover().(js.Error); ok {
			err = e
		}
	}()
	return class.New(args...), nil
}

// attempt calls a method, whose exception is the error.
func attempt(v js.Value, method string, args ...any) (result js.Value, err error) {
	defer func() {
		if e, ok := recover().(js.Error); ok {
			err = e
		}
	}()
	return v.Call(method, args...), nil
}

// An outcome is what has become of a promise.
type outcome struct {
	value js.Value
	err   error
}

// A waiter waits for promises, one after the other. It has one pair of
// functions for all of them, so that a promise costs one call.
type waiter struct {
	settled   chan outcome // of one
	then, not js.Func

	mu      sync.Mutex
	waiting bool // a promise is not settled
	left    bool // nobody wants to know
}

func newWaiter() *waiter {
	w := &waiter{settled: make(chan outcome, 1)}
	first := func(args []js.Value) js.Value {
		if len(args) == 0 {
			return js.Undefined()
		}
		return args[0]
	}
	w.then = js.FuncOf(func(_ js.Value, args []js.Value) any {
		w.settle(outcome{value: first(args)})
		return nil
	})
	w.not = js.FuncOf(func(_ js.Value, args []js.Value) any {
		w.settle(outcome{err: js.Error{Value: first(args)}})
		return nil
	})
	return w
}

// start has the waiter wait for a promise; what comes of it is in settled. The
// one before must have been taken out.
func (w *waiter) start(promise js.Value) {
	w.mu.Lock()
	w.waiting = true
	w.mu.Unlock()
	promise.Call("then", w.then, w.not)
}

func (w *waiter) settle(o outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = false
	if w.left {
		w.release()
		return
	}
	w.settled <- o // nothing else is in it
}

// leave gives the functions back, as soon as no promise will call them.
func (w *waiter) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left = true; !w.waiting {
		w.release()
	}
}

func (w *waiter) release() {
	w.then.Release()
	w.not.Release()
}

// A patience is a timer for waits of the same length, of which most end early;
// zero is without end.
type patience struct {
	time  time.Duration
	timer *time.Timer
}

// begin starts a wait and returns what tells its end, nil for none.
func (p *patience) begin() <-chan time.Time {
	switch {
	case p.time == 0:
		return nil
	case p.timer == nil:
		p.timer = time.NewTimer(p.time)
	default:
		p.timer.Reset(p.time)
	}
	return p.timer.C
}

// end ends it.
func (p *patience) end() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

// breathless is how many batches are sent at most without the browser's getting
// to its events, which are what arrives: a goroutine that is never held up would
// keep it from them.
const breathless = 16

// A breath lets the browser get to its events.
type breath struct{ sent atomic.Int32 }

// taken says that it has got there.
func (b *breath) taken() { b.sent.Store(0) }

// take counts a batch, and waits if it has to be.
func (b *breath) take() {
	if b.sent.Add(1) >= breathless {
		b.taken()
		time.Sleep(time.Millisecond) // a shorter one would not leave Go
	}
}
