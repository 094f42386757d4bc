package machine

import (
	"slices"
	"testing"
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

// sendAll has the peer receive everything that e has to send.
func (e *end) sendAll() {
	for p := range e.m.Pipes() {
		for e.flush(p) {
		}
	}
	e.w.step0(e)
}
