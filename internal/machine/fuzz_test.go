package machine

import (
	"runtime"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// FuzzReceive gives a machine any bytes, in any pipe: it neither panics nor
// keeps more memory than its limits say.
func FuzzReceive(f *testing.F) {
	all := attach(0, frame.AllLanes)
	f.Add(false, false, frames(all, call(1), message(), state(1, frame.HasName|frame.Snapshot), topic(1, frame.Begin), event(1)))
	f.Add(false, false, frames(all, large(call(1), 40_000), more(frame.OfCall, 1, 1, frame.MaxPayload), more(frame.OfCall, 1, 1, 40_000-2*frame.MaxPayload)))
	f.Add(false, true, frames(attach(0, 0), goodbye(0)))
	f.Add(true, false, frames(frame.Frame{Kind: frame.Reply, Lane: 1, ID: 1, Flags: frame.Barrier, Next: 1}, event(0)))
	f.Add(true, false, frames(large(frame.Frame{Kind: frame.Reply, Lane: 1, ID: 1}, 20_000), more(frame.OfReply, 1, 1, 20_000-frame.MaxPayload)))
	f.Add(true, true, append(frames(frame.Frame{Kind: frame.Open, Lane: 2}, frame.Frame{Kind: frame.Credit, ID: 1, Next: 1 << 40}), pings(3)...))
	f.Add(false, false, frames(all, data(1, 0, first, 9), call(1), data(1, 0, last, 9), data(1, 1, first, 9), reset(1, 1, 0), stop(1, 0, callee), window(1, 1, 9, callee)))
	f.Add(true, false, frames(data(1, 0, first|callee, 9), stop(1, 0, 0), window(1, 0, 90_000, 0), frame.Frame{Kind: frame.Reply, Lane: 1, ID: 1, Flags: frame.Streamed, Slot: 1}, data(1, 0, last|callee, 9)))
	f.Add(true, true, frames(on(1, data(1, 0, first|callee, 9)), on(1, reset(1, 0, callee)), frame.Frame{Kind: frame.Credit, ID: 2, Next: 1 << 40}))
	f.Fuzz(func(t *testing.T, client, lanes bool, b []byte) {
		cfg := testConfig(client, lanes)
		cfg.Own.Large, cfg.Own.MaxMessage = 200_000, 100_000
		cfg.Own.Streams, cfg.Own.Stream, cfg.MaxStream, cfg.MaxStreams = 3, 1000, 2000, 5000
		chunks := 0
		cfg.NewChunk = func() *Chunk { chunks++; return new(Chunk) }
		cfg.FreeChunk = func(*Chunk) { chunks-- }
		m := New(cfg, 0)
		c := &Call{Method: "t.m", Content: Content{Payload: []byte("x")}, Streams: true}
		if err := m.Start(c); err != nil {
			t.Fatal(err)
		}
		m.Write(m.OpenStream(c, 0, Bulk), make([]byte, 100_000))
		for p := range m.Pipes() {
			m.Batch(p, 0, nil)
		}
		var eff Effects
		var serving []*Inbound
		// A pipe is told by its first frame; the rest follows in pieces.
		var err error
		for pipe := 0; len(b) > 0 && err == nil; pipe = (pipe + 1) % m.Pipes() {
			n := len(b)
			if size, _ := frame.Size(b); size > 0 && size < n {
				n = size
			}
			eff.Reset()
			err = m.Receive(pipe, b[:n], time.Second, &eff)
			b = b[n:]
			serving = append(serving, eff.Start...)
			for _, d := range eff.Data {
				switch len(d.Payload) % 5 {
				case 0: // nobody reads
				case 1:
					if s := d.Stream; s.of != nil {
						m.StopStream(s, twinwire.Rejected, nil)
					}
				default:
					m.ConsumedStream(d.Stream, len(d.Payload))
				}
			}
			if st := &m.str; len(st.early) > cfg.Own.Streams || st.opened-st.over > uint64(cfg.Own.Streams) && err == nil || st.spare < 0 {
				t.Fatalf("%d streams of %d are open, %d early, %d bytes spare", st.opened-st.over, cfg.Own.Streams, len(st.early), st.spare)
			}
		}
		for _, v := range serving {
			if v.OneWay {
				m.Consumed(v)
			} else {
				m.EndStream(m.OpenStream(v, 0, Normal))
				m.Reply(v, 0, []byte("y"), nil)
			}
		}
		for range 1000 {
			wake := m.Wake()
			for p := range m.Pipes() {
				if wake&(1<<p) != 0 {
					m.Batch(p, time.Second, nil)
				}
			}
			if wake == 0 && m.Wake() == 0 { // asking for a lane queues a frame
				break
			}
		}
		if m.Wake() != 0 {
			t.Fatal("something waits and cannot be sent")
		}
		m.End(&eff)
		if chunks != 0 {
			t.Errorf("%d buffers are lost", chunks)
		}
		if !c.Ended() {
			t.Error("the call did not end")
		}
		switch c.Code {
		case twinwire.Unavailable, twinwire.OutcomeUnknown:
		default:
			if c.Text != "" {
				t.Errorf("%v: %s", c.Code, c.Text)
			}
		}
	})
}

// A peer that begins as much as it may and finishes nothing makes a machine
// keep no more than the credit, whatever sizes it speaks of.
func TestMemoryOfPromises(t *testing.T) {
	cfg := testConfig(false, false)
	m := New(cfg, 0)
	var eff Effects
	seq := [frame.MaxLanes]uint64{}
	send := func(f frame.Frame) error {
		f.Seq = seq[f.Lane]
		seq[f.Lane]++
		return m.Receive(0, frame.Append(nil, &f), 0, &eff)
	}
	if err := m.Receive(0, frames(attach(0, frame.AllLanes)), 0, &eff); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := 0
	for ; n < 100_000; n++ {
		f := large(call(uint64(n)+1), 4<<20)
		if n >= 256 {
			f = large(message(), 4<<20)
			f.ID = uint64(n) + 1
		}
		if send(f) != nil {
			break
		}
	}
	if n != 4 {
		t.Errorf("%d messages of 4 MiB were begun with a credit of 16 MiB", n)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("%d bytes are kept for %d bytes that arrived", grown, n*frame.MaxPayload)
	}
	runtime.KeepAlive(m)
}
