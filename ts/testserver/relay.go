package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
)

// A relay stands before the server, on TCP and UDP, so that wires can be cut
// as they are outside: without a word.
type relay struct {
	mu      sync.Mutex
	cuts    map[string]func() // by the address that the server knows of the client
	closers []io.Closer
}

// portTries is how often a port is looked for that is free on TCP and UDP.
const portTries = 20

// listen takes the traffic of a port of its own to that of the server, and
// returns its number. UDP is left out for plaintext.
func (r *relay) listen(server int, udp bool) (port int, err error) {
	for range portTries {
		port, err = r.open("127.0.0.1", 0, server, udp)
		if err == nil {
			_, err = r.open("::1", port, server, udp)
			if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) {
				err = nil // there is no IPv6 here
			}
		}
		if err == nil || !errors.Is(err, syscall.EADDRINUSE) {
			return port, err
		}
	}
	return 0, err
}

func (r *relay) open(host string, port, server int, udp bool) (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return 0, err
	}
	port = l.Addr().(*net.TCPAddr).Port
	to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(server))
	if udp {
		packets, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(host), Port: port})
		if err != nil {
			return 0, errors.Join(err, l.Close())
		}
		r.closers = append(r.closers, packets)
		go r.packets(packets, to)
	}
	r.closers = append(r.closers, l)
	go func() { // ends with the listener
		for {
			down, err := l.Accept()
			if err != nil {
				return
			}
			go r.stream(down, to)
		}
	}()
	return port, nil
}

// stream takes a connection of TCP to the server, until either end is over.
func (r *relay) stream(down net.Conn, to netip.AddrPort) {
	defer down.Close()
	up, err := net.Dial("tcp", to.String())
	if err != nil {
		return
	}
	defer up.Close()
	defer r.know(up.LocalAddr(), func() {
		for _, c := range []net.Conn{down, up} {
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
		}
	})()
	go func() { // ends when down or up is closed
		_, _ = io.Copy(up, down)
		_ = up.Close()
	}()
	_, _ = io.Copy(down, up)
}

// packets takes datagrams to the server and back, until l is closed. What
// comes from an address that was cut goes nowhere.
func (r *relay) packets(l *net.UDPConn, to netip.AddrPort) {
	flows := make(map[netip.AddrPort]*net.UDPConn)
	b := make([]byte, 64<<10)
	for {
		n, from, err := l.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		up := flows[from]
		if up == nil {
			if up, err = net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to)); err != nil {
				return
			}
			flows[from] = up
			r.know(up.LocalAddr(), func() { _ = up.Close() })
			go func() { // ends when up is closed
				b := make([]byte, 64<<10)
				for {
					n, err := up.Read(b)
					switch {
					case errors.Is(err, net.ErrClosed):
						return
					case err == nil:
						_, _ = l.WriteToUDPAddrPort(b[:n], from)
					}
				}
			}()
		}
		_, _ = up.Write(b[:n])
	}
}

// know remembers how to cut a wire until it is told to forget it.
func (r *relay) know(addr net.Addr, cut func()) (forget func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cuts == nil {
		r.cuts = make(map[string]func())
	}
	r.cuts[addr.String()] = cut
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.cuts, addr.String())
	}
}

// cut cuts the wire of a client, by the address that the server knows.
func (r *relay) cut(addr string) error {
	r.mu.Lock()
	cut := r.cuts[addr]
	delete(r.cuts, addr)
	r.mu.Unlock()
	if cut == nil {
		return fmt.Errorf("no wire of %s", addr)
	}
	cut()
	return nil
}

// close ends everything.
func (r *relay) close() {
	r.mu.Lock()
	cuts := r.cuts
	r.cuts = nil
	r.mu.Unlock()
	for _, c := range r.closers {
		_ = c.Close()
	}
	for _, cut := range cuts {
		cut()
	}
}
