package node

import (
	"unsafe"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
)

// A StateSlice is a [state.Slice]. What it holds is copied by assignment.
type StateSlice[E any, N Node[E]] struct{}

// Write appends the elements.
func (n StateSlice[E, N]) Write(w *Writer, v *state.Slice[E], levels int) {
	n.writeRange(w, v, 0, v.Len(), levels)
}

func (StateSlice[E, N]) writeRange(w *Writer, v *state.Slice[E], i, j, levels int) {
	if !w.Enter(levels) {
		return
	}
	var elem N
	w.B = codec.AppendArrayHeader(w.B, j-i)
	for _, e := range v.Range(i, j) {
		elem.Write(w, &e, levels-1)
		if w.DoneAt("[]") {
			return
		}
	}
}

// Read reads an array.
func (StateSlice[E, N]) Read(r *codec.Reader, v *state.Slice[E]) {
	var s []E
	Slice[[]E, E, N]{}.Read(r, &s)
	if r.Err() == nil {
		*v = state.SliceOf(s...)
	}
}

// Equal looks at what the Slices do not share.
func (StateSlice[E, N]) Equal(x, y *state.Slice[E]) bool {
	var elem N
	return x.Len() == y.Len() && len(y.Changed(*x, elem.Equal)) == 0
}

// Clone copies the Slice, which costs nothing.
func (StateSlice[E, N]) Clone(dst, src *state.Slice[E]) { *dst = *src }

// Patchable returns true.
func (StateSlice[E, N]) Patchable(_, _ *state.Slice[E]) bool { return true }

// Items appends the operations of clause S7. It lets *prev share with *next what
// it can, as that of a StateMap does.
func (n StateSlice[E, N]) Items(w *Writer, prev, next *state.Slice[E], levels int) Size {
	var elem N
	found := next.Changed(*prev, elem.Equal)
	var lent []element[E]
	e := edits[E, N]{
		n: prev.Len(), m: next.Len(),
		prev: func(i int) *E {
			e := prev.At(i)
			lent = append(lent, element[E]{i, &e})
			return &e
		},
		next: func(i int) *E {
			e := next.At(i)
			return &e
		},
		writeRange: func(w *Writer, i, j, levels int) { n.writeRange(w, next, i, j, levels) },
	}
	size := e.items(w, found, levels)
	for _, e := range lent {
		prev.Set(e.i, *e.v) // equal, but it may share more
	}
	if size.Changed <= next.Len()/2 {
		like := *next
		for i := len(found) - 1; i >= 0; i-- {
			f := found[i]
			var old []E
			for _, e := range prev.Range(f.Old, f.Old+f.Removed) {
				old = append(old, e)
			}
			like.Replace(f.New, f.New+f.Added, old...)
		}
		*prev = like
	}
	return size
}

// An element is one that was lent.
type element[E any] struct {
	i int
	v *E
}

// Apply reads a patch and carries it out.
func (n StateSlice[E, N]) Apply(r *codec.Reader, v *state.Slice[E], b *Binding, count int) {
	floor := 0
	for count > 0 && r.Err() == nil {
		op := r.Uint32()
		values, ok := operands(r, op, count)
		if !ok {
			return
		}
		n.do(r, v, b, op, &floor)
		count -= values
	}
}

// ApplyOne carries out one operation.
func (n StateSlice[E, N]) ApplyOne(r *codec.Reader, v *state.Slice[E], op uint32) {
	floor := 0
	n.do(r, v, nil, op, &floor)
}

// do carries out one operation (clause S7). *floor is the first index that it
// may have.
func (n StateSlice[E, N]) do(r *codec.Reader, v *state.Slice[E], b *Binding, op uint32, floor *int) {
	var (
		elem N
		e    E
	)
	switch op {
	case state.OpAppend:
		if n.charge(r, 1) {
			elem.Read(r, &e)
		}
		if r.Err() == nil {
			v.Append(e)
		}
		*floor = v.Len()
	case state.OpPut:
		if i, ok := n.index(r, *floor, v.Len()-1); ok {
			elem.Read(r, &e)
			if r.Err() == nil {
				v.Set(i, e)
			}
			*floor = i + 1
		}
	case state.OpPatch:
		c, ok := any(elem).(Container[E])
		if !ok {
			r.Fail(codec.ErrRange, "operation that fits the element")
			return
		}
		if i, ok := n.index(r, *floor, v.Len()-1); ok {
			e = v.At(i)
			readPatch(r, c, &e, b)
			if r.Err() == nil {
				v.Set(i, e)
			}
			*floor = i + 1
		}
	case state.OpSplice:
		n.splice(r, v, floor)
	default:
		r.Fail(codec.ErrRange, "operation of a slice")
	}
}

func (StateSlice[E, N]) index(r *codec.Reader, floor, limit int) (int, bool) {
	i := int64(r.Uint32())
	if r.Err() == nil && (i < int64(floor) || i > int64(limit)) {
		r.Fail(codec.ErrRange, "ascending index inside the slice")
	}
	return int(i), r.Err() == nil
}

// charge is for elements that are added, twice because nodes are not full.
func (StateSlice[E, N]) charge(r *codec.Reader, n int) bool {
	return r.Err() == nil && r.Charge(n, 2*int(unsafe.Sizeof(*new(E))))
}

func (n StateSlice[E, N]) splice(r *codec.Reader, v *state.Slice[E], floor *int) {
	i, ok := n.index(r, *floor, v.Len())
	removed := int64(r.Uint32())
	if !ok || r.Err() != nil {
		return
	}
	if removed > int64(v.Len()-i) {
		r.Fail(codec.ErrRange, "removal of elements that are there")
		return
	}
	added := r.ArrayHeader()
	if !n.charge(r, added) {
		return
	}
	var elem N
	values := make([]E, added)
	for k := 0; k < added && r.Err() == nil; k++ {
		elem.Read(r, &values[k])
	}
	if r.Err() == nil {
		v.Replace(i, i+int(removed), values...)
	}
	*floor = i + added
	r.Leave()
}
