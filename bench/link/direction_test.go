package link

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"
	"time"
)

const (
	ms = time.Millisecond
	// mega is a rate at which a byte takes 8 microseconds.
	mega = 1_000_000
)

// wire drives a direction with a clock of its own, and notes what arrives.
type wire struct {
	t   *testing.T
	d   *direction
	now time.Duration
	got []arrival
}

type arrival struct {
	id uint32
	at time.Duration
}

func newWire(t *testing.T, p Path) *wire {
	t.Helper()
	if err := p.check(); err != nil {
		t.Fatal(err)
	}
	return &wire{t: t, d: newDirection(p, p.Delay, 1, 0)}
}

// sendProtocol sends a packet of 100 bytes of what is behind IP.
func (w *wire) sendProtocol(protocol byte) {
	p := w.d.blank()
	p.size = 100
	clear(p.buf[:p.size])
	p.buf[protocolAt] = protocol
	w.d.push(p, w.now)
}

// send sends a packet now.
func (w *wire) send(id uint32, size int) {
	p := w.d.blank()
	p.size = size
	binary.BigEndian.PutUint32(p.buf[:], id)
	w.d.push(p, w.now)
}

// until lets time pass, and wakes up exactly when the direction wants to.
func (w *wire) until(end time.Duration) {
	for {
		at, any := w.d.next()
		if !any || at > end {
			w.now = max(w.now, end)
			return
		}
		w.now = max(w.now, at)
		w.look()
	}
}

// look takes what has arrived.
func (w *wire) look() {
	for p := w.d.take(w.now); p != nil; p = w.d.take(w.now) {
		w.got = append(w.got, arrival{binary.BigEndian.Uint32(p.buf[:]), w.now})
		w.d.recycle(p)
	}
}

func (w *wire) want(want ...arrival) {
	w.t.Helper()
	if !slices.Equal(w.got, want) {
		w.t.Errorf("arrived %v, want %v", w.got, want)
	}
}

// balance checks what Stats promises.
func (w *wire) balance() {
	w.t.Helper()
	s := w.d.stats
	way := uint64(w.d.waiting.length + w.d.flying.length + w.d.held.length)
	if s.Sent+s.Duplicated != s.Delivered+s.DroppedQueue+s.DroppedLoss+s.DroppedCut+s.DroppedUDP+way {
		w.t.Errorf("%+v with %d on the way: some packets are unaccounted for", s, way)
	}
	if all := uint64(w.d.spare.length) + way; all != uint64(w.d.made) {
		w.t.Errorf("%d of %d buffers are lost", uint64(w.d.made)-all, w.d.made)
	}
}

func TestZeroPathIsImmediate(t *testing.T) {
	w := newWire(t, Path{})
	w.now = 5 * ms
	w.send(1, 1000)
	w.send(2, 1000)
	w.look()
	w.want(arrival{1, 5 * ms}, arrival{2, 5 * ms})
	w.balance()
}

func TestRateAndDelay(t *testing.T) {
	w := newWire(t, Path{Rate: mega, Delay: 10 * ms})
	w.send(1, 125) // 1 ms each
	w.send(2, 125)
	w.until(5 * ms)
	w.send(3, 250) // the transmitter has been idle
	if at, any := w.d.next(); !any || at != 11*ms {
		t.Errorf("next %v, %v, want 11ms", at, any)
	}
	w.until(time.Second)
	w.want(arrival{1, 11 * ms}, arrival{2, 12 * ms}, arrival{3, 17 * ms})
	if _, any := w.d.next(); any {
		t.Error("something is to arrive after everything has")
	}
	w.balance()
}

// A link that looks late keeps the rate, and delivers in order.
func TestLateLook(t *testing.T) {
	w := newWire(t, Path{Rate: mega, Delay: 10 * ms})
	for i := range uint32(4) {
		w.send(i, 125)
	}
	w.now = 13 * ms
	w.look()
	w.want(arrival{0, 13 * ms}, arrival{1, 13 * ms}, arrival{2, 13 * ms})
	w.got = nil
	w.until(time.Second)
	w.want(arrival{3, 14 * ms})
	if s := w.d.stats; s.MaxLate != 2*ms || s.Late != 3*ms {
		t.Errorf("%+v, want deliveries late by 2ms, and 3ms together", s)
	}
}

func TestDropTail(t *testing.T) {
	w := newWire(t, Path{Rate: mega, Delay: ms, Queue: 1000})
	for i := range uint32(11) { // 8 fit
		w.send(i, 125)
	}
	if s := w.d.stats; s.Queue != 1000 || s.MaxQueue != 1000 || s.DroppedQueue != 3 {
		t.Errorf("%+v, want a queue of 1000 and 3 drops", s)
	}
	w.until(1500 * time.Microsecond) // one has left
	w.send(11, 126)                  // is too large for its place
	w.send(12, 125)
	w.until(time.Second)
	var ids []uint32
	for _, a := range w.got {
		ids = append(ids, a.id)
	}
	if want := []uint32{0, 1, 2, 3, 4, 5, 6, 7, 12}; !slices.Equal(ids, want) {
		t.Errorf("arrived %v, want %v", ids, want)
	}
	if s := w.d.stats; s.Queue != 0 || s.DroppedQueue != 4 {
		t.Errorf("%+v, want an empty queue and 4 drops", s)
	}
	w.send(13, 1400) // an empty queue takes any packet
	w.until(2 * time.Second)
	if s := w.d.stats; s.Delivered != 10 || s.DeliveredBytes != 9*125+1400 || s.MaxPacket != 1400 {
		t.Errorf("%+v, want 10 packets delivered", s)
	}
	w.balance()
}

func TestQueueSizes(t *testing.T) {
	tests := []struct {
		path Path
		back time.Duration
		want int
	}{
		{Path{Rate: 10 * mega, Delay: 25 * ms}, 25 * ms, 62_500},
		{Path{Rate: 10 * mega, Delay: 40 * ms}, 10 * ms, 62_500},
		{Path{Rate: mega, Delay: ms}, 0, leastQueue},
		{Path{Rate: mega, Delay: time.Second, Queue: 10}, 0, 10},
		{Path{Rate: mega, Queue: -1}, 0, math.MaxInt},
	}
	for _, tt := range tests {
		if got := tt.path.limit(tt.back); got != tt.want {
			t.Errorf("%+v, back %v: %d bytes, want %d", tt.path, tt.back, got, tt.want)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, p := range []Path{
		{Rate: -1}, {Delay: -1}, {Jitter: -1}, {Loss: -0.1}, {Loss: 1.1},
		{Duplicate: 2}, {Reorder: math.NaN()},
	} {
		if p.check() == nil {
			t.Errorf("%+v is accepted", p)
		}
	}
}

func TestFractions(t *testing.T) {
	const packets = 20_000
	w := newWire(t, Path{Delay: ms, Loss: 0.02, Duplicate: 0.01})
	for i := range uint32(packets) {
		w.send(i, 100)
		w.until(w.now + 10*time.Microsecond)
	}
	w.until(time.Hour)
	s := w.d.stats
	if lost := float64(s.DroppedLoss) / packets; lost < 0.017 || lost > 0.023 {
		t.Errorf("lost %.4f, want 0.02", lost)
	}
	if twice := float64(s.Duplicated) / packets; twice < 0.008 || twice > 0.012 {
		t.Errorf("duplicated %.4f, want 0.01", twice)
	}
	w.balance()
	if w.d.made > 200 {
		t.Errorf("%d buffers for about 100 packets on the way", w.d.made)
	}
}

func TestEverythingIsLost(t *testing.T) {
	w := newWire(t, Path{Rate: mega, Loss: 1})
	w.send(1, 125)
	w.until(time.Second)
	w.want()
	w.balance()
}

// Decisions belong to a packet's number: neither what else there is nor the
// path before changes them.
func TestDecisionsFollowTheSeed(t *testing.T) {
	lost := func(seed, stream uint64, other Path) []bool {
		d := newDirection(other, 0, seed, stream)
		w := &wire{t: t, d: d}
		for i := range uint32(100) {
			w.send(i, 500)
		}
		w.until(time.Hour)
		d.set(Path{Loss: 0.3}, w.now)
		arrived := make([]bool, 200)
		w.got = nil
		for i := range uint32(200) {
			w.send(i, 500)
			w.until(w.now + ms)
		}
		for _, a := range w.got {
			arrived[a.id] = true
		}
		return arrived
	}
	same := lost(1, 0, Path{})
	if !slices.Equal(same, lost(1, 0, Path{Rate: mega, Queue: 2000, Duplicate: 0.5, Reorder: 0.1, Jitter: ms})) {
		t.Error("an other path before, and other packets are lost")
	}
	if slices.Equal(same, lost(2, 0, Path{})) || slices.Equal(same, lost(1, 1, Path{})) {
		t.Error("an other seed or direction, and the same packets are lost")
	}
}

func TestJitterKeepsOrder(t *testing.T) {
	w := newWire(t, Path{Delay: 10 * ms, Jitter: 5 * ms})
	var distinct []time.Duration
	for i := range uint32(200) {
		w.send(i, 100)
		w.until(w.now + ms)
	}
	w.until(time.Hour)
	for i, a := range w.got {
		sent := time.Duration(i) * ms
		if a.id != uint32(i) {
			t.Fatalf("packet %d arrived as number %d", a.id, i)
		}
		if took := a.at - sent; took < 10*ms || took > 15*ms {
			t.Errorf("packet %d took %v", i, took)
		} else if !slices.Contains(distinct, took) {
			distinct = append(distinct, took)
		}
	}
	if len(w.got) != 200 || len(distinct) < 100 {
		t.Errorf("%d packets, %d different delays", len(w.got), len(distinct))
	}
}

func TestReorder(t *testing.T) {
	const packets = 2000
	w := newWire(t, Path{Delay: 10 * ms, Reorder: 0.05, Duplicate: 0.1})
	for i := range uint32(packets) {
		w.send(i, 100)
		w.until(w.now + ms)
	}
	w.until(time.Hour)
	seen, overtaken, newest := make(map[uint32]bool), 0, uint32(0)
	for _, a := range w.got {
		late := a.at - time.Duration(a.id)*ms - 10*ms
		switch {
		case late != 0 && late != 5*ms:
			t.Fatalf("packet %d came %v late", a.id, late)
		case a.id < newest && !seen[a.id]:
			overtaken++
		}
		seen[a.id] = true
		newest = max(newest, a.id)
	}
	if share := float64(overtaken) / packets; share < 0.03 || share > 0.07 {
		t.Errorf("%.3f were overtaken, want 0.05", share)
	}
	if len(seen) != packets {
		t.Errorf("%d of %d arrived", len(seen), packets)
	}
	w.balance()
}

func TestSet(t *testing.T) {
	w := newWire(t, Path{Rate: mega, Delay: 10 * ms})
	for i := range uint32(3) {
		w.send(i, 250) // 2 ms each
	}
	w.until(3 * ms) // packet 0 flies, 1 is half sent
	w.d.set(Path{Rate: 2 * mega, Delay: 20 * ms}, w.now)
	w.until(time.Second)
	w.want(arrival{0, 12 * ms}, arrival{1, 23*ms + 500*time.Microsecond}, arrival{2, 24*ms + 500*time.Microsecond})

	w.got, w.now = nil, time.Second
	w.d.set(Path{Delay: 30 * ms}, w.now)
	w.send(3, 250)
	w.d.set(Path{}, w.now) // a shorter delay does not let packets overtake
	w.send(4, 250)
	w.until(2 * time.Second)
	w.want(arrival{3, time.Second + 30*ms}, arrival{4, time.Second + 30*ms})

	w.d.setBack(50 * ms)
	w.d.set(Path{Rate: 10 * mega}, w.now)
	if w.d.limit != 62_500 {
		t.Errorf("a queue of %d bytes, want the bandwidth-delay product of both directions", w.d.limit)
	}
	w.balance()
}

func TestRateBecomesNone(t *testing.T) {
	w := newWire(t, Path{Rate: 1000, Delay: ms, Queue: -1})
	w.send(1, 1000)
	w.send(2, 1000)
	w.until(ms)
	w.d.set(Path{Delay: ms}, w.now)
	w.until(time.Second)
	w.want(arrival{1, 2 * ms}, arrival{2, 2 * ms})
}

func TestCutLosesWhatIsOnTheWay(t *testing.T) {
	w := newWire(t, Path{Rate: mega, Delay: 10 * ms, Reorder: 0.5})
	for i := range uint32(8) {
		w.send(i, 125)
	}
	w.until(4 * ms)
	w.d.setCut(true, w.now)
	w.send(8, 125)
	w.until(time.Second)
	w.want()
	w.d.setCut(false, w.now)
	w.d.set(Path{Rate: mega, Delay: 10 * ms}, w.now)
	w.send(9, 125)
	w.until(2 * time.Second)
	w.want(arrival{9, time.Second + 11*ms})
	if s := w.d.stats; s.DroppedCut != 9 || s.Queue != 0 {
		t.Errorf("%+v, want 9 packets cut", s)
	}
	w.balance()
}

func TestMemoryIsBounded(t *testing.T) {
	d := newDirection(Path{Delay: time.Hour}, 0, 1, 0)
	w := &wire{t: t, d: d}
	for i := range uint32(maxPackets + 10) {
		w.send(i, 100)
	}
	if s := d.stats; s.DroppedQueue != 10 || d.made > maxPackets+1 {
		t.Errorf("%d buffers, %d dropped, want %d and 10", d.made, s.DroppedQueue, maxPackets)
	}
	w.balance()
}

func TestNothingIsAllocated(t *testing.T) {
	w := newWire(t, Path{Rate: 100 * mega, Delay: ms, Loss: 0.1, Duplicate: 0.1, Reorder: 0.1, Jitter: ms})
	step := func() {
		for i := range uint32(10) {
			w.send(i, 1000)
		}
		for at, any := w.d.next(); any; at, any = w.d.next() {
			w.now = max(w.now, at)
			for p := w.d.take(w.now); p != nil; p = w.d.take(w.now) {
				w.d.recycle(p)
			}
		}
	}
	for range 100 {
		step()
	}
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("%v allocations for 10 packets", n)
	}
}

// A firewall swallows UDP and nothing else, from when it is there.
func TestNoUDP(t *testing.T) {
	const tcp = 6
	w := newWire(t, Path{Delay: ms})
	w.sendProtocol(protocolUDP)
	w.d.set(Path{Delay: ms, NoUDP: true}, w.now)
	w.sendProtocol(protocolUDP)
	w.sendProtocol(tcp)
	w.until(10 * ms)
	if s := w.d.stats; len(w.got) != 2 || s.Sent != 3 || s.Delivered != 2 || s.DroppedUDP != 1 {
		t.Errorf("%d arrived, %+v, want the one swallowed that was sent behind the firewall", len(w.got), s)
	}
	w.balance()
}
