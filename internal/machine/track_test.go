package machine

import (
	"testing"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// tracked checks what was sent whole: each tracked one once, and before its
// end.
func (e *end) tracked() {
	for _, c := range e.m.SentTracked() {
		t := c.Owner.(*testCall)
		if t.sent++; t.sent > 1 || t.received || t.done > 0 || !c.Tracked || !c.item.whole {
			e.w.fatalf("%s: %d was sent %d times, received %v, done %d", e.name, t.number, t.sent, t.received, t.done)
		}
	}
}

// received checks what was received: once, after it was sent, and before its
// end.
func (e *end) received() {
	for _, c := range e.eff.Received {
		t := c.Owner.(*testCall)
		if t.received || t.sent != 1 || t.done > 0 || c.OneWay || c.item.mark > e.peer.m.lanes[e.m.role.call].next {
			e.w.fatalf("%s: %d was received: sent %d times, done %d", e.name, t.number, t.sent, t.done)
		}
		t.received = true
	}
}

// trackedEnded checks that every tracked message has ended with the session.
func (e *end) trackedEnded() {
	for n, c := range e.byNumber {
		if c.Tracked && c.OneWay && !c.notRun && c.done != 1 {
			e.w.fatalf("%s: message %d ended %d times", e.name, n, c.done)
		}
	}
	if e.m.unacked.len() != 0 {
		e.w.fatalf("%s: %d tracked ones are left", e.name, e.m.unacked.len())
	}
}

// A tracked message ends when it is acknowledged, a tracked call is received
// then; one that was answered before is not told of.
func TestTracked(t *testing.T) {
	both(t, func(t *testing.T, w *world, client, server *end) {
		w.settle()
		track := func(c *testCall) { c.Tracked = true }
		message := client.call(3*frame.MaxPayload, func(c *testCall) { c.OneWay, c.Tracked = true, true })
		slow := client.call(8, track)
		quick := client.call(8, track)
		untracked := client.call(8, nil)
		client.sendAll()
		server.answer(server.inbox[len(server.inbox)-2], 32)
		w.settle()
		if message.done != 1 || message.Code != twinwire.Accepted {
			t.Errorf("message ended %d times with %v", message.done, message.Code)
		}
		if !slow.received || slow.done != 0 {
			t.Errorf("call was received: %v, and ended %d times", slow.received, slow.done)
		}
		if quick.done+slow.done+untracked.done != 1 {
			t.Errorf("the calls ended %d, %d and %d times", slow.done, quick.done, untracked.done)
		}
		if untracked.received || untracked.sent != 0 {
			t.Error("a call that is not tracked was told of")
		}
		for len(server.inbox) > 0 {
			server.answer(server.inbox[0], 32)
		}
		w.settle()
		if n := client.m.unacked.len(); n != 0 {
			t.Errorf("%d are still tracked", n)
		}
	})
}

// What becomes of a tracked message when the session ends depends on what is
// known of it (8.3).
func TestTrackedEnd(t *testing.T) {
	message := func(c *testCall) { c.OneWay, c.Tracked = true, true }
	both(t, func(t *testing.T, w *world, client, server *end) {
		w.settle()
		gone := client.call(8, message)
		pipe := client.m.role.call % client.m.Pipes()
		client.flush(pipe) // nobody receives it
		unsent := client.call(8, message)
		part := client.call(3*frame.MaxPayload, message)
		w.end()
		if gone.Code != twinwire.OutcomeUnknown || unsent.Code != twinwire.Unavailable || part.Code != twinwire.Unavailable {
			t.Errorf("messages ended with %v, %v and %v", gone.Code, unsent.Code, part.Code)
		}
	})
	both(t, func(t *testing.T, w *world, client, server *end) {
		w.settle()
		had := client.call(8, message)
		client.sendAll()
		var eff Effects
		server.m.Close(twinwire.Accepted, "", 0, &eff) // says what it has received
		server.sendAll()
		w.end()
		if had.Code != twinwire.Accepted {
			t.Errorf("message ended with %v", had.Code)
		}
	})
}

func (l *list) len() (n int) {
	for it := l.first; it != nil; it = it.next {
		n++
	}
	return n
}
