package reflective

import (
	"reflect"

	"github.com/twinwire/twinwire/codec"
)

// A pointerNode is nil or what its element is, also for patches: a patch of
// nothing changes a zero value that it makes.
type pointerNode struct {
	elem node
	typ  reflect.Type
}

func (n *pointerNode) write(w *writer, v reflect.Value, levels int) {
	if v.IsNil() {
		w.b = codec.AppendNil(w.b)
		return
	}
	n.elem.write(w, v.Elem(), levels)
}

func (n *pointerNode) read(r *codec.Reader, v reflect.Value) {
	if !r.TryNil() && n.make(r, v) {
		n.elem.read(r, v.Elem())
	}
}

// make points v to a new zero value.
func (n *pointerNode) make(r *codec.Reader, v reflect.Value) bool {
	if r.Err() != nil || !r.Charge(1, int(n.typ.Elem().Size())) {
		return false
	}
	v.Set(reflect.New(n.typ.Elem()))
	return true
}

func (n *pointerNode) equal(x, y reflect.Value) bool {
	if x.IsNil() || y.IsNil() {
		return x.IsNil() && y.IsNil()
	}
	return n.elem.equal(x.Elem(), y.Elem())
}

func (n *pointerNode) clone(dst, src reflect.Value) {
	if !src.IsNil() {
		dst.Set(reflect.New(n.typ.Elem()))
		n.elem.clone(dst.Elem(), src.Elem())
	}
}

func (n *pointerNode) patchable(prev, next reflect.Value) bool {
	if prev.IsNil() || next.IsNil() {
		return false
	}
	c, ok := n.elem.(container)
	return ok && c.patchable(prev.Elem(), next.Elem())
}

func (n *pointerNode) items(w *writer, prev, next reflect.Value, levels int) patchSize {
	return n.elem.(container).items(w, prev.Elem(), next.Elem(), levels)
}

func (n *pointerNode) apply(r *codec.Reader, v reflect.Value, b *binding, count int) {
	if c := n.target(r, v); c != nil {
		c.apply(r, v.Elem(), b, count)
	}
}

func (n *pointerNode) applyOne(r *codec.Reader, v reflect.Value, op uint64) {
	if c := n.target(r, v); c != nil {
		c.applyOne(r, v.Elem(), op)
	}
}

// target returns the container that v points to, or nil with an error in r.
func (n *pointerNode) target(r *codec.Reader, v reflect.Value) container {
	c, ok := n.elem.(container)
	if !ok {
		r.Fail(codec.ErrRange, "operation that fits the field")
		return nil
	}
	if v.IsNil() && !n.make(r, v) {
		return nil
	}
	return c
}
