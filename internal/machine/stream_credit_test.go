package machine

import (
	"testing"
	"time"

	"github.com/twinwire/twinwire"
)

// A duo is two machines with lanes of their own that are moved by hand.
type duo struct {
	t       *testing.T
	ends    [2]*Machine // client, server
	eff     Effects
	buf     []byte
	now     time.Duration
	chunks  int // in use
	started *Inbound
	data    []DataIn // of the last move, without payloads
	done    int
}

func newDuo(t *testing.T, change func(*Config)) *duo {
	d := &duo{t: t}
	for i := range d.ends {
		cfg := testConfig(i == 0, true)
		change(&cfg)
		var free []*Chunk
		cfg.NewChunk = func() *Chunk {
			d.chunks++
			if n := len(free); n > 0 {
				c := free[n-1]
				free = free[:n-1]
				return c
			}
			return new(Chunk)
		}
		cfg.FreeChunk = func(c *Chunk) {
			d.chunks--
			c.Reset()
			free = append(free, c)
		}
		d.ends[i] = New(cfg, 0)
	}
	d.move()
	return d
}

// move lets everything arrive that waits, but what is sent in a held pipe.
func (d *duo) move(held ...int) {
	d.data = d.data[:0]
	for moved := true; moved; {
		moved = false
		d.now += time.Millisecond
		for i, m := range d.ends {
			if d.now >= m.Deadline() {
				_ = m.Tick(d.now)
			}
			wake := m.Wake()
			for p := range m.Pipes() {
				if wake&(1<<p) == 0 || len(held) > 0 && held[0] == p {
					continue
				}
				moved = true
				d.buf = m.Batch(p, d.now, d.buf[:0])
				m.Sent()
				d.eff.Reset()
				if err := d.ends[1-i].Receive(p, d.buf, d.now, &d.eff); err != nil {
					d.t.Fatal(err)
				}
				for _, v := range d.eff.Start {
					d.started = v
				}
				for _, in := range d.eff.Data {
					d.data = append(d.data, DataIn{Stream: in.Stream, Last: in.Last, Reset: in.Reset})
				}
				d.done += len(d.eff.Done)
			}
		}
	}
}

// call begins a call of the client, whose streams are wanted.
func (d *duo) call() *Call {
	c := &Call{Method: "t.m", Streams: true}
	if err := d.ends[0].Start(c); err != nil {
		d.t.Fatal(err)
	}
	return c
}

// In every way that a stream can end its place is given back, however many
// end in that way, and so are its window and its buffers (12.5).
func TestStreamCredit(t *testing.T) {
	ways := map[string]func(d *duo, client, server *Machine){
		"consumed": func(d *duo, client, server *Machine) {
			out := client.OpenStream(d.call(), 0, Normal)
			client.Write(out, make([]byte, 700))
			client.EndStream(out)
			d.move()
			server.ConsumedStream(d.data[0].Stream, 700)
			server.Reply(d.started, 0, nil, nil)
		},
		"consumed in steps": func(d *duo, client, server *Machine) {
			out := client.OpenStream(d.call(), 0, Normal)
			client.Write(out, make([]byte, 3000))
			for range 3 {
				d.move()
				server.ConsumedStream(d.data[0].Stream, 1000)
			}
			client.EndStream(out)
			d.move()
			server.Reply(d.started, 0, nil, nil)
		},
		"reset": func(d *duo, client, server *Machine) {
			out := client.OpenStream(d.call(), 0, Normal)
			client.Write(out, make([]byte, 5000))
			d.move()
			client.ResetStream(out, twinwire.Internal, nil)
			d.move()
			server.Reply(d.started, 0, nil, nil)
		},
		"reset before the begin": func(d *duo, client, server *Machine) {
			out := client.OpenStream(d.call(), 0, Normal)
			client.Announce(out)
			client.ResetStream(out, twinwire.Internal, nil)
			d.move()
			server.Reply(d.started, 0, nil, nil)
		},
		"stopped": func(d *duo, client, server *Machine) {
			out := client.OpenStream(d.call(), 0, Normal)
			client.Write(out, make([]byte, 5000))
			d.move()
			server.StopStream(d.data[0].Stream, 0, nil)
			d.move()
			server.Reply(d.started, 0, nil, nil)
		},
		"stopped before the begin": func(d *duo, client, server *Machine) {
			out := client.OpenStream(d.call(), 0, Normal)
			d.move()
			server.StopStream(server.InStream(d.started, 0), 0, nil)
			d.move()
			client.Write(out, make([]byte, 100))
			d.move()
			server.Reply(d.started, 0, nil, nil)
		},
		"stopped when the begin is on its way": func(d *duo, client, server *Machine) {
			out := client.OpenStream(d.call(), 0, Normal)
			client.Write(out, make([]byte, 100))
			d.move(client.role.stream)
			server.StopStream(server.InStream(d.started, 0), 0, nil)
			d.move()
			server.Reply(d.started, 0, nil, nil)
		},
		"replied": func(d *duo, client, server *Machine) {
			out := client.OpenStream(d.call(), 0, Normal)
			client.Write(out, make([]byte, 5000))
			d.move()
			server.Reply(d.started, 0, nil, nil)
		},
		"replied while a stream of the callee waits": func(d *duo, client, server *Machine) {
			out := client.OpenStream(d.call(), 0, Normal)
			client.Write(out, make([]byte, 5000))
			d.move()
			server.Write(server.OpenStream(d.started, 0, Normal), make([]byte, 1500))
			server.Reply(d.started, 0, nil, nil)
			d.move()
			for len(d.data) > 0 {
				in := d.data[0].Stream
				client.ConsumedStream(in, int(in.received-in.consumed))
				d.move()
			}
		},
		"of the callee, consumed": func(d *duo, client, server *Machine) {
			d.call()
			d.move()
			server.Write(server.OpenStream(d.started, 0, Normal), make([]byte, 700))
			server.Reply(d.started, 0, nil, nil)
			d.move()
			client.ConsumedStream(d.data[0].Stream, 700)
		},
		"of the callee, failed": func(d *duo, client, server *Machine) {
			d.call()
			d.move()
			server.Write(server.OpenStream(d.started, 0, Normal), make([]byte, 5000))
			d.move()
			server.Reply(d.started, uint16(twinwire.Rejected), nil, nil)
		},
		"canceled": func(d *duo, client, server *Machine) {
			c := d.call()
			client.Write(client.OpenStream(c, 0, Normal), make([]byte, 5000))
			d.move()
			server.Write(server.OpenStream(d.started, 0, Normal), make([]byte, 5000))
			d.move()
			client.Abandon(c, twinwire.Canceled)
			d.move()
			server.Reply(d.started, 0, nil, nil)
		},
		"canceled when the begins are on their way": func(d *duo, client, server *Machine) {
			c := d.call()
			client.Write(client.OpenStream(c, 0, Normal), make([]byte, 100))
			d.move(client.role.stream)
			server.Write(server.OpenStream(d.started, 0, Normal), make([]byte, 100))
			client.Abandon(c, twinwire.Canceled)
			d.move()
			server.Reply(d.started, 0, nil, nil)
		},
		"canceled before the call was sent": func(d *duo, client, server *Machine) {
			c := d.call()
			client.Write(client.OpenStream(c, 0, Normal), make([]byte, 5000))
			client.Abandon(c, twinwire.Canceled)
			d.done++
		},
		"begun after the reply": func(d *duo, client, server *Machine) {
			client.Write(client.OpenStream(d.call(), 0, Normal), make([]byte, 100))
			d.move(client.role.stream)
			server.Reply(d.started, 0, nil, nil)
			// The batch is made before the reply arrives, and arrives after it
			// was sent.
			b := client.Batch(client.role.stream, d.now, nil)
			d.move(client.role.stream)
			if err := server.Receive(client.role.stream, b, d.now, &d.eff); err != nil {
				d.t.Fatal(err)
			}
		},
		"begun before the call, which is of no use": func(d *duo, client, server *Machine) {
			one := *server.cfg.Rules
			one.Own.Calls = 1
			server.cfg.Rules = &one
			d.call()
			d.move()
			running := d.started
			client.Write(client.OpenStream(d.call(), 0, Normal), make([]byte, 100))
			d.move(client.role.call)
			server.Reply(running, 0, nil, nil)
		},
		"unwanted": func(d *duo, client, server *Machine) {
			c := d.call()
			c.Streams = false
			d.move()
			server.Write(server.OpenStream(d.started, 0, Normal), make([]byte, 5000))
			d.move()
			server.Reply(d.started, 0, nil, nil)
		},
	}
	n := 100_000 / len(ways)
	if testing.Short() {
		n = 500
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			d := newDuo(t, narrow)
			// The lanes are bound before anything is held back.
			c := d.call()
			client, server := d.ends[0], d.ends[1]
			client.EndStream(client.OpenStream(c, 0, Normal))
			d.move()
			server.Reply(d.started, 0, nil, nil)
			d.move()
			for i := range n {
				way(d, client, server)
				d.move()
				if d.done < i+1 {
					t.Fatalf("call %d of %d does not end", i, n)
				}
			}
			for _, m := range d.ends {
				st := m.str
				st.make()
				if st.opened != st.over || st.granted == st.opened || st.spare != 0 {
					t.Errorf("%d streams began, %d are over, %d are allowed; %d bytes may be given", st.opened, st.over, st.granted, st.spare)
				}
				if st.begun >= st.limit || st.waiting.count+st.active[Normal].count+len(st.early)+len(st.windows)+st.replies != 0 {
					t.Errorf("something waits: %+v", st)
				}
				if m.in.running.len()+m.out.running.len()+len(m.out.held) != 0 {
					t.Error("calls are left")
				}
			}
			if d.chunks != 0 {
				t.Errorf("%d buffers are lost", d.chunks)
			}
		})
	}
}
