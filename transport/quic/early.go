package quic

import (
	"context"
	"crypto/tls"
	"errors"
	"sync"

	"github.com/quic-go/quic-go"
)

// An early is a client's carrier whose handshake was not complete when it was
// made: its first batch, the hello, travels with the handshake (0-RTT, clause
// 10.4), and everything else waits for the end of that.
type early struct {
	tickets tickets
	settled chan struct{} // closed when that is over, one way or the other

	mu    sync.Mutex
	first []byte // the batch; nil before
}

// begin makes a carrier early.
func (c *Carrier) begin(kept tickets) error {
	c.early = &early{tickets: kept, settled: make(chan struct{})}
	c.info.Early = true
	// Opened now, before an answer can be here: quic-go reads the server's
	// parameters for a stream without looking whether they just change.
	c.lanes[0].mu.Lock()
	_, err := c.openLocked(0)
	c.lanes[0].mu.Unlock()
	c.readers.Go(c.settle) // it ends with the handshake, or the connection
	if errors.Is(err, quic.Err0RTTRejected) {
		return nil
	}
	return err
}

// take reports whether a batch is the one that may be sent at once, and keeps
// it: a server that rejects 0-RTT has seen nothing of it.
func (e *early) take(lane int, batch []byte) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if lane != 0 || e.first != nil {
		return false
	}
	e.first = append([]byte(nil), batch...)
	return true
}

// admit lets a batch pass, or has it wait for the end of the handshake.
func (c *Carrier) admit(lane int, batch []byte) {
	e := c.early
	if e == nil {
		return
	}
	select {
	case <-e.settled:
		return
	default:
	}
	if e.take(lane, batch) {
		return
	}
	select {
	case <-e.settled:
	case <-c.ended:
	}
}

// settle waits for the end of the handshake. Where the server has rejected
// 0-RTT, lane 0 begins again with what was sent on it.
func (c *Carrier) settle() {
	defer close(c.early.settled)
	select {
	case <-c.conn.HandshakeComplete():
	case <-c.conn.Context().Done():
		// The next dial had better see first whether anybody is there, and at
		// which address.
		c.early.tickets.Put("", nil)
		c.end(c.link.lost(nil), nil)
		return
	}
	if c.conn.ConnectionState().Used0RTT {
		return
	}
	// Nobody writes to the lane meanwhile: what does so before was rejected,
	// what does so afterwards finds the connection as good as new.
	l := &c.lanes[0]
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := c.conn.NextConnection(context.Background()); err != nil {
		c.end(c.link.lost(err), nil)
		return
	}
	l.watch.Load().stop()
	c.mu.Lock()
	c.waiting[0] = false // for Receive: of the stream that was rejected
	l.stream.Store(nil)
	c.mu.Unlock()
	if !l.begun {
		return
	}
	s, err := c.openLocked(0)
	if err == nil {
		c.early.mu.Lock()
		_, err = s.Write(c.early.first)
		c.early.mu.Unlock()
	}
	if err != nil && c.cause() == nil {
		_ = c.writeFailed(err)
	}
}

// rejected waits for settle, if err says that a batch was sent in 0-RTT data
// and rejected, and reports whether it was that.
func (c *Carrier) rejected(err error) bool {
	if c.early == nil || !errors.Is(err, quic.Err0RTTRejected) {
		return false
	}
	<-c.early.settled
	return true
}

// tickets are the tickets of one server at one address in a cache of many.
type tickets struct {
	cache tls.ClientSessionCache
	key   string
}

func (t tickets) Get(string) (*tls.ClientSessionState, bool) { return t.cache.Get(t.key) }
func (t tickets) Put(_ string, s *tls.ClientSessionState)    { t.cache.Put(t.key, s) }

// complete reports whether the handshake of a connection is complete.
func complete(conn *quic.Conn) bool {
	select {
	case <-conn.HandshakeComplete():
		return true
	default:
		return false
	}
}

// prove waits until a server's peer has completed the handshake, which who only
// repeats what somebody else has sent cannot, and reports whether it has.
func (c *Carrier) prove() bool {
	select {
	case <-c.conn.HandshakeComplete():
	case <-c.conn.Context().Done():
	}
	return complete(c.conn)
}
