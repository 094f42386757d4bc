package machine

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twinwire/twinwire/frame"
)

// paths are what a stream may have to travel.
var paths = []struct {
	bits float64
	trip time.Duration
}{
	{1e6, 20 * time.Millisecond},
	{10e6, 50 * time.Millisecond},
	{50e6, 5 * time.Millisecond},
	{100e6, 100 * time.Millisecond},
	{1e9, 2 * time.Millisecond},
}

// inFlight returns how much is in flight of the client's bulk streams.
func (l *link) inFlight() int {
	p := l.ends[0].m.lanes[3].pace
	if p == nil {
		return 0
	}
	return p.inFlight
}

// overPaths runs a test over every path, as one pipe and with lanes.
func overPaths(t *testing.T, test func(t *testing.T, l *link, product float64)) {
	for _, p := range paths {
		for _, independent := range []bool{false, true} {
			t.Run(fmt.Sprintf("%.0fMbit/%v/independent=%v", p.bits/1e6, p.trip, independent), func(t *testing.T) {
				if testing.Short() && p.bits > 500e6 {
					t.Skip("this path takes longer than the others")
				}
				test(t, newLink(t, independent, p.bits, p.trip), p.bits/8*p.trip.Seconds())
			})
		}
	}
}

// A stream fills the path within a few round trips, and what it has in flight
// stays near the bandwidth-delay product for as long as it goes on: so calls
// beside it do not wait in ever longer queues, and a queue of one product does
// not overflow.
func TestPaceFills(t *testing.T) {
	overPaths(t, func(t *testing.T, l *link, product float64) {
		fill := l.bulk()
		most := 0
		l.each = func() { fill(); l.ask(); most = max(most, l.inFlight()) }
		l.run(max(8*2*l.delay, 100*time.Millisecond))
		if share, _ := l.carried(time.Second); share < 0.9 {
			t.Errorf("%.0f %% of the rate is used after the start", share*100)
		}
		l.run(time.Duration(4 * paceStart / l.rate * float64(time.Second))) // what was too much at first
		most = 0
		long := time.Duration(60e6 / l.rate * float64(time.Second)) // what 60 MB take
		share, slowest := l.carried(min(max(long, time.Second), 90*time.Second))
		if share < 0.9 {
			t.Errorf("%.0f %% of the rate is used", share*100)
		}
		if bound := 1.5*product + l.rate*(paceQueue+paceSlack).Seconds() + paceFloor + frame.MaxPayload; float64(most) > bound {
			t.Errorf("%d bytes in flight, want %.0f at most", most, bound)
		}
		if bound := 4*2*l.delay + time.Duration(4*paceFloor/l.rate*float64(time.Second)); slowest > bound {
			t.Errorf("a call took %v, want %v at most", slowest, bound)
		}
	})
}

// On a path that loses packets and delays them by chance, as radio does, a
// transfer goes on, and at most of the rate where the path is not too long. And
// calls beside it wait for what was lost, and for little more.
func TestPaceOfLossyPath(t *testing.T) {
	for seed, loss := range []float64{0, 0.001, 0.005, 0.02} {
		t.Run(fmt.Sprintf("loss=%v", loss), func(t *testing.T) {
			t.Parallel()
			overPaths(t, func(t *testing.T, l *link, _ float64) {
				l.rng, l.loss, l.jitter = rand.New(rand.NewPCG(uint64(seed), 2)), loss, l.delay/2
				fill := l.bulk()
				l.each = func() { fill(); l.ask() }
				trip := 2 * l.delay
				l.run(max(time.Second, time.Duration(4*paceStart/l.rate*float64(time.Second)))) // what was too much at first
				long := time.Duration(30e6 / l.rate * float64(time.Second))
				share, slowest := l.carried(min(max(long, time.Second, 100*trip), 60*time.Second))
				least := 0.6
				if trip >= 100*time.Millisecond && loss > 0 {
					// Of what fills such a path something is missing nearly all the
					// time. A carrier that takes loss for congestion has less: 4, 2
					// and 1 % (Mathis et al., 1997).
					least = map[float64]float64{0.001: 0.6, 0.005: 0.4, 0.02: 0.05}[loss]
				}
				if share < least {
					t.Errorf("%.1f %% of the rate is used, want %.1f %%", share*100, least*100)
				}
				if bound := 8*trip + time.Duration(4*paceFloor/l.rate*float64(time.Second)); slowest > bound {
					t.Errorf("a call took %v, want %v at most", slowest, bound)
				}
				t.Logf("%.0f %% of the rate; the slowest call took %.1f trips", share*100, float64(slowest)/float64(trip))
			})
		})
	}
}

// When the peer is busy once, everything arrives late together, as behind a
// loss. More in flight would do nothing for that, and fill the queue.
func TestPaceOfBusyPeer(t *testing.T) {
	overPaths(t, func(t *testing.T, l *link, product float64) {
		fill := l.bulk()
		most := 0
		l.each = func() { fill(); most = max(most, l.inFlight()) }
		trip := 2 * l.delay
		l.run(max(50*trip, time.Duration(4*paceStart/l.rate*float64(time.Second))))
		e := &l.ends[0]
		for i := range e.queue {
			e.queue[i].at = max(e.queue[i].at, l.now+3*trip)
		}
		for p := range e.last {
			e.last[p] = max(e.last[p], l.now+3*trip)
		}
		l.run(3 * trip)
		most = 0
		l.run(30 * trip)
		if bound := 1.5*product + l.rate*(paceQueue+paceSlack).Seconds() + paceFloor + frame.MaxPayload; float64(most) > bound {
			t.Errorf("%d bytes in flight, want %.0f at most", most, bound)
		}
	})
}

// When the path gets slower the bound follows.
func TestPaceOfSlowerPath(t *testing.T) {
	l := newLink(t, true, 100e6, 40*time.Millisecond)
	fill := l.bulk()
	l.each = fill
	l.run(2 * time.Second)
	l.rate /= 10
	l.run(3 * time.Second)
	if n, product := l.inFlight(), l.rate*0.04; float64(n) > 2.5*product+paceFloor {
		t.Errorf("%d bytes are in flight, where %.0f fill the path", n, product)
	}
	l.rate *= 10
	l.run(3 * time.Second)
	if share, _ := l.carried(time.Second); share < 0.9 {
		t.Errorf("%.0f %% of the rate is used once the path is fast again", share*100)
	}
}

// When the path gets longer it is filled again, at the latest when the
// shortest round trip is too old to count.
func TestPaceOfLongerPath(t *testing.T) {
	l := newLink(t, true, 50e6, 20*time.Millisecond)
	fill := l.bulk()
	l.each = fill
	l.run(2 * time.Second)
	l.delay *= 5
	l.run(tripWindow + 3*time.Second)
	if share, _ := l.carried(time.Second); share < 0.9 {
		t.Errorf("%.0f %% of the rate is used", share*100)
	}
}

// A stream that sends little for a long time, before bulk or after it, leaves
// the bound where the path had it.
func TestPaceOfIdleStream(t *testing.T) {
	for _, bulkBefore := range []bool{false, true} {
		l := newLink(t, true, 100e6, 100*time.Millisecond)
		fill := l.bulk()
		before := 0
		if bulkBefore {
			l.each = fill
			l.run(2 * time.Second)
			l.each = func() {}
			l.run(time.Second)
			before = l.ends[0].m.lanes[3].pace.limit
		}
		slow := l.ends[0].m.OpenStream(l.open(), 0, Bulk)
		for range 600 {
			l.ends[0].m.Write(slow, make([]byte, 100))
			l.run(100 * time.Millisecond)
		}
		p := l.ends[0].m.lanes[3].pace
		if least := max(before*3/4, paceStart); p.limit < least {
			t.Errorf("bulk before %v: the bound fell from %d to %d", bulkBefore, before, p.limit)
		}
		l.each = fill
		l.run(1300 * time.Millisecond)
		if share, _ := l.carried(time.Second); share < 0.9 {
			t.Errorf("bulk before %v: %.0f %% of the rate is used", bulkBefore, share*100)
		}
	}
}

// A peer that never acknowledges makes nothing grow: neither by streams that
// carry nothing nor by ones that carry little.
func TestPaceWithoutAcks(t *testing.T) {
	for _, size := range []int{0, 1, 100} {
		cfg := testConfig(true, false)
		cfg.Peer.Streams, cfg.Peer.Stream = 1<<30, 1<<30
		m := New(cfg, 0)
		m.Batch(0, 0, nil)
		c := &Call{Method: "t.m"}
		if err := m.Start(c); err != nil {
			t.Fatal(err)
		}
		long := m.OpenStream(c, 1, Bulk)
		for i := range 20_000 {
			now := time.Duration(i+1) * time.Millisecond
			if size == 0 {
				// As calls would that are made, streamed to and given up.
				c.x.outs = c.x.outs[:1]
				m.EndStream(m.OpenStream(c, 0, Bulk))
			} else if m.Room(long) > 0 {
				m.Write(long, make([]byte, size))
			}
			m.Batch(0, now, nil)
		}
		p := m.lanes[m.role.bulk].pace
		if n := cap(p.flight); n > 4*paceFlight {
			t.Errorf("streams of %d bytes: room for %d batches is kept", size, n)
		}
		if p.inFlight > p.limit+size {
			t.Errorf("streams of %d bytes: %d bytes in flight beyond the bound of %d", size, p.inFlight, p.limit)
		}
	}
}

// What is acknowledged at once, in whatever pieces, leaves nothing behind.
func TestPaceCounts(t *testing.T) {
	var p pace
	next, acked := uint64(0), uint64(0)
	for i := range 10_000 {
		now := time.Duration(i) * time.Millisecond / 3
		for k := range i % 7 {
			next++
			p.sent(next, k*1000, now)
		}
		if i%5 == 0 {
			acked += (next - acked) * uint64(i%3) / 2
			p.acknowledged(acked, now+time.Millisecond)
		}
	}
	p.acknowledged(next, time.Hour)
	if p.inFlight != 0 || len(p.flight) != 0 || p.head != 0 {
		t.Errorf("%d bytes and %d batches remain", p.inFlight, len(p.flight)-p.head)
	}
}
