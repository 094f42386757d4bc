package node

import (
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
)

// A Slice is a slice of anything but bytes.
type Slice[S ~[]E, E any, N Node[E]] struct{}

func (n Slice[S, E, N]) Write(w *Writer, v *S, levels int) {
	if *v == nil {
		w.B = codec.AppendNil(w.B)
		return
	}
	n.writeRange(w, *v, levels)
}

func (Slice[S, E, N]) writeRange(w *Writer, s []E, levels int) {
	if !w.Enter(levels) {
		return
	}
	var elem N
	w.B = codec.AppendArrayHeader(w.B, len(s))
	for i := range s {
		elem.Write(w, &s[i], levels-1)
		if w.Done() {
			w.At("[]")
			return
		}
	}
}

func (Slice[S, E, N]) Read(r *codec.Reader, v *S) {
	var elem N
	s := []E(nil)
	ok := codec.ReadSlice(r, &s)
	if *v = s; ok {
		for i := 0; i < len(s) && r.Err() == nil; i++ {
			elem.Read(r, &s[i])
		}
		r.Leave()
	}
}

func (Slice[S, E, N]) Equal(x, y *S) bool {
	if len(*x) != len(*y) || (*x == nil) != (*y == nil) {
		return false
	}
	var elem N
	for i := range *x {
		if !elem.Equal(&(*x)[i], &(*y)[i]) {
			return false
		}
	}
	return true
}

func (Slice[S, E, N]) Clone(dst, src *S) {
	if *src == nil {
		return
	}
	var elem N
	*dst = make(S, len(*src))
	for i := range *src {
		elem.Clone(&(*dst)[i], &(*src)[i])
	}
}

func (Slice[S, E, N]) Patchable(prev, next *S) bool { return (*prev == nil) == (*next == nil) }

// Items appends the operations of clause S7.
func (n Slice[S, E, N]) Items(w *Writer, prev, next *S, levels int) Size {
	var elem N
	p, m := *prev, *next
	found := state.Align(nil, len(p), len(m), func(i, j int) bool { return elem.Equal(&p[i], &m[j]) })
	e := edits[E, N]{
		n: len(p), m: len(m),
		prev:       func(i int) *E { return &p[i] },
		next:       func(i int) *E { return &m[i] },
		writeRange: func(w *Writer, i, j, levels int) { n.writeRange(w, m[i:j], levels) },
	}
	return e.items(w, found, levels)
}

func (n Slice[S, E, N]) Apply(r *codec.Reader, v *S, b *Binding, count int) {
	p := splicer[E, N]{v: *v, binding: b}
	for count > 0 && r.Err() == nil {
		op := r.Uint32()
		values, ok := operands(r, op, count)
		if !ok {
			return
		}
		p.do(r, op)
		count -= values
	}
	p.finish()
	*v = p.v
}

func (n Slice[S, E, N]) ApplyOne(r *codec.Reader, v *S, op uint32) {
	p := splicer[E, N]{v: *v}
	p.do(r, op)
	p.finish()
	*v = p.v
}
