package quic

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
)

const (
	// maxPaths is how many paths a connection may take in its life. Each that
	// was tried keeps its socket and its two goroutines until the end.
	maxPaths = 8
	// moveTime bounds the search for another path that a failing write begins,
	// and moveEvery is the time between two of them.
	moveTime  = 5 * time.Second
	moveEvery = 5 * time.Second
)

// paths are the ways that a client's connection has taken, and their sockets.
// They stay open until the connection ends, the first one above all: quic-go
// ends a connection together with any transport that it was ever sent over.
type paths struct {
	// Immutable.
	network string // udp4 or udp6
	local   bool   // the server is in this machine
	listen  func(ctx context.Context, network, addr string) (net.PacketConn, error)

	moving sync.Mutex // held by Move
	taken  *quic.Path // by the last Move; guarded by moving

	mu      sync.Mutex
	open    []path
	closed  bool
	trouble func(*quic.Transport) // told of writes that found no route; nil until connected
}

type path struct {
	transport *quic.Transport
	socket    net.PacketConn
}

// nameless has the server address packets to no connection ID (RFC 9000,
// section 5.1): a socket has one connection only. A quic-go server takes an ID
// of its peer for each address that it sees it at, gives none back, and ignores
// the third address for want of one; of an empty ID there are always enough.
type nameless struct{}

func (nameless) GenerateConnectionID() (quic.ConnectionID, error) { return quic.ConnectionID{}, nil }
func (nameless) ConnectionIDLen() int                             { return 0 }

// add opens a socket for another path.
func (p *paths) add(ctx context.Context) (*quic.Transport, error) {
	socket, err := p.listen(ctx, p.network, ":0")
	if err != nil {
		return nil, err
	}
	t := &quic.Transport{ConnectionIDGenerator: nameless{}}
	var near func(int32)
	t.Conn, near = patient(socket, func() bool { return p.passes(t) })
	if p.local {
		near(1)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		err = net.ErrClosed
	case len(p.open) == maxPaths:
		err = errPaths
	}
	if err != nil {
		_ = socket.Close()
		return nil, err
	}
	p.open = append(p.open, path{t, socket})
	return t, nil
}

// passes decides about a write without a route: a dial had better fail at once,
// a connection waits until there is one again.
func (p *paths) passes(t *quic.Transport) bool {
	p.mu.Lock()
	trouble := p.trouble
	p.mu.Unlock()
	if trouble == nil {
		return false
	}
	trouble(t)
	return true
}

// travels has a carrier run on the first of its paths, and wait out from now on
// that there is no route.
func (c *Carrier) travels(p *paths, first *quic.Transport) {
	c.paths = p
	c.path.Store(first)
	p.mu.Lock()
	p.trouble = c.unreachable
	p.mu.Unlock()
}

// close closes all sockets. It ends the connection.
func (p *paths) close() {
	p.mu.Lock()
	open := p.open
	p.open, p.closed = nil, true
	p.mu.Unlock()
	for _, path := range open {
		_ = path.transport.Close()
		_ = path.socket.Close()
	}
}

// errPaths is returned by a connection that has moved often enough.
var errPaths = fmt.Errorf("a connection takes at most %d paths", maxPaths)

// errMove is returned by carriers that do not move: those of a server, and
// sessions of WebTransport, since HTTP/3 reads from the connection what the move
// changes.
var errMove = errors.New("quic: move: only clients that speak QUIC alone can")

// Move goes on from another socket, which finds its own way to the server; see
// transport.Mover. A carrier of a client may do it seven times. The lanes do
// not notice: what was under way is sent again over the new path at once.
func (c *Carrier) Move(ctx context.Context) error {
	if _, ok := c.link.(native); !ok || c.paths == nil {
		return errMove
	}
	if c.early != nil {
		<-c.early.settled
	}
	c.paths.moving.Lock()
	defer c.paths.moving.Unlock()
	// Probe does not notice the end of the connection.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.conn.Context(), func() { cancel(context.Cause(c.conn.Context())) })()
	t, err := c.paths.add(ctx)
	if err != nil {
		return fmt.Errorf("quic: move: %w", err)
	}
	p, err := c.conn.AddPath(t)
	if err != nil {
		return fmt.Errorf("quic: move: %w", err)
	}
	if err := p.Probe(ctx); err != nil {
		_ = p.Close() // it may be probed no more
		return fmt.Errorf("quic: move: no answer on the new path: %w", err)
	}
	if err := p.Switch(); err != nil {
		return fmt.Errorf("quic: move: %w", err)
	}
	c.path.Store(t)
	if before := c.paths.taken; before != nil {
		_ = before.Close() // gives its connection ID back
	}
	c.paths.taken = p
	return nil
}

// unreachable looks for another path when the one in use has lost its route,
// unless it has just done so. It does not wait.
func (c *Carrier) unreachable(t *quic.Transport) {
	if _, ok := c.link.(native); !ok || c.path.Load() != t {
		return // or it is a probe, or what is left of a path before
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil || !c.moved.IsZero() && time.Since(c.moved) < moveEvery {
		return
	}
	c.moved = time.Now()
	// It ends with the connection, or its time, and Receive waits for it.
	c.readers.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), moveTime)
		defer cancel()
		// If there is no other path the one there is may come back, or the
		// session finds that the peer is silent.
		_ = c.Move(ctx)
	})
}
