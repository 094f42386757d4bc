package quic

import (
	"errors"
	"net"
	"slices"
	"syscall"
)

// patient makes a socket treat a missing route as a lost packet: quic-go would
// end a connection for it, while its own retransmission brings it over a route
// that comes back. A *net.UDPConn keeps all its methods, which quic-go needs to
// send many packets at once; another socket is left as it is. A pass that is
// not nil is asked about each packet without a route, and decides.
func patient(conn net.PacketConn, pass func() bool) net.PacketConn {
	if udp, ok := conn.(*net.UDPConn); ok {
		return &patientConn{UDPConn: udp, pass: pass}
	}
	return conn
}

type patientConn struct {
	*net.UDPConn
	pass func() bool
}

func (c *patientConn) WriteMsgUDP(b, oob []byte, addr *net.UDPAddr) (int, int, error) {
	n, oobn, err := c.UDPConn.WriteMsgUDP(b, oob, addr)
	if err != nil && c.passes(err) {
		return len(b), len(oob), nil
	}
	return n, oobn, err
}

func (c *patientConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	n, err := c.UDPConn.WriteTo(b, addr)
	if err != nil && c.passes(err) {
		return len(b), nil
	}
	return n, err
}

// unrouted are the errors of a send that another path, or this one after a while,
// may cure: no route, an interface that is down, an address that this machine
// has no more.
var unrouted = []syscall.Errno{
	syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.EHOSTDOWN, syscall.EADDRNOTAVAIL,
}

// passes reports whether an error of a send counts as a lost packet.
func (c *patientConn) passes(err error) bool {
	var errno syscall.Errno
	switch {
	case !errors.As(err, &errno):
		return false
	case errno == syscall.ENOBUFS: // queues that are full
		return true
	}
	return slices.Contains(unrouted, errno) && (c.pass == nil || c.pass())
}
