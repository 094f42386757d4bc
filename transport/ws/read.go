package ws

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/internal/closing"
	"github.com/twinwire/twinwire/transport/internal/deframe"
)

// What a peer may not do on this wire. The texts are fit to be sent.
var (
	errText      = errors.New("text message")
	errMessage   = fmt.Errorf("message over %d bytes", frame.MaxBatch)
	errFragments = errors.New("too many fragments")
	errControls  = errors.New("too many pings")
)

// A message is read into a small buffer first, so that a peer cannot hold a
// large one by announcing what it does not send.
const (
	smallMessage = 4 << 10
	largeMessage = frame.MaxBatch + 1 // one over the limit, to notice
)

var (
	smallMessages = sync.Pool{New: func() any { return new([smallMessage]byte) }}
	largeMessages = sync.Pool{New: func() any { return new([largeMessage]byte) }}
)

// Receive reads messages and delivers each as one batch of lane 0; see
// transport.Carrier. After a Close of this side it returns when the peer has
// closed too, at most a second later.
func (c *Carrier) Receive(deliver func(lane int, frames []byte) error) error {
	c.mu.Lock()
	if c.received {
		c.mu.Unlock()
		return ErrReceiving
	}
	c.received = true
	err := c.err
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return c.Handover(deliver)
}

// Handover goes on receiving in this goroutine; see transport.Handover.
func (c *Carrier) Handover(deliver func(lane int, frames []byte) error) error {
	for !c.ending.Load() {
		err := c.receive(deliver)
		switch {
		case errors.Is(err, transport.ErrHandedOver):
			return transport.ErrHandedOver
		case err != nil:
			c.readFailed(err)
		}
	}
	c.part()
	return c.ended()
}

// An undelivered error is one of deliver.
type undelivered struct{ error }

func (e undelivered) Unwrap() error { return e.error }

// receive reads and delivers one message.
func (c *Carrier) receive(deliver func(lane int, frames []byte) error) error {
	c.meter.allow(-1)
	kind, r, err := c.ws.NextReader()
	if err != nil {
		return err
	}
	if kind != websocket.BinaryMessage {
		return closing.Violation(errText)
	}
	c.meter.allow(maxWire)

	small := smallMessages.Get().(*[smallMessage]byte)
	defer smallMessages.Put(small)
	n, whole, err := readMessage(r, small[:], 0)
	if err != nil {
		return err
	}
	b := small[:n]
	if !whole {
		large := largeMessages.Get().(*[largeMessage]byte)
		defer largeMessages.Put(large)
		n, whole, err = readMessage(r, large[:], copy(large[:], b))
		if err != nil {
			return err
		}
		if !whole {
			return closing.Violation(errMessage)
		}
		b = large[:n]
	}
	if err := deframe.Batch(b); err != nil {
		return closing.Violation(err)
	}
	if c.ending.Load() {
		return nil
	}
	if err := deliver(0, b); err != nil {
		return undelivered{err}
	}
	return nil
}

// readMessage reads on into b, which has n bytes of a message, and reports
// whether the message ended before b did.
func readMessage(r io.Reader, b []byte, n int) (int, bool, error) {
	for n < len(b) {
		m, err := r.Read(b[n:])
		n += m
		switch {
		case err == io.EOF:
			return n, true, nil
		case err != nil:
			return n, false, err
		}
	}
	return n, false, nil
}

// readFailed ends the carrier for what was wrong with reading.
func (c *Carrier) readFailed(err error) {
	var (
		no       undelivered
		violated *transport.CloseError
		closed   *websocket.CloseError
	)
	switch {
	case errors.As(err, &no):
		code, reason := closing.Undelivered(no.error)
		e := closing.Local(code, reason)
		c.close(no.error, websocket.FormatCloseMessage(closing.Status(e.Code), e.Reason))
	case errors.As(err, &violated):
		c.close(violated, websocket.FormatCloseMessage(closing.Status(violated.Code), violated.Reason))
	case errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure:
		// The answer repeats the status (RFC 6455, section 5.5.1).
		c.close(closing.ByStatus(closed.Code, closed.Text), websocket.FormatCloseMessage(closed.Code, ""))
	default:
		c.close(fmt.Errorf("ws: connection lost: %w", err), nil)
	}
}

// part waits until the peer has read what was said last, or for a second, and
// closes the connection. What the peer sends meanwhile is dropped.
func (c *Carrier) part() {
	c.mu.Lock()
	said := c.parting != nil
	var closed *transport.CloseError
	byPeer := errors.As(c.err, &closed) && closed.Remote
	c.mu.Unlock()
	if said && !byPeer && c.tcp != nil {
		_ = c.tcp.SetReadDeadline(time.Now().Add(linger))
		_, _ = io.Copy(io.Discard, c.tcp)
	}
	c.shut()
}

// onPing answers a ping. The reader must not wait for a writer: if both sides
// did, neither would read. So a writer that is busy answers when it is done.
func (c *Carrier) onPing(data string) error {
	if err := c.controls.count(); err != nil {
		return err
	}
	pong := []byte(data)
	c.pong.Store(&pong)
	c.afterWrite()
	return nil
}

// A limiter allows so many control frames a second.
type limiter struct {
	since time.Time
	n     int
}

const maxControls = 10

func (l *limiter) count() error {
	if now := time.Now(); now.Sub(l.since) >= time.Second {
		l.since, l.n = now, 0
	}
	if l.n++; l.n > maxControls {
		return closing.Violation(errControls)
	}
	return nil
}

// A meter bounds what a message may take on the wire. gorilla does not tell
// how many fragments a message has, and empty ones could go on for ever.
type meter struct {
	net.Conn
	left int // bytes that may be read; negative for any number
}

// maxWire is room for a message of the largest size in 1,024 fragments with
// the largest headers, and for the control frames among them.
const maxWire = frame.MaxBatch + 1024*maxHeader + frame.MaxBatch

// allow sets what may be read from now on. A nil meter bounds nothing.
func (m *meter) allow(n int) {
	if m != nil {
		m.left = n
	}
}

func (m *meter) Read(b []byte) (int, error) {
	if m.left == 0 {
		return 0, closing.Violation(errFragments)
	}
	n, err := m.Conn.Read(b)
	if m.left > 0 {
		m.left = max(m.left-n, 0)
	}
	return n, err
}
