package quic_test

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinwire/twinwire/transport/quic"
)

// provers counts the clients that a listener admits by whether they had to
// prove their address.
type provers struct{ proven, unproven atomic.Int64 }

func (p *provers) admit(_ net.Addr, proven bool) (leave func(), ok bool) {
	if proven {
		p.proven.Add(1)
	} else {
		p.unproven.Add(1)
	}
	return nil, true
}

// A deafSocket drops what it receives: its client never finishes a handshake.
type deafSocket struct{ net.PacketConn }

func (s deafSocket) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		if _, _, err := s.PacketConn.ReadFrom(b); err != nil {
			return 0, nil, err
		}
	}
}

// While the handshakes of as many as may be do not end a client has to prove
// its address, and is served all the same. Those that have ended do not count.
func TestRetry(t *testing.T) {
	s := newServer(t)
	var p provers
	l := s.listen(t, &quic.ListenOptions{RetryAbove: 1, Admit: p.admit, HandshakeTimeout: time.Second})
	defer l.Close()
	come := func() {
		client, server, _ := s.dial(t, l, &quic.DialOptions{})
		client.Close(0, "")
		server.Close(0, "")
	}
	for range 5 {
		come()
	}
	if n := p.proven.Load(); n != 0 {
		t.Errorf("%d clients that came one after another had to prove their address", n)
	}
	before := p.unproven.Load()
	ctx, cancel := context.WithCancel(t.Context())
	var deaf sync.WaitGroup
	deaf.Go(func() {
		_, err := quic.Dial(ctx, l.Addr().String(), &quic.DialOptions{
			TLS: &tls.Config{RootCAs: s.roots},
			ListenPacket: func(ctx context.Context, network, addr string) (net.PacketConn, error) {
				conn, err := new(net.ListenConfig).ListenPacket(ctx, network, addr)
				return deafSocket{conn}, err
			},
		})
		if err == nil {
			t.Error("a client that hears nothing has connected")
		}
	})
	soon(t, "a client that hears nothing comes", func() bool { return p.unproven.Load() > before })
	come()
	if n := p.proven.Load(); n != 1 {
		t.Errorf("%d clients had to prove their address while another did not finish, want 1", n)
	}
	cancel()
	deaf.Wait()
	// The server gives the deaf one up.
	soon(t, "a handshake without end is given up", func() bool {
		before := p.proven.Load()
		come()
		return p.proven.Load() == before
	})
}

// A crowd of clients that have to prove their addresses is served, and none of
// the Retries for them is lost: whoever misses one asks again. On a busy machine
// clients may lose patience, but not each time.
func TestCrowdWithRetry(t *testing.T) {
	const (
		clients = 30
		packets = 2 // of each hello, with a key exchange of this century
	)
	for range 10 {
		asked := crowdWithRetry(t, clients)
		t.Logf("%d packets of %d clients were without proof", asked, clients)
		if asked <= packets*clients*11/10 || t.Failed() {
			return
		}
	}
	t.Error("clients had to ask again each time")
}

// crowdWithRetry serves clients that all have to prove their addresses, and
// returns how many packets came without a proof.
func crowdWithRetry(t *testing.T, clients int) (asked int64) {
	s := newServer(t)
	var p provers
	var doubts, failed atomic.Int64
	l := s.listen(t, &quic.ListenOptions{Doubt: func(net.Addr) bool { doubts.Add(1); return true }, Admit: p.admit})
	var accepting, dialing sync.WaitGroup
	accepting.Go(func() {
		for {
			if _, err := l.Accept(context.Background()); err != nil {
				return
			}
		}
	})
	for range clients {
		dialing.Go(func() {
			c, err := quic.Dial(t.Context(), l.Addr().String(), &quic.DialOptions{TLS: &tls.Config{RootCAs: s.roots}})
			if err != nil {
				t.Log(err)
				failed.Add(1)
				return
			}
			c.Close(0, "")
		})
	}
	dialing.Wait()
	if n := failed.Load(); n > int64(clients)/20 {
		t.Errorf("%d of %d clients were not served", n, clients)
	}
	if n := p.unproven.Load(); n > 0 {
		t.Errorf("%d clients did not have to prove their address", n)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	accepting.Wait()
	return doubts.Load()
}

// soon waits until something holds.
func soon(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}
