package node

import (
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
)

// A Array is an array of anything but bytes; L lends its elements.
type Array[A, E any, N Node[E], L interface{ Of(v *A) []E }] struct{}

func (Array[A, E, N, L]) Write(w *Writer, v *A, levels int) {
	if !w.Enter(levels) {
		return
	}
	var (
		elem N
		lend L
	)
	s := lend.Of(v)
	w.B = codec.AppendArrayHeader(w.B, len(s))
	for i := range s {
		elem.Write(w, &s[i], levels-1)
		if w.Done() {
			w.At("[]")
			return
		}
	}
}

func (Array[A, E, N, L]) Read(r *codec.Reader, v *A) {
	var (
		elem N
		lend L
	)
	s := lend.Of(v)
	if !r.FixedArray(len(s)) {
		return
	}
	for i := 0; i < len(s) && r.Err() == nil; i++ {
		elem.Read(r, &s[i])
	}
	r.Leave()
}

func (Array[A, E, N, L]) Equal(x, y *A) bool {
	var (
		elem N
		lend L
	)
	a, b := lend.Of(x), lend.Of(y)
	for i := range a {
		if !elem.Equal(&a[i], &b[i]) {
			return false
		}
	}
	return true
}

func (Array[A, E, N, L]) Clone(dst, src *A) {
	var (
		elem N
		lend L
	)
	a, b := lend.Of(dst), lend.Of(src)
	for i := range a {
		elem.Clone(&a[i], &b[i])
	}
}

func (Array[A, E, N, L]) Patchable(_, _ *A) bool { return true }

// Items appends the operations of clause S7.
func (Array[A, E, N, L]) Items(w *Writer, prev, next *A, levels int) Size {
	var (
		elem N
		lend L
	)
	p, m := lend.Of(prev), lend.Of(next)
	size := Size{Parts: len(m)}
	for i := range m {
		at := len(w.B)
		w.B = append(w.B, state.OpPatch)
		w.B = codec.AppendUint(w.B, uint64(i))
		verdict := change(w, elem, &p[i], &m[i], levels)
		if w.err != nil {
			w.At("[]")
			return size
		}
		switch verdict {
		case same:
			w.B = w.B[:at]
			continue
		case replaced:
			w.B[at] = state.OpPut
		}
		size.Values += 3
		size.Items++
		size.Changed++
	}
	return size
}

func (n Array[A, E, N, L]) Apply(r *codec.Reader, v *A, b *Binding, count int) {
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

func (n Array[A, E, N, L]) ApplyOne(r *codec.Reader, v *A, op uint32) {
	floor := 0
	n.do(r, v, nil, op, &floor)
}

func (Array[A, E, N, L]) do(r *codec.Reader, v *A, b *Binding, op uint32, floor *int) {
	var (
		elem N
		lend L
	)
	c, patchable := any(elem).(Container[E])
	if op != state.OpPut && (op != state.OpPatch || !patchable) {
		r.Fail(codec.ErrRange, "operation of an array")
		return
	}
	s, i := lend.Of(v), int64(r.Uint32())
	if r.Err() == nil && (i < int64(*floor) || i >= int64(len(s))) {
		r.Fail(codec.ErrRange, "ascending index inside the array")
	}
	if r.Err() != nil {
		return
	}
	*floor = int(i) + 1
	if op == state.OpPatch {
		readPatch(r, c, &s[i], b)
		return
	}
	s[i] = *new(E)
	elem.Read(r, &s[i])
}
