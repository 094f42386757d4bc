package quic

import "net"

// Peer returns where the peer is now, as the connection knows it.
func (c *Carrier) Peer() net.Addr { return c.conn.RemoteAddr() }
