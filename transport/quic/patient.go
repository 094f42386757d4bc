package quic

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
)

// patient makes a socket treat a missing route as a lost packet: quic-go would
// end a connection for it, while its own retransmission brings it over a route
// that comes back. A *net.UDPConn keeps all its methods, which quic-go needs to
// send many packets at once; another socket is left as it is. With a flag it
// is patient only once that is set: a dial had better fail at once.
func patient(conn net.PacketConn, when *atomic.Bool) net.PacketConn {
	if udp, ok := conn.(*net.UDPConn); ok {
		return &patientConn{UDPConn: udp, when: when}
	}
	return conn
}

type patientConn struct {
	*net.UDPConn
	when *atomic.Bool // nil for always
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

// passes reports whether err is one that waiting may cure.
func (c *patientConn) passes(err error) bool {
	return (c.when == nil || c.when.Load()) &&
		(errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENOBUFS))
}
