package reflective

import (
	"reflect"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
)

// A sliceNode is a slice of anything but bytes.
type sliceNode struct {
	elem node
	typ  reflect.Type
	size int // of an element
}

func (n *sliceNode) write(w *writer, v reflect.Value, levels int) {
	if v.IsNil() {
		w.b = codec.AppendNil(w.b)
		return
	}
	n.writeRange(w, v, 0, v.Len(), levels)
}

func (n *sliceNode) writeRange(w *writer, v reflect.Value, from, to, levels int) {
	if !w.wade(levels) {
		return
	}
	w.b = codec.AppendArrayHeader(w.b, to-from)
	for i := from; i < to; i++ {
		n.elem.write(w, v.Index(i), levels-1)
		if w.done() {
			w.at("[]")
			return
		}
	}
}

func (n *sliceNode) read(r *codec.Reader, v reflect.Value) {
	if r.TryNil() {
		return
	}
	count := r.ArrayHeader()
	if r.Err() != nil || !r.Charge(count, n.size) {
		return
	}
	v.Set(reflect.MakeSlice(n.typ, count, count))
	for i := 0; i < count && r.Err() == nil; i++ {
		n.elem.read(r, v.Index(i))
	}
	r.Leave()
}

func (n *sliceNode) equal(x, y reflect.Value) bool {
	if x.Len() != y.Len() || x.IsNil() != y.IsNil() {
		return false
	}
	for i := range x.Len() {
		if !n.elem.equal(x.Index(i), y.Index(i)) {
			return false
		}
	}
	return true
}

func (n *sliceNode) clone(dst, src reflect.Value) {
	if src.IsNil() {
		return
	}
	dst.Set(reflect.MakeSlice(n.typ, src.Len(), src.Len()))
	for i := range src.Len() {
		n.elem.clone(dst.Index(i), src.Index(i))
	}
}

func (n *sliceNode) patchable(prev, next reflect.Value) bool { return prev.IsNil() == next.IsNil() }

// items appends the operations of clause S7.
func (n *sliceNode) items(w *writer, prev, next reflect.Value, levels int) patchSize {
	size := patchSize{parts: next.Len()}
	edits := state.Align(nil, prev.Len(), next.Len(), func(i, j int) bool {
		return n.elem.equal(prev.Index(i), next.Index(j))
	})
	_, patchable := n.elem.(container)
	for _, e := range edits {
		size.changed += max(e.Removed, e.Added)
		// Elements that can be patched are compared one by one. Of others, a
		// range is shorter than each with its operation and index.
		single := 0
		if patchable || e.Removed == 1 && e.Added == 1 {
			single = min(e.Removed, e.Added)
		}
		for i := range single {
			at := len(w.b)
			w.b = append(w.b, state.OpPatch)
			w.b = codec.AppendUint(w.b, uint64(e.New+i))
			verdict := w.change(n.elem, prev.Index(e.Old+i), next.Index(e.New+i), levels)
			switch verdict {
			case same:
				w.b = w.b[:at]
				continue
			case replaced:
				w.b[at] = state.OpPut
			}
			size.values += 3
			size.items++
		}
		e = state.Edit{Old: e.Old + single, Removed: e.Removed - single, New: e.New + single, Added: e.Added - single}
		switch {
		case w.err != nil, e.Removed == 0 && e.Added == 0:
		case e.Removed == 0 && e.Added == 1 && e.Old == prev.Len():
			w.b = append(w.b, state.OpAppend)
			n.elem.write(w, next.Index(e.New), levels)
			size.values += 2
			size.items++
		default:
			w.b = append(w.b, state.OpSplice)
			w.b = codec.AppendUint(w.b, uint64(e.New))
			w.b = codec.AppendUint(w.b, uint64(e.Removed))
			// A delta has one level less than a value, where the value itself
			// is one: here it goes.
			n.writeRange(w, next, e.New, e.New+e.Added, levels+1)
			size.values += 4
			size.items++
		}
		if w.err != nil {
			w.at("[]")
			break
		}
	}
	return size
}

func (n *sliceNode) apply(r *codec.Reader, v reflect.Value, b *binding, count int) {
	p := splicer{node: n, v: v, binding: b}
	for count > 0 && r.Err() == nil {
		op := r.Uint32()
		values, ok := operations(r, op, count)
		if !ok {
			return
		}
		p.do(r, op)
		count -= values
	}
	p.finish()
}

// operations returns how many values the operation op of a map, a slice or an
// array takes, itself included, if that is no more than count.
func operations(r *codec.Reader, op uint32, count int) (values int, ok bool) {
	switch op {
	case state.OpAppend:
		values = 2
	case state.OpPut, state.OpPatch:
		values = 3
	case state.OpSplice:
		values = 4
	}
	if r.Err() == nil && (values == 0 || values > count) {
		r.Fail(codec.ErrRange, "operation with all operands")
	}
	return values, r.Err() == nil
}

func (n *sliceNode) applyOne(r *codec.Reader, v reflect.Value, op uint64) {
	p := splicer{node: n, v: v}
	p.do(r, uint32(op))
}
