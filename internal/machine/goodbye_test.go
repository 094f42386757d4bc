package machine

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// outcomes are the calls of a TestOutcome: how far each got before the end.
type outcomes struct {
	waiting, queued, cutOff, unread, running, answered *testCall
}

// prepare brings calls into every phase that there is.
func (w *world) prepare(client, server *end) outcomes {
	var o outcomes
	lane := client.m.role.call % client.m.Pipes()
	o.answered = client.call(8, nil)
	w.settle()
	server.m.Reply(server.only(), 0, body(32, w.numbersOf(server.only().Payload, 1)[0], 0, 0, 0), nil)
	server.inbox = nil
	for server.m.Wake() != 0 {
		for p := range server.m.Pipes() {
			server.flush(p)
		}
	}
	o.running = client.call(8, nil)
	client.flush(lane)
	w.step0(client)
	o.cutOff = client.call(1<<20, nil)
	client.flush(lane)
	o.unread = client.call(8, nil)
	client.flush(lane)
	o.queued = client.call(8, nil)
	client.m.cfg.Peer.Calls = client.m.out.calls
	o.waiting = client.call(8, nil)
	return o
}

func (o *outcomes) check(t *testing.T, unread twinwire.Code) {
	t.Helper()
	for _, test := range []struct {
		name string
		c    *testCall
		want twinwire.Code
	}{
		{"waits for the window", o.waiting, twinwire.Unavailable},
		{"waits to be sent", o.queued, twinwire.Unavailable},
		{"was sent in part", o.cutOff, twinwire.Unavailable},
		{"was sent and not received", o.unread, unread},
		{"runs", o.running, twinwire.OutcomeUnknown},
	} {
		if test.c.done != 1 || test.c.Code != test.want {
			t.Errorf("a call that %s ended %d times with %v, want %v: %s", test.name, test.c.done, test.c.Code, test.want, test.c.Text)
		}
	}
}

// What a caller is told when the carrier breaks (8.3).
func TestOutcomeOfCut(t *testing.T) {
	both(t, func(t *testing.T, w *world, client, server *end) {
		o := w.prepare(client, server)
		w.end()
		o.check(t, twinwire.OutcomeUnknown)
		if o.answered.Code != twinwire.OutcomeUnknown {
			t.Errorf("a call whose answer was lost ended with %v", o.answered.Code)
		}
		if err := client.m.Start(&Call{Method: "t.m"}); err != ErrEnded {
			t.Errorf("Start after the end = %v", err)
		}
		if client.m.Wake() != 0 || len(client.m.Batch(0, 0, nil)) != 0 {
			t.Error("something is sent after the end")
		}
	})
}

// What a caller is told when the callee said goodbye: from the acknowledgement
// that came with it, which calls were received. It must not matter that the
// acknowledgement of a lane of its own is still on its way (8.2, 8.3).
func TestOutcomeOfGoodbye(t *testing.T) {
	both(t, func(t *testing.T, w *world, client, server *end) {
		o := w.prepare(client, server)
		// The callee has sent an ACK, which does not arrive before the CLOSE.
		w.now += time.Second
		_ = server.m.Tick(w.now)
		for p := range server.m.Pipes() {
			server.flush(p)
		}
		server.close()
		for server.m.Wake() != 0 {
			server.flush(0)
		}
		if server.m.Pipes() > 1 {
			early := server.out[1]
			server.out[1] = nil
			w.step0(server)
			for _, b := range early {
				parse(t, b, func(f *frame.Frame) {
					if f.Kind.Numbered() {
						w.numbered(client, f)
					}
				})
			}
		} else {
			w.step0(server)
		}
		if !client.closed {
			t.Fatal("the goodbye was not agreed on")
		}
		// A call that arrives now does not start: its caller concludes that it
		// did not.
		w.step0(client)
		if server.started[o.unread.number] != 0 {
			t.Error("a call was started after CLOSE")
		}
		w.end()
		o.check(t, twinwire.Unavailable)
		if o.answered.Code != twinwire.Accepted {
			t.Errorf("a call that was answered ended with %v", o.answered.Code)
		}
	})
}

// numbered delivers a single frame to e.
func (w *world) numbered(e *end, f *frame.Frame) { e.receive(int(f.Lane), frame.Append(nil, f)) }

// A call that comes between Close and CLOSE is answered with Unavailable.
func TestCallWhileClosing(t *testing.T) {
	both(t, func(t *testing.T, w *world, client, server *end) {
		client.call(8, nil)
		w.settle()
		v := server.only()
		_, _ = server.emit(&server.all, 8)
		late := client.call(8, nil)
		big := client.call(50_000, nil)
		for p := range client.m.Pipes() {
			client.flush(p)
			client.flush(p)
		}
		server.close()
		w.step0(client)
		server.answer(v, 32)
		w.settle()
		for _, c := range []*testCall{late, big} {
			if c.Code != twinwire.Unavailable || c.done != 1 {
				t.Errorf("the call ended %d times, with %v", c.done, c.Code)
			}
		}
		if !client.closed {
			t.Error("the goodbye was not agreed on")
		}
		w.end()
	})
}

// After CLOSE a side sends nothing but acknowledgements, and so does the side
// that received it (8.2).
func TestSilence(t *testing.T) {
	both(t, func(t *testing.T, w *world, client, server *end) {
		client.call(8, nil)
		server.call(8, nil)
		w.settle()
		server.close()
		for server.m.Wake() != 0 {
			server.flush(0)
		}
		answered := client.inbox[0]
		server.answer(server.inbox[0], 8)
		_ = server.m.Receive(0, frames(frame.Frame{Kind: frame.Ping, ID: 1}), w.now, &server.eff)
		w.step0(server)
		client.answer(answered, 8)
		if _, err := client.m.Emit(nil, "t.E", nil, DropOldest); err != ErrEnded {
			t.Errorf("Emit = %v", err)
		}
		_ = client.m.Receive(0, frames(frame.Frame{Kind: frame.Ping, ID: 1}), w.now, &client.eff)
		w.now += time.Minute
		for _, e := range w.ends {
			_ = e.m.Tick(w.now)
			for p := range e.m.Pipes() {
				if e.m.Wake()&(1<<p) != 0 {
					parse(t, e.m.Batch(p, w.now, nil), func(f *frame.Frame) {
						if f.Kind != frame.Ack {
							t.Errorf("%s sends %v", e.name, f)
						}
					})
				}
			}
			if e.m.Wake() != 0 {
				t.Errorf("%s still has something to send", e.name)
			}
		}
		w.end()
	})
}

// Close sends what is queued first, messages that wait for credit too, and
// ends calls that wait for the window at once.
func TestCloseFlushes(t *testing.T) {
	both(t, func(t *testing.T, w *world, client, server *end) {
		client.m.out.messageLimit, client.m.cfg.Peer.Calls = 2, 1
		var messages []*testCall
		for range 2 {
			messages = append(messages, client.call(8, func(c *testCall) { c.OneWay = true }))
		}
		client.call(8, nil)
		waiting := client.call(8, nil)
		late := client.call(100_000, func(c *testCall) { c.OneWay = true })
		client.close()
		if waiting.Code != twinwire.Unavailable || !strings.Contains(waiting.Text, "closing") {
			t.Errorf("the call that waited ended with %v", waiting.Code)
		}
		if client.call(8, nil) != nil {
			t.Error("a call begins after Close")
		}
		w.settle()
		if server.closed || server.started[late.number] != 0 {
			t.Fatal("the message did not wait for credit")
		}
		credit := frame.Frame{Kind: frame.Credit, ID: frame.CreditMessages, Next: 10}
		client.receive(0, frames(credit))
		w.settle()
		if !server.closed {
			t.Fatal("no goodbye")
		}
		for _, c := range append(messages, late) {
			if server.started[c.number] != 1 {
				t.Errorf("message %d was handled %d times", c.number, server.started[c.number])
			}
		}
		w.end()
	})
}

// The reason is cut to what a frame takes, at the end of a character, and a
// CLOSE on the way does not end the session before what it counts has arrived.
func TestGoodbyeReason(t *testing.T) {
	w := pairOf(t, true)
	client, server := w.ends[0], w.ends[1]
	client.call(8, nil)
	for p := range client.m.Pipes() {
		client.flush(p)
	}
	client.m.Close(twinwire.Rejected, strings.Repeat("ü", 100), 0, &client.eff)
	client.flush(0)
	for len(client.out[0]) > 0 {
		client.deliver(0)
	}
	if server.closed {
		t.Fatal("the session ended before the call arrived")
	}
	w.step0(client)
	_, reason, retry, _ := server.m.Goodbye()
	if !server.closed || reason != strings.Repeat("ü", 60) || retry != 0 {
		t.Errorf("closed %v with %q and %v", server.closed, reason, retry)
	}
	w.end()
}

// The calls that an end ends come in the order of their ids, so that a history
// can be repeated.
func TestEndIsDeterministic(t *testing.T) {
	w := pairOf(t, false)
	for range 50 {
		w.ends[0].call(8, nil)
	}
	w.settle()
	var eff Effects
	w.ends[0].m.End(&eff)
	if !slices.IsSortedFunc(eff.Done, func(a, b *Call) int { return int(a.item.id) - int(b.item.id) }) {
		t.Error("calls end in no order")
	}
	n := len(eff.Done)
	if w.ends[0].m.End(&eff); len(eff.Done) != n || n != 50 {
		t.Errorf("%d calls ended, then %d", n, len(eff.Done))
	}
}
