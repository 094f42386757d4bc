//go:build js

package browser

import (
	"sync"
	"syscall/js"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/internal/closing"
	"github.com/twinwire/twinwire/transport/internal/deframe"
)

// A lane is the stream of a lane.
type lane struct {
	opened bool // guarded by the carrier's mu

	mu       sync.Mutex // held while a batch is sent
	stream   js.Value   // undefined before the first
	writer   js.Value
	written  *waiter
	array    js.Value // Uint8Array, as large as the largest batch so far
	capacity int      // of array
	patience patience
}

// Send writes the batch to the stream of the lane, which its first use opens,
// and waits until the browser has taken it: then the array may be used again.
func (c *WebTransport) Send(i int, batch []byte) error {
	if len(batch) == 0 || len(batch) > frame.MaxBatch {
		return transport.ErrBatch
	}
	if i < 0 || i >= frame.MaxLanes {
		return transport.ErrLane
	}
	l := &c.lanes[i]
	l.mu.Lock()
	defer l.mu.Unlock()
	c.breath.take()
	if err := c.end.cause(); err != nil {
		return err
	}
	if l.stream.IsUndefined() {
		if err := c.openLocked(i); err != nil {
			return err
		}
	}
	_, err := c.awaitLocked(l, l.writer, "write", l.fill(batch))
	return err
}

// smallArray is the least size of an array, in bytes.
const smallArray = 4 << 10

// fill copies the batch to JavaScript.
func (l *lane) fill(batch []byte) js.Value {
	if len(batch) > l.capacity {
		l.capacity = smallArray
		if len(batch) > smallArray {
			l.capacity = frame.MaxBatch
		}
		l.array = uint8Array.New(l.capacity)
	}
	js.CopyBytesToJS(l.array, batch)
	return l.array.Call("subarray", 0, len(batch))
}

// openLocked opens the stream of a lane and has it read. The browser waits where
// the server allows no more streams.
func (c *WebTransport) openLocked(i int) error {
	l := &c.lanes[i]
	l.written = newWaiter()
	l.patience.time = c.timeout
	// Control first, then calls, then events; bulk and the free lanes share what
	// is left (clause 4.3). Browsers that have no order do not heed it.
	const bulk = 3
	order := js.Global().Get("Object").New()
	order.Set("sendOrder", -min(i, bulk))
	stream, err := c.awaitLocked(l, c.session, "createBidirectionalStream", order)
	if err != nil {
		return err
	}
	l.stream, l.writer = stream, stream.Get("writable").Call("getWriter")
	c.opened(i)
	return nil
}

// awaitLocked calls a method and waits for its promise, or for the end of the
// carrier, which is the error.
func (c *WebTransport) awaitLocked(l *lane, v js.Value, method string, args ...any) (js.Value, error) {
	promise, err := attempt(v, method, args...)
	if err != nil { // the session has ended
		c.failed()
		return js.Undefined(), c.end.cause()
	}
	l.written.start(promise)
	late := l.patience.begin()
	defer l.patience.end()
	select {
	case out := <-l.written.settled:
		if out.err == nil {
			return out.value, nil
		}
		c.failed()
	case <-late:
		c.finish(errTimeout, closing.Local(twinwire.PeerDead, "send timeout"))
	case <-c.end.come:
	}
	return js.Undefined(), c.end.cause()
}

// leave gives back what the lane has of JavaScript, when the carrier has ended.
func (l *lane) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.written != nil {
		l.written.leave()
	}
}

// read delivers what arrives on a lane until the carrier ends.
func (c *WebTransport) read(i int) {
	reader := c.lanes[i].stream.Get("readable").Call("getReader")
	w := newWaiter()
	defer w.leave()
	b, n := make([]byte, smallArray), 0
	for {
		w.start(reader.Call("read"))
		var out outcome
		select {
		case out = <-w.settled:
		case <-c.end.come:
			return
		}
		if out.err != nil || out.value.Get("done").Bool() {
			c.failed()
			return
		}
		c.breath.taken()
		chunk := out.value.Get("value")
		size := chunk.Get("byteLength").Int()
		if n+size > len(b) && len(b) < frame.MaxBatch {
			b = append(make([]byte, 0, frame.MaxBatch), b[:n]...)[:frame.MaxBatch]
		}
		for at := 0; at < size; {
			part := chunk
			if at > 0 {
				part = chunk.Call("subarray", at)
			}
			m := js.CopyBytesToGo(b[n:], part)
			at, n = at+m, n+m
			var ok bool
			if n, ok = c.pass(i, b, n); !ok {
				return
			}
		}
	}
}

// pass delivers the whole frames of b[:n], moves what is behind them to the
// front, and returns how much that is: less than the longest frame.
func (c *WebTransport) pass(i int, b []byte, n int) (rest int, ok bool) {
	whole, _, err := deframe.Whole(b[:n])
	switch {
	case c.end.cause() != nil:
		return 0, false
	case err != nil && whole == 0:
		c.violated(err)
		return 0, false
	case whole == 0:
		return n, true
	}
	if err := c.deliver(i, b[:whole]); err != nil {
		c.undelivered(err)
		return 0, false
	}
	if err != nil {
		c.violated(err)
		return 0, false
	}
	return copy(b, b[whole:n]), true
}
