package ws

import (
	"errors"
	"fmt"
	"io"
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

// A message is what was read of one. Its memory is used again after release.
type message struct {
	small *[smallMessage]byte // nil for none yet, or if there is a large one
	large *[largeMessage]byte
	n     int
}

// bytes returns what was read.
func (m *message) bytes() []byte {
	switch {
	case m.large != nil:
		return m.large[:m.n]
	case m.small != nil:
		return m.small[:m.n]
	}
	return nil
}

// room returns where the next bytes go, which is not nothing unless a large
// message is full.
func (m *message) room() []byte {
	switch {
	case m.large != nil:
		return m.large[m.n:]
	case m.small == nil:
		m.small = smallMessages.Get().(*[smallMessage]byte)
	case m.n == len(m.small):
		m.large = largeMessages.Get().(*[largeMessage]byte)
		copy(m.large[:], m.small[:])
		smallMessages.Put(m.small)
		m.small = nil
		return m.large[m.n:]
	}
	return m.small[m.n:]
}

// read reads n bytes, for which there is room.
func (m *message) read(r io.Reader, n int) error {
	for n > 0 {
		b := m.room()
		k, err := r.Read(b[:min(n, len(b))])
		m.n += k
		if n -= k; err != nil && n > 0 {
			return err
		}
	}
	return nil
}

// readAll reads until r ends. What does not fit is too much.
func (m *message) readAll(r io.Reader) error {
	for m.n < largeMessage {
		k, err := r.Read(m.room())
		m.n += k
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
	return closing.Violation(errMessage)
}

func (m *message) release() {
	switch {
	case m.large != nil:
		largeMessages.Put(m.large)
	case m.small != nil:
		smallMessages.Put(m.small)
	}
}

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
		c.twin.wait()
		return err
	}
	return c.receiveAll(deliver)
}

// Handover lets another goroutine go on receiving; see transport.Handover.
func (c *Carrier) Handover(_ int, deliver func(lane int, frames []byte) error) func() error {
	return func() error { return c.receiveAll(deliver) }
}

// OnLull has f called before receiving waits; see transport.Lull.
func (c *Carrier) OnLull(f func() bool) bool { return c.spool.onLull(f) }

// receiveAll receives until the carrier ends, or until another goroutine goes
// on.
func (c *Carrier) receiveAll(deliver func(lane int, frames []byte) error) error {
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
	c.twin.wait()
	return c.ended()
}

// An undelivered error is one of deliver.
type undelivered struct{ error }

func (e undelivered) Unwrap() error { return e.error }

// receive reads and delivers one message.
func (c *Carrier) receive(deliver func(lane int, frames []byte) error) error {
	var m message
	defer m.release()
	if err := c.read(&m); err != nil {
		return err
	}
	b := m.bytes()
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

// read reads one message.
func (c *Carrier) read(m *message) error {
	if c.ws == nil {
		return c.readFrames(m)
	}
	kind, r, err := c.ws.NextReader()
	if err != nil {
		return err
	}
	if kind != websocket.BinaryMessage {
		return closing.Violation(errText)
	}
	return m.readAll(r)
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
		if e := closing.ByStatus(closed.Code, closed.Text, !c.client); e != nil {
			err = e
		} else {
			err = &statusError{closed.Code, closing.Reason(closed.Text)}
		}
		// The answer repeats the status (RFC 6455, section 5.5.1).
		c.close(err, websocket.FormatCloseMessage(closed.Code, ""))
	default:
		c.close(fmt.Errorf("ws: connection lost: %w", err), nil)
	}
}

// A statusError is the end of a carrier that was broken with a close frame (clause
// 10.1).
type statusError struct {
	status int
	reason string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("ws: connection lost: closed with status %d, %q", e.status, e.reason)
}

// part waits until the peer has read what was said last, or for a second, and
// closes the connection. What the peer sends meanwhile is dropped.
func (c *Carrier) part() {
	c.mu.Lock()
	said := c.parting != nil
	var closed *transport.CloseError
	var broken *statusError
	byPeer := errors.As(c.err, &closed) && closed.Remote || errors.As(c.err, &broken)
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
