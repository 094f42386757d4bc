package quic_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport/quic"
)

// A talk is a client and a server of which the server sends back what it gets.
type talk struct {
	client, server *quic.Carrier
	back           chan byte // the second byte of each payload that came back
	ended          chan error
}

// converse begins a talk; o says how the client dials.
func converse(t *testing.T, s *server, l *quic.Listener, addr string, o *quic.DialOptions) *talk {
	t.Helper()
	o.TLS = &tls.Config{RootCAs: s.roots, ServerName: "localhost"}
	client, err := quic.Dial(t.Context(), addr, o)
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	k := &talk{client: client, server: accepted, back: make(chan byte, 1000), ended: make(chan error, 2)}
	go func() { k.ended <- accepted.Receive(accepted.Send) }()
	go func() {
		k.ended <- client.Receive(func(_ int, frames []byte) error {
			var f frame.Frame
			for len(frames) > 0 {
				n, err := f.Parse(frames)
				if err != nil {
					return err
				}
				if f.Kind == frame.Hello && len(f.Payload) == 1 {
					k.back <- f.Payload[0]
				}
				frames = frames[n:]
			}
			return nil
		})
	}()
	t.Cleanup(func() {
		client.Close(0, "")
		accepted.Close(0, "")
		<-k.ended
		<-k.ended
	})
	return k
}

// say sends numbers and expects them back in order.
func (k *talk) say(t *testing.T, numbers int) {
	t.Helper()
	go k.send(t, numbers)
	k.hear(t, numbers)
}

func (k *talk) send(t *testing.T, numbers int) {
	for i := range numbers {
		if err := k.client.Send(0, frame.Append(nil, &frame.Frame{Kind: frame.Hello, Payload: []byte{byte(i)}})); err != nil {
			t.Error(err)
			return
		}
	}
}

func (k *talk) hear(t *testing.T, numbers int) {
	t.Helper()
	timeout := time.After(10 * time.Second)
	for i := range numbers {
		select {
		case got := <-k.back:
			if got != byte(i) {
				t.Fatalf("number %d came back as %d", i, got)
			}
		case err := <-k.ended:
			k.ended <- err
			t.Fatalf("the connection ended: %v", err)
		case <-timeout:
			t.Fatalf("number %d did not come back, the server sees the client at %v", i, k.from())
		}
	}
}

// from returns where the server sees the client.
func (k *talk) from() netip.AddrPort { return k.server.Peer().(*net.UDPAddr).AddrPort() }

// local opens sockets at one local address after another.
func local(addrs ...string) func(context.Context, string, string) (net.PacketConn, error) {
	var next atomic.Int32
	return func(ctx context.Context, network, _ string) (net.PacketConn, error) {
		addr := addrs[min(int(next.Add(1)), len(addrs))-1]
		return new(net.ListenConfig).ListenPacket(ctx, network, net.JoinHostPort(addr, "0"))
	}
}

// A carrier goes on from another address, while frames are under way.
func TestMove(t *testing.T) {
	s := newServer(t)
	l := s.listen(t, &quic.ListenOptions{})
	defer l.Close()
	k := converse(t, s, l, l.Addr().String(), &quic.DialOptions{ListenPacket: local("127.0.0.1", "127.0.0.2", "127.0.0.1")})
	k.say(t, 10)
	for _, want := range []string{"127.0.0.2", "127.0.0.1"} {
		moved := make(chan error, 1)
		go func() { moved <- k.client.Move(t.Context()) }()
		k.say(t, 250)
		if err := <-moved; err != nil {
			t.Fatal(err)
		}
		k.say(t, 10)
		if got := k.from().Addr().String(); got != want {
			t.Errorf("the server sees the client at %s, want %s", got, want)
		}
	}
	if err := k.server.Move(t.Context()); err == nil {
		t.Error("a server moved")
	}
}

// A path on which nobody answers is not taken, and its search ends with its
// context and with the carrier.
func TestMoveNowhere(t *testing.T) {
	s := newServer(t)
	l := s.listen(t, &quic.ListenOptions{})
	defer l.Close()
	var sockets atomic.Int32
	k := converse(t, s, l, l.Addr().String(), &quic.DialOptions{
		ListenPacket: func(ctx context.Context, network, addr string) (net.PacketConn, error) {
			c, err := new(net.ListenConfig).ListenPacket(ctx, network, addr)
			if err == nil && sockets.Add(1) > 1 {
				return mute{c}, nil
			}
			return c, err
		},
	})
	before := k.from()
	enough := errors.New("enough")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, enough)
	defer cancel()
	if err := k.client.Move(ctx); !errors.Is(err, enough) {
		t.Errorf("Move = %v, want the cause of its context", err)
	}
	k.say(t, 10)
	if k.from() != before {
		t.Errorf("the server sees the client at %v, want %v", k.from(), before)
	}
	moved := make(chan error, 1)
	go func() { moved <- k.client.Move(t.Context()) }()
	for sockets.Load() < 3 {
		k.say(t, 1)
	}
	k.client.Close(0, "")
	if err := <-moved; err == nil {
		t.Error("a closed carrier moved")
	}
	if err := k.client.Move(t.Context()); err == nil {
		t.Error("a closed carrier moved later")
	}
}

// mute swallows what is sent.
type mute struct{ net.PacketConn }

func (m mute) WriteTo(b []byte, _ net.Addr) (int, error) { return len(b), nil }

// A connection does not collect sockets for ever.
func TestMoveOften(t *testing.T) {
	s := newServer(t)
	l := s.listen(t, &quic.ListenOptions{})
	defer l.Close()
	k := converse(t, s, l, l.Addr().String(), &quic.DialOptions{})
	var err error
	moves := 0
	for ; err == nil && moves < 100; moves++ {
		err = k.client.Move(t.Context())
		k.say(t, 5)
	}
	if moves != 8 {
		t.Errorf("move %d failed with %v, want the 8th", moves, err)
	}
}

// A NAT that gives the client another port makes no difference.
func TestRebinding(t *testing.T) {
	s := newServer(t)
	l := s.listen(t, &quic.ListenOptions{})
	defer l.Close()
	n := newNAT(t, l.Addr().String())
	k := converse(t, s, l, n.addr(), &quic.DialOptions{})
	k.say(t, 10)
	for range 5 {
		before := k.from()
		n.rebind(t)
		k.say(t, 250)
		if k.from() == before {
			t.Errorf("the server still sees the client at %v", before)
		}
	}
}

// A nat carries the datagrams of one client to a server.
type nat struct {
	inside *net.UDPConn
	target string
	wg     sync.WaitGroup

	mu      sync.Mutex
	outside *net.UDPConn
	client  netip.AddrPort
	deaf    bool          // nothing comes back
	slow    time.Duration // what the way back takes
}

func newNAT(t *testing.T, target string) *nat {
	t.Helper()
	inside, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	n := &nat{inside: inside, target: target}
	n.rebind(t)
	n.wg.Go(func() { // ends with the socket
		b := make([]byte, 64<<10)
		for {
			m, from, err := inside.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			n.mu.Lock()
			n.client = from
			_, _ = n.outside.Write(b[:m])
			n.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		_ = inside.Close()
		n.mu.Lock()
		_ = n.outside.Close()
		n.mu.Unlock()
		n.wg.Wait()
	})
	return n
}

func (n *nat) addr() string { return n.inside.LocalAddr().String() }

// deafen has nothing come back from the server, or all.
func (n *nat) deafen(deaf bool) {
	n.mu.Lock()
	n.deaf = deaf
	n.mu.Unlock()
}

// slowDown has everything that comes back take its time.
func (n *nat) slowDown(slow time.Duration) {
	n.mu.Lock()
	n.slow = slow
	n.mu.Unlock()
}

// rebind goes on from another port.
func (n *nat) rebind(t *testing.T) {
	t.Helper()
	c, err := net.Dial("udp4", n.target)
	if err != nil {
		t.Fatal(err)
	}
	outside := c.(*net.UDPConn)
	n.mu.Lock()
	before := n.outside
	n.outside = outside
	n.mu.Unlock()
	if before != nil {
		_ = before.Close()
	}
	n.wg.Go(func() { // ends with the socket
		b := make([]byte, 64<<10)
		for {
			m, err := outside.Read(b)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			n.mu.Lock()
			to, deaf, slow := n.client, n.deaf, n.slow
			n.mu.Unlock()
			if deaf {
				continue
			}
			time.Sleep(slow)
			_, _ = n.inside.WriteToUDPAddrPort(b[:m], to)
		}
	})
}
