//go:build !js

package client

import (
	"context"
	"time"

	"github.com/twinwire/twinwire/core"
)

const (
	// sampleTime is how often a session that compares its wires is looked at.
	sampleTime = 500 * time.Millisecond
	// busyBytes is what passes in each sample of a large transfer, at least.
	busyBytes = 32 << 10
	// measuredSamples are what a wire is judged by, once settlingSamples have
	// passed since the session came to it: congestion control begins anew there.
	measuredSamples, settlingSamples = 4, 3
	// movingSamples are those in which a move that was made shows.
	movingSamples = 2
	// quietSamples are those without a large transfer after which a session goes
	// back to its first wire.
	quietSamples = 10
	// muchFaster is how much more than the first wire the second has to carry: it
	// is worse for everything that is small.
	muchFaster = 1.5
	// verdictTime is how long a comparison counts, and unsureTime how long there
	// is none after one that came to nothing, as when the transfer ended.
	verdictTime, unsureTime = 5 * time.Minute, 30 * time.Second
)

// A comparison finds out which of two wires carries the large transfers of a
// session faster: while there is one it has the session on the first for 2 s,
// then on the second. It knows of neither sessions nor clocks.
type comparison struct {
	phase  comparisonPhase
	on     int    // where the session was at the last sample
	want   int    // where it should be
	passed uint64 // at the last sample
	n      int    // samples of this phase
	bytes  uint64 // that passed in them
	least  uint64 // that passed in one of them
	quiet  int    // samples without a large transfer

	before float64 // bytes in a sample, on the wire that is compared with
	best   int     // the verdict, or where to be without one
	until  time.Time
}

type comparisonPhase int

const (
	comparisonWatches  comparisonPhase = iota // for a large transfer
	comparisonMoves                           // until the session is on the other wire
	comparisonSettles                         // there
	comparisonMeasures                        // there
)

// step takes a sample: the wire that the session is on, and the bytes that have
// passed over all of its wires. It returns the wire on which the session should
// be.
func (c *comparison) step(on int, passed uint64, now time.Time) (want int) {
	delta := passed - min(c.passed, passed)
	c.passed = passed
	if on != c.on {
		c.on = on
		switch {
		case on != c.want: // others have moved it, or it has lost its carrier
			c.want = firstWire
			c.enter(comparisonWatches)
		case c.phase == comparisonMoves:
			c.enter(comparisonSettles)
		default:
			c.enter(comparisonWatches)
		}
		return c.want
	}
	c.n++
	c.bytes += delta
	c.least = min(c.least, delta)
	switch c.phase {
	case comparisonWatches:
		c.watch(delta, now)
	case comparisonMoves:
		if c.n == movingSamples {
			c.decide(on, now.Add(verdictTime))
		}
	case comparisonSettles:
		if c.n == settlingSamples {
			c.enter(comparisonMeasures)
		}
	case comparisonMeasures:
		if c.n == measuredSamples {
			c.judge(now)
		}
	}
	return c.want
}

func (c *comparison) enter(p comparisonPhase) {
	c.phase, c.n, c.bytes, c.least = p, 0, 0, ^uint64(0)
}

// decide ends a comparison.
func (c *comparison) decide(best int, until time.Time) {
	c.best, c.until, c.want = best, until, best
	c.enter(comparisonWatches)
}

// watch waits for a large transfer, and then acts on the verdict, or seeks one.
func (c *comparison) watch(delta uint64, now time.Time) {
	if delta < busyBytes {
		c.enter(comparisonWatches)
		if c.quiet++; c.quiet == quietSamples {
			c.want = firstWire
		}
		return
	}
	c.quiet = 0
	if c.n < measuredSamples {
		return
	}
	if now.Before(c.until) {
		c.want = c.best
		c.enter(comparisonWatches)
		return
	}
	c.before, c.want = c.rate(), 1-c.on
	c.enter(comparisonMoves)
}

func (c *comparison) rate() float64 { return float64(c.bytes) / float64(c.n) }

// judge compares what the wire that the session is on now carries with what the
// other one did.
func (c *comparison) judge(now time.Time) {
	enough := muchFaster
	if c.on == firstWire {
		enough = 1 / muchFaster
	}
	switch {
	case c.least < busyBytes:
		c.decide(1-c.on, now.Add(unsureTime))
	case c.rate() >= enough*c.before:
		c.decide(c.on, now.Add(verdictTime))
	default:
		c.decide(1-c.on, now.Add(verdictTime))
	}
}

// compare has a session use the wire that carries large transfers faster, as
// long as there are any. Its goroutine ends with the session.
func (d *dialer) compare(s *core.Session) {
	if !d.target.compares || len(d.target.wires) < 2 || d.cfg.Reconnect == nil {
		return
	}
	go func() {
		var c comparison
		c.enter(comparisonWatches)
		tick := time.NewTicker(sampleTime)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				d.sample(s, &c)
			case <-d.changed.next():
				c.until = time.Time{} // what was true of another network
			case <-s.Done():
				return
			}
		}
	}()
}

// sample takes a sample and does what follows from it.
func (d *dialer) sample(s *core.Session, c *comparison) {
	change := now(s)
	if !attached(change) {
		return
	}
	on := firstWire
	if onWebSocket(change) {
		on = secondWire
	}
	st := s.Stats()
	before := c.want
	want := c.step(on, st.BytesReceived+st.BytesSent-min(st.BytesSent, st.BytesReplayed+uint64(st.Unacknowledged)), time.Now())
	d.held.Store(want == secondWire)
	if want != on && want != before {
		// It gives way to who has to find a carrier. What fails is seen by the next
		// samples.
		ctx, stop := context.WithCancel(s.Context())
		defer stop()
		go func() { // ends with ctx
			for c := range s.Lifecycle(ctx) {
				if !attached(c) {
					stop()
				}
			}
		}()
		_ = d.move(ctx, s, want)
	}
}
