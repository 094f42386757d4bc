package machine

import (
	"slices"
	"testing"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

const first, last = frame.First, frame.Last

// What comes late, or is of no use, is ignored (12.2, 12.4, 12.7).
func TestStreamIgnored(t *testing.T) {
	tests := []struct {
		clause, name string
		client       bool
		run          func(s *script)
	}{
		{"12.2", "DATA and RESET after the reply", false, func(s *script) {
			s.receive(call(1), data(1, 0, first, 5))
			s.m.Reply(s.started[0], 0, nil, nil)
			s.receive(data(1, 0, 0, 5), data(1, 1, first, 5), data(1, 1, last, 5), data(1, 2, first, 5), reset(1, 2, 0))
			s.sent()
			s.receive(data(1, 0, last, 5), data(1, 3, first, 5), reset(1, 3, 0), data(1, 0, 0, 100), data(1, 77, 0, 1))
		}},
		{"12.2", "DATA of the callee after its reply", true, func(s *script) {
			s.call(true)
			s.receive(frame.Frame{Kind: frame.Reply, Lane: 1, ID: 1})
			s.receive(data(1, 0, first|callee, 5), data(1, 0, last|callee, 5), data(1, 0, callee, 1), reset(1, 9, callee))
		}},
		{"12.9", "DATA of the callee after CANCEL", true, func(s *script) {
			c := s.call(true)
			s.receive(data(1, 0, first|callee, 5))
			s.m.Abandon(c, twinwire.Canceled)
			s.data = nil
			s.receive(data(1, 0, callee, 5), data(1, 1, first|callee, 5), data(1, 1, last|callee, 5), reset(1, 0, callee))
			s.receive(frame.Frame{Kind: frame.Reply, Lane: 1, ID: 1, Code: 6, Flags: frame.Streamed, Slot: 9})
			if len(s.done) != 1 {
				s.t.Error("the reply to a canceled call waits")
			}
		}},
		{"12.7", "DATA after STOP", false, func(s *script) {
			s.receive(call(1), data(1, 0, first, 5))
			s.m.StopStream(s.data[0].Stream, 0, nil)
			s.data = nil
			s.receive(data(1, 0, 0, 5), data(1, 0, last, 5))
		}},
		{"12.7", "RESET after STOP", false, func(s *script) {
			s.receive(call(1), data(1, 0, first, 5))
			s.m.StopStream(s.data[0].Stream, 0, nil)
			s.data = nil
			s.receive(data(1, 0, 0, 5), reset(1, 0, 0))
		}},
		{"12.7", "STOP of no call, of a call that is over, and again", false, func(s *script) {
			s.receive(stop(7, 0, callee), stop(7, 0, 0), call(1), stop(1, 0, callee), stop(1, 0, callee))
			s.m.Reply(s.started[0], 0, nil, nil)
			s.receive(stop(1, 1, callee))
			s.sent()
			s.receive(stop(1, 0, callee))
		}},
		{"12.7", "STOP of a stream that was sent whole", true, func(s *script) {
			c := s.call(true)
			s.m.EndStream(s.m.OpenStream(c, 0, Normal))
			s.sent()
			s.receive(stop(1, 0, 0), stop(1, 0, 0))
		}},
		{"12.4", "WINDOW of no call, of no stream, and of one that is over", true, func(s *script) {
			c := s.call(true)
			s.receive(window(9, 0, 1<<40, 0), window(1, 0, 1<<40, 0), window(1, 0, 1<<40, callee))
			s.m.EndStream(s.m.OpenStream(c, 0, Normal))
			s.sent()
			s.receive(window(1, 0, 1<<40, 0))
		}},
	}
	for _, test := range tests {
		t.Run(test.clause+" "+test.name, func(t *testing.T) {
			s := newScript(t, test.client, nil)
			test.run(s)
			if d := s.data; len(d) > 1 || len(d) == 1 && d[0].Stream.received != 5 {
				t.Errorf("%d things were delivered: %+v", len(d), d)
			}
			for _, f := range s.sent() {
				if f.Kind != frame.Credit && f.Kind != frame.Window && f.Kind != frame.Stop && f.Kind != frame.Cancel {
					t.Errorf("%v is sent", f)
				}
			}
			if s.open() != 0 {
				t.Errorf("%d streams count as open", s.open())
			}
		})
	}
}

// A WINDOW that goes back changes nothing, and one that goes on lets the
// sender send exactly up to it (12.4).
func TestStreamWindow(t *testing.T) {
	s := newScript(t, true, narrow)
	out := s.m.OpenStream(s.call(true), 0, Normal)
	s.m.Write(out, make([]byte, 10_000))
	bytes := func() (n int) {
		for _, f := range s.sent() {
			n += len(f.Payload)
		}
		return n
	}
	for i, test := range []struct {
		limit uint64
		want  int
	}{{0, 1000}, {1500, 500}, {1200, 0}, {1500, 0}, {1501, 1}, {1 << 60, 8499}} {
		if test.limit > 0 {
			s.receive(window(1, 0, test.limit, 0))
		}
		if n := bytes(); n != test.want {
			t.Errorf("step %d, WINDOW %d: %d bytes are sent, want %d", i, test.limit, n, test.want)
		}
	}
}

// The DATA of a caller may come before its CALL. It is kept until that call
// comes, or one that is not run, or a higher one (12.3).
func TestStreamBeforeCall(t *testing.T) {
	big := large(call(5), 20_000)
	note := large(message(), 20_000)
	note.ID = 6
	tests := []struct {
		name     string
		change   func(*Config)
		then     []frame.Frame
		attached int // of the two streams of call 5
		started  int
	}{
		{name: "its call", then: []frame.Frame{call(5)}, attached: 2, started: 1},
		{name: "a lower call", then: []frame.Frame{call(4)}, attached: -1, started: 1},
		{name: "a lower call, then its call", then: []frame.Frame{call(4), call(5)}, attached: 2, started: 2},
		{name: "its call of several frames", then: []frame.Frame{big, more(frame.OfCall, 5, 1, 20_000-frame.MaxPayload)}, attached: 2, started: 1},
		{name: "the head of its call", then: []frame.Frame{big}, attached: 2},
		{name: "a higher call", then: []frame.Frame{call(6)}, started: 1},
		{name: "a higher message", then: []frame.Frame{note}},
		{name: "its call beyond the window", change: func(c *Config) { c.Own.Calls = 1 }, then: []frame.Frame{call(4), call(5)}, started: 1},
		{name: "the cancellation of its call", then: []frame.Frame{big, {Kind: frame.Cancel, Lane: 1, ID: 5, Code: 6}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newScript(t, false, test.change)
			s.receive(data(5, 0, first, 5), data(5, 0, last, 5), data(5, 1, first|last, 0))
			if len(s.data) != 3 || s.open() != 2 {
				t.Fatalf("%d pieces delivered, %d streams open, want 3 and 2", len(s.data), s.open())
			}
			s.receive(test.then...)
			switch {
			case test.attached < 0:
				if len(s.m.str.early) != 2 || len(s.dropped) != 0 || s.open() != 2 {
					t.Errorf("%d wait, %d dropped, %d open", len(s.m.str.early), len(s.dropped), s.open())
				}
			case test.attached == 0:
				if len(s.m.str.early) != 0 || len(s.dropped) != 2 || s.open() != 0 {
					t.Errorf("%d wait, %d dropped, %d open; want only dropped", len(s.m.str.early), len(s.dropped), s.open())
				}
				s.data = nil
				s.receive(data(5, 3, first, 5), data(5, 1, 0, 5), reset(5, 3, 0))
				if len(s.data) != 0 || s.open() != 0 {
					t.Error("more of them is not ignored")
				}
			default:
				// The empty one is over, the other is when it was consumed.
				if len(s.m.str.early) != 0 || len(s.dropped) != 0 || s.open() != 1 {
					t.Errorf("%d wait, %d dropped, %d open", len(s.m.str.early), len(s.dropped), s.open())
				}
				v := s.m.in.running.get(5)
				if s.m.InStream(v, 0) != s.data[0].Stream || s.m.InStream(v, 1) != s.data[2].Stream {
					t.Error("the call has other streams")
				}
				if s.m.ConsumedStream(s.data[0].Stream, 10); s.open() != 0 {
					t.Error("what was consumed counts as open")
				}
			}
			if len(s.started) != test.started {
				t.Errorf("%d calls started, want %d", len(s.started), test.started)
			}
		})
	}
}

// The sender of a stream that was stopped sends nothing more of it, no RESET
// either, and one that was stopped before it began does not begin (12.7).
func TestStreamStopped(t *testing.T) {
	s := newScript(t, true, nil)
	c := s.call(true)
	begun, later := s.m.OpenStream(c, 0, Normal), s.m.OpenStream(c, 1, Normal)
	s.m.Write(begun, make([]byte, 100_000))
	s.sent()
	s.receive(stop(1, 0, 0), stop(1, 1, 0), stop(1, 2, 0))
	s.m.ResetStream(begun, twinwire.Internal, nil)
	s.m.Write(later, []byte("x"))
	never := s.m.OpenStream(c, 2, Normal)
	s.m.Announce(never)
	for _, out := range []*OutStream{begun, later, never} {
		s.m.EndStream(out)
		if !out.Over() || out.Code != twinwire.NotFound {
			t.Errorf("over %v with %v", out.Over(), out.Code)
		}
	}
	if fs := s.sent(); len(fs) != 0 {
		t.Errorf("%v are sent", kinds(fs))
	}
	if s.m.str.begun != 1 {
		t.Errorf("%d streams began, want 1", s.m.str.begun)
	}
}

// A REPLY comes after the last frame of each stream and says how many began
// (12.8).
func TestStreamsBeforeReply(t *testing.T) {
	// One that carried nothing begins to end well, not to fail.
	for code, began := range map[twinwire.Code]uint64{twinwire.Accepted: 3, twinwire.NotFound: 2} {
		s := newScript(t, false, func(c *Config) { narrow(c); c.Peer.Streams = 3 })
		s.receive(call(1), data(1, 9, first, 5))
		v := s.started[0]
		open, ended, unused := s.m.OpenStream(v, 0, Normal), s.m.OpenStream(v, 1, Bulk), s.m.OpenStream(v, 2, Normal)
		s.m.Write(open, make([]byte, 3000))
		s.m.Write(ended, make([]byte, 10))
		s.m.EndStream(ended)
		s.sent()
		s.m.Reply(v, uint16(code), nil, nil)
		fs := s.sent()
		if code == 0 {
			// 2000 bytes wait for the window, and the reply for them.
			if slices.Contains(kinds(fs), frame.Reply) || !slices.Contains(kinds(fs), frame.Stop) {
				t.Errorf("%v are sent while a stream waits", kinds(fs))
			}
			s.receive(window(1, 0, 2000, callee))
			s.sent()
			s.receive(window(1, 0, 3000, callee))
			fs = s.sent()
		}
		if len(fs) < 2 {
			t.Fatalf("%v: %v are sent", code, kinds(fs))
		}
		end, reply := fs[len(fs)-2], fs[len(fs)-1]
		if code == 0 && (end.Kind != frame.Data || end.Flags&last == 0) || code != 0 && (end.Kind != frame.Reset || end.Code != uint16(code)) {
			t.Errorf("%v: %v comes before the reply", code, end)
		}
		if reply.Kind != frame.Reply || reply.Flags&frame.Streamed == 0 || reply.Slot != began {
			t.Errorf("%v: the reply is %v", code, reply)
		}
		if !open.Over() || !unused.Over() || s.open() != 0 || s.m.in.running.len() != 0 {
			t.Errorf("%v: something is left: %d streams, %d calls", code, s.open(), s.m.in.running.len())
		}
		if late := s.m.OpenStream(v, 3, Normal); !late.Over() {
			t.Error("a stream begins after the reply")
		}
	}
}

// The caller holds a REPLY until the streams that it counts have ended, in
// whatever order the lanes bring them (12.8).
func TestReplyHeld(t *testing.T) {
	reply := frame.Frame{Kind: frame.Reply, Lane: 1, ID: 1, Flags: frame.Streamed, Slot: 1}
	for name, then := range map[string][]frame.Frame{
		"whole":  {data(1, 0, first|callee, 5), data(1, 0, last|callee, 5)},
		"once":   {data(1, 0, first|last|callee, 5)},
		"reset":  {data(1, 0, first|callee, 5), reset(1, 0, callee)},
		"empty":  {data(1, 0, first|callee, 0), data(1, 0, last|callee, 0)},
		"slot 9": {data(1, 9, first|callee, 5), data(1, 9, last|callee, 0)},
	} {
		for split := range len(then) + 1 {
			s := newScript(t, true, nil)
			c := s.call(true)
			own := s.m.OpenStream(c, 0, Normal)
			s.receive(then[:split]...)
			s.receive(reply)
			if !own.Over() {
				t.Errorf("%s: the reply does not end the caller's stream", name)
			}
			if late := s.m.OpenStream(c, 3, Normal); !late.Over() {
				t.Errorf("%s: a stream of the caller begins after the reply", name)
			}
			for i, f := range then[split:] {
				if len(s.done) != 0 {
					t.Errorf("%s: the reply came before frame %d of %d", name, split+i, len(then))
				}
				s.receive(f)
			}
			if len(s.done) != 1 || s.m.out.calls != 0 {
				t.Errorf("%s: %d calls are done", name, len(s.done))
			}
		}
	}
}

// A stream that this side has stopped before it heard of it counts as soon as
// it begins: its sender says nothing of its end (12.7, 12.8).
func TestReplyHeldForStopped(t *testing.T) {
	for _, streams := range []bool{true, false} {
		s := newScript(t, true, nil)
		c := s.call(streams)
		if streams {
			s.m.StopStream(s.m.InStream(c, 0), 0, nil)
			if fs := s.sent(); !slices.Equal(kinds(fs), []frame.Kind{frame.Stop}) {
				t.Fatalf("%v are sent", kinds(fs))
			}
		}
		s.receive(frame.Frame{Kind: frame.Reply, Lane: 1, ID: 1, Flags: frame.Streamed, Slot: 1})
		if len(s.done) != 0 {
			t.Fatal("the reply was not held")
		}
		s.receive(data(1, 0, first|callee, 5))
		if len(s.done) != 1 || s.open() != 0 {
			t.Errorf("streams %v: %d calls are done, %d streams open", streams, len(s.done), s.open())
		}
	}
}

// CANCEL ends the streams of its call at both ends without frames of their
// own, and the reply does not wait for what a handler begins later (12.9).
func TestStreamsCanceled(t *testing.T) {
	s := newScript(t, true, narrow)
	c := s.call(true)
	out := s.m.OpenStream(c, 0, Normal)
	s.m.Write(out, make([]byte, 5000))
	s.sent()
	s.m.Abandon(c, twinwire.Canceled)
	if fs := s.sent(); !slices.Equal(kinds(fs), []frame.Kind{frame.Cancel}) || !out.Over() || !s.m.OpenStream(c, 1, Normal).Over() {
		t.Errorf("caller: %v are sent, over %v", kinds(fs), out.Over())
	}

	for _, replied := range []bool{false, true} {
		s = newScript(t, false, narrow)
		s.receive(call(1), data(1, 0, first, 5))
		v := s.started[0]
		out = s.m.OpenStream(v, 0, Normal)
		s.m.Write(out, make([]byte, 5000))
		if replied {
			s.m.Reply(v, 0, []byte("result"), nil)
		}
		s.sent()
		s.receive(frame.Frame{Kind: frame.Cancel, Lane: 1, ID: 1, Code: 6})
		if !replied {
			s.m.Write(s.m.OpenStream(v, 1, Normal), make([]byte, 5000))
			s.m.Announce(s.m.OpenStream(v, 2, Normal))
			s.m.Reply(v, uint16(twinwire.Canceled), nil, nil)
		}
		fs := s.sent()
		if n := len(fs); n == 0 || fs[n-1].Kind != frame.Reply || fs[n-1].Code != uint16(twinwire.Canceled) || s.open() != 0 {
			t.Errorf("callee, replied %v: %v are sent, %d streams open", replied, kinds(fs), s.open())
		}
		for _, f := range fs {
			if f.Kind == frame.Data || f.Kind == frame.Reset {
				t.Errorf("callee, replied %v: %v is sent after CANCEL", replied, f)
			}
		}
	}
}

// A peer that takes no streams gets none, and the answer does not wait for
// them (12.5).
func TestStreamsNotTaken(t *testing.T) {
	s := newScript(t, false, func(c *Config) { c.Peer.Streams = 0 })
	s.receive(call(1))
	out := s.m.OpenStream(s.started[0], 0, Normal)
	if n := s.m.Write(out, []byte("x")); n != 0 || !out.Over() || out.Code != twinwire.ResourceExhausted {
		t.Errorf("%d bytes are queued, over %v with %v", n, out.Over(), out.Code)
	}
	s.m.Reply(s.started[0], 0, nil, nil)
	if fs := s.sent(); !slices.Equal(kinds(fs), []frame.Kind{frame.Reply}) {
		t.Errorf("%v are sent", kinds(fs))
	}
}

// A peer that stops every slot of every call, with as much text as fits, makes
// a machine keep little.
func TestStopOfEverything(t *testing.T) {
	s := newScript(t, false, nil)
	for id := range uint64(16) {
		s.receive(call(id + 1))
	}
	kept := 0
	for _, v := range s.started {
		for slot := range uint64(frame.MaxSlots) {
			f := stop(v.id, slot, callee)
			f.Payload = make([]byte, frame.MaxPayload)
			s.receive(f)
		}
		for _, out := range v.x.outs {
			kept += len(out.Text)
		}
	}
	if kept > 1<<20 {
		t.Errorf("%d bytes of text are kept", kept)
	}
}
