package machine

import "slices"

// A table finds what is under way by its id: a hash table with linear probing.
// It costs an idle session 64 bytes, where a map costs 190. A peer that picks its ids so that they collide has each of
// its calls cost as many comparisons as it has calls running.
type table[T any] struct {
	slots []slot[T] // as many as a power of two, at most half of them taken
	count int
}

// A slot is a place of a table; v is nil if it is free.
type slot[T any] struct {
	id uint64
	v  *T
}

const (
	fewSlots = 4
	// manySlots is how many places an empty table holds on to.
	manySlots = 512
)

func (t *table[T]) len() int { return t.count }

// home returns a number whose low bits say where an id belongs. Ids are given in
// order: they are spread (Knuth, 6.4), because those of a window would be one row
// without a gap, all of which each removal would have to look through.
func home(id uint64) int { return int(id * 0x9e3779b97f4a7c15 >> 33) }

// find returns the place of an id, or the free one where its search ends.
func (t *table[T]) find(id uint64) int {
	mask := len(t.slots) - 1
	i := home(id) & mask
	for t.slots[i].v != nil && t.slots[i].id != id {
		i = (i + 1) & mask
	}
	return i
}

// get returns what has an id, or nil.
func (t *table[T]) get(id uint64) *T {
	if t.count == 0 {
		return nil
	}
	return t.slots[t.find(id)].v
}

// put adds what has an id that nothing in the table has.
func (t *table[T]) put(id uint64, v *T) {
	if 2*(t.count+1) > len(t.slots) {
		old := t.slots
		t.slots = make([]slot[T], max(fewSlots, 2*len(old)))
		for _, s := range old {
			if s.v != nil {
				t.slots[t.find(s.id)] = s
			}
		}
	}
	t.slots[t.find(id)] = slot[T]{id, v}
	t.count++
}

// remove takes what has an id out of the table, if it is there.
func (t *table[T]) remove(id uint64) {
	if t.count == 0 {
		return
	}
	gap := t.find(id)
	if t.slots[gap].v == nil {
		return
	}
	if t.count--; t.count == 0 && len(t.slots) > manySlots {
		t.slots = nil
		return
	}
	mask := len(t.slots) - 1
	// What was put behind it only because the place was taken moves up.
	for i := (gap + 1) & mask; t.slots[i].v != nil; i = (i + 1) & mask {
		if (i-home(t.slots[i].id))&mask >= (i-gap)&mask {
			t.slots[gap] = t.slots[i]
			gap = i
		}
	}
	t.slots[gap] = slot[T]{}
}

// sorted returns what is in the table, in the order of the ids.
func (t *table[T]) sorted() []*T {
	if t.count == 0 {
		return nil
	}
	ids := make([]uint64, 0, t.count)
	for _, s := range t.slots {
		if s.v != nil {
			ids = append(ids, s.id)
		}
	}
	slices.Sort(ids)
	list := make([]*T, len(ids))
	for i, id := range ids {
		list[i] = t.get(id)
	}
	return list
}
