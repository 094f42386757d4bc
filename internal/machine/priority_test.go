package machine

import (
	"slices"
	"testing"
	"time"

	"github.com/twinwire/twinwire/frame"
)

// What is more urgent leaves first, the order within a priority stays, and the
// least urgent has its share of what floods the lane.
func TestPriorities(t *testing.T) {
	both(t, func(t *testing.T, w *world, client, server *end) {
		w.settle()
		var want []uint64
		byPriority := map[Priority][]uint64{}
		for range 3 {
			for _, p := range []Priority{Bulk, Low, Normal, High} {
				c := client.call(10, func(c *testCall) { c.Priority = p })
				delete(client.order, c.number) // it may overtake
				byPriority[p] = append(byPriority[p], c.number)
			}
		}
		for _, p := range order {
			want = append(want, byPriority[p]...)
		}
		client.sendAll()
		var got []uint64
		for _, v := range server.inbox {
			got = append(got, w.numbersOf(v.Payload, 1)[0])
		}
		if !slices.Equal(got, want) {
			t.Errorf("started in the order %v, want %v", got, want)
		}
	})
	both(t, func(t *testing.T, w *world, client, server *end) {
		w.settle()
		last := client.call(10, func(c *testCall) { c.Priority = Bulk })
		delete(client.order, last.number)
		for range 200 {
			client.call(1000, func(c *testCall) { c.Priority = High })
		}
		client.sendAll()
		before := 0
		for i, v := range server.inbox {
			if w.numbersOf(v.Payload, 1)[0] == last.number {
				before = i
			}
		}
		if before == 0 || before > 40 {
			t.Errorf("call of the lowest priority was started after %d others", before)
		}
	})
}

// A batch is filled with a large message where the wire takes one after
// another at once, and is not where a call would have to wait for all of it.
func TestLargeBatches(t *testing.T) {
	for _, test := range []struct {
		apart time.Duration
		want  int
	}{{100 * time.Microsecond, 3 * frame.MaxPayload}, {5 * time.Millisecond, 0}} {
		w := pairOf(t, false)
		client := w.ends[0]
		client.call(1<<20, nil)
		largest := 0
		for now := w.now; client.m.Wake() != 0; now += test.apart {
			largest = max(largest, len(client.m.Batch(0, now, nil)))
		}
		if least, most := test.want, test.want+frame.MaxPayload+batchTarget/8; largest < least || largest > most {
			t.Errorf("batches %v apart have up to %d bytes, want %d to %d", test.apart, largest, least, most)
		}
	}
}

// One call that is alone does not have its writer wait for others.
func TestCrowded(t *testing.T) {
	w := pairOf(t, false)
	client := w.ends[0]
	for i, want := range []bool{false, true} {
		client.call(10, nil)
		if client.m.Crowded() != want {
			t.Errorf("crowded with %d calls: %v", i+1, !want)
		}
		for client.flush(0) {
		}
		if client.m.Crowded() != want {
			t.Errorf("crowded with %d calls that were sent: %v", i+1, !want)
		}
	}
}

// sendAll has the peer receive everything that e has to send.
func (e *end) sendAll() {
	for p := range e.m.Pipes() {
		for e.flush(p) {
		}
	}
	e.w.step0(e)
}
