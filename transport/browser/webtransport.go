//go:build js

package browser

import (
	"context"
	"sync"
	"syscall/js"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/internal/plain"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/internal/closing"
)

// WebTransport is one WebTransport session of the browser. It is a
// transport.Carrier, whose lanes are bidirectional streams.
type WebTransport struct {
	// Immutable.
	session js.Value
	info    transport.Info
	timeout time.Duration // of Send; 0 for ever
	over    *waiter       // for the end of the session
	// DatagramSize. Of c.datagrams there is no stream, but what has both directions.
	datagram int

	end       end
	breath    breath
	lanes     [frame.MaxLanes]lane
	datagrams lane

	mu      sync.Mutex
	deliver func(lane int, frames []byte) error // nil before Receive
	readers sync.WaitGroup
}

var _ transport.Carrier = (*WebTransport)(nil)

// DialWebTransport begins a session at a URL of scheme https. It returns what
// the context's end says, ErrMissing, an error that wraps ErrHandshake, or
// os.ErrDeadlineExceeded.
func DialWebTransport(ctx context.Context, rawURL string, o *Options) (*WebTransport, error) {
	opt := o.withDefaults()
	u, err := construct(js.Global().Get("URL"), rawURL)
	if err != nil {
		return nil, plain.Wrap("browser: dial", err)
	}
	class := js.Global().Get("WebTransport")
	if class.IsUndefined() {
		return nil, ErrMissing
	}
	session, err := construct(class, rawURL, settings(&opt))
	if err != nil {
		return nil, plain.Join(ErrHandshake, err)
	}
	c := &WebTransport{
		session: session, timeout: opt.SendTimeout, over: newWaiter(), end: newEnd(),
		info: transport.Info{Wire: "webtransport", Independent: true, Secure: true, LocalAddr: here(), RemoteAddr: remote(u)},
	}
	c.over.start(session.Get("closed"))
	ready := newWaiter()
	defer ready.leave()
	ready.start(session.Get("ready"))
	go c.watch() // ends with the session
	limit := patience{time: opt.HandshakeTimeout}
	late := limit.begin()
	defer limit.end()
	select {
	case out := <-ready.settled:
		if out.err == nil {
			c.datagram = datagramSize(session)
			return c, nil
		}
		err = plain.Join(ErrHandshake, out.err)
	case <-ctx.Done():
		err = plain.Wrap("browser: dial", context.Cause(ctx))
	case <-late:
		err = errHandshake
	}
	c.finish(err, closing.Local(twinwire.Canceled, ""))
	return nil, err
}

// settings are the options of the constructor.
func settings(opt *Options) js.Value {
	object, array := js.Global().Get("Object"), js.Global().Get("Array")
	all := object.New()
	if len(opt.Hashes) > 0 {
		hashes := array.New()
		for _, sum := range opt.Hashes {
			value := uint8Array.New(len(sum))
			js.CopyBytesToJS(value, sum[:])
			hash := object.New()
			hash.Set("algorithm", "sha-256")
			hash.Set("value", value)
			hashes.Call("push", hash)
		}
		all.Set("serverCertificateHashes", hashes)
	}
	return all
}

// watch waits for the end of the session, which the browser tells of in any
// case, and says what it means.
func (c *WebTransport) watch() {
	out := <-c.over.settled
	if out.err != nil {
		c.finish(plain.Join(errLost, out.err), nil)
	} else {
		code, reason := 0, ""
		if v := out.value.Get("closeCode"); v.Type() == js.TypeNumber {
			code = v.Int()
		}
		if v := out.value.Get("reason"); v.Type() == js.TypeString {
			reason = v.String()
		}
		c.finish(closing.ByPeer(uint64(code), reason), nil)
	}
	c.over.leave()
	for i := range c.lanes {
		c.lanes[i].leave()
	}
	c.datagrams.leave()
}

// Info describes the carrier. LocalAddr is the origin of the page, as nobody tells
// of more, and RemoteAddr is what was dialed.
func (c *WebTransport) Info() transport.Info { return c.info }

// Close ends the session; see transport.Carrier.
func (c *WebTransport) Close(code twinwire.Code, reason string) {
	e := closing.Local(code, reason)
	c.finish(e, e)
}

func (c *WebTransport) violated(err error) {
	e := closing.Violation(err)
	c.finish(e, e)
}

// undelivered ends the carrier for an error of deliver.
func (c *WebTransport) undelivered(err error) {
	code, reason := closing.Undelivered(err)
	c.finish(err, closing.Local(code, reason))
}

// finish ends the carrier with err, and has the peer told of told, unless that
// is nil. Only the first call counts.
func (c *WebTransport) finish(err error, told *transport.CloseError) {
	if !c.end.is(err) || told == nil {
		return
	}
	info := js.Global().Get("Object").New()
	info.Set("closeCode", int(told.Code))
	info.Set("reason", told.Reason)
	_, _ = attempt(c.session, "close", info) // there is nobody to tell
}

// partingTime is how long the end of a session may take to be known after one of
// its streams has failed.
const partingTime = time.Second

// failed ends the carrier for a stream that has failed: because its session has,
// and why that has is known in a moment, or because the peer has reset it.
func (c *WebTransport) failed() {
	timer := time.NewTimer(partingTime)
	defer timer.Stop()
	select {
	case <-c.end.come:
	case <-timer.C:
		c.violated(errEnded)
	}
}

// Receive reads all lanes; see transport.Carrier. It has a goroutine for each
// lane that Send has opened.
func (c *WebTransport) Receive(deliver func(lane int, frames []byte) error) error {
	c.mu.Lock()
	if c.deliver != nil {
		c.mu.Unlock()
		return ErrReceiving
	}
	c.deliver = deliver
	for i := range c.lanes {
		if c.lanes[i].opened {
			c.readLocked(i)
		}
	}
	c.mu.Unlock()
	<-c.end.come
	c.readers.Wait()
	return c.end.cause()
}

// opened notes that a lane can be read.
func (c *WebTransport) opened(i int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lanes[i].opened = true
	if c.deliver != nil {
		c.readLocked(i)
	}
}

// readLocked starts the reader of a lane. It ends with the carrier, and Receive
// waits for it.
func (c *WebTransport) readLocked(i int) {
	if c.end.cause() == nil {
		c.readers.Go(func() { c.read(i) })
	}
}
