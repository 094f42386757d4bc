package load

import (
	"context"
	"crypto/tls"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/twinwire/twinwire/bench/peer"
)

// network is a peer whose connections count how many are open.
type network struct {
	failAt int64 // the dial that fails, from 1; 0 for none
	dials  atomic.Int64
	open   atomic.Int64
	hang   chan struct{} // if not nil, calls wait for a close
}

var errRefused = errors.New("refused")

func (n *network) Info() peer.Info { return peer.Info{Name: "network"} }
func (n *network) Serve(string, tls.Certificate) (peer.Server, error) {
	return nil, errors.ErrUnsupported
}

func (n *network) Dial(context.Context, string, peer.DialOptions) (peer.Conn, error) {
	if n.dials.Add(1) == n.failAt {
		return nil, errRefused
	}
	n.open.Add(1)
	return &line{network: n, closed: make(chan struct{})}, nil
}

type line struct {
	network *network
	once    atomic.Bool
	closed  chan struct{}
}

func (l *line) NewCaller() peer.Caller { return l }

func (l *line) Call(payload []byte) ([]byte, error) {
	if l.network.hang != nil {
		select {
		case l.network.hang <- struct{}{}:
			<-l.closed
		case <-l.closed:
		}
		return nil, errRefused
	}
	return payload, nil
}

func (l *line) Close() error {
	if !l.once.Swap(true) {
		l.network.open.Add(-1)
		close(l.closed)
	}
	return nil
}

func TestDial(t *testing.T) {
	n := new(network)
	conns, err := Dial(t.Context(), Target{Peer: n}, 50, nil)
	if err != nil || len(conns) != 50 || n.open.Load() != 50 {
		t.Fatalf("%d connections, %d open, %v, want 50", len(conns), n.open.Load(), err)
	}
	if err := Close(conns); err != nil || n.open.Load() != 0 {
		t.Errorf("%d open after close, %v", n.open.Load(), err)
	}
}

func TestDialFails(t *testing.T) {
	n := &network{failAt: 20}
	if _, err := Dial(t.Context(), Target{Peer: n}, 50, nil); !errors.Is(err, errRefused) {
		t.Errorf("got %v, want %v", err, errRefused)
	}
	if open := n.open.Load(); open != 0 {
		t.Errorf("%d connections left open", open)
	}
}

// A peer that does not answer does not keep Dial beyond its context.
func TestDialEndsWithContext(t *testing.T) {
	n := &network{hang: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // ends when every dialer hangs
		for range dialers {
			<-n.hang
		}
		cancel()
	}()
	if _, err := Dial(ctx, Target{Peer: n}, 50, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if open := n.open.Load(); open != 0 {
		t.Errorf("%d connections left open", open)
	}
}
