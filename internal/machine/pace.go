package machine

import (
	"time"

	"github.com/twinwire/twinwire/frame"
)

const (
	// paceFloor is what may be in flight always, and paceStart at first.
	paceFloor = 64 << 10
	paceStart = 256 << 10
	// paceSlack is how long what is in flight may take beyond two round trips:
	// it lets both ends be busy with something else meanwhile.
	paceSlack = 100 * time.Microsecond
	// tripWindow and rateWindow are for how long the best figures count, the
	// latter in round trips.
	tripWindow = 10 * time.Second
	rateWindow = 10
	// paceFlight is how many marks there are of what is in flight: a peer that never acknowledges must not make this grow.
	paceFlight = 1024
)

// A pace bounds what is in flight of the streams of a lane, so that what is
// more urgent does not wait behind them in the queues of the wire, from where
// nothing can be taken back. It does what BBR (Cardwell et al., 2016) does for
// packets: the bound is a multiple of the bandwidth-delay product, which
// follows from the delivery rate and the shortest round trip that the
// acknowledgements show. While the bound is what limits the rate, it doubles
// with each round trip.
//
// A sender that always uses up the bound never sees a round trip without the
// queue that it makes itself, and would take the longer trip for the path's
// own and allow itself a longer queue. So when the shortest trip is old, less
// than what fills the path is let into flight until one trip was seen without
// a queue.
//
// What the streams wanted says nothing about the path: a rate that was
// measured while they had nothing to send counts only if it is the best.
type pace struct {
	limit     int // bytes; 0 before the first frame
	inFlight  int
	delivered uint64 // bytes that were acknowledged
	flight    []paceMark
	head      int
	// spared is the value of delivered up to which rates are those of streams
	// that had nothing more to send. Known says that there was another.
	spared uint64
	known  bool

	trip   time.Duration // the shortest; 0 before the first
	tripAt time.Duration // when it was seen
	probes bool          // for a trip without a queue
	rate   best          // bytes per second
}

// A paceMark is one or more frames that were sent together and are in flight.
type paceMark struct {
	next      uint64 // the number after its last frame
	bytes     int
	at        time.Duration
	delivered uint64 // when it was sent
	spared    bool   // the bound was not used up then
	probe     bool
}

// A best is the highest figure of a while.
type best struct {
	now, before float64
	since       time.Duration
}

func (b *best) value() float64 { return max(b.now, b.before) }

func (b *best) add(v float64, at, window time.Duration) {
	switch {
	case b.since == 0 || at-b.since > 2*window:
		*b = best{v, v, at}
	case at-b.since > window:
		*b = best{v, b.now, at}
	default:
		b.now = max(b.now, v)
	}
}

// open reports whether more may be sent.
func (p *pace) open() bool { return p.inFlight == 0 || p.inFlight < p.limit }

// idle takes note that no stream has anything to send.
func (p *pace) idle() {
	if p.inFlight >= p.limit {
		return
	}
	p.spared = p.delivered + uint64(p.inFlight) + 1
	if k := len(p.flight); k > p.head {
		p.flight[k-1].spared = true
	}
}

// sent takes note of n bytes in the frame before the number next.
func (p *pace) sent(next uint64, n int, now time.Duration) {
	if n == 0 {
		return // nothing to wait for, however many of these there are
	}
	if p.limit == 0 {
		p.limit = paceStart
	}
	p.inFlight += n
	if k := len(p.flight); k > p.head {
		last := &p.flight[k-1]
		if last.at == now && last.bytes+n <= frame.MaxPayload || k-p.head == paceFlight {
			last.next = next
			last.bytes += n
			return
		}
	}
	if p.head > 32 && p.head*2 > len(p.flight) {
		p.flight = append(p.flight[:0], p.flight[p.head:]...)
		p.head = 0
	}
	p.flight = append(p.flight, paceMark{next, n, now, p.delivered, p.delivered < p.spared, p.probes})
}

// acknowledged takes note of an acknowledgement of the lane.
func (p *pace) acknowledged(next uint64, now time.Duration) {
	var newest *paceMark
	probed := false
	for p.head < len(p.flight) && p.flight[p.head].next <= next {
		newest = &p.flight[p.head]
		p.head++
		p.inFlight -= newest.bytes
		p.delivered += uint64(newest.bytes)
		probed = probed || newest.probe
	}
	if newest == nil {
		return
	}
	took := max(now-newest.at, time.Microsecond)
	switch {
	case p.trip == 0 || took <= p.trip || probed && p.probes:
		p.trip, p.tripAt, p.probes = took, now, false
	case now-p.tripAt > tripWindow:
		p.probes = true
	}
	rate := float64(p.delivered-newest.delivered) / took.Seconds()
	if !newest.spared || rate > p.rate.value() {
		p.rate.add(rate, now, max(rateWindow*p.trip, tripWindow/100))
		p.known = p.known || !newest.spared
	}
	switch trip, rate := p.trip.Seconds(), p.rate.value(); {
	case p.probes:
		p.limit = max(frame.MaxPayload, int(rate*trip/2))
	case p.known:
		p.limit = max(paceFloor, int(rate*(2*trip+paceSlack.Seconds())))
	default:
		p.limit = max(paceStart, int(rate*(2*trip+paceSlack.Seconds())))
	}
	if p.head == len(p.flight) {
		p.flight, p.head = p.flight[:0], 0
	}
}
