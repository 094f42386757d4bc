package machine

import (
	"testing"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// data is a DATA of n bytes, on the bulk lane.
func data(id, slot uint64, flags frame.Flags, n int) frame.Frame {
	return frame.Frame{Kind: frame.Data, Lane: 3, ID: id, Slot: slot, Flags: flags, Payload: make([]byte, n)}
}

func reset(id, slot uint64, flags frame.Flags) frame.Frame {
	return frame.Frame{Kind: frame.Reset, Lane: 3, ID: id, Slot: slot, Flags: flags, Code: uint16(twinwire.NotFound)}
}

func stop(id, slot uint64, flags frame.Flags) frame.Frame {
	return frame.Frame{Kind: frame.Stop, Lane: 1, ID: id, Slot: slot, Flags: flags, Code: uint16(twinwire.NotFound)}
}

func window(id, slot, limit uint64, flags frame.Flags) frame.Frame {
	return frame.Frame{Kind: frame.Window, ID: id, Slot: slot, Next: limit, Flags: flags}
}

// on puts a frame on another lane.
func on(lane uint8, f frame.Frame) frame.Frame {
	f.Lane = lane
	return f
}

const callee = frame.OfCallee

// narrow makes windows of one kilobyte that do not grow, for two streams.
func narrow(c *Config) {
	c.Own.Streams, c.Own.Stream, c.MaxStream, c.MaxStreams = 2, 1000, 1000, 2000
	c.Peer.Streams, c.Peer.Stream = 2, 1000
}

// startStreaming has a call with id 1 sent whose streams are wanted.
func startStreaming(m *Machine) {
	if err := m.Start(&Call{Method: "t.m", Streams: true}); err != nil {
		panic(err)
	}
	m.Batch(0, 0, nil)
}

// TestStreamViolations gives a machine what clause 12 forbids.
func TestStreamViolations(t *testing.T) {
	all := attach(0, frame.AllLanes)
	runViolations(t, []violation{
		{clause: "2.6", name: "slot that there is not", frames: append(frames(all, call(1)), 6, 0x4a, 3|byte(first), 0, 1, 0x41, 0x00), want: "field out of range"},
		{clause: "2.6", name: "WINDOW outside of lane 0", frames: append(frames(all, call(1)), 5, 0x0d, 3, 1, 0, 9), want: "field out of range"},
		{clause: "2.6", name: "STOP on the bulk lane", frames: frames(all, call(1), on(3, stop(1, 0, callee))), want: "wrong lane"},
		{clause: "12.1", name: "stream of a call that was not made", frames: frames(all, data(1, 0, first|callee, 1)), want: "not made"},
		{clause: "12.1", name: "stream of a call that was not made, of a client", client: true, before: startStreaming, frames: frames(data(2, 0, first|callee, 1)), want: "not made"},
		{clause: "12.1", name: "end of a stream of a call that was not made", frames: frames(all, reset(1, 0, callee)), want: "not made"},
		{clause: "12.2", name: "DATA after END", frames: frames(all, call(1), data(1, 0, first|last, 1), data(1, 0, 0, 1)), want: "after its end"},
		{clause: "12.2", name: "DATA after END, of the callee", client: true, before: startStreaming, frames: frames(data(1, 0, first|callee, 1), data(1, 0, last|callee, 1), data(1, 0, callee, 0)), want: "after its end"},
		{clause: "12.2", name: "END after END", frames: frames(all, call(1), data(1, 0, first|last, 0), data(1, 0, last, 0)), want: "after its end"},
		{clause: "12.2", name: "DATA after END, before the call", frames: frames(all, data(1, 0, first|last, 1), data(1, 0, 0, 1)), want: "after its end"},
		{clause: "12.2", name: "DATA after RESET", frames: frames(all, call(1), data(1, 0, first, 1), reset(1, 0, 0), data(1, 0, 0, 1)), want: "after its end"},
		{clause: "12.2", name: "RESET after END", frames: frames(all, call(1), data(1, 0, first|last, 1), reset(1, 0, 0)), want: "after its end"},
		{clause: "12.2", name: "RESET after RESET", frames: frames(all, call(1), data(1, 0, first, 1), reset(1, 0, 0), reset(1, 0, 0)), want: "after its end"},
		{clause: "12.2", name: "DATA without BEGIN", frames: frames(all, call(1), data(1, 0, 0, 1)), want: "did not begin"},
		{clause: "12.2", name: "DATA without BEGIN in another slot", frames: frames(all, call(1), data(1, 0, first, 1), data(1, 1, 0, 1)), want: "did not begin"},
		{clause: "12.2", name: "DATA without BEGIN, before the call", frames: frames(all, data(1, 0, 0, 1)), want: "did not begin"},
		{clause: "12.2", name: "DATA without BEGIN, of the callee", client: true, before: startStreaming, frames: frames(data(1, 0, callee, 1)), want: "did not begin"},
		{clause: "12.2", name: "BEGIN twice", frames: frames(all, call(1), data(1, 0, first, 1), data(1, 0, first, 1)), want: "twice"},
		{clause: "12.2", name: "BEGIN after END", frames: frames(all, call(1), data(1, 0, first|last, 1), data(1, 0, first, 1)), want: "twice"},
		{clause: "12.2", name: "BEGIN before and after the call", frames: frames(all, data(1, 0, first, 1), call(1), data(1, 0, first, 1)), want: "twice"},
		{clause: "12.2", name: "BEGIN twice before the call", frames: frames(all, data(1, 255, first, 1), data(1, 255, first, 1)), want: "twice"},
		{clause: "12.3", name: "DATA on another lane", frames: frames(all, call(1), data(1, 0, first, 1), on(2, data(1, 0, 0, 1))), want: "lane"},
		{clause: "12.3", name: "RESET on another lane", frames: frames(all, call(1), data(1, 0, first, 1), on(1, reset(1, 0, 0))), want: "lane"},
		{clause: "12.3", name: "DATA before and after the call on other lanes", frames: frames(all, data(1, 0, first, 1), call(1), on(2, data(1, 0, 0, 1))), want: "lane"},
		{clause: "12.4", name: "DATA beyond the window", change: narrow, frames: frames(all, call(1), data(1, 0, first, 600), data(1, 0, 0, 401)), want: "beyond its window"},
		{clause: "12.4", name: "DATA beyond the window, at once", change: narrow, frames: frames(all, call(1), data(1, 0, first|last, 1001)), want: "beyond its window"},
		{clause: "12.4", name: "DATA beyond the window, before the call", change: narrow, frames: frames(all, data(1, 0, first, 600), data(1, 0, 0, 401)), want: "beyond its window"},
		{clause: "12.4", name: "DATA beyond the window, of the callee", client: true, before: startStreaming, change: narrow, frames: frames(data(1, 0, first|callee, 1000), data(1, 0, last|callee, 1)), want: "beyond its window"},
		{clause: "12.5", name: "more streams than allowed", change: narrow, frames: frames(all, call(1), data(1, 0, first, 1), data(1, 1, first, 1), data(1, 2, first, 1)), want: "beyond the limit"},
		{clause: "12.5", name: "more streams than allowed, before their calls", change: narrow, frames: frames(all, data(1, 0, first, 1), data(2, 0, first, 1), data(9, 0, first, 1)), want: "beyond the limit"},
		{clause: "12.5", name: "more streams than allowed, whole ones before their calls", change: narrow, frames: frames(all, data(1, 0, first|last, 0), data(2, 0, first|last, 0), data(9, 0, first|last, 0)), want: "beyond the limit"},
		{clause: "12.5", name: "more streams than allowed, reset before their calls", change: narrow, frames: frames(all, data(1, 0, first, 0), reset(1, 0, 0), data(2, 0, first, 0), reset(2, 0, 0), data(9, 0, first, 0)), want: "beyond the limit"},
		{clause: "12.5", name: "streams where none are allowed", change: func(c *Config) { c.Own.Streams = 0 }, frames: frames(all, call(1), data(1, 0, first|last, 0)), want: "beyond the limit"},
		{clause: "12.6", name: "RESET of what did not begin", frames: frames(all, call(1), reset(1, 0, 0)), want: "did not begin"},
		{clause: "12.6", name: "RESET of what did not begin, before the call", frames: frames(all, reset(1, 0, 0)), want: "did not begin"},
		{clause: "12.6", name: "RESET of what did not begin, of the callee", client: true, before: startStreaming, frames: frames(reset(1, 0, callee)), want: "did not begin"},
	})
}

// A script is a machine on one pipe, to which the test is the peer.
type script struct {
	t   *testing.T
	m   *Machine
	eff Effects
	seq [frame.MaxLanes]uint64
	// started are the calls that it was given to serve.
	started []*Inbound
	done    []*Call
	dropped []*InStream
	data    []DataIn // without payloads
}

func newScript(t *testing.T, client bool, change func(*Config)) *script {
	cfg := testConfig(client, false)
	if change != nil {
		change(&cfg)
	}
	s := &script{t: t, m: New(cfg, 0)}
	if client {
		s.m.Batch(0, 0, nil)
	} else {
		s.receive(attach(0, frame.AllLanes))
	}
	return s
}

// receive gives the machine frames, which must not be an error.
func (s *script) receive(fs ...frame.Frame) {
	s.t.Helper()
	for i := range fs {
		f := fs[i]
		if f.Kind.Numbered() {
			f.Seq = s.seq[f.Lane]
			s.seq[f.Lane]++
		}
		s.eff.Reset()
		if err := s.m.Receive(0, frame.Append(nil, &f), 0, &s.eff); err != nil {
			s.t.Fatalf("%v: %v", f, err)
		}
		s.started = append(s.started, s.eff.Start...)
		s.done = append(s.done, s.eff.Done...)
		s.dropped = append(s.dropped, s.eff.Dropped...)
		for _, d := range s.eff.Data {
			s.data = append(s.data, DataIn{Stream: d.Stream, Last: d.Last, Reset: d.Reset, Code: d.Code})
		}
	}
}

// call has the machine call something, and returns the call.
func (s *script) call(streams bool) *Call {
	s.t.Helper()
	c := &Call{Method: "t.m", Streams: streams}
	if err := s.m.Start(c); err != nil {
		s.t.Fatal(err)
	}
	s.sent()
	return c
}

// sent returns what the machine has to send, without the acknowledgements.
func (s *script) sent() (fs []frame.Frame) {
	s.t.Helper()
	for s.m.Wake() != 0 {
		parse(s.t, s.m.Batch(0, 0, nil), func(f *frame.Frame) {
			if f.Kind != frame.Ack {
				fs = append(fs, *f)
			}
			if f.Kind.Numbered() {
				// Nothing shall wait for an acknowledgement.
				ack := frame.Frame{Kind: frame.Ack, Lane: f.Lane, Next: f.Seq + 1}
				if err := s.m.Receive(0, frame.Append(nil, &ack), 0, new(Effects)); err != nil {
					s.t.Fatal(err)
				}
			}
		})
		s.m.Sent()
	}
	return fs
}

// kinds are the kinds of some frames.
func kinds(fs []frame.Frame) (ks []frame.Kind) {
	for _, f := range fs {
		ks = append(ks, f.Kind)
	}
	return ks
}

// open returns how many streams of the peer count as open.
func (s *script) open() int { return int(s.m.str.opened - s.m.str.over) }
