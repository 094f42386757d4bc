package machine

import (
	"testing"
	"time"

	"github.com/twinwire/twinwire/frame"
)

// resume has the session go on over another carrier: after the one that it had
// broke, or while that one still works. The handshake is as stale as it may
// be: what arrives between hello and ATTACH makes it so.
func (w *world) resume() {
	client, server := w.ends[0], w.ends[1]
	broken := w.rng.IntN(2) == 0
	if broken {
		client.m.Detach()
		server.m.Detach()
		client.out, server.out = new(pipes), new(pipes)
		w.applications()
	}
	hello := client.m.Nexts()
	w.applications()
	if !broken {
		w.deliveries()
	}
	welcome := server.m.Nexts()
	if !broken {
		w.deliveries()
	}
	generation := client.m.cfg.Generation + 1
	independent := w.rng.IntN(2) == 0
	bind := func(e *end, nexts, told [frame.MaxLanes]uint64) {
		b := &Binding{Generation: generation, Independent: independent, Heartbeat: 10 * time.Second, Nexts: nexts, Told: told, Datagram: e.m.cfg.Datagram, Copies: e.m.cfg.Copies}
		e.eff.Reset()
		if err := e.m.Rebind(b, w.now, &e.eff); err != nil {
			w.fatalf("%s: %v", e.name, err)
		}
		e.carryOut()
		e.block = [frame.MaxLanes]int{}
	}
	old := client.out
	client.air, server.air = nil, nil
	client.out, server.out = new(pipes), new(pipes)
	bind(client, welcome, hello)
	for p := range old { // it may arrive as long as the server knows of no ATTACH
		for _, b := range old[p][:w.rng.IntN(len(old[p])+1)] {
			server.receive(p, b)
		}
	}
	// The ATTACH is what tells the server.
	client.flush(0)
	attach := client.out[0][0]
	client.out[0] = client.out[0][1:]
	bind(server, hello, welcome)
	server.receive(0, attach)
}

// applications lets both applications go on, whatever the carrier does.
func (w *world) applications() {
	for range w.rng.IntN(20) {
		e := w.ends[w.rng.IntN(2)]
		switch w.rng.IntN(4) {
		case 0:
			e.call(w.size(), func(c *testCall) { c.OneWay = w.rng.IntN(2) == 0 })
		case 1:
			if len(e.inbox) > 0 {
				e.answer(e.inbox[0], w.size())
			}
		case 2:
			e.topicStep()
		default:
			e.stateStep()
		}
		if w.ends[0].m.detached && e.m.Wake() != 0 {
			w.fatalf("%s: wants to send without a carrier", e.name)
		}
	}
}

// deliveries lets some of what is on its way arrive.
func (w *world) deliveries() {
	for range w.rng.IntN(10) {
		e := w.ends[w.rng.IntN(2)]
		p := w.rng.IntN(e.m.Pipes())
		if w.rng.IntN(2) == 0 {
			e.flush(p)
		}
		e.deliver(p)
	}
}

// Without acknowledgements not more than the retention is sent, and when they
// come it goes on.
func TestRetentionIsBounded(t *testing.T) {
	for _, independent := range []bool{false, true} {
		c, s := testConfig(true, independent), testConfig(false, independent)
		c.Retention, s.Retention = 100_000, 100_000
		s.Own.Messages, c.Peer.Messages = 300, 300
		w := newWorld(t, 1, c, s)
		w.settle()
		client := w.ends[0]
		for range 100 {
			client.call(10_000, func(c *testCall) { c.OneWay = true })
		}
		pipe := client.m.role.call % client.m.Pipes()
		for client.flush(pipe) {
		}
		if kept := client.m.lanes[client.m.role.call].keep.bytes(); kept < 100_000 || kept > 100_000+2*frame.MaxFrame {
			t.Errorf("%d bytes are kept", kept)
		}
		w.settle()
		if n := len(w.ends[1].inbox); n != 100 {
			t.Errorf("%d messages arrived", n)
		}
		for i := range client.m.lanes {
			if n := client.m.lanes[i].keep.bytes(); n != 0 {
				t.Errorf("lane %d keeps %d bytes", i, n)
			}
		}
		w.tick(client.m.Deadline() - w.now)
		for i := range client.m.lanes {
			if k := client.m.lanes[i].keep; k != nil {
				t.Errorf("lane %d holds on to %d bytes", i, cap(k.b))
			}
		}
	}
}

// A peer that expects what was never sent is not the one.
func TestResumeOfAnotherSession(t *testing.T) {
	w := newWorld(t, 1, testConfig(true, false), testConfig(false, false))
	m := w.ends[0].m
	if err := m.Rebind(&Binding{Generation: 2, Nexts: [frame.MaxLanes]uint64{1: 1}}, 0, &Effects{}); err != ErrNotResumable {
		t.Errorf("Rebind = %v", err)
	}
}
