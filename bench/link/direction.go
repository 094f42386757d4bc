package link

import (
	"math/rand/v2"
	"time"
)

// maxPackets bounds the memory of a direction. What is beyond it is dropped as
// if the queue were full.
const maxPackets = 1 << 16

// A direction is where packets of one direction are and when they arrive. It
// is a machine without a clock: times are given to it, since the beginning of
// the link, and must not decrease. It belongs to one goroutine at a time.
//
// A packet goes from waiting, where the transmitter takes it, to flying or to
// held, and leaves with take. All three are in the order of time, so nothing
// has to be sorted.
type direction struct {
	path  Path
	back  time.Duration // delay of the other direction
	limit int           // bytes that may wait
	cut   bool
	dice  *rand.Rand

	waiting list          // the first one is being transmitted
	finish  time.Duration // when that is done
	flying  list          // in the order in which they were sent
	held    list          // those that others overtake
	spare   list
	made    int // packets there are, spare ones included

	stats Stats
}

// newDirections returns both directions of a link.
func newDirections(forth, back Path, seed uint64) (*direction, *direction) {
	return newDirection(forth, back.Delay, seed, 0), newDirection(back, forth.Delay, seed, 1)
}

func newDirection(p Path, back time.Duration, seed, stream uint64) *direction {
	return &direction{
		path:  p,
		back:  back,
		limit: p.limit(back),
		dice:  rand.New(rand.NewPCG(seed, stream)),
	}
}

// blank returns a packet to fill and to give to push or to recycle.
func (d *direction) blank() *packet {
	if p := d.spare.pop(); p != nil {
		return p
	}
	d.made++
	return new(packet)
}

func (d *direction) recycle(p *packet) { d.spare.push(p) }

// push sends a packet.
func (d *direction) push(p *packet, now time.Duration) {
	d.advance(now)
	d.stats.Sent++
	d.stats.SentBytes += uint64(p.size)
	d.stats.MaxPacket = max(d.stats.MaxPacket, p.size)
	// The same numbers are drawn for every packet, whatever becomes of it, so
	// that they belong to its number.
	lost, twice, held, jitter := d.dice.Float64(), d.dice.Float64(), d.dice.Float64(), d.dice.Float64()
	waits := d.stats.Queue
	switch {
	case d.cut:
		d.stats.DroppedCut++
		d.recycle(p)
		return
	case d.path.NoUDP && p.udp():
		d.stats.DroppedUDP++
		d.recycle(p)
		return
	case waits > 0 && p.size > d.limit-waits, d.made-d.spare.length > maxPackets:
		d.stats.DroppedQueue++
		d.recycle(p)
		return
	}
	p.lost = lost < d.path.Loss
	p.twice = twice < d.path.Duplicate
	p.held = held < d.path.Reorder
	p.jitter = jitter
	if d.waiting.first == nil {
		d.finish = now + d.path.transmission(p.size)
	}
	d.waiting.push(p)
	d.stats.Queue += p.size
	d.stats.MaxQueue = max(d.stats.MaxQueue, d.stats.Queue)
	d.advance(now)
}

// advance puts onto the wire what the transmitter has done by now. It is late
// as often as not; the times come out as if it were not.
func (d *direction) advance(now time.Duration) {
	for d.waiting.first != nil && d.finish <= now {
		p := d.waiting.pop()
		d.stats.Queue -= p.size
		d.fly(p, d.finish)
		if next := d.waiting.first; next != nil {
			d.finish += d.path.transmission(next.size)
		}
	}
}

// fly puts a packet onto the wire.
func (d *direction) fly(p *packet, at time.Duration) {
	if p.lost {
		d.stats.DroppedLoss++
		d.recycle(p)
		return
	}
	to := &d.flying
	p.due = at + d.path.Delay + time.Duration(p.jitter*float64(d.path.Jitter))
	if p.held {
		to = &d.held
		p.due += d.path.hold()
	}
	if before := to.last; before != nil {
		p.due = max(p.due, before.due)
	}
	to.push(p)
	if p.twice {
		d.stats.Duplicated++
		again := d.blank()
		again.size, again.due = p.size, p.due
		copy(again.buf[:p.size], p.buf[:p.size])
		to.push(again)
	}
}

// take returns a packet that has arrived by now, or nil. The caller recycles
// it.
func (d *direction) take(now time.Duration) *packet {
	d.advance(now)
	from := d.arriving()
	if from.first == nil || from.first.due > now {
		return nil
	}
	p := from.pop()
	d.stats.Delivered++
	d.stats.DeliveredBytes += uint64(p.size)
	late := now - p.due
	d.stats.Late += late
	d.stats.MaxLate = max(d.stats.MaxLate, late)
	return p
}

// arriving returns the list whose first packet arrives first.
func (d *direction) arriving() *list {
	if d.flying.first == nil || d.held.first != nil && d.held.first.due < d.flying.first.due {
		return &d.held
	}
	return &d.flying
}

// next returns the time before which nothing arrives, unless something is
// sent. It is false if there is nothing to arrive.
func (d *direction) next() (time.Duration, bool) {
	at, any := time.Duration(0), false
	if p := d.arriving().first; p != nil {
		at, any = p.due, true
	}
	if d.waiting.first != nil {
		if t := d.finish + d.path.Delay; !any || t < at {
			at, any = t, true
		}
	}
	return at, any
}

// set changes the path. What is on the wire arrives as it would have. What
// waits goes on at the new rate, and stays even if the queue is shorter now.
func (d *direction) set(p Path, now time.Duration) {
	d.advance(now)
	old := d.path
	d.path = p
	d.limit = p.limit(d.back)
	if first := d.waiting.first; first != nil {
		// The part that is left of the packet that is being sent.
		whole := old.transmission(first.size)
		left := float64(d.finish-now) / float64(max(whole, 1))
		d.finish = now + time.Duration(left*float64(p.transmission(first.size)))
	}
}

// setBack says that the other direction has another delay.
func (d *direction) setBack(delay time.Duration) {
	d.back = delay
	d.limit = d.path.limit(delay)
}

// setCut cuts and restores. What is on the way is lost.
func (d *direction) setCut(cut bool, now time.Duration) {
	d.advance(now)
	d.cut = cut
	if !cut {
		return
	}
	for _, l := range []*list{&d.waiting, &d.flying, &d.held} {
		for p := l.pop(); p != nil; p = l.pop() {
			d.stats.DroppedCut++
			d.recycle(p)
		}
	}
	d.stats.Queue = 0
}
