package zoo

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/transport/quic"
	"github.com/twinwire/twinwire/transport/ws"
)

// tlsTo returns a connection with TLS that offers a protocol.
func (y *yard) tlsTo(proto string) (*tls.Conn, error) {
	ctx, cancel := y.patiently()
	defer cancel()
	conn, err := y.dialTCP(ctx)
	if err != nil {
		return nil, err
	}
	cfg := certs.ClientTLS(y.pin)
	cfg.NextProtos = []string{proto}
	c := tls.Client(conn, cfg)
	if err := c.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

// slowly writes a byte every 20 ms until the server closes the connection, and
// returns an error if that does not come in time.
func slowly(c net.Conn, b []byte, sent *atomic.Int64) error {
	defer c.Close()
	closed := make(chan struct{})
	go func() { // ends with the connection
		defer close(closed)
		one := make([]byte, 1024)
		for {
			if _, err := c.Read(one); err != nil {
				return
			}
		}
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(8 * time.Second)
	for i := 0; ; i++ {
		select {
		case <-closed:
			return nil
		case <-limit:
			return errors.New("the server waits for ever")
		case <-tick.C:
			if _, err := c.Write(b[i%len(b) : i%len(b)+1]); err != nil {
				return nil
			}
			sent.Add(1)
		}
	}
}

const upgrade = "GET /twinwire HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: twinwire.1\r\n"

// upgraded returns a connection on which WebSocket frames can be written.
func (y *yard) upgraded() (*tls.Conn, error) {
	c, err := y.tlsTo("http/1.1")
	if err != nil {
		return nil, err
	}
	_, err = c.Write([]byte(upgrade + "\r\n"))
	if err == nil {
		var resp *http.Response
		if resp, err = http.ReadResponse(bufio.NewReader(c), nil); err == nil && resp.StatusCode != http.StatusSwitchingProtocols {
			err = fmt.Errorf("status %d", resp.StatusCode)
		}
	}
	if err != nil {
		_ = c.Close()
	}
	return c, err
}

var (
	tcpOnly  = []string{"websocket"}
	quicOnly = []string{"quic"}
)

// answers sends an HTTP request and checks the status of the answer.
func answers(request string, status int) func(context.Context, *yard, string, *atomic.Int64) error {
	return func(ctx context.Context, y *yard, _ string, sent *atomic.Int64) error {
		c, err := y.tlsTo("http/1.1")
		if err != nil {
			return err
		}
		defer c.Close()
		sent.Add(int64(len(request)))
		_, _ = c.Write([]byte(request)) // the server may have had enough before the end
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return err
		}
		_ = resp.Body.Close()
		if resp.StatusCode != status {
			return fmt.Errorf("status %d, want %d", resp.StatusCode, status)
		}
		return nil
	}
}

// socketRows do what the wires are open to before there are frames.
func socketRows() []row {
	return []row{
		{name: "silent sockets", wires: tcpOnly, attack: func(ctx context.Context, y *yard, _ string, _ *atomic.Int64) error {
			var conns []net.Conn
			defer func() {
				for _, c := range conns {
					_ = c.Close()
				}
			}()
			for range 300 {
				c, err := y.dialTCP(ctx)
				if err != nil {
					break
				}
				conns = append(conns, c)
			}
			// All have gone when the time for a header has passed.
			for _, c := range conns {
				_ = c.SetReadDeadline(time.Now().Add(8 * time.Second))
				if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
					return errors.New("the server waits for ever")
				}
			}
			return nil
		}, check: reached("connections per second")},
		{name: "slow TLS", wires: tcpOnly, attack: func(ctx context.Context, y *yard, _ string, sent *atomic.Int64) error {
			c, err := y.dialTCP(ctx)
			if err != nil {
				return err
			}
			return slowly(c, []byte{0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03, 0x00}, sent)
		}},
		{name: "slow HTTP", wires: tcpOnly, attack: func(ctx context.Context, y *yard, _ string, sent *atomic.Int64) error {
			c, err := y.tlsTo("http/1.1")
			if err != nil {
				return err
			}
			return slowly(c, []byte(upgrade), sent)
		}},
		{name: "slow hello", wires: tcpOnly, attack: func(ctx context.Context, y *yard, _ string, sent *atomic.Int64) error {
			c, err := y.upgraded()
			if err != nil {
				return err
			}
			return slowly(c, append([]byte{0x82, 0xfe, 0x10, 0x00, 0, 0, 0, 0}, make([]byte, 4096)...), sent)
		}},
		{name: "slow hello", wires: quicOnly, attack: func(ctx context.Context, y *yard, wire string, sent *atomic.Int64) error {
			p, err := y.peer(wire, sent, false)
			if err != nil {
				return err
			}
			defer func() { <-p.ended }()
			hello := []byte{0x41, 0x00, 0x01, 0x00} // 256 bytes of HELLO, of which few come
			for _, b := range append(hello, make([]byte, 100)...) {
				if p.write(0, []byte{b}) != nil {
					return nil
				}
				select {
				case err := <-p.ended:
					p.ended <- err
					return nil
				case <-time.After(20 * time.Millisecond):
				}
			}
			return errors.New("the server waits for ever")
		}},
		{name: "large header", wires: tcpOnly, attack: answers("GET / HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("x", 40<<10)+"\r\n\r\n", http.StatusRequestHeaderFieldsTooLarge)},
		{name: "HTTP/2", wires: tcpOnly, attack: func(ctx context.Context, y *yard, _ string, _ *atomic.Int64) error {
			c, err := y.tlsTo("h2")
			if err == nil {
				_ = c.Close()
				return errors.New("h2 was agreed on")
			}
			return nil
		}},
		{name: "another origin", wires: tcpOnly, attack: func(ctx context.Context, y *yard, wire string, sent *atomic.Int64) error {
			for _, origin := range []string{"https://evil.example", "null", "https://localhost.evil.example", "https://localhost:1"} {
				if err := answers(upgrade+"Origin: "+origin+"\r\n\r\n", http.StatusForbidden)(ctx, y, wire, sent); err != nil {
					return fmt.Errorf("%s: %w", origin, err)
				}
			}
			return nil
		}},
		{name: "fragments and pings of WebSocket", wires: tcpOnly, attack: func(_ context.Context, y *yard, _ string, sent *atomic.Int64) error {
			var wg sync.WaitGroup
			floods := [][]byte{
				{0x02, 0x80, 0, 0, 0, 0},               // a message that begins, and then nothing, again and again
				{0x89, 0x80, 0, 0, 0, 0},               // pings
				{0x81, 0x81, 0, 0, 0, 0, 'x'},          // text
				{0xc2, 0x81, 0, 0, 0, 0, 0},            // compressed, which nobody has agreed to
				{0x82, 0xff, 127, 255, 255, 255, 0xff}, // 2^63 bytes
			}
			errs := make([]error, len(floods))
			for i, first := range floods {
				wg.Go(func() { errs[i] = y.flood(first, sent) })
			}
			wg.Wait()
			return errors.Join(errs...)
		}, check: reached("violations of the protocol")},
		{name: "compression of WebSocket", wires: tcpOnly, attack: func(ctx context.Context, y *yard, _ string, _ *atomic.Int64) error {
			d := websocket.Dialer{TLSClientConfig: certs.ClientTLS(y.pin), EnableCompression: true, Subprotocols: []string{ws.Subprotocol},
				NetDialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return y.dialTCP(ctx) }}
			c, resp, err := d.DialContext(ctx, "wss://"+y.addr+ws.Path, nil)
			if err != nil {
				return err
			}
			defer c.Close()
			if e := resp.Header.Get("Sec-Websocket-Extensions"); e != "" {
				return fmt.Errorf("the server agreed to %s", e)
			}
			return nil
		}},
		{name: "connections without end", wires: tcpOnly, attack: func(ctx context.Context, y *yard, _ string, sent *atomic.Int64) error {
			return goOn(ctx, func() error {
				if c, err := y.dialTCP(ctx); err == nil {
					_, _ = c.Write([]byte{0x16, 0x03, 0x01, 0x02, 0x00})
					sent.Add(5)
					_ = c.Close()
				}
				return nil
			})
		}, check: reached("connections per second")},
		{name: "Initials of nobody", wires: quicOnly, attack: func(ctx context.Context, y *yard, _ string, sent *atomic.Int64) error {
			var wg sync.WaitGroup
			for i := range 300 {
				wg.Go(func() {
					dialing, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
					defer cancel()
					c, err := quic.Dial(dialing, y.addr, &quic.DialOptions{TLS: certs.ClientTLS(y.pin),
						ListenPacket: func(context.Context, string, string) (net.PacketConn, error) {
							conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 1, byte(i>>8), byte(i))})
							return &oneWay{PacketConn: conn, sent: sent}, err
						}})
					if err == nil {
						c.Close(0, "")
					}
				})
			}
			wg.Wait()
			return nil
		}},
		{name: "another protocol over QUIC", wires: quicOnly, attack: func(ctx context.Context, y *yard, _ string, sent *atomic.Int64) error {
			conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: y.hostile()})
			if err != nil {
				return err
			}
			defer conn.Close()
			to, err := net.ResolveUDPAddr("udp4", y.addr)
			if err != nil {
				return err
			}
			junk := []byte(strings.Repeat("\xc0\x00\x00\x00\x01\x08junkjunk\x08junkjunk\x00\x44\x00", 55)[:1200])
			for i := range 2000 {
				junk[6] = byte(i)
				junk[7] = byte(i >> 8)
				n, _ := conn.WriteTo(junk, to)
				sent.Add(int64(n))
			}
			return nil
		}},
	}
}

// flood sends a WebSocket frame, and then it or what continues it, until the
// server has had enough.
func (y *yard) flood(first []byte, sent *atomic.Int64) error {
	c, err := y.upgraded()
	if err != nil {
		return err
	}
	defer c.Close()
	next := first
	if first[0] == 0x02 {
		next = []byte{0x00, 0x80, 0, 0, 0, 0}
	}
	_, err = c.Write(first)
	many := []byte(strings.Repeat(string(next), 1000))
	// For a second the server drops what still comes, so that what it said last
	// arrives.
	for end := time.Now().Add(5 * time.Second); err == nil && time.Now().Before(end); {
		_, err = c.Write(many)
		sent.Add(int64(len(many)))
	}
	if err == nil {
		return fmt.Errorf("%x can be sent for ever", first)
	}
	return nil
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// oneWay is a socket that hears nothing, as that of somebody who forges where
// packets come from.
type oneWay struct {
	net.PacketConn
	sent *atomic.Int64
}

func (c *oneWay) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		if _, _, err := c.PacketConn.ReadFrom(b); err != nil {
			return 0, nil, err
		}
	}
}

func (c *oneWay) WriteTo(b []byte, to net.Addr) (int, error) {
	c.sent.Add(int64(len(b)))
	return c.PacketConn.WriteTo(b, to)
}
