package machine

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// both runs a test over one pipe and over lanes of their own.
func both(t *testing.T, f func(t *testing.T, w *world, client, server *end)) {
	for name, independent := range map[string]bool{"OnePipe": false, "Lanes": true} {
		t.Run(name, func(t *testing.T) {
			w := pairOf(t, independent)
			f(t, w, w.ends[0], w.ends[1])
		})
	}
}

// callee returns what the only call that is being served is.
func (e *end) only() *Inbound {
	e.w.t.Helper()
	if len(e.inbox) != 1 {
		e.w.fatalf("%s: %d calls are being served, want 1", e.name, len(e.inbox))
	}
	return e.inbox[0]
}

// A duplicate id is answered and the session lives on (6.1).
func TestDuplicateCall(t *testing.T) {
	m := New(testConfig(false, false), 0)
	var eff Effects
	again := call(4)
	again.Seq = 1
	if err := m.Receive(0, frames(attach(0, frame.AllLanes), call(5), again), 0, &eff); err != nil {
		t.Fatal(err)
	}
	if len(eff.Start) != 1 {
		t.Fatalf("%d calls started, want 1", len(eff.Start))
	}
	var got []string
	parse(t, m.Batch(0, 0, nil), func(f *frame.Frame) {
		if f.Kind == frame.Reply {
			text, _ := ParseRejection(f.Payload)
			got = append(got, fmt.Sprint(f.ID, twinwire.Code(f.Code), string(text)))
		}
	})
	if want := fmt.Sprint(4, twinwire.BadRequest, "duplicate call id"); len(got) != 1 || got[0] != want {
		t.Errorf("answers: %q, want %q", got, want)
	}
	m.Reply(eff.Start[0], 0, nil, nil)
	if b := m.Batch(0, 0, nil); len(b) == 0 {
		t.Error("the call that runs is not answered any more")
	}
}

// A call beyond the window is answered with ResourceExhausted, and the place
// of a canceled call is not free before its handler has returned (5.2).
func TestWindow(t *testing.T) {
	cfg := testConfig(false, false)
	cfg.Own.Calls = 2
	m := New(cfg, 0)
	var eff Effects
	cancel := frame.Frame{Kind: frame.Cancel, Lane: 1, ID: 1, Code: 6}
	if err := m.Receive(0, frames(attach(0, frame.AllLanes), call(1), call(2), cancel, call(3)), 0, &eff); err != nil {
		t.Fatal(err)
	}
	if len(eff.Start) != 2 || len(eff.Cancel) != 1 || eff.Cancel[0] != eff.Start[0] {
		t.Fatalf("%d calls started and %d canceled, want 2 and the first", len(eff.Start), len(eff.Cancel))
	}
	var codes []twinwire.Code
	parse(t, m.Batch(0, 0, nil), func(f *frame.Frame) {
		if f.Kind == frame.Reply {
			codes = append(codes, twinwire.Code(f.Code))
		}
	})
	if len(codes) != 1 || codes[0] != twinwire.ResourceExhausted {
		t.Errorf("answers: %v, want one ResourceExhausted", codes)
	}
}

// A million calls that are canceled at once run no more handlers than the
// window has places (rapid reset).
func TestRapidReset(t *testing.T) {
	both(t, func(t *testing.T, w *world, client, server *end) {
		n := 100_000
		if testing.Short() {
			n = 5_000
		}
		for range n {
			c := client.call(16, nil)
			if c == nil {
				t.Fatal("the queue is full of calls that were given up")
			}
			client.flush(client.m.role.call % client.m.Pipes())
			client.abandon(c)
			w.step0(client)
		}
		if len(server.inbox) > 256 || client.m.out.queued > 0 {
			t.Errorf("%d handlers run, %d calls wait", len(server.inbox), client.m.out.queued)
		}
	})
}

// step0 moves what e sent.
func (w *world) step0(e *end) {
	for p := range e.m.Pipes() {
		for len(e.out[p]) > 0 {
			e.deliver(p)
		}
	}
}

// A snapshot takes the place of the change that it replaces, so that the reply
// behind that does not overtake it (6.9).
func TestSnapshotKeepsItsPlace(t *testing.T) {
	both(t, func(t *testing.T, w *world, client, server *end) {
		st := server.m.OpenState("s1")
		if err := server.m.Snapshot(st, 1, body(8, 1)); err != nil {
			t.Fatal(err)
		}
		client.call(8, nil)
		w.settle()
		if ok, err := server.m.Delta(st, body(8, 2)); !ok || err != nil {
			t.Fatal(ok, err)
		}
		server.m.Reply(server.only(), 0, body(32, w.numbersOf(server.only().Payload, 1)[0], 1, 2, 0), nil)
		if err := server.m.Snapshot(st, 3, body(8, 3)); err != nil {
			t.Fatal(err)
		}
		server.m.Wake()
		var got []frame.Kind
		parse(t, server.m.Batch(server.m.role.call%server.m.Pipes(), 0, nil), func(f *frame.Frame) {
			if f.Kind.Numbered() {
				got = append(got, f.Kind)
			}
		})
		if want := []frame.Kind{frame.State, frame.Reply}; !slices.Equal(got, want) {
			t.Errorf("%v are sent, want %v", got, want)
		}
	})
}

// A large state is not torn by a snapshot that replaces what waits behind it.
func TestSnapshotBehindParts(t *testing.T) {
	both(t, func(t *testing.T, w *world, client, server *end) {
		st := server.m.OpenState("s1")
		if err := server.m.Snapshot(st, 1, body(200_000, 1)); err != nil {
			t.Fatal(err)
		}
		client.call(8, nil)
		w.settle()
		for v := range uint64(5) {
			if err := server.m.Snapshot(st, 2+2*v, body(100_000, 2+2*v)); err != nil {
				t.Fatal(err)
			}
			server.flush(server.m.role.call % server.m.Pipes())
			if ok, err := server.m.Delta(st, body(100, 3+2*v)); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		w.settle()
		if client.seen["s1"] != 11 {
			t.Errorf("version %d is seen, want 11", client.seen["s1"])
		}
	})
}

// A call that is given up between the reservation of its credit and its first
// frame gives the credit back (5.5).
func TestAbandonReserved(t *testing.T) {
	both(t, func(t *testing.T, w *world, client, server *end) {
		for range 10 {
			var calls []*testCall
			for range 4 {
				calls = append(calls, client.call(3<<20, nil))
			}
			client.flush(client.m.role.call % client.m.Pipes())
			for _, c := range calls {
				client.abandon(c)
			}
			w.settle()
		}
		for range 5 {
			client.call(3<<20, nil)
		}
		w.settle()
		if len(server.inbox) != 5 {
			t.Errorf("%d large calls run, want 5: the credit is lost", len(server.inbox))
		}
	})
}

// The reply waits for the event on the lane that stalls, and the call's place
// is not free meanwhile (6.10).
func TestBarrier(t *testing.T) {
	w := pairOf(t, true)
	client, server := w.ends[0], w.ends[1]
	client.call(8, nil)
	w.settle()
	v := server.only()
	ordinal, _ := server.emit(&server.all, 30_000)
	server.m.Caused(v, ordinal)
	server.m.Reply(v, 0, body(32, w.numbersOf(v.Payload, 1)[0], 0, 0, 1), []byte("\x01k\x01v"))
	for range 10 {
		for p := range server.m.Pipes() {
			server.m.Wake()
			server.flush(p)
		}
		for p := range client.m.Pipes() {
			client.flush(p)
		}
		w.step0(client)
		for _, p := range []int{0, 1} {
			for len(server.out[p]) > 0 {
				server.deliver(p)
			}
		}
	}
	if len(client.calls) != 1 || client.m.out.calls != 1 || len(client.m.out.held) != 1 {
		t.Fatalf("the reply did not wait: %d calls, %d held", len(client.calls), len(client.m.out.held))
	}
	c := client.calls[0]
	w.settle()
	if len(client.calls) != 0 || client.m.out.calls != 0 || client.topics[""].last != 1 {
		t.Error("the reply was not released")
	}
	if string(c.ReplyMeta) != "\x01k\x01v" {
		t.Errorf("metadata is %q", c.ReplyMeta)
	}
}

// Small calls get through beside large ones, and large ones beside a flood of
// small calls and events.
func TestFairness(t *testing.T) {
	both(t, func(t *testing.T, w *world, client, server *end) {
		for range 3 {
			client.call(4<<20, nil)
		}
		call := client.m.role.call % client.m.Pipes()
		client.flush(call)
		small := client.call(10, nil)
		client.flush(call)
		w.step0(client)
		if server.started[small.number] != 1 {
			t.Error("a small call waits behind large ones")
		}
		sent := client.m.large.first.off
		for range 200 {
			for range 20 {
				client.call(frame.MaxPayload, func(c *testCall) { c.OneWay = true })
				client.emit(&client.all, frame.MaxPayload)
			}
			for p := range client.m.Pipes() {
				client.flush(p)
			}
			w.step0(client)
			for p := range server.m.Pipes() {
				server.flush(p)
			}
			w.step0(server)
			for _, v := range server.inbox {
				if v.OneWay {
					server.answer(v, 0)
					break
				}
			}
		}
		if client.m.large.first.off == sent {
			t.Error("large calls starve")
		}
	})
}

// After an interval of silence a PING, after another one the end (8.1).
func TestHeartbeat(t *testing.T) {
	both(t, func(t *testing.T, w *world, client, server *end) {
		for range 1000 {
			w.tick(client.m.Deadline() - w.now)
			w.settle()
		}
		if client.dead != nil || server.dead != nil || w.now < time.Hour {
			t.Fatalf("ended with %v and %v after %v", client.dead, server.dead, w.now)
		}
		begin := w.now
		for client.dead == nil && w.now < begin+time.Hour {
			w.tick(min(client.m.Deadline(), server.m.Deadline()) - w.now)
			for p := range client.m.Pipes() {
				client.flush(p) // and it is lost
			}
		}
		if d := w.now - begin; !errors.Is(client.dead, twinwire.PeerDead) || d > 20*time.Second {
			t.Errorf("ended with %v after %v", client.dead, d)
		}
	})
}

// A process that was suspended asks before it gives up.
func TestSuspended(t *testing.T) {
	w := pairOf(t, false)
	w.tick(time.Hour)
	if w.ends[0].dead != nil {
		t.Fatal("gave up on a peer that it had not asked")
	}
	w.tick(time.Millisecond)
	if w.ends[0].dead != nil {
		t.Fatal("gave no time to answer")
	}
	w.settle()
	w.tick(9 * time.Second)
	w.tick(9 * time.Second)
	if w.ends[0].dead != nil || w.ends[1].dead != nil {
		t.Error("the answer did not count")
	}
}

// What cannot be sent does not make the machine want the time again and again.
func TestDeadlineWhileStalled(t *testing.T) {
	both(t, func(t *testing.T, w *world, client, server *end) {
		client.call(8, nil)
		w.settle()
		for range 5 {
			w.tick(server.m.Deadline() - w.now) // fails if it stands still
		}
		if server.dead == nil && w.now < 10*time.Second {
			t.Errorf("five deadlines within %v", w.now)
		}
	})
}

// ACKs are sent within 25 ms, or after 32 frames or 16 KiB, or 256 KiB of
// messages of several frames (4.2).
func TestAckPace(t *testing.T) {
	for _, test := range []struct{ frames, size int }{{1, 1}, {31, 1}, {32, 1}, {1, 16 << 10}, {3, 8 << 10}, {1, 200 << 10}, {1, 260 << 10}} {
		w := pairOf(t, false)
		client, server := w.ends[0], w.ends[1]
		for range test.frames {
			client.call(test.size, func(c *testCall) { c.OneWay = true })
		}
		for client.flush(0) {
		}
		w.step0(client)
		at := server.m.Deadline() - w.now
		due := server.m.Wake() != 0
		bytes := test.frames * test.size
		if test.size > frame.MaxPayload {
			bytes /= 16
		}
		if want := test.frames >= 32 || bytes >= 16<<10; due != want {
			t.Errorf("%d frames of %d bytes: ACK due is %v", test.frames, test.size, due)
		}
		if at > 25*time.Millisecond {
			t.Errorf("%d frames of %d bytes: ACK within %v", test.frames, test.size, at)
		}
		w.tick(at)
		if server.m.Wake() == 0 {
			t.Error("no ACK when it was due")
		}
	}
}

// Events are acknowledged within 350 ms by a server and 1.3 s by a client, or
// after 128 of them, or 16 KiB (4.2).
func TestAckPaceOfEvents(t *testing.T) {
	for _, test := range []struct{ events, size int }{{1, 1}, {127, 1}, {128, 1}, {3, 8 << 10}} {
		for to, most := range []time.Duration{1300 * time.Millisecond, 350 * time.Millisecond} {
			w := pairOf(t, false)
			receiver, sender := w.ends[to].m, w.ends[1-to].m
			w.settle()
			for range test.events {
				if _, err := sender.Emit(nil, "t.E", make([]byte, test.size), DropOldest); err != nil {
					t.Fatal(err)
				}
			}
			w.pass(receiver, sender)
			due := receiver.Wake() != 0
			if want := test.events >= 128 || test.events*test.size >= 16<<10; due != want {
				t.Errorf("%d events of %d bytes: ACK due is %v", test.events, test.size, due)
			}
			at := receiver.Deadline() - w.now
			if at > most || !due && at < most-100*time.Millisecond {
				t.Errorf("%d events of %d bytes: ACK within %v", test.events, test.size, at)
			}
			if err := receiver.Tick(w.now + at); err != nil || receiver.Wake() == 0 {
				t.Errorf("no ACK when it was due, error %v", err)
			}
		}
	}
}

// With a PONG go the ACKs that are owed (8.1).
func TestPongBringsAcks(t *testing.T) {
	for _, independent := range []bool{false, true} {
		w := pairOf(t, independent)
		client, server := w.ends[0].m, w.ends[1].m
		if _, err := server.Emit(nil, "t.E", []byte{1}, DropOldest); err != nil {
			t.Fatal(err)
		}
		both := func() {
			for range 3 { // a lane is asked for, and bound, first
				w.pass(client, server)
				w.pass(server, client)
			}
		}
		both()
		if server.Stats().Unacknowledged == 0 {
			t.Fatal("acknowledged before anybody asked")
		}
		server.Doubt(w.now)
		both()
		if n := server.Stats().Unacknowledged; n != 0 || client.Deadline() < w.now+time.Second {
			t.Errorf("independent lanes %v: %d bytes are not acknowledged, client waits until %v", independent, n, client.Deadline())
		}
	}
}

// pass lets one machine receive what another has to send.
func (w *world) pass(to, from *Machine) {
	w.t.Helper()
	var eff Effects
	for wake := from.Wake(); wake != 0; wake = from.Wake() {
		p := bits.TrailingZeros32(wake)
		if err := to.Receive(p, from.Batch(p, w.now, nil), w.now, &eff); err != nil {
			w.t.Fatal(err)
		}
	}
}

// Pong, flight and ping do not grow without bound when the peer does not read
// or does not acknowledge.
func TestBounds(t *testing.T) {
	m := New(testConfig(false, false), 0)
	var eff Effects
	if err := m.Receive(0, frames(attach(0, frame.AllLanes)), 0, &eff); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if err := m.Receive(0, pings(10), time.Duration(i)*time.Second, &eff); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(m.control.pongs); n > maxPings {
		t.Errorf("%d PONGs wait", n)
	}
	for range 1000 {
		if _, err := m.Emit(nil, "t.E", []byte("x"), DropOldest); err != nil {
			t.Fatal(err)
		}
		m.Batch(0, 0, nil)
	}
	if l := &m.lanes[2]; len(l.flight) > maxFlight || l.pending == 0 {
		t.Errorf("%d batches are remembered, %d bytes", len(l.flight), l.pending)
	}
	if err := m.Receive(0, frames(frame.Frame{Kind: frame.Ack, Lane: 2, Next: 1000}), 0, &eff); err != nil {
		t.Fatal(err)
	}
	if l := &m.lanes[2]; l.pending != 0 {
		t.Errorf("%d bytes remain", l.pending)
	}
}

// Where calls and events share a lane they share its names (6.2).
func TestSharedNames(t *testing.T) {
	for lanes := 1; lanes <= 2; lanes++ {
		c, s := testConfig(true, false), testConfig(false, false)
		c.Lanes, s.Lanes = lanes, lanes
		w := newWorld(t, 1, c, s)
		client, server := w.ends[0], w.ends[1]
		if _, err := client.m.Emit(nil, "t.0", body(8, 1), DropOldest); err != nil {
			t.Fatal(err)
		}
		client.all.emitted++
		w.settle()
		client.call(8, func(c *testCall) { c.Method = "t.0" })
		w.settle()
		if v := server.only(); v.Target != "t.0" || v.Method != "t.0" {
			t.Errorf("%d lanes: the target of %s is %v", lanes, v.Method, v.Target)
		}
	}
}

// Deadlines travel as the time left, rounded up (6.4).
func TestDeadline(t *testing.T) {
	w := pairOf(t, false)
	w.now = time.Minute
	client, server := w.ends[0], w.ends[1]
	client.call(8, func(c *testCall) { c.Deadline = w.now + 1500*time.Microsecond })
	w.settle()
	if d := server.only().Deadline; d != w.now+2*time.Millisecond {
		t.Errorf("deadline in %v, want 2ms", d-w.now)
	}
	server.answer(server.only(), 32)
	client.call(8, func(c *testCall) { c.Deadline = w.now - time.Second })
	w.settle()
	if d := server.only().Deadline; d != w.now+time.Millisecond {
		t.Errorf("deadline in %v, want 1ms: it is over", d-w.now)
	}
}

// Payloads up to the largest message arrive whole, both ways, and one byte
// more is refused at once (2.4).
func TestSizes(t *testing.T) {
	both(t, func(t *testing.T, w *world, client, server *end) {
		for _, size := range []int{0, 1, frame.MaxPayload - 1, frame.MaxPayload, frame.MaxPayload + 1, 2 * frame.MaxPayload, 2*frame.MaxPayload + 1, 4<<20 - 1, 4 << 20} {
			for _, e := range w.ends {
				c := e.call(size, func(c *testCall) { c.Meta = []byte("\x01k\x01v") })
				w.settle()
				if len(e.peer.only().Payload) != max(8, size) {
					t.Fatalf("%d bytes arrived, want %d", len(e.peer.only().Payload), size)
				}
				e.peer.answer(e.peer.only(), size)
				w.settle()
				if len(e.calls) != 0 || len(c.Reply) != max(32, size) {
					t.Fatalf("%d bytes came back, want %d", len(c.Reply), size)
				}
			}
		}
		if err := client.m.Start(&Call{Method: "t.m", Content: Content{Payload: make([]byte, 4<<20+1)}}); !errors.Is(err, twinwire.TooLarge) {
			t.Errorf("Start = %v, want too large", err)
		}
		c := client.call(8, nil)
		w.settle()
		c.notRun = true
		server.m.Reply(server.only(), 0, make([]byte, 4<<20+1), nil)
		client.calls = nil
		for server.m.Wake() != 0 {
			for p := range server.m.Pipes() {
				parse(t, server.m.Batch(p, 0, nil), func(f *frame.Frame) {
					if f.Kind == frame.Reply && twinwire.Code(f.Code) != twinwire.TooLarge {
						t.Errorf("answered with %v, want too large", twinwire.Code(f.Code))
					}
				})
			}
		}
	})
}

// A client whose application doubts its carrier asks at once, is impatient for
// the answer (14.5), and does not ask more often than it may (8.1).
func TestDoubt(t *testing.T) {
	cfg := testConfig(true, false)
	cfg.Retention, cfg.Watchdog = 1<<20, true
	m := New(cfg, 0)
	asked := func() (pings int) {
		parse(t, m.Batch(0, 0, nil), func(f *frame.Frame) {
			if f.Kind == frame.Ping {
				pings++
			}
		})
		return pings
	}
	asked()
	now := time.Second
	var eff Effects
	answer := func() {
		if err := m.Receive(0, frames(frame.Frame{Kind: frame.Pong, ID: uint64(now / time.Microsecond)}), now, &eff); err != nil {
			t.Fatal(err)
		}
	}
	pings := 0
	for range 1000 { // a second
		m.Doubt(now)
		if n := asked(); n > 0 {
			pings += n
			answer()
		}
		now += time.Millisecond
	}
	if pings < 2 || pings > maxPings/2 {
		t.Errorf("asked %d times in a second, want some and at most half of what is allowed", pings)
	}
	if err := m.Tick(now + time.Second); err != nil {
		t.Fatalf("the answer did not count: %v", err)
	}
	now += 2 * time.Second
	m.Doubt(now)
	if asked() != 1 {
		t.Fatal("did not ask")
	}
	if err := m.Tick(now + 399*time.Millisecond); err != nil {
		t.Fatalf("gave up too early: %v", err)
	}
	if err := m.Tick(now + 400*time.Millisecond); !errors.Is(err, twinwire.PeerDead) {
		t.Errorf("400 ms without an answer: %v", err)
	}
}
