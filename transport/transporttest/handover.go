package transporttest

import (
	"bytes"
	"errors"
	"testing"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/transport"
)

// While deliver is busy another goroutine goes on receiving: nothing is lost
// or repeated, and the carrier lives on when the busy one returns.
func testHandover(t *testing.T, pair MakePair) {
	p := start(t, pair, Options{})
	server, ok := p.Server.(transport.Handover)
	if !ok {
		t.Log("this carrier hands nothing over")
		return
	}
	lanes := p.Server.Info().Independent
	got := make(chan []byte, 16)
	collect := func(_ int, frames []byte) error {
		got <- bytes.Clone(frames)
		return nil
	}
	busy, release := make(chan struct{}), make(chan struct{})
	first, second := make(chan error, 1), make(chan error, 1)
	go func() {
		first <- server.Receive(func(int, []byte) error {
			close(busy)
			<-release
			return transport.ErrHandedOver
		})
	}()
	client := receive(p.Client)
	mustSend(t, p.Client, 0, opening(0))
	<-busy
	go func() { second <- server.Handover(0, collect)() }()
	expect := func(seq int) {
		t.Helper()
		want := message(nil, 0, seq, []byte("behind what is busy"))
		mustSend(t, p.Client, 0, want)
		if b := <-got; !bytes.Equal(b, want) {
			t.Fatalf("got %x, want %x", b, want)
		}
	}
	expect(0)
	close(release)
	if !lanes {
		if err := <-first; !errors.Is(err, transport.ErrHandedOver) {
			t.Errorf("the Receive that was busy returned %v, want ErrHandedOver", err)
		}
	}
	expect(1)
	b := message(nil, 0, 0, []byte("the other way"))
	mustSend(t, p.Server, 0, b)
	client.wait(t, 0, len(b))
	p.Client.Close(twinwire.Rejected, "done")
	end := second
	if lanes {
		end = first
		if err := <-second; err != nil {
			t.Errorf("Handover of a lane returned %v, want nil", err)
		}
	}
	var closed *transport.CloseError
	if err := <-end; !errors.As(err, &closed) || closed.Code != twinwire.Rejected {
		t.Errorf("received until %v, want what the peer said", err)
	}
}
