package server_test

import (
	"net"
	"testing"
	"time"

	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/server"
)

// fastest returns how long f takes at best: a machine that is busy makes
// things slow, and nothing makes them faster than they are.
func fastest(times int, f func()) time.Duration {
	best := time.Duration(1<<63 - 1)
	for range times {
		began := time.Now()
		f()
		best = min(best, time.Since(began))
	}
	return best
}

// A network that swallows UDP from the start costs the first dial the head
// start and no more, and the next ones next to nothing; when UDP is back, QUIC
// is found and has its head start again.
func TestMemoryOfTheRace(t *testing.T) {
	e := start(t, "", "quic")
	e.srv.Limits = &core.Limits{Admission: manyDials}
	e.serve(service())
	r := newRoad(t, e.ln.Addr())
	r.block(true, false)
	var memory *client.Memory
	dial := func(prefix, wire string) {
		s, err := client.Dial(t.Context(), prefix+r.addr(), &client.Options{Pins: e.dev.Pins(), Memory: memory})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Transport().Wire; got != wire {
			t.Errorf("runs on %s, want %s", got, wire)
		}
		echo(t, s)
		s.Close()
	}
	plain := fastest(10, func() { dial("wss://", "websocket") })
	first := fastest(3, func() {
		memory = new(client.Memory)
		dial("", "websocket")
	})
	next := fastest(10, func() { dial("", "websocket") })
	t.Logf("WebSocket alone %v, the first race %v, the next ones %v", plain, first, next)
	if first < 200*time.Millisecond || first > 250*time.Millisecond+plain {
		t.Errorf("the first dial took %v, and WebSocket alone %v", first, plain)
	}
	if next > plain+50*time.Millisecond {
		t.Errorf("the next dials took %v, and WebSocket alone %v", next, plain)
	}
	s, err := client.Dial(t.Context(), r.addr(), &client.Options{Pins: e.dev.Pins(), Memory: memory})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r.block(false, false)
	eventually(t, func() bool { return s.Transport().Wire == "quic" })
	eventually(t, func() bool { // the look is over a moment later
		b, err := memory.MarshalJSON()
		return err == nil && string(b) == "{}"
	})
	r.block(true, false)
	if d := fastest(1, func() { dial("", "websocket") }); d < 200*time.Millisecond {
		t.Errorf("QUIC had no head start although it was found: %v", d)
	}
}

// A server that is not there is noticed at once, whatever UDP says of it.
func TestDialNobody(t *testing.T) {
	l, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr()
	l.Close()
	dial := func() {
		if s, err := client.Dial(t.Context(), addr, nil); err == nil {
			s.Close()
			t.Error("somebody answered")
		}
	}
	// Who is not there is given the head start and the last chance.
	const most = 600 * time.Millisecond
	if d := fastest(2, dial); d > most {
		t.Errorf("a server that is not there at all took %v", d)
	}
	udp, err := net.ListenPacket("udp", addr) // swallows everything
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	if d := fastest(2, dial); d > most {
		t.Errorf("a server that is silent took %v", d)
	}
}
