package server

import (
	"bufio"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pires/go-proxyproto"
)

// Proxies are those that a server is behind: what they say of a client's address
// is believed, and what anybody else says is not. Behind them,
// transport.Info.RemoteAddr is the client.
//
// A proxy in front of WebSocket says it in X-Forwarded-For, which lists
// addresses, the nearest one last: from there, the first that is not trusted is
// the client's. QUIC has nothing like it, and a proxy in front of it must keep
// addresses.
type Proxies struct {
	// Trusted are the networks that they are in.
	Trusted []netip.Prefix
	// Protocol says that TCP connections from there begin with a header of the
	// PROXY protocol, version 1 or 2, before TLS; one without is closed.
	Protocol bool
}

// trusts reports whether addr is a proxy's.
func (p *Proxies) trusts(addr netip.Addr) bool {
	if p == nil {
		return false
	}
	addr = addr.Unmap().WithZone("") // a zone is in no network
	for _, network := range p.Trusted {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// addressOf returns the address in what net and X-Forwarded-For have: an
// address, or an address and a port.
func addressOf(s string) (netip.AddrPort, bool) {
	if at, err := netip.ParseAddrPort(s); err == nil {
		return netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port()), true
	}
	if at, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")); err == nil {
		return netip.AddrPortFrom(at.Unmap().WithZone(""), 0), true
	}
	return netip.AddrPort{}, false
}

// maxHops is how many addresses of a request are looked at.
const maxHops = 32

// client returns the address of a request's client as a proxy has said, "" if
// it came from nobody who is trusted, or if what they say makes no sense.
func (p *Proxies) client(r *http.Request) string {
	from, ok := addressOf(r.RemoteAddr)
	if !ok || !p.trusts(from.Addr()) {
		return ""
	}
	return p.forwarded(r.Header.Values("X-Forwarded-For"))
}

// forwarded returns the client's address in the values of X-Forwarded-For, whose
// last entry is by a proxy that is trusted.
func (p *Proxies) forwarded(values []string) string {
	hops := 0
	for i := len(values) - 1; i >= 0; i-- {
		for list := values[i]; ; {
			comma := strings.LastIndexByte(list, ',')
			at, ok := addressOf(strings.Trim(list[comma+1:], " \t"))
			if hops++; !ok || hops > maxHops {
				return ""
			}
			if !p.trusts(at.Addr()) {
				return at.String()
			}
			if comma < 0 {
				break
			}
			list = list[:comma]
		}
	}
	return ""
}

// headerWait bounds how long a proxy may take for its header, and headersWaiting
// how many are waited for at once.
const (
	headerWait     = 5 * time.Second
	headersWaiting = 1024
)

// behind returns a listener whose connections have the address of the client:
// those of proxies are accepted when their header has been read, which holds up
// nobody else.
func (p *Proxies) behind(l net.Listener) net.Listener {
	if p == nil || !p.Protocol {
		return l
	}
	b := &behind{
		Listener: l, proxies: p, ready: make(chan net.Conn), failed: make(chan error, 1),
		closed: make(chan struct{}), room: make(chan struct{}, headersWaiting),
	}
	b.wg.Add(1)
	go b.accept() // ends with the listener
	return b
}

// A behind is a listener behind proxies.
type behind struct {
	net.Listener
	proxies *Proxies
	ready   chan net.Conn
	failed  chan error // why accepting has ended
	room    chan struct{}

	close  sync.Once
	closed chan struct{}
	wg     sync.WaitGroup // accept, and those that read headers
}

// Accept returns the next connection.
func (b *behind) Accept() (net.Conn, error) {
	select {
	case c := <-b.ready:
		return c, nil
	case err := <-b.failed:
		b.failed <- err
		return nil, err
	}
}

// Close closes the listener, and the connections whose header is awaited.
func (b *behind) Close() error {
	b.close.Do(func() { close(b.closed) })
	err := b.Listener.Close()
	b.wg.Wait()
	return err
}

func (b *behind) accept() {
	defer b.wg.Done()
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			if temporary, ok := err.(interface{ Temporary() bool }); ok && temporary.Temporary() {
				select { // as net/http does
				case <-time.After(5 * time.Millisecond):
					continue
				case <-b.closed:
				}
			}
			b.failed <- err
			return
		}
		select {
		case b.room <- struct{}{}:
		default:
			_ = c.Close() // as many wait as may
			continue
		}
		b.wg.Add(1)
		go func() { // ends with the header, in headerWait
			defer b.wg.Done()
			defer func() { <-b.room }()
			b.admit(c)
		}()
	}
}

// admit reads the header of a proxy's connection and has it accepted.
func (b *behind) admit(c net.Conn) {
	from, ok := addressOf(c.RemoteAddr().String())
	if ok && b.proxies.trusts(from.Addr()) {
		stop := make(chan struct{})
		defer close(stop)
		go func() { // ends with admit
			select {
			case <-b.closed:
				_ = c.Close()
			case <-stop:
			}
		}()
		p, err := proxied(c)
		if err != nil {
			_ = c.Close() // there is nobody to tell: it may not be TLS yet
			return
		}
		c = p
	}
	select {
	case b.ready <- c:
	case <-b.closed:
		_ = c.Close()
	}
}

// headerBuffer holds a header of version 1; it is kept as long as the
// connection.
const headerBuffer = 256

// A proxiedConn is a connection through a proxy.
type proxiedConn struct {
	net.Conn
	rest   *bufio.Reader // what came with the header; nil when it is read
	remote net.Addr
}

// proxied reads the header of a connection.
func proxied(c net.Conn) (*proxiedConn, error) {
	if err := c.SetReadDeadline(time.Now().Add(headerWait)); err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(c, headerBuffer)
	remote, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	p := &proxiedConn{Conn: c, rest: r, remote: remote}
	if remote == nil { // the proxy itself, as when it looks whether we are there
		p.remote = c.RemoteAddr()
	}
	return p, c.SetReadDeadline(time.Time{})
}

// readHeader returns the client's address that the header says, nil if it is the
// proxy that speaks.
func readHeader(r *bufio.Reader) (net.Addr, error) {
	h, err := proxyproto.Read(r)
	if err != nil {
		return nil, err
	}
	if h.Command.IsLocal() || h.TransportProtocol.IsUnspec() {
		return nil, nil
	}
	source, _, ok := h.TCPAddrs()
	if !ok {
		return nil, proxyproto.ErrUnsupportedAddressFamilyAndProtocol
	}
	return source, nil
}

// RemoteAddr returns the client's address.
func (c *proxiedConn) RemoteAddr() net.Addr { return c.remote }

// NetConn returns the connection with the proxy.
func (c *proxiedConn) NetConn() net.Conn { return c.Conn }

// Read reads what the client has sent.
func (c *proxiedConn) Read(b []byte) (int, error) {
	if c.rest == nil {
		return c.Conn.Read(b)
	}
	n, err := c.rest.Read(b)
	if c.rest.Buffered() == 0 {
		c.rest = nil
	}
	return n, err
}
