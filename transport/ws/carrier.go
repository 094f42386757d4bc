package ws

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/internal/closing"
	"github.com/twinwire/twinwire/transport/internal/eager"
)

const (
	// readBuffer is what gorilla gets for reading, in bytes: for the handshake,
	// and at a client for the headers of messages, and small messages.
	readBuffer = 1 << 10
	// writeHandshake bounds the response of Upgrade.
	writeHandshake = 5 * time.Second
	// linger is how long Receive waits after Close for the peer to have read
	// what Close said. Closing at once would reset the connection if anything
	// unread had arrived, and take the close frame along.
	linger = time.Second
	// parting is how long a Send that is under way may go on after Close, and
	// farewell how long Close itself may write.
	parting, farewell = time.Second, 20 * time.Millisecond
)

var (
	// ErrReceiving is returned by a second call of Receive.
	ErrReceiving = errors.New("ws: Receive was called before")
	errTimeout   = fmt.Errorf("ws: send timeout: %w", os.ErrDeadlineExceeded)
)

// unused is what gorilla would take write buffers from. It never does: it has
// nothing to write but control frames, which have a buffer of their own.
var unused sync.Pool

// A Carrier is one WebSocket connection. It is a transport.Carrier.
type Carrier struct {
	// Immutable.
	ws      *websocket.Conn // a client's, which reads through it; nil at a server
	conn    net.Conn        // what ws reads from
	under   net.Conn        // conn without TLS
	tcp     *net.TCPConn    // what is under that; nil for a foreign net.Conn
	spool   *spool          // between conn and tcp, or nil
	twin    *twin           // nil for none
	timeout time.Duration   // of Send; 0 for ever
	info    transport.Info

	// Owned by the goroutine that receives.
	in       frames // a server's
	controls limiter

	mu       sync.Mutex
	err      error  // what ended the carrier
	received bool   // Receive was called
	parting  []byte // body of the close frame to send, nil for none

	ending atomic.Bool // err is set
	client bool        // immutable

	wmu     sync.Mutex // held while a frame is written
	until   time.Time  // write deadline of conn, if it was set by Send
	goodbye bool       // nothing more may be written
	pong    atomic.Pointer[[]byte]
}

var (
	_ transport.Handover = (*Carrier)(nil)
	_ transport.Sent     = (*Carrier)(nil)
	_ transport.Lull     = (*Carrier)(nil)
	_ transport.Beside   = (*Carrier)(nil)
	_ transport.Lossy    = (*Carrier)(nil)
)

// newCarrier returns the carrier of a connection whose handshake is complete. A
// server needs no more of gorilla.
func newCarrier(ws *websocket.Conn, client bool, timeout time.Duration, congestion string) *Carrier {
	conn := ws.NetConn()
	c := &Carrier{
		conn: conn, under: conn, tcp: tcpOf(conn), client: client, timeout: timeout,
		info: transport.Info{Wire: "websocket", LocalAddr: conn.LocalAddr().String(), RemoteAddr: conn.RemoteAddr().String()},
	}
	if layer, ok := conn.(*tls.Conn); ok {
		c.under = layer.NetConn()
	}
	if c.tcp != nil {
		c.info.Congestion = tune(c.tcp, congestion)
	}
	if c.spool = spoolOf(conn); c.spool != nil {
		c.spool.told = c.wrote
		if eager.Local(conn.RemoteAddr()) {
			c.spool.eager.Near(1)
		}
	}
	if client {
		c.ws = ws
		ws.SetPingHandler(c.onPing)
		ws.SetPongHandler(func(string) error { return c.controls.count() })
		ws.SetCloseHandler(func(int, string) error { return nil }) // Receive answers
	} else {
		c.in.conn = conn
	}
	return c
}

// tcpOf returns the TCP connection under layers such as TLS, or nil.
func tcpOf(conn net.Conn) *net.TCPConn {
	for {
		switch layer := conn.(type) {
		case *net.TCPConn:
			return layer
		case interface{ NetConn() net.Conn }:
			conn = layer.NetConn()
		default:
			return nil
		}
	}
}

// Info describes the carrier.
func (c *Carrier) Info() transport.Info { return c.info }

// Close ends the carrier; see transport.Carrier. The peer is told in a close
// frame. Close may take 20 ms where the network takes nothing.
func (c *Carrier) Close(code twinwire.Code, reason string) {
	e := closing.Local(code, reason)
	c.close(e, websocket.FormatCloseMessage(closing.Status(e.Code), e.Reason))
}

// close ends the carrier with err and has the close frame sent; nil for none.
// Only the first call counts.
func (c *Carrier) close(err error, frame []byte) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err, c.parting = err, frame
	received := c.received
	c.ending.Store(true)
	c.mu.Unlock()
	c.twin.end()

	if c.wmu.TryLock() {
		c.setWriteDeadline(farewell) // first: a reader that writes an alert may wait for the peer
		c.spool.vacate()
		c.farewellLocked()
		c.wmu.Unlock()
	} else {
		// The writer says goodbye when it has written; this bounds it.
		c.setWriteDeadline(parting)
		c.afterWrite()
	}
	if received {
		_ = c.conn.SetReadDeadline(time.Unix(1, 0)) // Receive sees the error
	} else {
		c.shut()
	}
}

// ended returns what ended the carrier, or nil.
func (c *Carrier) ended() error {
	if !c.ending.Load() {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// shut closes the connection without another word, not even that of TLS: that
// would wait for a peer that does not read.
func (c *Carrier) shut() {
	_ = c.under.Close() // the carrier has ended: there is nobody to tell
}
