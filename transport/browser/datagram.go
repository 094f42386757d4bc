//go:build js

package browser

import (
	"syscall/js"

	"github.com/twinwire/twinwire/transport"
)

var _ transport.Datagrams = (*WebTransport)(nil)

// datagramSize returns how many bytes the datagrams of a session may have. It is
// 0 where the browser cannot send any.
func datagramSize(session js.Value) int {
	d := session.Get("datagrams")
	if d.IsUndefined() || d.Get("writable").IsUndefined() && d.Get("createWritable").IsUndefined() {
		return 0
	}
	return min(d.Get("maxDatagramSize").Int(), transport.MaxDatagram)
}

// writable returns what datagrams are written to: browsers have the one or the
// other.
func writable(datagrams js.Value) js.Value {
	if v := datagrams.Get("writable"); !v.IsUndefined() {
		return v
	}
	return datagrams.Call("createWritable")
}

// DatagramSize returns how many bytes a datagram may have, as the browser said
// when the session began; see transport.Datagrams.
func (c *WebTransport) DatagramSize() int { return c.datagram }

// SendDatagram hands a datagram to the browser, and waits until that has taken it;
// see transport.Datagrams.
func (c *WebTransport) SendDatagram(b []byte) error {
	if len(b) > c.datagram {
		return transport.ErrBatch
	}
	l := &c.datagrams
	l.mu.Lock()
	defer l.mu.Unlock()
	c.breath.take()
	if err := c.end.cause(); err != nil {
		return err
	}
	if l.stream.IsUndefined() {
		l.written = newWaiter()
		l.patience.time = c.timeout
		l.stream = c.session.Get("datagrams")
		l.writer = writable(l.stream).Call("getWriter")
	}
	_, err := c.awaitLocked(l, l.writer, "write", l.fill(b))
	return err
}

// DeliverDatagrams reads datagrams until the carrier ends; see
// transport.Datagrams.
func (c *WebTransport) DeliverDatagrams(deliver func(b []byte) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end.cause() == nil {
		c.readers.Go(func() { c.readDatagrams(deliver) }) // Receive waits for it
	}
}

func (c *WebTransport) readDatagrams(deliver func(b []byte) error) {
	reader := c.session.Get("datagrams").Get("readable").Call("getReader")
	w := newWaiter()
	defer w.leave()
	b := make([]byte, transport.MaxDatagram)
	for {
		w.start(reader.Call("read"))
		var out outcome
		select {
		case out = <-w.settled:
		case <-c.end.come:
			return
		}
		if out.err != nil || out.value.Get("done").Bool() {
			return // the end of the session says why
		}
		c.breath.taken()
		d := out.value.Get("value")
		if d.Get("byteLength").Int() > len(b) {
			c.violated(errMessage)
			return
		}
		if err := deliver(b[:js.CopyBytesToGo(b, d)]); err != nil {
			c.undelivered(err)
			return
		}
	}
}
