package machine

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// frames returns a batch of frames, numbered from 0 on each lane unless they
// have a number.
func frames(fs ...frame.Frame) []byte {
	var b []byte
	var next [frame.MaxLanes]uint64
	for i := range fs {
		f := fs[i]
		if f.Kind.Numbered() && f.Seq == 0 {
			f.Seq = next[f.Lane]
		}
		next[f.Lane] = f.Seq + 1
		b = frame.Append(b, &f)
	}
	return b
}

func attach(lane uint8, flags frame.Flags) frame.Frame {
	return frame.Frame{Kind: frame.Attach, Lane: lane, Flags: flags, ID: 1}
}

func call(id uint64) frame.Frame {
	return frame.Frame{Kind: frame.Call, Lane: 1, ID: id, Name: []byte("t.m"), Payload: []byte{1}}
}

func message() frame.Frame {
	return frame.Frame{Kind: frame.Message, Lane: 1, Name: []byte("t.m"), Payload: []byte{1}}
}

// large is the head of something of several frames.
func large(f frame.Frame, size uint64) frame.Frame {
	f.Flags |= frame.HasMore
	f.Size = size
	f.Payload = make([]byte, frame.MaxPayload)
	if f.ID == 0 && f.Kind == frame.Message {
		f.ID = 1
	}
	return f
}

// more continues it, as the last frame unless n is frame.MaxPayload.
func more(of int, id uint64, lane uint8, n int) frame.Frame {
	f := frame.Frame{Kind: frame.More, Lane: lane, Flags: frame.OfFlags(of), ID: id, Payload: make([]byte, n)}
	if n == frame.MaxPayload {
		f.Flags |= frame.HasMore
	}
	return f
}

func state(id uint64, flags frame.Flags) frame.Frame {
	f := frame.Frame{Kind: frame.State, Lane: 1, ID: id, Flags: flags}
	if flags&frame.HasName != 0 {
		f.Name = []byte("s")
	}
	return f
}

func topic(id uint64, flags frame.Flags) frame.Frame {
	return frame.Frame{Kind: frame.Topic, Lane: 2, ID: id, Flags: flags}
}

func event(id uint64) frame.Frame {
	return frame.Frame{Kind: frame.Event, Lane: 2, ID: id, Name: []byte("t.E")}
}

// unknown is a frame of a kind that nobody knows.
func unknown(kind, lane byte, rest ...byte) []byte {
	return append([]byte{byte(2 + len(rest)), kind, lane}, rest...)
}

func with(change func(*Config)) func(*Config) { return change }

// A violation is something that the protocol forbids.
type violation struct {
	clause, name string
	client       bool // the machine is a client's; otherwise a server's on one pipe
	lanes        bool // the lanes are independent
	pipe         int
	change       func(*Config)
	before       func(m *Machine) // what this side did
	frames       []byte
	want         string
}

// TestViolations gives a machine what the protocol forbids (clause 9.3). The
// error has ProtocolError and a reason that repeats nothing of the peer's.
func TestViolations(t *testing.T) {
	all := attach(0, frame.AllLanes)
	runViolations(t, []violation{
		{clause: "1.3", name: "varint that is not the shortest", frames: []byte{0x40, 0x02, 0x06, 0}, want: "varint"},
		{clause: "2.1", name: "frame that is cut off", frames: []byte{3, 0x06, 0}, want: "frame"},
		{clause: "2.1", name: "frame of no length", frames: []byte{0, 0x06, 0}, want: "frame"},
		{clause: "2.2", name: "unknown kind", frames: append(frames(all), unknown(0x3f, 0)...), want: "kind"},
		{clause: "2.2", name: "unknown numbered kind", frames: append(frames(all), unknown(0x7f, 1, 0)...), want: "kind"},
		{clause: "2.2", name: "unknown flag", frames: append(frames(all), 3, 0x09, 0x08, 1), want: "flag"},
		{clause: "2.6", name: "call on the event lane", frames: frames(all, frame.Frame{Kind: frame.Call, Lane: 2, ID: 1, Name: []byte("m")}), want: "wrong lane"},
		{clause: "2.6", name: "event on the call lane", frames: frames(all, frame.Frame{Kind: frame.Event, Lane: 1, Name: []byte("m")}), want: "wrong lane"},
		{clause: "2.6", name: "part of an event on the call lane", frames: frames(all, more(frame.OfEvent, 0, 1, 1)), want: "wrong lane"},
		{clause: "2.7", name: "call before ATTACH", frames: frames(call(1)), want: "not bound"},
		{clause: "2.7", name: "call before ATTACH of its lane", lanes: true, pipe: 1, frames: frames(call(1)), want: "not bound"},
		{clause: "2.7", name: "ACK before ATTACH of its lane", lanes: true, pipe: 1, frames: frames(frame.Frame{Kind: frame.Ack, Lane: 1}), want: "not bound"},
		{clause: "2.7", name: "PING outside of lane 0", lanes: true, pipe: 1, frames: frames(attach(1, 0), frame.Frame{Kind: frame.Ping, ID: 1}), want: "control frame"},
		{clause: "2.7", name: "call in the stream of another lane", lanes: true, pipe: 2, frames: frames(attach(2, 0), call(1)), want: "not bound"},
		{clause: "1.2", name: "lane that there is not", frames: frames(all, frame.Frame{Kind: frame.Ack, Lane: 7}), want: "lane"},
		{clause: "15.8", name: "HELLO twice", frames: frames(all, frame.Frame{Kind: frame.Hello}, frame.Frame{Kind: frame.Hello}), want: "out of turn"},
		{clause: "15.8", name: "PROOF of nothing", frames: frames(all, frame.Frame{Kind: frame.Hello}, frame.Frame{Kind: frame.Proof}), want: "out of turn"},
		{clause: "15.8", name: "HELLO of a server", client: true, frames: frames(frame.Frame{Kind: frame.Hello}), want: "out of turn"},
		{clause: "15.8", name: "WELCOME of a client", frames: frames(all, frame.Frame{Kind: frame.Welcome}), want: "out of turn"},
		{clause: "15.8", name: "WELCOME to no HELLO", client: true, frames: frames(frame.Frame{Kind: frame.Welcome}), want: "out of turn"},
		{clause: "15.8", name: "WELCOME twice", client: true, before: renewOne, frames: frames(frame.Frame{Kind: frame.Welcome}, frame.Frame{Kind: frame.Welcome}), want: "out of turn"},
		{clause: "15.8", name: "CHALLENGE twice", client: true, before: renewOne, frames: frames(frame.Frame{Kind: frame.Challenge}, frame.Frame{Kind: frame.Challenge}), want: "out of turn"},
		{clause: "15.8", name: "REFUSE before the PROOF", client: true, before: renewOne, frames: frames(frame.Frame{Kind: frame.Challenge}, frame.Frame{Kind: frame.Refuse}), want: "out of turn"},
		{clause: "4.1", name: "number that was skipped", frames: frames(all, call(1), frame.Frame{Kind: frame.Call, Lane: 1, Seq: 2, ID: 2, Name: []byte("m")}), want: "skipped"},
		{clause: "4.1", name: "number that an ignorable frame skipped", frames: append(frames(all), unknown(0xff, 1, 1)...), want: "skipped"},
		{clause: "4.2", name: "ACK of what was not sent", frames: frames(all, frame.Frame{Kind: frame.Ack, Lane: 1, Next: 1}), want: "never sent"},
		{clause: "4.5", name: "ATTACH of an older generation", change: with(func(c *Config) { c.Generation = 2 }), frames: frames(all), want: "generation"},
		{clause: "4.5", name: "ATTACH of a server", client: true, frames: frames(all), want: "ATTACH"},
		{clause: "4.5", name: "ATTACH twice", frames: frames(all, all), want: "already"},
		{clause: "4.5", name: "ATTACH of one lane on one pipe", frames: frames(attach(1, 0)), want: "carrier"},
		{clause: "4.5", name: "ATTACH of all lanes on lanes of their own", lanes: true, frames: frames(all), want: "carrier"},
		{clause: "4.5", name: "ATTACH with ALL of lane 1", frames: frames(attach(1, frame.AllLanes)), want: "carrier"},
		{clause: "4.5", name: "ATTACH in the stream of another lane", lanes: true, pipe: 1, frames: frames(attach(2, 0)), want: "another lane"},
		{clause: "4.6", name: "OPEN of a client", frames: frames(all, frame.Frame{Kind: frame.Open, Lane: 1}), want: "OPEN"},
		{clause: "5.2", name: "large call beyond the window", change: with(func(c *Config) { c.Own.Calls = 1 }), frames: frames(all, call(1), large(call(2), 20_000)), want: "window"},
		{clause: "5.4", name: "message beyond the window", change: with(func(c *Config) { c.Own.Messages = 1 }), frames: frames(all, message(), message()), want: "window"},
		{clause: "5.5", name: "large messages beyond the credit", change: with(func(c *Config) { c.Own.Large = 50_000 }), frames: frames(all, large(call(1), 30_000), large(call(2), 30_000)), want: "credit"},
		{clause: "5.5", name: "credit for nothing known", frames: frames(all, frame.Frame{Kind: frame.Credit, ID: 3}), want: "credit"},
		{clause: "2.4", name: "message over the size limit", change: with(func(c *Config) { c.Own.MaxMessage = 20_000 }), frames: frames(all, large(call(1), 20_001)), want: "size limit"},
		{clause: "2.4", name: "message of an impossible size", frames: frames(all, large(message(), frame.MaxVarint)), want: "size limit"},
		{clause: "2.4", name: "state over the size limit", frames: frames(all, large(state(1, frame.HasName|frame.Snapshot), 5<<20)), want: "size limit"},
		{clause: "2.4", name: "event over the size limit", frames: frames(all, large(event(0), 5<<20)), want: "size limit"},
		{clause: "6.1", name: "large call with an id that was used", frames: frames(all, call(5), large(call(5), 20_000)), want: "duplicate"},
		{clause: "6.1", name: "large message with an id that was used", frames: frames(all, call(5), large(func() frame.Frame { f := message(); f.ID = 4; return f }(), 20_000)), want: "duplicate"},
		{clause: "6.2", name: "reference to no name", frames: frames(all, frame.Frame{Kind: frame.Call, Lane: 1, ID: 1, Ref: 2}), want: "unknown name"},
		{clause: "6.2", name: "name id with a hole", frames: frames(all, frame.Frame{Kind: frame.Call, Lane: 1, ID: 1, Ref: 5, Name: []byte("m")}), want: "name id"},
		{clause: "6.2", name: "more names than agreed", change: with(func(c *Config) { c.Own.Names = 0 }), frames: frames(all, frame.Frame{Kind: frame.Call, Lane: 1, ID: 1, Ref: 3, Name: []byte("m")}), want: "name id"},
		{clause: "6.2", name: "method without a name", frames: frames(all, frame.Frame{Kind: frame.Call, Lane: 1, ID: 1}), want: "malformed name"},
		{clause: "6.2", name: "method with a blank", frames: frames(all, frame.Frame{Kind: frame.Call, Lane: 1, ID: 1, Name: []byte("a b")}), want: "malformed name"},
		{clause: "6.2", name: "event type with a line break", frames: frames(all, frame.Frame{Kind: frame.Event, Lane: 2, Name: []byte("a\nb")}), want: "malformed name"},
		{clause: "6.3", name: "metadata that is cut off", frames: frames(all, frame.Frame{Kind: frame.Call, Lane: 1, Flags: frame.HasMeta, ID: 1, Name: []byte("m"), Meta: []byte{9, 'a'}}), want: "metadata"},
		{clause: "6.3", name: "metadata out of order", frames: frames(all, frame.Frame{Kind: frame.Call, Lane: 1, Flags: frame.HasMeta, ID: 1, Name: []byte("m"), Meta: []byte{1, 'b', 0, 1, 'a', 0}}), want: "metadata"},
		{clause: "6.3", name: "metadata of a reply", client: true, before: startOne, frames: frames(frame.Frame{Kind: frame.Reply, Lane: 1, Flags: frame.HasMeta, ID: 1, Meta: []byte{9}}), want: "metadata"},
		{clause: "6.6", name: "part of nothing", frames: frames(all, more(frame.OfCall, 1, 1, 1)), want: "not begun"},
		{clause: "6.6", name: "part of a reply to nothing", frames: frames(all, more(frame.OfReply, 1, 1, 1)), want: "not begun"},
		{clause: "6.6", name: "part of no state", frames: frames(all, more(frame.OfState, 1, 1, 1)), want: "not begun"},
		{clause: "6.6", name: "part of no event", frames: frames(all, more(frame.OfEvent, 0, 2, 1)), want: "not begun"},
		{clause: "6.6", name: "parts that are too much", frames: frames(all, large(call(1), 20_000), more(frame.OfCall, 1, 1, 4_000)), want: "add up"},
		{clause: "6.6", name: "parts that are too few", frames: frames(all, large(call(1), 20_000), more(frame.OfCall, 1, 1, 3_000)), want: "add up"},
		{clause: "6.6", name: "parts that go on", frames: frames(all, large(call(1), 2*frame.MaxPayload), more(frame.OfCall, 1, 1, frame.MaxPayload)), want: "add up"},
		{clause: "6.6", name: "state within a state", frames: frames(all, large(state(1, frame.HasName|frame.Snapshot), 20_000), state(2, frame.HasName|frame.Snapshot)), want: "out of order"},
		{clause: "6.6", name: "event within an event", frames: frames(all, large(event(0), 20_000), event(0)), want: "whole"},
		{clause: "6.6", name: "topic within an event", frames: frames(all, large(event(0), 20_000), topic(1, frame.Begin)), want: "whole"},
		{clause: "6.6", name: "gap within an event", frames: frames(all, large(event(0), 20_000), frame.Frame{Kind: frame.Gap, Lane: 2, Next: 1}), want: "whole"},
		{clause: "6.7", name: "reply to nothing", frames: frames(all, frame.Frame{Kind: frame.Reply, Lane: 1, ID: 1}), want: "not running"},
		{clause: "6.7", name: "reply twice", client: true, before: startOne, frames: frames(frame.Frame{Kind: frame.Reply, Lane: 1, ID: 1}, frame.Frame{Kind: frame.Reply, Lane: 1, ID: 1}), want: "not running"},
		{clause: "6.7", name: "reply twice, held", client: true, before: startOne, frames: frames(frame.Frame{Kind: frame.Reply, Lane: 1, Flags: frame.Barrier, Next: 9, ID: 1}, frame.Frame{Kind: frame.Reply, Lane: 1, ID: 1}), want: "not running"},
		{clause: "6.7", name: "reply over the size limit", client: true, before: startOne, frames: frames(large(frame.Frame{Kind: frame.Reply, Lane: 1, ID: 1}, 5<<20)), want: "size limit"},
		{clause: "6.9", name: "state without a name", frames: frames(all, state(1, frame.Snapshot)), want: "out of order"},
		{clause: "6.9", name: "state after its end", frames: frames(all, state(1, frame.HasName|frame.Snapshot), state(1, frame.End), state(1, 0)), want: "out of order"},
		{clause: "6.9", name: "state id that goes back", frames: frames(all, state(2, frame.HasName|frame.Snapshot), state(1, frame.HasName|frame.Snapshot)), want: "out of order"},
		{clause: "6.9", name: "more states than allowed", change: with(func(c *Config) { c.MaxStates = 1 }), frames: frames(all, state(1, frame.HasName|frame.Snapshot), state(2, frame.HasName|frame.Snapshot)), want: "too many"},
		{clause: "7.1", name: "event of no topic", frames: frames(all, event(3)), want: "unknown topic"},
		{clause: "7.1", name: "gap of no topic", frames: frames(all, frame.Frame{Kind: frame.Gap, Lane: 2, ID: 3, Next: 1}), want: "unknown topic"},
		{clause: "7.1", name: "end of no topic", frames: frames(all, topic(3, 0)), want: "unknown topic"},
		{clause: "7.1", name: "end of the topic of all", frames: frames(all, event(0), topic(0, 0)), want: "unknown topic"},
		{clause: "7.1", name: "topic id that was used", frames: frames(all, topic(1, frame.Begin), topic(1, 0), topic(1, frame.Begin)), want: "out of order"},
		{clause: "7.1", name: "topic id 0", frames: frames(all, topic(0, frame.Begin)), want: "out of order"},
		{clause: "8.1", name: "flood of PINGs", frames: append(frames(all), pings(11)...), want: "heartbeats"},
		{clause: "8.2", name: "CLOSE twice", frames: frames(all, goodbye(99), goodbye(99)), want: "second CLOSE"},
		{clause: "8.4", name: "LEAVING twice", client: true, frames: frames(frame.Frame{Kind: frame.Leaving}, frame.Frame{Kind: frame.Leaving, Next: 1}), want: "second LEAVING"},
		{clause: "8.4", name: "LEAVING from a client", frames: frames(all, frame.Frame{Kind: frame.Leaving}), want: "LEAVING from a client"},
		{clause: "5.2", name: "calls that cannot run, without end", change: with(func(c *Config) { c.Own.Calls = 2 }), frames: frames(all, call(1), call(2), call(3), call(4), call(5)), want: "too many calls"},
	})
}

func runViolations(t *testing.T, tests []violation) {
	for _, test := range tests {
		t.Run(test.clause+" "+test.name, func(t *testing.T) {
			cfg := testConfig(test.client, test.lanes)
			if test.change != nil {
				test.change(&cfg)
			}
			m := New(cfg, 0)
			if test.before != nil {
				test.before(m)
			}
			var eff Effects
			err := m.Receive(test.pipe, test.frames, time.Second, &eff)
			var e *twinwire.Error
			if !errors.As(err, &e) || e.Code != twinwire.ProtocolError || !strings.Contains(e.Message, test.want) {
				t.Fatalf("Receive = %v, want a protocol error with %q", err, test.want)
			}
			if len(e.Message) > frame.MaxReason {
				t.Errorf("reason of %d bytes", len(e.Message))
			}
		})
	}
}

// renewOne has a HELLO sent.
func renewOne(m *Machine) {
	m.Renew([]byte("new"))
	m.Batch(0, 0, nil)
}

// startOne has a call with id 1 sent.
func startOne(m *Machine) {
	if err := m.Start(&Call{Method: "t.m"}); err != nil {
		panic(err)
	}
	m.Batch(0, 0, nil)
}

func pings(n int) []byte {
	var b []byte
	for i := range n {
		b = append(b, frames(frame.Frame{Kind: frame.Ping, ID: uint64(i)})...)
	}
	return b
}

// goodbye is a CLOSE after n frames of the call lane.
func goodbye(n uint64) frame.Frame {
	return frame.Frame{Kind: frame.Close, NextCount: 4, Nexts: [frame.MaxLanes]uint64{0, n}}
}

// TestTolerated gives a machine what may seem odd and is allowed.
func TestTolerated(t *testing.T) {
	all := attach(0, frame.AllLanes)
	tests := []struct {
		clause, name string
		client       bool
		frames       []byte
		check        func(t *testing.T, m *Machine, eff *Effects)
	}{
		{clause: "2.2", name: "unknown kinds that may be ignored count", frames: append(append(append(frames(all), unknown(0xbf, 0)...), unknown(0xff, 1, 0)...),
			frames(frame.Frame{Kind: frame.Call, Lane: 1, Seq: 1, ID: 1, Name: []byte("m")})...),
			check: func(t *testing.T, m *Machine, eff *Effects) {
				if m.Stats().UnknownFrames != 2 || len(eff.Start) != 1 || m.lanes[1].next != 2 {
					t.Errorf("%d unknown frames, %d calls, next is %d", m.Stats().UnknownFrames, len(eff.Start), m.lanes[1].next)
				}
			}},
		{clause: "4.1", name: "a number that was received before is dropped", frames: append(frames(all, call(1)), frames(call(1))...),
			check: func(t *testing.T, m *Machine, eff *Effects) {
				if len(eff.Start) != 1 || m.queues[Normal].len() != 0 {
					t.Errorf("%d calls started, %d answered", len(eff.Start), m.queues[Normal].len())
				}
			}},
		{clause: "4.2", name: "an ACK that goes back is ignored", client: true, frames: frames(frame.Frame{Kind: frame.Ack, Lane: 1, Next: 1}, frame.Frame{Kind: frame.Ack, Lane: 1}),
			check: func(t *testing.T, m *Machine, eff *Effects) {
				if m.lanes[1].acked != 1 {
					t.Errorf("acknowledged %d, want 1", m.lanes[1].acked)
				}
			}},
		{clause: "5.6", name: "a CREDIT that goes back is ignored", client: true, frames: frames(frame.Frame{Kind: frame.Credit, ID: 0, Next: 500}, frame.Frame{Kind: frame.Credit, ID: 0, Next: 400}, frame.Frame{Kind: frame.Credit, ID: 1, Next: 5}),
			check: func(t *testing.T, m *Machine, eff *Effects) {
				if m.out.messageLimit != 500 || m.out.largeLimit != 16<<20 {
					t.Errorf("limits are %d and %d", m.out.messageLimit, m.out.largeLimit)
				}
			}},
		{clause: "6.8", name: "a CANCEL of nothing is ignored", frames: frames(all, frame.Frame{Kind: frame.Cancel, Lane: 1, ID: 7}),
			check: func(t *testing.T, m *Machine, eff *Effects) {
				if len(eff.Cancel) != 0 {
					t.Error("something was canceled")
				}
			}},
		{clause: "4.6", name: "OPEN of a lane that is bound", client: true, frames: frames(frame.Frame{Kind: frame.Open, Lane: 1}),
			check: func(t *testing.T, m *Machine, eff *Effects) {
				if m.lanes[1].asked {
					t.Error("it is bound again")
				}
			}},
		{clause: "8.1", name: "ten PINGs a second are answered", frames: append(frames(all), pings(10)...),
			check: func(t *testing.T, m *Machine, eff *Effects) {
				if err := m.Receive(0, pings(10), 2*time.Second, eff); err != nil {
					t.Error(err)
				}
				n := 0
				parse(t, m.Batch(0, 0, nil), func(f *frame.Frame) {
					if f.Kind == frame.Pong {
						n++
					}
				})
				if n != 10 {
					t.Errorf("%d PONGs; those that nobody took in time are not kept", n)
				}
			}},
		{clause: "8.1", name: "a PONG with a strange token", frames: frames(all, frame.Frame{Kind: frame.Pong, ID: math.MaxUint64 >> 2}),
			check: func(t *testing.T, m *Machine, eff *Effects) {
				if m.Stats().RTT != 0 {
					t.Errorf("RTT is %v", m.Stats().RTT)
				}
			}},
		{clause: "6.2", name: "a method that nobody serves", frames: frames(all, call(1), frame.Frame{Kind: frame.Call, Lane: 1, ID: 2, Ref: 3, Name: []byte("none")}, frame.Frame{Kind: frame.Call, Lane: 1, ID: 3, Ref: 2}),
			check: func(t *testing.T, m *Machine, eff *Effects) {
				if len(eff.Start) != 3 || eff.Start[0].Target != "t.m" || eff.Start[1].Target != nil || eff.Start[2].Method != "none" {
					t.Errorf("%d calls: %+v", len(eff.Start), eff.Start)
				}
			}},
	}
	for _, test := range tests {
		t.Run(test.clause+" "+test.name, func(t *testing.T) {
			m := New(testConfig(test.client, false), 0)
			if test.client {
				startOne(m)
			}
			var eff Effects
			if err := m.Receive(0, test.frames, time.Second, &eff); err != nil {
				t.Fatal(err)
			}
			test.check(t, m, &eff)
		})
	}
}

// parse gives each the frames of a batch.
func parse(t testing.TB, b []byte, each func(f *frame.Frame)) {
	t.Helper()
	for len(b) > 0 {
		var f frame.Frame
		n, err := f.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		each(&f)
		b = b[n:]
	}
}
