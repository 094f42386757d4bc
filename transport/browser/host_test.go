//go:build !js

package browser_test

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/quic"
	"github.com/twinwire/twinwire/transport/ws"
)

// A host has the servers' ends of pairs, which tests in the browser use from
// afar: each pair has a WebSocket of its own, with the messages of remote_test.go.
type host struct {
	t      *testing.T
	source *certs.Development
	tls    *tls.Config
}

func newHost(t *testing.T) *host {
	source, err := certs.NewDevelopment(&certs.DevelopmentOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return &host{t: t, source: source, tls: certs.ServerTLS(source)}
}

var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

// ServeHTTP serves one pair.
func (h *host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	timeout, err1 := time.ParseDuration(q.Get("timeout"))
	loss, err2 := time.ParseDuration(q.Get("loss"))
	if err := errors.Join(err1, err2); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	p := &pair{conn: conn}
	defer p.running.Wait()
	defer func() {
		if p.carrier != nil {
			p.carrier.Close(twinwire.Accepted, "")
		}
		if p.stop != nil {
			p.stop()
		}
	}()
	switch q.Get("wire") {
	case "websocket":
		err = p.listenWebSocket(timeout)
	case "webtransport":
		err = p.listenWebTransport(h, timeout, loss)
	default:
		err = p.listenSilent()
	}
	if err != nil {
		h.t.Errorf("host: %v", err)
		return
	}
	if err := p.serve(); err != nil && !websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway, websocket.CloseNoStatusReceived) {
		h.t.Errorf("host: %v", err)
	}
}

// A pair is the server's end of one, and what the browser is told of it.
type pair struct {
	conn    *websocket.Conn
	carrier transport.Carrier
	accept  func() (transport.Carrier, error)
	vanish  func()
	stop    func()

	running sync.WaitGroup
	echo    sync.Once
	wmu     sync.Mutex

	mu      sync.Mutex
	waiting map[uint32]chan error // deliveries
	last    uint32
}

// listenWebSocket begins to serve WebSockets at a port of its own.
func (p *pair) listenWebSocket(timeout time.Duration) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	arrived := make(chan *ws.Carrier, 1)
	var socket atomic.Pointer[net.TCPConn]
	server := &http.Server{
		ConnState: func(c net.Conn, _ http.ConnState) { socket.Store(c.(*net.TCPConn)) },
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, _, err := ws.Upgrade(w, r, &ws.UpgradeOptions{SendTimeout: timeout, CheckOrigin: func(*http.Request) bool { return true }})
			if err == nil {
				arrived <- c
			}
		}),
	}
	p.running.Go(func() { _ = server.Serve(l) }) // ends with Close
	p.accept = func() (transport.Carrier, error) { return <-arrived, nil }
	p.vanish = func() { _ = socket.Load().CloseRead() } // as if the connection were gone
	p.stop = func() { _ = server.Close() }
	return p.say('u', 0, 0, []byte("ws://"+l.Addr().String()+"/twinwire"))
}

// listenWebTransport begins to serve WebTransport at a port of its own.
func (p *pair) listenWebTransport(h *host, timeout, loss time.Duration) error {
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	network := &cut{PacketConn: udp}
	l, err := quic.Listen(network, &quic.ListenOptions{
		TLS: h.tls, SendTimeout: timeout, IdleTimeout: loss, CloseConn: true,
		WebTransport: &quic.WebTransport{Path: "/twinwire", CheckOrigin: func(*http.Request) bool { return true }},
	})
	if err != nil {
		return err
	}
	p.accept = func() (transport.Carrier, error) {
		c, err := l.Accept(context.Background())
		if err != nil {
			return nil, err
		}
		return c, nil
	}
	p.vanish = func() { network.broken.Store(true) }
	p.stop = func() { _ = l.Close() }
	sum := h.source.CertificatePins()[0].Sum()
	return p.say('u', 0, 0, fmt.Appendf(nil, "https://%s/twinwire %s", udp.LocalAddr(), hex.EncodeToString(sum[:])))
}

// listenSilent listens on TCP and UDP at one port, and says nothing there.
func (p *pair) listenSilent() error {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		return errors.Join(err, tcp.Close())
	}
	p.stop = func() { _, _ = tcp.Close(), udp.Close() }
	return p.say('u', 0, 0, []byte(tcp.Addr().String()))
}

// A cut is a network that can break.
type cut struct {
	net.PacketConn
	broken atomic.Bool
}

func (c *cut) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, addr, err := c.PacketConn.ReadFrom(b)
		if err != nil || !c.broken.Load() {
			return n, addr, err
		}
	}
}

func (c *cut) WriteTo(b []byte, addr net.Addr) (int, error) {
	if c.broken.Load() {
		return len(b), nil
	}
	return c.PacketConn.WriteTo(b, addr)
}

// say sends the browser one message.
func (p *pair) say(op byte, id uint32, lane int, payload []byte) error {
	p.wmu.Lock()
	defer p.wmu.Unlock()
	return p.conn.WriteMessage(websocket.BinaryMessage, encode(op, id, lane, payload))
}

// serve does what the browser asks for until it closes.
func (p *pair) serve() error {
	for {
		_, b, err := p.conn.ReadMessage()
		if err != nil {
			return err
		}
		op, id, lane, payload, err := decode(b)
		if err != nil {
			return err
		}
		if op == 'a' { // what deliver has returned
			p.mu.Lock()
			answer := p.waiting[id]
			delete(p.waiting, id)
			p.mu.Unlock()
			answer <- decodeError(payload)
			continue
		}
		if op == 'o' { // opened
			if p.carrier, err = p.accept(); err != nil {
				return err
			}
			i := p.carrier.Info()
			if err := p.say('i', id, 0, fmt.Append(nil, i.Wire, " ", i.Independent, " ", i.Secure, " ", i.LocalAddr, " ", i.RemoteAddr)); err != nil {
				return err
			}
		}
		p.running.Go(func() { // ends with the carrier
			_ = p.say('r', id, 0, encodeError(p.do(op, lane, payload)))
		})
	}
}

// errAfar is the error of deliver in the browser, which remembers it.
var errAfar = errors.New("deliver has failed")

// do does what a message asks for.
func (p *pair) do(op byte, lane int, payload []byte) error {
	switch op {
	case 's':
		return p.carrier.Send(lane, payload)
	case 'c':
		p.carrier.Close(twinwire.Code(lane), string(payload))
	case 'v':
		p.vanish()
	case 'R':
		return p.carrier.Receive(p.deliver)
	}
	return nil
}

// deliver has the browser deliver, and returns what that has returned.
func (p *pair) deliver(lane int, frames []byte) error {
	if d, ok := p.carrier.(transport.Datagrams); ok {
		p.echo.Do(func() { d.DeliverDatagrams(d.SendDatagram) })
	}
	answer := make(chan error, 1)
	p.mu.Lock()
	if p.waiting == nil {
		p.waiting = make(map[uint32]chan error)
	}
	p.last++
	id := p.last
	p.waiting[id] = answer
	p.mu.Unlock()
	if err := p.say('d', id, lane, frames); err != nil {
		return err
	}
	err := <-answer
	var e *transport.CloseError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return fmt.Errorf("%w: %w", errAfar, e)
	}
	return errAfar
}

// encodeError writes an error down as the browser has to see it.
func encodeError(err error) []byte {
	var e *transport.CloseError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errAfar):
		return []byte("afar")
	case errors.As(err, &e):
		return fmt.Appendf(nil, "closed %t %d %s", e.Remote, e.Code, e.Reason)
	case errors.Is(err, transport.ErrLane):
		return []byte("lane")
	case errors.Is(err, transport.ErrBatch):
		return []byte("batch")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return []byte("late")
	}
	return []byte("other " + err.Error())
}
