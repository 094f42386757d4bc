package machine

import (
	"fmt"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// A guest is a peer's frames, for one machine.
type guest struct {
	t       *testing.T
	m       *Machine
	seq     [frame.MaxLanes]uint64
	serving []*Inbound
	reached map[Limit]int
}

func (g *guest) send(fs ...frame.Frame) error {
	for _, f := range fs {
		if f.Kind.Numbered() {
			f.Seq = g.seq[f.Lane]
			g.seq[f.Lane]++
		}
		var eff Effects
		if err := g.m.Receive(0, frame.Append(nil, &f), time.Second, &eff); err != nil {
			return err
		}
		g.serving = append(g.serving, eff.Start...)
	}
	return nil
}

// flush has the machine say what it has to.
func (g *guest) flush() (out []frame.Frame) {
	for g.m.Wake() != 0 {
		for b := g.m.Batch(0, time.Second, nil); len(b) > 0; {
			var f frame.Frame
			n, err := f.Parse(b)
			if err != nil {
				g.t.Fatal(err)
			}
			out = append(out, f)
			b = b[n:]
		}
	}
	return out
}

// finish ends the oldest that is served.
func (g *guest) finish() {
	v := g.serving[0]
	g.serving = g.serving[1:]
	if v.OneWay {
		g.m.Consumed(v)
	} else {
		g.m.Reply(v, 0, nil, nil)
	}
	g.flush()
}

// Of every limit on what a peer has open as many as it says are taken, the next
// is refused, and when one has gone one more is taken.
func TestLimitsOfThePeer(t *testing.T) {
	const size = 40_000
	whole := func(id uint64) []frame.Frame {
		return []frame.Frame{large(call(id), size), more(frame.OfCall, id, 1, frame.MaxPayload), more(frame.OfCall, id, 1, size-2*frame.MaxPayload)}
	}
	for _, c := range []struct {
		name  string
		limit Limit
		set   func(c *Config, n int)
		open  func(id uint64) []frame.Frame
		leave func(g *guest) error // the oldest
	}{
		{"calls", LimitCalls, func(c *Config, n int) { c.Own.Calls = n },
			func(id uint64) []frame.Frame { return []frame.Frame{call(id)} },
			func(g *guest) error { g.finish(); return nil }},
		{"messages", LimitMessages, func(c *Config, n int) { c.Own.Messages = n },
			func(uint64) []frame.Frame { return []frame.Frame{message()} },
			func(g *guest) error { g.finish(); return nil }},
		{"large bytes", LimitLargeBytes, func(c *Config, n int) { c.Own.Large, c.Own.MaxMessage = n*size, size }, whole,
			func(g *guest) error { g.finish(); return nil }},
		{"streams", LimitStreams, func(c *Config, n int) { c.Own.Streams = n },
			func(id uint64) []frame.Frame { return []frame.Frame{call(id), data(id, 0, frame.First, 9)} },
			func(g *guest) error { return g.send(reset(1, 0, 0)) }},
		{"states", LimitStates, func(c *Config, n int) { c.MaxStates = n },
			func(id uint64) []frame.Frame { return []frame.Frame{state(id, frame.HasName|frame.Snapshot)} },
			func(g *guest) error { return g.send(state(1, frame.End)) }},
	} {
		for _, n := range []int{1, 2, 10} {
			t.Run(fmt.Sprint(c.name, n), func(t *testing.T) {
				// full is a machine with so many.
				full := func() *guest {
					g := &guest{t: t, reached: map[Limit]int{}}
					cfg := testConfig(false, false)
					c.set(&cfg, n)
					cfg.Limited = func(l Limit) { g.reached[l]++ }
					g.m = New(cfg, 0)
					if err := g.send(attach(0, frame.AllLanes)); err != nil {
						t.Fatal(err)
					}
					for i := range n {
						if err := g.send(c.open(uint64(i) + 1)...); err != nil {
							t.Fatalf("%d of %d: %v", i+1, n, err)
						}
					}
					g.flush()
					if len(g.reached) > 0 {
						t.Fatalf("with %d of %d, reached %v", n, n, g.reached)
					}
					return g
				}
				refused := func(g *guest, id uint64) bool {
					before := g.reached[c.limit]
					err := g.send(c.open(id)...)
					if err != nil && twinwire.CodeOf(err) != twinwire.ProtocolError {
						t.Fatal(err)
					}
					for _, f := range g.flush() {
						if f.Kind == frame.Reply && f.Code == uint16(twinwire.ResourceExhausted) {
							err = twinwire.ResourceExhausted
						}
					}
					if (err != nil) != (g.reached[c.limit] == before+1) {
						t.Errorf("refused with %v, and counted %v", err, g.reached)
					}
					return err != nil
				}
				if !refused(full(), uint64(n)+1) {
					t.Errorf("%d of %d were taken", n+1, n)
				}
				g := full()
				if err := c.leave(g); err != nil {
					t.Fatal(err)
				}
				g.flush()
				if refused(g, uint64(n)+1) {
					t.Error("one has gone, and one more was refused")
				}
				if !refused(g, uint64(n)+2) {
					t.Errorf("one has gone, and two more were taken")
				}
			})
		}
	}
}
