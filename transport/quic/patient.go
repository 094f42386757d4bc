package quic

import (
	"errors"
	"net"
	"slices"
	"syscall"

	"github.com/twinwire/twinwire/transport/internal/eager"
)

// patient makes a socket treat a missing route as a lost packet: quic-go would
// end a connection for it, while its own retransmission brings it over a route
// that comes back. A *net.UDPConn keeps all its methods, which quic-go needs to
// send many packets at once; another socket is left as it is. A pass that is
// not nil is asked about each packet without a route, and decides.
//
// It also looks at the socket for a moment before it sleeps, while near was called
// with more peers of this machine than have left.
func patient(conn net.PacketConn, pass func() bool) (c net.PacketConn, near func(n int32)) {
	if udp, ok := conn.(*net.UDPConn); ok {
		p := &patientConn{UDPConn: udp, pass: pass}
		return p, p.reader.Near
	}
	return conn, func(int32) {}
}

type patientConn struct {
	*net.UDPConn
	pass   func() bool
	reader eager.Reader
}

// SyscallConn returns what quic-go reads packets from.
func (c *patientConn) SyscallConn() (syscall.RawConn, error) {
	raw, err := c.UDPConn.SyscallConn()
	if err != nil {
		return nil, err
	}
	e := &eagerConn{RawConn: raw, reader: &c.reader}
	e.look = e.lookFor
	return e, nil
}

// An eagerConn is a socket that is looked at for a moment before who reads it
// sleeps. One goroutine reads it.
type eagerConn struct {
	syscall.RawConn
	reader *eager.Reader
	read   func(fd uintptr) bool // of the Read that runs
	look   func(fd uintptr) bool // lookFor, made once
}

// Read calls read until it reports that it is done.
func (c *eagerConn) Read(read func(fd uintptr) bool) error {
	c.read = read
	err := c.RawConn.Read(c.look)
	c.read = nil
	return err
}

func (c *eagerConn) lookFor(fd uintptr) bool {
	for !c.read(fd) {
		if !c.reader.Again() {
			return false
		}
	}
	c.reader.Arrived(0) // how much, only quic-go knows
	return true
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
