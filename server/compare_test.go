package server_test

import (
	"testing"
	"time"

	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/core"
)

// Where UDP is slow, a session that compares its wires has its large transfers
// over WebSocket, without a break in them or in its calls, and goes back to QUIC
// when there are none any more. See client.Options.CompareWires.
func TestCompareWires(t *testing.T) {
	t.Parallel()
	tr := &traffic{t: t, ran: map[int64]int{}}
	tr.e = start(t, "", "").serve(tr.service())
	r := newRoad(t, tr.e.ln.Addr())
	s, err := client.Dial(t.Context(), r.addr(), &client.Options{Pins: tr.e.dev.Pins(), Memory: new(client.Memory), CompareWires: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if w := s.Transport().Wire; w != "quic" {
		t.Fatalf("began on %s", w)
	}
	tr.s = s
	r.narrowUDP(1 << 20)
	changes := follow(s)
	tr.begin(1)
	eventually(t, func() bool { return s.Transport().Wire == "websocket" })
	if within(5*time.Second, func() bool { return s.Transport().Wire != "websocket" }) {
		t.Error("it went back although the other wire is slower")
	}
	tr.some(100)
	tr.end()
	eventually(t, func() bool { return s.Transport().Wire == "quic" })
	for len(changes) > 0 {
		if c := <-changes; c.Phase == core.Detached {
			t.Errorf("the session had no carrier: %v", c)
		}
	}
}
