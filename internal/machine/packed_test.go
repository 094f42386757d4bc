package machine

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/twinwire/twinwire/frame"
)

// inflateTest takes a payload of one byte, n, for n KiB of it.
func inflateTest(b []byte) ([]byte, error) {
	if len(b) != 1 {
		return nil, errors.New("malformed")
	}
	return bytes.Repeat(b, int(b[0])<<10), nil
}

// Clause 16.3: sizes are those of what a payload was made of, and what breaks
// them is an error.
func TestPacked(t *testing.T) {
	packed := func(f frame.Frame, n int) frame.Frame {
		f.Packed, f.Payload = true, make([]byte, n)
		f.Payload[0] = byte(n)
		return f
	}
	kib := func(f frame.Frame, n byte) frame.Frame {
		f.Packed, f.Payload = true, []byte{n}
		return f
	}
	head := large(call(1), 20<<10)
	for _, test := range []struct {
		name    string
		inflate func([]byte) ([]byte, error)
		frames  []frame.Frame
		want    string // of the error
		size    int    // of what starts
	}{
		{"small", inflateTest, []frame.Frame{kib(call(1), 3)}, "", 3 << 10},
		{"two frames", inflateTest, []frame.Frame{kib(head, 16), kib(more(frame.OfCall, 1, 1, 1), 4)}, "", 20 << 10},
		{"two frames, one compressed", inflateTest, []frame.Frame{kib(head, 16), more(frame.OfCall, 1, 1, 4<<10)}, "", 20 << 10},
		{"no agreement", nil, []frame.Frame{kib(call(1), 3)}, "without agreement", 0},
		{"malformed", inflateTest, []frame.Frame{packed(call(1), 2)}, "malformed", 0},
		{"nothing", inflateTest, []frame.Frame{kib(call(1), 0)}, "another size", 0},
		{"over a frame", inflateTest, []frame.Frame{kib(call(1), 17)}, "another size", 0},
		{"not full though more follows", inflateTest, []frame.Frame{kib(head, 15)}, "another size", 0},
		{"parts over the size", inflateTest, []frame.Frame{kib(head, 16), kib(more(frame.OfCall, 1, 1, 1), 5)}, "do not add up", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := Window{Calls: 4, Messages: 4, Large: 1 << 20, MaxMessage: 1 << 20, Names: 8}
			m := New(Config{
				Lanes: 4, Generation: 1, Peer: w, Heartbeat: 1 << 40, Inflate: test.inflate,
				Rules: &Rules{Own: w, MaxReplyBytes: 1 << 20, NewInbound: func() *Inbound { return new(Inbound) }},
			}, 0)
			var eff Effects
			err := m.Receive(0, frames(append([]frame.Frame{attach(0, frame.AllLanes)}, test.frames...)...), 0, &eff)
			switch {
			case test.want != "":
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Fatalf("%v, want one about %q", err, test.want)
				}
			case err != nil || len(eff.Start) != 1 || len(eff.Start[0].Payload) != test.size:
				t.Fatalf("%v, %d started", err, len(eff.Start))
			}
		})
	}
}
