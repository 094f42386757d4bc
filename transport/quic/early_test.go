package quic_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/quic"
)

// said is a hello that can be told from others.
func said(b byte) []byte {
	return frame.Append(nil, &frame.Frame{Kind: frame.Hello, Payload: []byte{b}})
}

// warm dials once, so that the client has a ticket.
func warm(t *testing.T, s *server, l *quic.Listener, addr string, cache tls.ClientSessionCache) {
	t.Helper()
	noted := &noting{ClientSessionCache: cache, put: make(chan struct{}, 10)}
	client, err := quic.Dial(t.Context(), addr, &quic.DialOptions{TLS: &tls.Config{RootCAs: s.roots}, Tickets: noted})
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if client.Info().Early || accepted.Info().Early {
		t.Fatal("a first dial is early")
	}
	ended := make(chan error, 1)
	go func() { ended <- client.Receive(func(int, []byte) error { return nil }) }()
	<-noted.put
	client.Close(0, "")
	accepted.Close(0, "")
	<-ended
}

// noting notes what is put in a cache.
type noting struct {
	tls.ClientSessionCache
	put chan struct{}
}

func (n *noting) Put(key string, s *tls.ClientSessionState) {
	n.ClientSessionCache.Put(key, s)
	if s != nil {
		n.put <- struct{}{}
	}
}

// receive receives in the background.
func receive(t *testing.T, c *quic.Carrier) (got chan []byte) {
	got = make(chan []byte, 100)
	ended := make(chan error, 1)
	go func() {
		ended <- c.Receive(func(_ int, frames []byte) error {
			got <- bytes.Clone(frames)
			return nil
		})
	}()
	t.Cleanup(func() {
		c.Close(0, "")
		<-ended
	})
	return got
}

// The first batch arrives although nothing of the server's does, and nothing
// else arrives before the handshake is complete (clause 10.4).
func TestEarly(t *testing.T) {
	s := newServer(t)
	l := s.listen(t, &quic.ListenOptions{ZeroRTT: true})
	defer l.Close()
	cache := tls.NewLRUClientSessionCache(10)
	n := newNAT(t, l.Addr().String())
	warm(t, s, l, n.addr(), cache)
	n.deafen(true)
	client, err := quic.Dial(t.Context(), n.addr(), &quic.DialOptions{TLS: &tls.Config{RootCAs: s.roots}, Tickets: cache})
	if err != nil {
		t.Fatal(err)
	}
	back := receive(t, client)
	if err := client.Send(0, said(1)); err != nil {
		t.Fatal(err)
	}
	sent := make(chan error, 2)
	go func() { sent <- client.Send(0, said(2)) }()
	go func() { sent <- client.Send(1, attach) }()
	accepted, err := l.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !client.Info().Early || !accepted.Info().Early {
		t.Errorf("early: client %v, server %v", client.Info().Early, accepted.Info().Early)
	}
	got := receive(t, accepted)
	if b := <-got; !bytes.Equal(b, said(1)) {
		t.Errorf("% x arrived, want the first batch", b)
	}
	if err := accepted.Send(0, said(3)); err != nil {
		t.Fatal(err)
	}
	select {
	case b := <-got:
		t.Errorf("% x arrived before the handshake was complete", b)
	case err := <-sent:
		t.Errorf("it was sent before the handshake was complete: %v", err)
	case b := <-back:
		t.Errorf("% x came back through a deaf NAT", b)
	case <-time.After(100 * time.Millisecond):
	}
	n.deafen(false)
	for range 2 {
		if err := <-sent; err != nil {
			t.Error(err)
		}
	}
	if b := <-back; !bytes.Equal(b, said(3)) {
		t.Errorf("% x came back", b)
	}
	if all := append(<-got, <-got...); !bytes.Contains(all, said(2)) || !bytes.Contains(all, attach) {
		t.Errorf("% x arrived behind it", all)
	}
}

// A server that was restarted rejects what was encrypted for the one before;
// the batch arrives all the same, once.
func TestEarlyRejected(t *testing.T) {
	s := newServer(t)
	cache := tls.NewLRUClientSessionCache(10)
	for name, zeroRTT := range map[string]bool{"Restarted": true, "SwitchedOff": false} {
		t.Run(name, func(t *testing.T) {
			l := s.listen(t, &quic.ListenOptions{ZeroRTT: true})
			n := newNAT(t, l.Addr().String())
			n.slowDown(20 * time.Millisecond) // the first flight is under way before anything comes back
			warm(t, s, l, n.addr(), cache)
			addr := l.Addr().(*net.UDPAddr)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			conn, err := net.ListenUDP("udp4", addr)
			if err != nil {
				t.Fatal(err)
			}
			l, err = quic.Listen(conn, &quic.ListenOptions{TLS: s.tls(), ZeroRTT: zeroRTT, CloseConn: true})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			ticket, _ := cache.Get(n.addr() + " 127.0.0.1")
			for _, b := range [][]byte{said(1), append(said(1), message(frame.MaxPayload)...)} {
				cache.Put(n.addr()+" 127.0.0.1", ticket)
				client, err := quic.Dial(t.Context(), n.addr(), &quic.DialOptions{TLS: &tls.Config{RootCAs: s.roots}, Tickets: cache})
				if err != nil {
					t.Fatal(err)
				}
				if !client.Info().Early {
					t.Fatal("the dial was not early")
				}
				back := receive(t, client)
				if err := client.Send(0, b); err != nil {
					t.Fatal(err)
				}
				if err := client.Send(0, said(2)); err != nil {
					t.Fatal(err)
				}
				accepted, err := l.Accept(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if accepted.Info().Early {
					t.Error("the server thinks that it got something early")
				}
				got := receive(t, accepted)
				var all []byte
				for len(all) < len(b)+len(said(2)) {
					all = append(all, <-got...)
				}
				if !bytes.Equal(all, append(b[:len(b):len(b)], said(2)...)) {
					t.Errorf("%d bytes arrived, want what was sent", len(all))
				}
				if err := accepted.Send(0, said(3)); err != nil {
					t.Error(err)
				}
				if b := <-back; !bytes.Equal(b, said(3)) {
					t.Errorf("% x came back", b)
				}
			}
		})
	}
}

// A carrier whose server does not answer ends, and the next dial is not early:
// it finds out where the server is first.
func TestEarlyNobody(t *testing.T) {
	s := newServer(t)
	l := s.listen(t, &quic.ListenOptions{ZeroRTT: true})
	cache := tls.NewLRUClientSessionCache(10)
	warm(t, s, l, l.Addr().String(), cache)
	addr := l.Addr().(*net.UDPAddr)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	silent, err := net.ListenUDP("udp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	o := &quic.DialOptions{TLS: &tls.Config{RootCAs: s.roots}, Tickets: cache, HandshakeTimeout: 100 * time.Millisecond}
	client, err := quic.Dial(t.Context(), addr.String(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Send(0, said(1)); err != nil {
		t.Fatal(err)
	}
	if err := client.Send(0, said(2)); err == nil {
		t.Error("something was sent to nobody")
	}
	if err := client.Receive(func(int, []byte) error { return nil }); err == nil || errors.As(err, new(*transport.CloseError)) {
		t.Errorf("Receive = %v", err)
	}
	if err := client.Move(t.Context()); err == nil {
		t.Error("it moved")
	}
	if _, err := quic.Dial(t.Context(), addr.String(), o); !errors.Is(err, quic.ErrNoAnswer) {
		t.Errorf("the next dial: %v, want ErrNoAnswer", err)
	}
}
