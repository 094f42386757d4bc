package machine

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/twinwire/twinwire/frame"
)

// A link is the path between two machines: frames wait in a queue without end,
// leave it at a rate, and arrive after a delay, in order in each pipe. Its clock
// jumps from event to event.
type link struct {
	t     testing.TB
	now   time.Duration
	rate  float64       // bytes per second, each way
	delay time.Duration // each way
	ends  [2]linkEnd
	// each is called after every event.
	each func()

	// What is beside that: a frame takes up to jitter longer, and each of its
	// packets is lost with a chance of loss, and arrives a round trip later then.
	rng    *rand.Rand
	jitter time.Duration
	loss   float64
}

// A linkEnd is a machine, and what it has sent.
type linkEnd struct {
	m        *Machine
	eff      Effects
	free     time.Duration // when the last frame leaves the queue
	queue    []packet      // in the order in which they arrive
	last     [frame.MaxLanes]time.Duration
	received int             // bytes of streams, which are consumed at once
	answers  []time.Duration // how long the calls of this end took
	asked    time.Duration   // when the call that is under way began
	asking   Call
}

// A packet is one frame on its way.
type packet struct {
	at   time.Duration
	pipe int
	b    []byte
}

func newLink(t testing.TB, independent bool, bits float64, trip time.Duration) *link {
	l := &link{t: t, rate: bits / 8, delay: trip / 2, each: func() {}}
	for i := range l.ends {
		cfg := testConfig(i == 0, independent)
		cfg.Lanes = 5
		l.ends[i].m = New(cfg, 0)
	}
	l.run(time.Second)
	return l
}

// send puts what an end has to say on the link.
func (l *link) send(e *linkEnd) {
	for wake := e.m.Wake(); wake != 0; wake = e.m.Wake() {
		for p := range e.m.Pipes() {
			if wake&(1<<p) == 0 {
				continue
			}
			for b := e.m.Batch(p, l.now, nil); len(b) > 0; {
				n, _ := frame.Size(b)
				e.free = max(e.free, l.now) + time.Duration(float64(n)/l.rate*float64(time.Second))
				e.last[p] = max(e.last[p], e.free+l.delay+l.disturbance(n))
				e.put(packet{e.last[p], p, b[:n:n]})
				b = b[n:]
			}
		}
		e.m.Sent()
	}
}

// put has a packet arrive when it is due.
func (e *linkEnd) put(p packet) {
	i := len(e.queue)
	for i > 0 && e.queue[i-1].at > p.at {
		i--
	}
	e.queue = slices.Insert(e.queue, i, p)
}

// lossPacket is the size of the packets that are lost, in bytes.
const lossPacket = 1400

// disturbance is how much longer a frame of n bytes takes on a path that is not
// perfect.
func (l *link) disturbance(n int) (d time.Duration) {
	if l.jitter > 0 {
		d = time.Duration(l.rng.Int64N(int64(l.jitter)))
	}
	for l.loss > 0 && n > 0 {
		if l.rng.Float64() < l.loss {
			d += 2 * l.delay // once, or again
			continue
		}
		n -= lossPacket
	}
	return d
}

// run lets time pass.
func (l *link) run(d time.Duration) {
	for until := l.now + d; ; {
		next := until
		for i := range l.ends {
			e := &l.ends[i]
			l.send(e)
			next = min(next, max(l.now, e.m.Deadline()))
			if len(e.queue) > 0 {
				next = min(next, max(l.now, e.queue[0].at))
			}
		}
		l.now = next
		l.each()
		for i := range l.ends {
			e, to := &l.ends[i], &l.ends[1-i]
			if l.now >= e.m.Deadline() {
				if err := e.m.Tick(l.now); err != nil {
					l.t.Fatal(err)
				}
			}
			for len(e.queue) > 0 && e.queue[0].at <= l.now {
				p := e.queue[0]
				e.queue = e.queue[1:]
				l.receive(to, p)
			}
		}
		if l.now >= until {
			return
		}
	}
}

func (l *link) receive(e *linkEnd, p packet) {
	e.eff.Reset()
	if err := e.m.Receive(p.pipe, p.b, l.now, &e.eff); err != nil {
		l.t.Fatal(err)
	}
	for _, d := range e.eff.Data {
		e.received += len(d.Payload)
		e.m.ConsumedStream(d.Stream, len(d.Payload))
	}
	for range e.eff.Done {
		e.answers = append(e.answers, l.now-e.asked)
		e.asked = 0
	}
	for _, v := range e.eff.Start {
		if v.Method == "t.echo" {
			e.m.Reply(v, 0, nil, nil)
		}
	}
}

// bulk begins a call with a stream from the client, and returns what keeps it
// full.
func (l *link) bulk() (fill func()) {
	m := l.ends[0].m
	s := m.OpenStream(l.open(), 0, Bulk)
	b := make([]byte, frame.MaxPayload)
	return func() {
		for m.Write(s, b) > 0 {
		}
	}
}

// open begins a call that is not answered.
func (l *link) open() *Call {
	c := &Call{Method: "t.open", Streams: true}
	if err := l.ends[0].m.Start(c); err != nil {
		l.t.Fatal(err)
	}
	return c
}

// ask has the client make small calls, one after another.
func (l *link) ask() {
	if e := &l.ends[0]; e.asked == 0 {
		e.asked = l.now
		e.asking = Call{Method: "t.echo"}
		if err := e.m.Start(&e.asking); err != nil {
			l.t.Fatal(err)
		}
	}
}

// carried runs for a while and returns the share of the link's rate that the
// streams of the client have used, and the longest that a call took.
func (l *link) carried(d time.Duration) (share float64, slowest time.Duration) {
	before := l.ends[1].received
	l.ends[0].answers = nil
	l.run(d)
	if len(l.ends[0].answers) > 0 {
		slowest = slices.Max(l.ends[0].answers)
	}
	return float64(l.ends[1].received-before) / (l.rate * d.Seconds()), slowest
}
