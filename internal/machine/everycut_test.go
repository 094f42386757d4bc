package machine

import (
	"fmt"
	"testing"
	"time"

	"github.com/twinwire/twinwire/frame"
)

// A talk is a conversation that is always the same, over carriers that break
// where the test says. What is sent arrives at once, frame by frame, until then.
type talk struct {
	*roamer
	cuts   []breakage // the next one first
	sent   [2]int
	passed int // frames and handshake messages, in both directions
	frames int // numbered ones that were new
}

// A breakage is the end of a carrier, after so many bytes of one direction, or before so
// many frames in both have passed, counted from where the one before was.
type breakage struct {
	from, bytes int
	frames      int // 0 if bytes count; neither is before the first from the client
}

func newTalk(t testing.TB, independent bool, cuts ...breakage) *talk {
	c, s := testConfig(true, independent), testConfig(false, independent)
	c.Retention, s.Retention = 1<<20, 1<<20
	w := newWorld(t, 1, c, s)
	w.strict = true
	w.kind = fmt.Sprintf("independent=%v cuts=%+v", independent, cuts)
	k := &talk{roamer: newRoamer(w), cuts: cuts}
	k.keep = time.Hour
	k.pass()
	return k
}

// breaks breaks the carrier that is in use, and whatever is dialed.
func (k *talk) breaks() {
	k.cuts = k.cuts[1:]
	k.sent, k.passed = [2]int{}, 0
	for _, c := range k.carriers {
		k.leave(0, c)
		k.leave(1, c)
	}
	k.carriers, k.dialing = nil, nil
}

// unit takes note of n bytes that are about to pass, and reports whether the
// carrier breaks before they have.
func (k *talk) unit(from, n int) (broke bool) {
	if len(k.cuts) > 0 {
		c := k.cuts[0]
		if c.frames > 0 && k.passed >= c.frames || c.frames == 0 && c.from == from && k.sent[from]+n > c.bytes {
			k.breaks()
			return true
		}
	}
	k.sent[from] += n
	k.passed++
	return false
}

// pass lets everything arrive that either side has to say, over as many
// carriers as it takes.
func (k *talk) pass() {
	for moved := true; moved; {
		moved = k.handshake()
		for from, e := range k.ends {
			for p := e.m.Pipes() - 1; p >= 0 && k.on[from] != nil; p-- {
				if e.m.Wake()&(1<<p) == 0 {
					continue
				}
				e.flush(p)
				moved = true
				k.arrive(from, p)
			}
		}
	}
}

// arrive delivers what is on its way in a pipe.
func (k *talk) arrive(from, pipe int) {
	for on := k.on[from]; on != nil && len(on.q[from][pipe]) > 0; {
		b := on.q[from][pipe][0]
		n, _ := frame.Size(b)
		if k.unit(from, n) {
			return
		}
		if from == 0 && !on.attached {
			if pipe > 0 {
				k.fatalf("lane %d is faster than the ATTACH", pipe)
			}
			on.q[0][0][0] = b[:n:n]
			on.q[0][0] = append(on.q[0][0][:1:1], append([][]byte{b[n:]}, on.q[0][0][1:]...)...)
			k.attach(on)
			k.drop(on, from, pipe)
			continue
		}
		next := k.ends[1-from].m.Stats().FramesReceived
		k.ends[1-from].receive(pipe, append([]byte(nil), b[:n]...))
		k.frames += int(k.ends[1-from].m.Stats().FramesReceived - next)
		on.q[from][pipe][0] = b[n:]
		k.drop(on, from, pipe)
	}
}

// drop removes batches that have arrived whole.
func (k *talk) drop(c *testCarrier, from, pipe int) {
	for q := c.q[from][pipe]; len(q) > 0 && len(q[0]) == 0; q = q[1:] {
		c.q[from][pipe] = q[1:]
	}
}

// handshake has the client find another carrier, unless it has one, and
// reports whether it had to.
func (k *talk) handshake() bool {
	if k.on[0] != nil {
		return false
	}
	k.dial(1)
	c := k.dialing[0]
	if !k.unit(0, 1) {
		k.deliver(c, 0, 0)
		if !k.unit(1, 1) {
			k.deliver(c, 1, 0)
		}
	}
	return true
}

// run has the conversation, and checks that it went as if nothing had
// happened.
func (k *talk) run() {
	client, server := k.ends[0], k.ends[1]
	state := &testState{out: server.m.OpenState("s1000000"), name: "s1000000"}
	server.states = append(server.states, state)
	for n := range 14 {
		c := client.call(0, func(c *testCall) { c.Streams, c.Tracked = n%7 == 1, n%3 == 0 })
		if n%7 == 1 {
			s := client.sending(&c.Call, c.number, false)
			s.written += client.m.Write(s.out, s.bytes(0, 3))
			s.ended = true
			client.m.EndStream(s.out)
		}
		client.call(0, func(c *testCall) { c.OneWay, c.Tracked = true, n%2 == 0 })
		k.pass()
		server.emit(&server.all, 0)
		if state.version++; state.version == 1 {
			_ = server.m.Snapshot(state.out, 1, body(0, 1))
		} else {
			_, _ = server.m.Delta(state.out, body(0, state.version))
		}
		server.call(0, nil)
		k.pass()
		for _, e := range k.ends {
			for len(e.inbox) > 0 {
				e.answer(e.inbox[0], 0)
			}
			for _, s := range e.open() {
				e.consume(s, s.got-s.consumed)
			}
		}
		k.pass()
		k.check()
		k.tick(25 * time.Millisecond)
	}
	for range 2 {
		k.tick(25 * time.Millisecond)
		k.pass()
	}
	k.check()
	k.finish()
	k.end()
}

// A conversation of more than a hundred frames is cut after every byte, in both
// directions, and nobody notices.
func TestEveryCut(t *testing.T) {
	overBoth(t, func(t *testing.T, independent bool) {
		whole := newTalk(t, independent)
		whole.run()
		if whole.frames < 100 {
			t.Fatalf("the conversation has %d frames", whole.frames)
		}
		step := 1
		if raceEnabled { // which has nothing to find in one goroutine
			step = 11
		}
		for from := range 2 {
			for n := 0; n < whole.sent[from]; n += step {
				k := newTalk(t, independent, breakage{from: from, bytes: n})
				k.run()
				if len(k.cuts) > 0 {
					t.Errorf("the cut after %d bytes did not take place", n)
				}
			}
		}
	})
}

// While a session goes on with another carrier that one breaks, and so does the
// next: at every pair of places between the frames and messages of the
// handshakes, and of what is sent again behind them.
func TestEveryPairOfCutsInHandshake(t *testing.T) {
	most := 32 // frames and messages
	if raceEnabled {
		most = 12
	}
	overBoth(t, func(t *testing.T, independent bool) {
		for _, first := range []int{37, 90} { // where the conversation is cut before
			for i := range most {
				for j := range most {
					k := newTalk(t, independent, breakage{frames: first}, breakage{frames: i}, breakage{frames: j})
					k.run()
					if len(k.cuts) > 0 {
						t.Errorf("the cuts before %d and %d did not both take place", i, j)
					}
				}
			}
		}
	})
}

// overBoth runs a test with one pipe, and with lanes.
func overBoth(t *testing.T, test func(t *testing.T, independent bool)) {
	for _, independent := range []bool{false, true} {
		t.Run(fmt.Sprintf("independent=%v", independent), func(t *testing.T) {
			t.Parallel()
			test(t, independent)
		})
	}
}
