package machine

import (
	"time"

	"github.com/twinwire/twinwire/frame"
)

const (
	// paceFloor is what may be in flight always, and paceStart at first.
	paceFloor = 64 << 10
	paceStart = 256 << 10
	// paceSlack is how long what is in flight may take beyond all else: it lets
	// both ends be busy with something else meanwhile.
	paceSlack = 250 * time.Microsecond
	// tripWindow and rateWindow are for how long the best figures count, the
	// latter in round trips.
	tripWindow = 10 * time.Second
	rateWindow = 10
	// paceGrowth is how much more than before is a rate that grows, and
	// paceRounds how many round trips without one say that the path is full.
	paceGrowth = 1.25
	paceRounds = 3
	// paceQueue is how long a queue may take besides a part of a round trip, if
	// both are not more than two round trips.
	paceQueue = 2 * time.Millisecond
	// paceCalls is how long after a call streams take less of a path that is
	// shorter than paceShort: at most paceBeside, or what fills it.
	paceCalls  = 10 * time.Millisecond
	paceShort  = time.Millisecond
	paceBeside = 32 << 10
	// paceBurst is how long the path may take for what leaves at once, if that
	// is more than one frame.
	paceBurst = 2500 * time.Microsecond
	// paceFlight is how many marks there are of what is in flight: a peer that never acknowledges must not make this grow.
	paceFlight = 1024
)

// A pace bounds what is in flight of the streams of a lane, so that what is
// more urgent does not wait behind them in the queues of the wire, from where
// nothing can be taken back. It does what BBR (Cardwell et al., 2016) does for
// packets: the bound is a multiple of the bandwidth-delay product, which
// follows from the delivery rate and the shortest round trip that the
// acknowledgements show. While the bound is what limits the rate, it grows by
// half with each round trip until the rate does not grow any more: the path is
// full then. What is beyond the product from there on waits in a queue, mostly
// that of the slowest link. On a long path that is a quarter of the product, which
// is enough to notice a path that has become faster. More would come near the
// brim of a queue of one product, as routers have them, and what the carrier
// loses there costs the calls beside it another round trip and more, and TCP
// seconds in which it does not fill the path; so would doubling at the start.
//
// A sender that always uses up the bound never sees a round trip without the
// queue that it makes itself, and would take the longer trip for the path's
// own and allow itself a longer queue. So when the shortest trip is old, less
// than what fills the path is let into flight until one trip was seen without
// a queue.
//
// On a long path a bound alone is not enough. What was lost arrives a round trip
// later, and all that waited behind it at the same moment: so there would be room
// for all that fills the path at once, more than the queue of a slow link, and
// TCP would send it at once. Therefore what leaves is spread over time, a quarter
// faster than the path is. And more is in flight by what such a loss holds up, or
// the path would run empty each time.
//
// On a short path, as within one machine, it is the ends that are the slowest
// link, and what is more than the product keeps them busy without a pause: that
// is what streams alone need, and what calls beside them wait for. So there the
// streams leave pauses for as long as calls are made.
//
// What the streams wanted says nothing about the path: a rate that was
// measured while they had nothing to send counts only if it is the best.
type pace struct {
	limit     int // bytes; 0 before the first frame
	inFlight  int
	burst     int           // bytes in the batch that is being made
	unasked   int           // bytes since an acknowledgement was asked for
	called    time.Duration // when a call, a message or a reply was sent last
	delivered uint64        // bytes that were acknowledged
	since     time.Duration // when that became so, or when there was nothing in flight
	sentAt    time.Duration // when the last of them were sent, or when there was nothing in flight
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
	held   best          // seconds that what was lost held up the rest
	late   time.Duration // how long something held it up last
	lateAt time.Duration // when that was seen; 0 for never
	before time.Duration // how long the last acknowledged ones took; 0 for none since there was nothing in flight

	spare   float64       // bytes that may leave at once, on a long path
	spareAt time.Duration // when that was so
	refill  time.Duration // when more may leave; 0 if it may

	full   bool    // the rate has stopped growing
	grown  float64 // the rate when it grew last
	rounds int     // that have ended since
	round  uint64  // the value of delivered that ends this one
}

// A paceMark is one or more frames that were sent together and are in flight.
type paceMark struct {
	next      uint64 // the number after its last frame
	bytes     int
	at        time.Duration
	delivered uint64 // when it was sent
	since     time.Duration
	took      time.Duration // between what was acknowledged last then, and it
	spared    bool          // the bound was not used up then
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
func (p *pace) open() bool { return p.refill == 0 && (p.inFlight == 0 || p.inFlight < p.limit) }

// regulated reports whether what leaves is spread over time: on a path that is
// long enough for a timer, and known.
func (p *pace) regulated() bool { return p.known && p.trip > paceQueue }

// Regulated reports whether streams wait until more may leave, or copies for
// their time: then Deadline says when.
func (m *Machine) Regulated() bool {
	if !page && m.early != nil && m.early.due != 0 {
		return true
	}
	bulk, stream := m.lanes[m.role.bulk].pace, m.lanes[m.role.stream].pace
	return bulk != nil && bulk.refill != 0 || stream != nil && stream.refill != 0
}

// leave takes n bytes off what may leave at once.
func (p *pace) leave(n int, now time.Duration) {
	if !p.regulated() {
		p.spareAt = now
		return
	}
	rate := paceGrowth * p.rate.value()
	if !p.full {
		rate *= 2 // or it would be what keeps the rate from growing
	}
	most := max(2*frame.MaxPayload, p.rate.value()*p.trip.Seconds()/4)
	p.spare = min(p.spare+rate*(now-p.spareAt).Seconds(), most) - float64(n)
	p.spareAt = now
	if p.spare < 0 && rate > 0 {
		wait := time.Duration((frame.MaxPayload - p.spare) / rate * float64(time.Second))
		p.refill = now + min(max(wait, time.Microsecond), p.trip) // the rate may be a bad guess
	}
}

// tick takes note of the time.
func (p *pace) tick(now time.Duration) {
	if p.refill != 0 && p.refill <= now {
		p.refill = 0
	}
}

// closed reports whether a batch has enough. The carrier may put a long one
// onto the path at once, where the queue of a slow link overflows that would
// have room for the same bytes one by one; and it is acknowledged as a whole,
// so that the next one is as long.
func (p *pace) closed() bool {
	return p.known && p.burst >= max(frame.MaxPayload, int(p.rate.value()*paceBurst.Seconds()))
}

// asks reports whether to ask for an acknowledgement with the next n bytes. Each
// costs both sides a write and a read, a third of a large message on a short
// path: so there are three or four of them for what is in flight, but on a fast
// path none more often than the slack has room for.
func (p *pace) asks(n int) bool {
	p.unasked += n
	if p.unasked < min(max(frame.MaxPayload, int(p.rate.value()*paceSlack.Seconds())), p.limit/3) && p.inFlight+n < p.limit {
		return false
	}
	p.unasked = 0
	return true
}

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
	if p.inFlight == 0 {
		p.since, p.sentAt, p.before = now, now, 0
	}
	p.leave(n, now)
	p.inFlight += n
	p.burst += n
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
	p.flight = append(p.flight, paceMark{next, n, now, p.delivered, p.since, now - p.sentAt, p.delivered < p.spared, p.probes})
}

// acknowledged takes note of an acknowledgement of the lane.
func (p *pace) acknowledged(next uint64, now time.Duration) {
	p.tick(now)
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
	// Acknowledgements come in bursts, so what they say counts from the one
	// before the newest mark was sent; and none arrives faster than it was sent
	// but for waiting for something that was lost.
	rate := float64(p.delivered-newest.delivered) / max(now-newest.since, newest.took, time.Microsecond).Seconds()
	p.since, p.sentAt = now, newest.at
	if !newest.spared || rate > p.rate.value() {
		p.rate.add(rate, now, max(rateWindow*p.trip, tripWindow/100))
		p.known = p.known || !newest.spared
	}
	p.fills()
	p.hold(took, now)
	bound := int(p.rate.value() * ((p.trip + p.queue()).Seconds() + p.held.value()))
	switch {
	case p.trip < paceShort && p.called > 0 && now-p.called < paceCalls:
		p.limit = max(paceBeside, int(p.rate.value()*(p.trip+p.trip/4).Seconds()))
	case p.probes:
		p.limit = max(frame.MaxPayload, int(p.rate.value()*p.trip.Seconds()/2))
	case p.known:
		p.limit = max(paceFloor, bound)
	default:
		p.limit = max(paceStart, bound)
	}
	if p.head == len(p.flight) {
		p.flight, p.head = p.flight[:0], 0
	}
}

// hold finds out how long what the carrier has lost, and sends again, holds up
// what is behind it: suddenly everything takes a round trip longer, where a queue
// grows frame by frame. Without so much more in flight the path would run empty
// each time. Where there was a queue before, all that is in flight stays below two
// products, the path's own and that of a router's queue: with more the sender would
// lose frames by itself, and take that for the path's loss again. What happens once
// does not count: a peer that was busy for a while looks the same.
func (p *pace) hold(took, now time.Duration) {
	frames := time.Duration(2 * frame.MaxPayload / max(p.rate.value(), 1) * float64(time.Second))
	if late := took - p.before; p.before > 0 && p.trip > paceQueue && late > p.trip/2+frames {
		most := 2 * p.trip
		if p.before > 3*p.trip/2 {
			most = 3 * p.trip / 4
		}
		late = min(late, most)
		if p.lateAt > 0 && now-p.lateAt <= rateWindow*p.trip {
			p.held.add(min(late, p.late).Seconds(), now, rateWindow*p.trip)
		}
		p.late, p.lateAt = late, now
	} else if now-p.held.since > 2*rateWindow*p.trip {
		p.held = best{}
	}
	p.before = took
}

// fills finds out whether the path is full, once in a round trip.
func (p *pace) fills() {
	if p.full || p.delivered < p.round {
		return
	}
	p.round = p.delivered + uint64(p.inFlight)
	switch rate := p.rate.value(); {
	case rate >= p.grown*paceGrowth:
		p.grown, p.rounds = rate, 0
	case p.known: // else the streams have had too little to send
		p.rounds++
		p.full = p.rounds == paceRounds
	}
}

// queue returns how long what is in flight may take beyond a round trip. On a
// short path the bytes are few and the ends busy, which is what makes a trip
// longer than the shortest.
func (p *pace) queue() time.Duration {
	part := p.trip / 2
	if p.full {
		part = p.trip / 4
	}
	return min(2*p.trip, part+paceQueue) + paceSlack
}
