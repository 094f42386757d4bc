package machine

import "time"

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
)

// A pace bounds what is in flight of the streams of a lane, so that what is
// more urgent does not wait behind them in the queues of the wire, from where
// nothing can be taken back. It does what BBR (Cardwell et al., 2016) does for
// packets: the bound is a multiple of the bandwidth-delay product, which
// follows from the delivery rate and the shortest round trip that the
// acknowledgements show. While the bound is what limits the rate, it doubles
// with each round trip.
type pace struct {
	limit     int // bytes; 0 before the first frame
	inFlight  int
	delivered uint64 // bytes that were acknowledged
	flight    []paceMark
	head      int
	limited   bool // something waited for the bound since the last sample

	trip best // the shortest round trip, in seconds, as a negative number
	rate best // bytes per second
}

// A paceMark is a batch of a lane that is in flight.
type paceMark struct {
	next      uint64 // the number after its last frame
	bytes     int
	at        time.Duration
	delivered uint64 // when it was sent
	limited   bool
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
func (p *pace) open() bool {
	if p.inFlight == 0 || p.inFlight < p.limit {
		return true
	}
	p.limited = true
	return false
}

// sent takes note of n bytes in the frame before the number next.
func (p *pace) sent(next uint64, n int, now time.Duration) {
	if p.limit == 0 {
		p.limit = paceStart
	}
	p.inFlight += n
	if k := len(p.flight); k > p.head && p.flight[k-1].at == now {
		p.flight[k-1].next = next
		p.flight[k-1].bytes += n
		return
	}
	if p.head > 32 && p.head*2 > len(p.flight) {
		p.flight = append(p.flight[:0], p.flight[p.head:]...)
		p.head = 0
	}
	p.flight = append(p.flight, paceMark{next, n, now, p.delivered, p.limited})
}

// acknowledged takes note of an acknowledgement of the lane.
func (p *pace) acknowledged(next uint64, now time.Duration) {
	var newest *paceMark
	for p.head < len(p.flight) && p.flight[p.head].next <= next {
		newest = &p.flight[p.head]
		p.head++
		p.inFlight -= newest.bytes
		p.delivered += uint64(newest.bytes)
	}
	if newest == nil {
		return
	}
	took := max(now-newest.at, time.Microsecond)
	p.trip.add(-took.Seconds(), now, tripWindow)
	trip := -p.trip.value()
	// What nobody held back says how much was wanted, not how much there is.
	rate := float64(p.delivered-newest.delivered) / took.Seconds()
	if newest.limited || rate > p.rate.value() {
		p.rate.add(rate, now, max(rateWindow*time.Duration(trip*float64(time.Second)), tripWindow/100))
	}
	p.limit = max(paceFloor, int(p.rate.value()*(2*trip+paceSlack.Seconds())))
	p.limited = false
	if p.head == len(p.flight) {
		p.flight, p.head = p.flight[:0], 0
	}
}
