package node

import (
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
)

// edits are how a slice of either kind became another: of n elements, which prev
// lends, one of m elements, which next lends.
type edits[E any, N Node[E]] struct {
	n, m       int
	prev, next func(i int) *E
	// writeRange appends an array of the new elements from i up to j.
	writeRange func(w *Writer, i, j, levels int)
}

// items appends the operations of clause S7 for the edits that were found.
func (s *edits[E, N]) items(w *Writer, found []state.Edit, levels int) Size {
	var elem N
	size := Size{Parts: s.m}
	_, patchable := any(elem).(Container[E])
	for _, e := range found {
		size.Changed += max(e.Removed, e.Added)
		single := 0 // elements that are compared one by one
		if patchable || e.Removed == 1 && e.Added == 1 {
			single = min(e.Removed, e.Added)
		}
		for i := range single {
			at := len(w.B)
			w.B = append(w.B, state.OpPatch)
			w.B = codec.AppendUint(w.B, uint64(e.New+i))
			switch change(w, elem, s.prev(e.Old+i), s.next(e.New+i), levels) {
			case same:
				w.B = w.B[:at]
				continue
			case replaced:
				w.B[at] = state.OpPut
			}
			size.Values += 3
			size.Items++
		}
		e = state.Edit{Old: e.Old + single, Removed: e.Removed - single, New: e.New + single, Added: e.Added - single}
		switch {
		case w.err != nil, e.Removed == 0 && e.Added == 0:
		case e.Removed == 0 && e.Added == 1 && e.Old == s.n:
			w.B = append(w.B, state.OpAppend)
			elem.Write(w, s.next(e.New), levels)
			size.Values += 2
			size.Items++
		default:
			w.B = append(w.B, state.OpSplice)
			w.B = codec.AppendUint(w.B, uint64(e.New))
			w.B = codec.AppendUint(w.B, uint64(e.Removed))
			s.writeRange(w, e.New, e.New+e.Added, levels+1)
			size.Values += 4
			size.Items++
		}
		if w.err != nil {
			w.At("[]")
			break
		}
	}
	return size
}
