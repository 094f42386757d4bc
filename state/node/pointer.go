package node

import (
	"unsafe"

	"github.com/twinwire/twinwire/codec"
)

// A Pointer is nil or what its element is, also for patches.
type Pointer[P ~*E, E any, N Node[E]] struct{}

func (Pointer[P, E, N]) Write(w *Writer, v *P, levels int) {
	if *v == nil {
		w.B = codec.AppendNil(w.B)
		return
	}
	var elem N
	elem.Write(w, *v, levels)
}

func (Pointer[P, E, N]) Read(r *codec.Reader, v *P) {
	var elem N
	p := (*E)(nil)
	ok := codec.ReadPointer(r, &p)
	if *v = p; ok {
		elem.Read(r, p)
	}
}

func (Pointer[P, E, N]) Equal(x, y *P) bool {
	if *x == nil || *y == nil {
		return *x == nil && *y == nil
	}
	var elem N
	return elem.Equal(*x, *y)
}

func (Pointer[P, E, N]) Clone(dst, src *P) {
	if *src != nil {
		var elem N
		*dst = new(E)
		elem.Clone(*dst, *src)
	}
}

func (Pointer[P, E, N]) Patchable(prev, next *P) bool {
	if *prev == nil || *next == nil {
		return false
	}
	var elem N
	c, ok := any(elem).(Container[E])
	return ok && c.Patchable(*prev, *next)
}

func (Pointer[P, E, N]) Items(w *Writer, prev, next *P, levels int) Size {
	var elem N
	return any(elem).(Container[E]).Items(w, *prev, *next, levels)
}

func (n Pointer[P, E, N]) Apply(r *codec.Reader, v *P, b *Binding, count int) {
	if c := n.target(r, v); c != nil {
		c.Apply(r, *v, b, count)
	}
}

func (n Pointer[P, E, N]) ApplyOne(r *codec.Reader, v *P, op uint32) {
	if c := n.target(r, v); c != nil {
		c.ApplyOne(r, *v, op)
	}
}

// target returns the container that *v points to, which it makes if there is
// none, or nil with an error in r.
func (Pointer[P, E, N]) target(r *codec.Reader, v *P) Container[E] {
	var elem N
	c, ok := any(elem).(Container[E])
	if !ok {
		r.Fail(codec.ErrRange, "operation that fits the field")
		return nil
	}
	if *v == nil {
		if r.Err() != nil || !r.Charge(1, int(unsafe.Sizeof(**v))) {
			return nil
		}
		*v = new(E)
	}
	return c
}
