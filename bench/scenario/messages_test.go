package scenario

import (
	"slices"
	"testing"
	"time"

	"github.com/twinwire/twinwire/bench/echo"
	"github.com/twinwire/twinwire/bench/link"
	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/subject"
)

// named returns a peer.
func named(t *testing.T, name string) peer.Peer {
	t.Helper()
	if err := link.Available(); err != nil {
		t.Skip(err)
	}
	all := slices.Concat(subject.NetworkPeers(), echo.NetworkPeers())
	i := slices.IndexFunc(all, func(p peer.Peer) bool { return p.Info().Name == name })
	if i < 0 {
		t.Fatalf("no peer %s", name)
	}
	return all[i]
}

// quick is a network on which little takes long.
var quick = Network{Rate: 100e6, Trip: 10 * time.Millisecond}

// Calls are made at their rate, and large messages arrive beside them.
func TestMeasureMessages(t *testing.T) {
	for _, name := range []string{"twinwire-quic", "bare-gorilla-cubic"} {
		t.Run(name, func(t *testing.T) {
			l, err := MeasureMessages(t.Context(), named(t, name), quick, 200*time.Millisecond, 600*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			if l.Count == 0 || l.P50 < quick.Trip {
				t.Errorf("%+v, want calls of a round trip at least", l)
			}
		})
	}
}

// Events are published at their rate, and all of them arrive, also where packets
// are lost.
func TestMeasureEvents(t *testing.T) {
	n := quick
	n.Loss = 0.02
	for _, name := range []string{"twinwire-quic", "twinwire-wss-cubic", "floor-tls-cubic"} {
		t.Run(name, func(t *testing.T) {
			e, err := MeasureEvents(t.Context(), named(t, name), n, 100*time.Millisecond, 400*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			if e.Published == 0 || e.Lost != 0 || e.Latency.Count == 0 || e.Latency.P50 < n.Trip/2 {
				t.Errorf("%+v, want events, and all of them", e)
			}
		})
	}
}

// Nothing is lost while the link is cut, and what waited meanwhile is charged
// for it.
func TestMeasureCut(t *testing.T) {
	const dark = 300 * time.Millisecond
	for _, name := range []string{"twinwire-quic", "twinwire-wss-cubic"} {
		t.Run(name, func(t *testing.T) {
			c, err := MeasureCut(t.Context(), named(t, name), quick, dark)
			if err != nil {
				t.Fatal(err)
			}
			if c.Lost != 0 || c.Published == 0 || c.Calls == 0 || c.Longest < dark || c.Back > c.Longest {
				t.Errorf("%+v, want a wait of %v at least and nothing lost", c, dark)
			}
		})
	}
}

// A client that has both wires goes on over the other, and comes back.
func TestMeasureMove(t *testing.T) {
	m, err := MeasureMove(t.Context(), named(t, "twinwire"), quick)
	if err != nil {
		t.Fatal(err)
	}
	if m.Away == 0 || m.Longest < quick.Trip || m.Longest > 20*time.Second || m.Calls == 0 {
		t.Errorf("%+v, want it to move within seconds", m)
	}
}

// Who cannot go anywhere does not move.
func TestMoveNeedsQUIC(t *testing.T) {
	if _, err := MeasureMove(t.Context(), named(t, "twinwire-wss-cubic"), quick); err == nil {
		t.Error("a client on WebSocket has moved")
	}
}
