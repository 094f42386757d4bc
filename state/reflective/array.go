package reflective

import (
	"reflect"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
)

// An arrayNode is an array of anything but bytes.
type arrayNode struct {
	elem node
	n    int
}

func (n *arrayNode) write(w *writer, v reflect.Value, levels int) {
	if !w.wade(levels) {
		return
	}
	w.b = codec.AppendArrayHeader(w.b, n.n)
	for i := range n.n {
		n.elem.write(w, v.Index(i), levels-1)
		if w.done() {
			w.at("[]")
			return
		}
	}
}

func (n *arrayNode) read(r *codec.Reader, v reflect.Value) {
	if !r.FixedArray(n.n) {
		return
	}
	for i := 0; i < n.n && r.Err() == nil; i++ {
		n.elem.read(r, v.Index(i))
	}
	r.Leave()
}

func (n *arrayNode) equal(x, y reflect.Value) bool {
	for i := range n.n {
		if !n.elem.equal(x.Index(i), y.Index(i)) {
			return false
		}
	}
	return true
}

func (n *arrayNode) clone(dst, src reflect.Value) {
	for i := range n.n {
		n.elem.clone(dst.Index(i), src.Index(i))
	}
}

func (n *arrayNode) patchable(_, _ reflect.Value) bool { return true }

// items appends the operations of clause S7.
func (n *arrayNode) items(w *writer, prev, next reflect.Value, levels int) patchSize {
	size := patchSize{parts: n.n}
	for i := range n.n {
		at := len(w.b)
		w.b = append(w.b, state.OpPatch)
		w.b = codec.AppendUint(w.b, uint64(i))
		verdict := w.change(n.elem, prev.Index(i), next.Index(i), levels)
		if w.err != nil {
			w.at("[]")
			return size
		}
		switch verdict {
		case same:
			w.b = w.b[:at]
			continue
		case replaced:
			w.b[at] = state.OpPut
		}
		size.values += 3
		size.items++
		size.changed++
	}
	return size
}

func (n *arrayNode) apply(r *codec.Reader, v reflect.Value, b *binding, count int) {
	floor := 0
	for count > 0 && r.Err() == nil {
		op := r.Uint32()
		values, ok := operations(r, op, count)
		if !ok {
			return
		}
		n.do(r, v, b, op, &floor)
		count -= values
	}
}

func (n *arrayNode) applyOne(r *codec.Reader, v reflect.Value, op uint64) {
	floor := 0
	n.do(r, v, nil, uint32(op), &floor)
}

func (n *arrayNode) do(r *codec.Reader, v reflect.Value, b *binding, op uint32, floor *int) {
	c, patchable := n.elem.(container)
	if op != state.OpPut && (op != state.OpPatch || !patchable) {
		r.Fail(codec.ErrRange, "operation of an array")
		return
	}
	i := int64(r.Uint32())
	if r.Err() == nil && (i < int64(*floor) || i >= int64(n.n)) {
		r.Fail(codec.ErrRange, "ascending index inside the array")
	}
	if r.Err() != nil {
		return
	}
	*floor = int(i) + 1
	if op == state.OpPatch {
		readPatch(r, c, v.Index(int(i)), b)
		return
	}
	v.Index(int(i)).SetZero()
	n.elem.read(r, v.Index(int(i)))
}
