package certs

import (
	"bytes"
	"io"
	"net"
	"sync"
	"time"
)

// newWire returns the two ends of a connection that buffers, as a socket does:
// over a net.Pipe, two ends of TLS that object to each other at the same time
// wait for each other for ever. It works in a synctest bubble.
func newWire() (a, b net.Conn) {
	up, down := newWay(), newWay()
	return &end{in: up, out: down}, &end{in: down, out: up}
}

type end struct{ in, out *way }

func (e *end) Read(p []byte) (int, error)  { return e.in.read(p) }
func (e *end) Write(p []byte) (int, error) { return e.out.write(p) }

func (e *end) Close() error {
	e.in.close()
	e.out.close()
	return nil
}

func (e *end) LocalAddr() net.Addr              { return &net.UnixAddr{Name: "wire", Net: "unix"} }
func (e *end) RemoteAddr() net.Addr             { return &net.UnixAddr{Name: "wire", Net: "unix"} }
func (e *end) SetDeadline(time.Time) error      { return nil }
func (e *end) SetReadDeadline(time.Time) error  { return nil }
func (e *end) SetWriteDeadline(time.Time) error { return nil }

// way is one direction.
type way struct {
	mu     sync.Mutex
	more   sync.Cond // something was written, or it was closed
	buf    bytes.Buffer
	closed bool
}

func newWay() *way {
	w := &way{}
	w.more.L = &w.mu
	return w
}

func (w *way) read(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.buf.Len() == 0 && !w.closed {
		w.more.Wait()
	}
	if w.buf.Len() == 0 {
		return 0, io.EOF
	}
	return w.buf.Read(p)
}

func (w *way) write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return 0, io.ErrClosedPipe
	}
	w.more.Broadcast()
	return w.buf.Write(p)
}

func (w *way) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.more.Broadcast()
}
