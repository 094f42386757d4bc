//go:build js

package browser

import (
	"context"
	"errors"
	"sync"
	"syscall/js"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/internal/plain"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/internal/closing"
	"github.com/twinwire/twinwire/transport/internal/deframe"
)

const (
	// subprotocol is what both sides name in the handshake (clause 10.1).
	subprotocol = "twinwire.1"
	// maxBuffered is how much may wait in a socket, in bytes: what it has taken
	// cannot be overtaken any more. A batch goes there that finds less.
	maxBuffered = 64 << 10
	// maxQueued bounds what has arrived and was not received, in bytes.
	maxQueued = 64 << 20
	// mostWait is the longest time after which a Send that waits looks again.
	mostWait = 16 * time.Millisecond
)

// A WebSocket is one WebSocket of the browser. It is a transport.Carrier.
type WebSocket struct {
	// Immutable.
	socket js.Value
	info   transport.Info
	events []handler

	end    end
	breath breath

	wmu      sync.Mutex // held while a batch is sent
	array    js.Value   // Uint8Array of frame.MaxBatch bytes
	patience patience
	passed   chan struct{} // holds one when something has arrived

	mu       sync.Mutex
	arrived  chan struct{} // holds one while there is something in queue
	queue    []js.Value    // ArrayBuffers, not received
	queued   int           // bytes in queue
	received bool          // Receive was called
}

var _ transport.Prompt = (*WebSocket)(nil)

// A handler is what a socket calls for an event.
type handler struct {
	event string
	f     js.Func
}

// DialWebSocket connects to a URL of scheme wss, or ws where the page may. It
// returns what the context's end says, ErrMissing, an error that wraps
// ErrHandshake, or os.ErrDeadlineExceeded.
func DialWebSocket(ctx context.Context, rawURL string, o *Options) (*WebSocket, error) {
	opt := o.withDefaults()
	u, err := construct(js.Global().Get("URL"), rawURL)
	if err != nil {
		return nil, plain.Wrap("browser: dial", err)
	}
	class := js.Global().Get("WebSocket")
	if class.IsUndefined() {
		return nil, ErrMissing
	}
	socket, err := construct(class, rawURL, subprotocol)
	if err != nil {
		return nil, plain.Join(ErrHandshake, err)
	}
	socket.Set("binaryType", "arraybuffer")
	c := &WebSocket{
		socket: socket, end: newEnd(), arrived: make(chan struct{}, 1), passed: make(chan struct{}, 1),
		info:     transport.Info{Wire: "websocket", Secure: u.Get("protocol").String() == "wss:", LocalAddr: here(), RemoteAddr: remote(u)},
		patience: patience{time: opt.SendTimeout},
	}
	opened := make(chan struct{})
	c.on("open", func(js.Value) { close(opened) })
	c.on("message", c.message)
	c.on("close", c.closed)
	limit := patience{time: opt.HandshakeTimeout}
	late := limit.begin()
	defer limit.end()
	select {
	case <-opened:
		c.array = uint8Array.New(frame.MaxBatch)
		return c, nil
	case <-c.end.come:
		return nil, plain.Join(ErrHandshake, c.end.cause())
	case <-ctx.Done():
		err = plain.Wrap("browser: dial", context.Cause(ctx))
	case <-late:
		err = errHandshake
	}
	c.finish(err, nil)
	return nil, err
}

// on has f called for an event, until the carrier ends.
func (c *WebSocket) on(event string, f func(event js.Value)) {
	h := handler{event, js.FuncOf(func(_ js.Value, args []js.Value) any {
		f(args[0])
		return nil
	})}
	c.socket.Call("addEventListener", event, h.f)
	c.events = append(c.events, h)
}

// Info describes the carrier. LocalAddr is the origin of the page, as nobody tells
// of more, and RemoteAddr is what was dialed.
func (c *WebSocket) Info() transport.Info { return c.info }

// Send hands the batch to the socket as one binary message. A carrier is one
// pipe: lane is 0.
func (c *WebSocket) Send(lane int, batch []byte) error {
	if len(batch) == 0 || len(batch) > frame.MaxBatch {
		return transport.ErrBatch
	}
	if lane != 0 {
		return transport.ErrLane
	}
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.breath.take()
	if err := c.roomLocked(); err != nil {
		return err
	}
	js.CopyBytesToJS(c.array, batch)
	if _, err := attempt(c.socket, "send", c.array.Call("subarray", 0, len(batch))); err != nil {
		c.finish(plain.Join(errLost, err), nil)
		return c.end.cause()
	}
	return nil
}

// Prompt reports whether a Send would not wait for the network; see
// transport.Prompt.
func (c *WebSocket) Prompt(int) bool { return c.buffered() < maxBuffered }

// Await returns when a Send would not wait; see transport.Prompt.
func (c *WebSocket) Await(int) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	_ = c.roomLocked() // the next Send says it again
}

// buffered is what waits in the socket, in bytes.
func (c *WebSocket) buffered() int { return c.socket.Get("bufferedAmount").Int() }

// roomLocked waits until there is room in the socket, and returns what ended the
// carrier if that comes first. There is no event for room; but where something
// arrives something has often gone.
func (c *WebSocket) roomLocked() error {
	if err := c.end.cause(); err != nil || c.buffered() < maxBuffered {
		return err
	}
	late := c.patience.begin()
	defer c.patience.end()
	wait := time.Millisecond
	again := time.NewTimer(wait)
	defer again.Stop()
	for c.buffered() >= maxBuffered {
		select {
		case <-again.C:
			wait = min(2*wait, mostWait)
			again.Reset(wait)
		case <-c.passed:
		case <-c.end.come:
			return c.end.cause()
		case <-late:
			c.finish(errTimeout, closing.Local(twinwire.PeerDead, "send timeout"))
			return c.end.cause()
		}
	}
	return c.end.cause()
}

// message takes in what has arrived. It runs in the browser's event and must not
// block.
func (c *WebSocket) message(event js.Value) {
	data := event.Get("data")
	if data.Type() != js.TypeObject {
		c.violated(errText)
		return
	}
	size := data.Get("byteLength").Int()
	if size > frame.MaxBatch {
		c.violated(errMessage)
		return
	}
	c.mu.Lock()
	c.queue = append(c.queue, data)
	c.queued += size
	over := c.queued > maxQueued
	c.mu.Unlock()
	if over {
		e := closing.Local(twinwire.SlowConsumer, "what has arrived is not received")
		c.finish(e, e)
		return
	}
	c.breath.taken()
	ring(c.arrived)
	ring(c.passed)
}

// ring leaves a word for who waits.
func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// closed is told that the socket is closed. What has arrived before is still
// received.
func (c *WebSocket) closed(event js.Value) {
	if e := closing.ByStatus(event.Get("code").Int(), event.Get("reason").String(), false); e != nil {
		c.finish(e, nil)
	} else {
		c.finish(errLost, nil)
	}
}

func (c *WebSocket) violated(err error) {
	e := closing.Violation(err)
	c.finish(e, e)
}

// Close ends the carrier; see transport.Carrier.
func (c *WebSocket) Close(code twinwire.Code, reason string) {
	e := closing.Local(code, reason)
	c.finish(e, e)
}

// finish ends the carrier with err, and has the peer told of told, unless that
// is nil. Only the first call counts.
func (c *WebSocket) finish(err error, told *transport.CloseError) {
	if !c.end.is(err) {
		return
	}
	for _, h := range c.events {
		c.socket.Call("removeEventListener", h.event, h.f)
		h.f.Release()
	}
	if told != nil {
		_, _ = attempt(c.socket, "close", closing.Status(told.Code), told.Reason) // there is nobody to tell
	} else {
		_, _ = attempt(c.socket, "close")
	}
}

// Receive delivers what arrives; see transport.Carrier.
func (c *WebSocket) Receive(deliver func(lane int, frames []byte) error) error {
	c.mu.Lock()
	again := c.received
	c.received = true
	c.mu.Unlock()
	if again {
		return ErrReceiving
	}
	b := make([]byte, frame.MaxBatch)
	for {
		select {
		case <-c.arrived:
		case <-c.end.come:
		}
		for _, data := range c.take() {
			if c.endedHere() {
				break
			}
			n := js.CopyBytesToGo(b, uint8Array.New(data))
			if err := deframe.Batch(b[:n]); err != nil {
				c.violated(err)
			} else if err := deliver(0, b[:n]); err != nil {
				code, reason := closing.Undelivered(err)
				c.finish(err, closing.Local(code, reason))
				return c.end.cause()
			}
		}
		if err := c.end.cause(); err != nil && (c.endedHere() || c.empty()) {
			return err
		}
	}
}

// take returns what has arrived.
func (c *WebSocket) take() []js.Value {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.queue
	c.queue, c.queued = nil, 0
	return all
}

func (c *WebSocket) empty() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.queue) == 0
}

// endedHere reports whether the carrier has ended, and not by the peer: then
// nothing more is delivered.
func (c *WebSocket) endedHere() bool {
	err := c.end.cause()
	closed, ok := errors.AsType[*transport.CloseError](err)
	return err != nil && !errors.Is(err, errLost) && !(ok && closed.Remote)
}
