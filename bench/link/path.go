package link

import (
	"fmt"
	"math"
	"time"
)

// A Path is what packets meet in one direction. The zero Path lets everything
// pass at once.
type Path struct {
	// Rate is in bits a second. Zero means no limit, and no queue then.
	Rate int64
	// Delay is how long the wire takes, one way.
	Delay time.Duration
	// Queue is how many bytes may wait, with the packet that is being sent.
	// An empty queue takes any packet. Zero means what the rate carries in one
	// round trip (one bandwidth-delay product), and at least four packets;
	// a negative value means no limit.
	Queue int
	// Loss is the fraction of packets that the wire loses, from 0 to 1.
	Loss float64
	// Duplicate is the fraction of packets that arrive twice.
	Duplicate float64
	// Reorder is the fraction of packets that are held back, so that later
	// ones overtake them: by half of Delay, and at least by a millisecond.
	Reorder float64
	// Jitter is added to the delay of each packet: anything from zero to so
	// much, uniformly. It does not reorder: a packet waits for the one before.
	Jitter time.Duration
	// NoUDP swallows what is UDP before it gets to the queue, as firewalls do.
	NoUDP bool
}

const (
	// leastQueue is what a queue of one bandwidth-delay product has at least.
	leastQueue = 4 * MTU
	// leastHold is how long a packet is held back at least for others to
	// overtake it.
	leastHold = time.Millisecond
)

func (p Path) check() error {
	switch {
	case p.Rate < 0:
		return fmt.Errorf("link: a rate of %d bit/s", p.Rate)
	case p.Delay < 0 || p.Jitter < 0:
		return fmt.Errorf("link: a delay of %v with a jitter of %v", p.Delay, p.Jitter)
	}
	for _, fraction := range []float64{p.Loss, p.Duplicate, p.Reorder} {
		if !(fraction >= 0 && fraction <= 1) {
			return fmt.Errorf("link: a fraction of %v, want 0 to 1", fraction)
		}
	}
	return nil
}

// limit returns how many bytes may wait. back is the other direction's delay.
func (p Path) limit(back time.Duration) int {
	switch {
	case p.Queue < 0:
		return math.MaxInt
	case p.Queue > 0:
		return p.Queue
	}
	product := float64(p.Rate) / 8 * (p.Delay + back).Seconds()
	return max(leastQueue, int(min(product, math.MaxInt32)))
}

// transmission returns how long the transmitter takes for so many bytes.
func (p Path) transmission(bytes int) time.Duration {
	if p.Rate == 0 {
		return 0
	}
	return time.Duration(int64(bytes) * 8 * int64(time.Second) / p.Rate)
}

// hold returns how long a packet is held back that others shall overtake.
func (p Path) hold() time.Duration { return max(leastHold, p.Delay/2) }

// Stats are what has happened in one direction since the link was made. Every
// packet that was sent has been delivered, was dropped or lost in one of four
// ways, or is on the way.
type Stats struct {
	Sent           uint64 // packets that an end sent
	SentBytes      uint64 // with IP headers
	Delivered      uint64 // packets that arrived at the other end, duplicates too
	DeliveredBytes uint64
	Duplicated     uint64 // packets that arrive twice

	DroppedQueue uint64 // packets for which the queue had no room
	DroppedLoss  uint64 // packets that the wire lost
	DroppedCut   uint64 // packets that met the cut
	DroppedUDP   uint64 // packets that a path without UDP swallowed

	// Queue is how many bytes wait now, and MaxQueue the most that ever did.
	Queue, MaxQueue int
	// MaxPacket is the size of the largest packet, in bytes.
	MaxPacket int
	// Late is by how much deliveries were late, added up, and MaxLate by how
	// much the worst one was.
	Late, MaxLate time.Duration
	// Overrun is how many packets the link was not quick enough to pick up.
	// They are not among those that were sent. If there are any, the machine
	// was too slow for the link, and figures are not about the link.
	Overrun uint64
}
