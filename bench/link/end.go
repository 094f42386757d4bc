package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"sync"
	"time"
)

// An End is one end of a link: a network namespace with one address. It also
// stands for the direction of what it sends.
//
// Sockets belong to the namespace in which they are made, for as long as they
// live, and may be used from everywhere. Processes that are started in a
// namespace make all their sockets there.
type End struct {
	pump      *pump
	addr      netip.Addr
	out, back *direction // guarded by the pump

	// Guarded by mu:
	mu      sync.Mutex
	ns      *namespace
	closed  bool
	overrun uint64 // what the device said last; once closed
}

// Addr returns the address of this end.
func (e *End) Addr() netip.Addr { return e.addr }

// Do calls f on a thread that is in this end's namespace, and returns its
// error. Sockets that f makes itself are this end's, and so are processes that
// it starts. That does not hold for goroutines that f starts, nor for what the
// net package resolves: f dials literal addresses.
//
// The error is ErrClosed if the link is closed. Close does not wait for f.
func (e *End) Do(f func() error) (err error) {
	leave, err := e.enter()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, leave()) }()
	return f()
}

// enter ties the goroutine to a thread in the namespace until leave.
func (e *End) enter() (leave func() error, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, ErrClosed
	}
	return e.ns.enter()
}

// Listen listens as net.Listen does, in this end's namespace. The address is a
// port with or without a literal IP address: without one, it is this end's.
func (e *End) Listen(network, address string) (net.Listener, error) {
	address, err := e.complete(address)
	if err != nil {
		return nil, err
	}
	var l net.Listener
	err = e.Do(func() (err error) {
		l, err = net.Listen(network, address)
		return err
	})
	return l, err
}

// ListenPacket is to net.ListenPacket what Listen is to net.Listen.
func (e *End) ListenPacket(network, address string) (net.PacketConn, error) {
	address, err := e.complete(address)
	if err != nil {
		return nil, err
	}
	var c net.PacketConn
	err = e.Do(func() (err error) {
		c, err = net.ListenPacket(network, address)
		return err
	})
	return c, err
}

// Dial dials from this end as a net.Dialer does. The address is a literal one:
// a port alone is this end's own.
func (e *End) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	address, err := e.complete(address)
	if err != nil {
		return nil, err
	}
	var c net.Conn
	err = e.Do(func() (err error) {
		c, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return c, err
}

// Start starts a process in this end's namespace. It sees no other network.
func (e *End) Start(cmd *exec.Cmd) error { return e.Do(cmd.Start) }

// complete returns an address for which the net package asks nobody else.
func (e *End) complete(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	ip := e.addr
	if host != "" {
		if ip, err = netip.ParseAddr(host); err != nil {
			return "", fmt.Errorf("link: %s: want a literal address", address)
		}
	}
	return net.JoinHostPort(ip.String(), port), nil
}

// Path returns what a packet meets that this end sends.
func (e *End) Path() Path {
	e.pump.mu.Lock()
	defer e.pump.mu.Unlock()
	return e.out.path
}

// SetPath changes what a packet meets that this end sends from now on. What is
// on the wire arrives as it would have; what waits goes on at the new rate.
// The other direction stays as it is, except that a queue of one
// bandwidth-delay product is reckoned anew. The error is of the path.
func (e *End) SetPath(p Path) error {
	if err := p.check(); err != nil {
		return err
	}
	e.pump.change(func(now time.Duration) {
		e.out.set(p, now)
		e.back.setBack(p.Delay)
	})
	return nil
}

// Stats returns what has happened to the packets that this end sent. They can
// be had after Close too.
func (e *End) Stats() Stats {
	e.pump.mu.Lock()
	e.out.advance(e.pump.now())
	s := e.out.stats
	e.pump.mu.Unlock()
	s.Overrun = e.dropped()
	return s
}

// dropped returns how many packets the device has dropped.
func (e *End) dropped() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.overrun = e.ns.dropped()
	}
	return e.overrun
}

func (e *End) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.overrun = e.ns.dropped()
	e.closed = true
	return e.ns.close()
}
