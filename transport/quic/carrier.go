package quic

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/internal/closing"
)

// A Carrier is one QUIC connection, or one WebTransport session. It is a
// transport.Carrier.
//
// QUIC drops what Send has taken and has not delivered yet when Close is
// called: a goodbye needs an answer before Close.
type Carrier struct {
	// Immutable.
	conn    *quic.Conn
	link    link
	client  bool
	timeout time.Duration // of Send; 0 for ever
	info    transport.Info
	request *http.Request // of a WebTransport session on a server, else nil
	paths   *paths        // of a client, else nil
	early   *early        // of a client that speaks before its handshake is complete, else nil

	path atomic.Pointer[quic.Transport] // the one in use, of a client

	lanes   [frame.MaxLanes]lane
	readers sync.WaitGroup

	mu      sync.Mutex
	err     error // what ended the carrier
	deliver func(lane int, frames []byte) error
	waiting [frame.MaxLanes]bool // client: lanes opened before Receive
	moved   time.Time            // when a failing write last had it move
	ended   chan struct{}        // closed when err is set
}

// A lane is the stream of a lane.
type lane struct {
	stream atomic.Pointer[pipe] // nil until the lane is open

	watch atomic.Pointer[watch] // set before stream; nil without a send timeout
	mu    sync.Mutex            // held while a batch is written
	begun bool                  // something was sent; guarded by mu

	in *reader // owned by the goroutine that receives
}

var (
	_ transport.Mover     = (*Carrier)(nil)
	_ transport.Datagrams = (*Carrier)(nil)
	_ transport.Handover  = (*Carrier)(nil)
	_ transport.Lossy     = (*Carrier)(nil)
)

func newCarrier(conn *quic.Conn, l link, client bool, timeout time.Duration) *Carrier {
	return &Carrier{
		conn: conn, link: l, client: client, timeout: timeout, ended: make(chan struct{}),
		info: transport.Info{
			Wire: l.wire(), Independent: true, Secure: true, Congestion: "reno", // NewReno, which quic-go uses
			LocalAddr: conn.LocalAddr().String(), RemoteAddr: conn.RemoteAddr().String(),
		},
	}
}

// Info describes the carrier.
func (c *Carrier) Info() transport.Info { return c.info }

// TLS returns the state of the connection's TLS. It is for the carriers of a
// server: quic-go changes what this reads when a client moves.
func (c *Carrier) TLS() tls.ConnectionState { return c.conn.ConnectionState().TLS }

// Send writes the batch to the stream of the lane, which the client opens.
func (c *Carrier) Send(lane int, batch []byte) error {
	if len(batch) == 0 || len(batch) > frame.MaxBatch {
		return transport.ErrBatch
	}
	if lane < 0 || lane >= frame.MaxLanes {
		return transport.ErrLane
	}
	c.admit(lane, batch)
	err := c.send(lane, batch)
	if c.rejected(err) {
		return c.cause()
	}
	return err
}

// send writes a batch to the stream of its lane.
func (c *Carrier) send(lane int, batch []byte) error {
	l := &c.lanes[lane]
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun = true
	s := l.stream.Load()
	if s == nil {
		var err error
		if s, err = c.openLocked(lane); err != nil {
			return err
		}
	}
	w := l.watch.Load()
	w.begin()
	_, err := s.Write(batch)
	w.end()
	if err != nil {
		return c.writeFailed(err)
	}
	return nil
}

// openLocked opens the stream of a lane and has it read.
func (c *Carrier) openLocked(lane int) (*pipe, error) {
	select {
	case <-c.ended:
		return nil, c.cause()
	default:
	}
	if !c.client {
		return nil, transport.ErrLane
	}
	s, err := c.link.open()
	switch {
	case errors.As(err, new(*quic.StreamLimitReachedError)):
		return nil, fmt.Errorf("%w: the server allows no more streams", transport.ErrLane)
	case errors.Is(err, quic.Err0RTTRejected):
		return nil, err
	case err != nil:
		return nil, c.writeFailed(err)
	}
	c.use(lane, s)
	c.read(lane)
	return s, nil
}

// use makes s the stream of a lane and reports whether it is the first.
func (c *Carrier) use(lane int, s *pipe) bool {
	// Control first, then calls, then events; bulk and the free lanes share
	// what is left (clause 4.3). A stream of WebTransport has no priority.
	const bulk = 3
	if native, ok := s.duplex.(*quic.Stream); ok {
		native.SetPriority(int8(min(lane, bulk)), lane >= bulk)
	}
	l := &c.lanes[lane]
	if c.timeout > 0 && l.stream.Load() == nil {
		l.watch.Store(newWatch(c.timeout, func() { _ = s.SetWriteDeadline(time.Unix(1, 0)) }))
	}
	return l.stream.CompareAndSwap(nil, s)
}

// writeFailed ends the carrier for a write that failed and returns what Send
// returns.
func (c *Carrier) writeFailed(err error) error {
	switch {
	case errors.Is(err, quic.Err0RTTRejected):
		return err // and what was written is sent again
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.close(errTimeout, twinwire.PeerDead, "send timeout")
	default:
		c.failed(err)
	}
	return c.cause()
}

// failed ends the carrier for an error of a stream or of the connection.
func (c *Carrier) failed(err error) {
	if c.link.reset(err) {
		c.violated(errEnded)
		return
	}
	c.end(c.link.lost(err), nil)
}

// violated ends the carrier for a peer that breaks the protocol.
func (c *Carrier) violated(err error) {
	e := closing.Violation(err)
	c.close(e, e.Code, e.Reason)
}

// Close ends the connection; see transport.Carrier. The peer is told once, in a
// packet that may be lost; it then finds out by its idle timeout.
func (c *Carrier) Close(code twinwire.Code, reason string) {
	e := closing.Local(code, reason)
	c.close(e, e.Code, e.Reason)
}

// close ends the carrier with err and tells the peer code and reason.
func (c *Carrier) close(err error, code twinwire.Code, reason string) {
	c.end(err, func() { c.link.close(code, reason) })
}

// end ends the carrier with err. Only the first call counts; tell is called
// before the socket of a client is closed.
func (c *Carrier) end(err error, tell func()) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = err
	close(c.ended)
	c.mu.Unlock()
	for i := range c.lanes {
		c.lanes[i].watch.Load().stop()
	}
	if tell != nil {
		tell()
	}
	if c.paths != nil {
		c.link.release(c.paths.close)
	}
}

// cause returns what ended the carrier.
func (c *Carrier) cause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}
