package machine

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// A table does what a map does, whatever the ids are.
func TestTable(t *testing.T) {
	for _, spread := range []uint64{8, 64, 1 << 20, 1 << 62} {
		rng := rand.New(rand.NewPCG(1, spread))
		var got table[uint64]
		want := make(map[uint64]*uint64)
		for n := range 20_000 {
			id := rng.Uint64N(spread)
			if rng.IntN(16) == 0 { // as calls in flight: one after another, with stragglers
				id = uint64(n)
			}
			switch v := got.get(id); {
			case v != want[id]:
				t.Fatalf("spread %d: get(%d) is %v, want %v", spread, id, v, want[id])
			case v == nil && (n/2000%2 == 0 || rng.IntN(4) == 0):
				v = &id
				got.put(id, v)
				want[id] = v
			default:
				got.remove(id)
				delete(want, id)
			}
			if n/2000%2 == 1 && n%2000 > 1900 { // it becomes empty now and then
				for id := range want {
					got.remove(id)
					delete(want, id)
				}
				if len(got.slots) > manySlots {
					t.Fatalf("an empty table holds on to %d places", len(got.slots))
				}
			}
			if got.len() != len(want) {
				t.Fatalf("spread %d: %d in the table, want %d", spread, got.len(), len(want))
			}
		}
		ids := slices.Sorted(maps.Keys(want))
		list := got.sorted()
		if len(list) != len(ids) {
			t.Fatalf("spread %d: %d sorted, want %d", spread, len(list), len(ids))
		}
		for i, id := range ids {
			if *list[i] != id {
				t.Errorf("spread %d: %d at place %d, want %d", spread, *list[i], i, id)
			}
		}
	}
}

// BenchmarkTable is a call of a full window: one begins, the oldest ends.
func BenchmarkTable(b *testing.B) {
	const window = 256
	var t table[int]
	id := uint64(0)
	for ; id < window; id++ {
		t.put(id, new(int))
	}
	v := new(int)
	for b.Loop() {
		t.put(id, v)
		t.remove(id - window)
		id++
	}
}
