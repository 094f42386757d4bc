package quic

import "net"

// Peer returns where the peer is now, as the connection knows it.
func (c *Carrier) Peer() net.Addr { return c.conn.RemoteAddr() }

// Hangup ends the connection below a carrier, at which nobody is any more who
// could be told of the end of a session.
func (c *Carrier) Hangup() { _ = c.conn.CloseWithError(0x100, "") }

// Complete is closed when the handshake is complete as this side sees it.
func (c *Carrier) Complete() <-chan struct{} { return c.conn.HandshakeComplete() }
