package server

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// A Listener is what a server listens on: TCP for WebSocket and UDP for QUIC and
// WebTransport, at the same port number.
type Listener struct {
	tcp []net.Listener
	udp []net.PacketConn
}

// NewListener returns a listener of sockets that the program has opened
// itself. Either may be nil: then the other wire is the only one. The server
// closes them.
func NewListener(tcp net.Listener, udp net.PacketConn) *Listener {
	l := new(Listener)
	if tcp != nil {
		l.tcp = append(l.tcp, tcp)
	}
	if udp != nil {
		l.udp = append(l.udp, udp)
	}
	return l
}

// portTries is how often Listen looks for a port number that is free on TCP
// and on UDP, where any will do.
const portTries = 20

// Listen listens on TCP and on UDP at addr, which is host:port as for
// net.Listen; a port alone means all addresses, IPv4 and IPv6. Port 0 takes a
// number that is free on both. The host "localhost" means 127.0.0.1 and ::1,
// since a client may try either.
func Listen(addr string) (*Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("server: listen: %w", err)
	}
	hosts := []string{host}
	if host == "localhost" {
		hosts = []string{"127.0.0.1", "::1"}
	}
	for try := 1; ; try++ {
		l, err := listenAll(hosts, port)
		if err == nil {
			return l, nil
		}
		if port != "0" || try == portTries || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("server: %w", err)
		}
	}
}

// listenAll listens at each of the hosts, at one port number. A second host
// that the system does not have is left out: not every one speaks IPv6.
func listenAll(hosts []string, port string) (*Listener, error) {
	l := new(Listener)
	for i, host := range hosts {
		if err := l.add(host, port); err != nil {
			if i > 0 && absent(err) {
				continue
			}
			l.Close()
			return nil, err
		}
		_, port, _ = net.SplitHostPort(l.tcp[0].Addr().String())
	}
	return l, nil
}

// absent reports whether an address cannot be listened at because the system
// does not have it.
func absent(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}

func (l *Listener) add(host, port string) error {
	tcp, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return err
	}
	_, port, _ = net.SplitHostPort(tcp.Addr().String())
	udp, err := net.ListenPacket("udp", net.JoinHostPort(host, port))
	if err != nil {
		return errors.Join(err, tcp.Close())
	}
	l.tcp = append(l.tcp, tcp)
	l.udp = append(l.udp, udp)
	return nil
}

// Addr returns the address that was listened at first, as host:port.
func (l *Listener) Addr() string {
	for _, tcp := range l.tcp {
		return tcp.Addr().String()
	}
	for _, udp := range l.udp {
		return udp.LocalAddr().String()
	}
	return ""
}

// Port returns the port number, the same on both wires.
func (l *Listener) Port() int {
	_, port, _ := net.SplitHostPort(l.Addr())
	n, _ := strconv.Atoi(port)
	return n
}

// Close stops listening. It is for listeners that no server serves.
func (l *Listener) Close() error {
	var errs []error
	for _, tcp := range l.tcp {
		errs = append(errs, tcp.Close())
	}
	for _, udp := range l.udp {
		errs = append(errs, udp.Close())
	}
	return errors.Join(errs...)
}
