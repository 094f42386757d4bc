package reflective

import (
	"reflect"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
)

// A structNode is a struct that is compared by its fields.
type structNode struct {
	typ    reflect.Type
	number int // in the table
	fields []*field
	byName map[string]*field // and by alias
}

func (n *structNode) write(w *writer, v reflect.Value, levels int) {
	if !w.wade(levels) {
		return
	}
	count := 0
	for _, f := range n.fields {
		if f.empty == nil || !f.empty(f.in(v)) {
			count++
		}
	}
	w.b = codec.AppendMapHeader(w.b, count)
	for _, f := range n.fields {
		fv := f.in(v)
		if f.empty != nil && f.empty(fv) {
			continue
		}
		w.b = codec.AppendString(w.b, f.name)
		f.node.write(w, fv, levels-1)
		if w.done() {
			w.at("." + f.goName)
			return
		}
	}
}

func (n *structNode) read(r *codec.Reader, v reflect.Value) {
	for range r.MapHeader() {
		f := n.byName[string(r.MapKey())]
		if f == nil {
			r.Skip()
			continue
		}
		// A field that comes twice is read twice, and nothing of the first
		// value may show through the second.
		fv := f.in(v)
		fv.SetZero()
		f.node.read(r, fv)
	}
	r.Leave()
}

func (n *structNode) equal(x, y reflect.Value) bool {
	for _, f := range n.fields {
		fx, fy := f.in(x), f.in(y)
		if f.empty != nil && f.empty(fx) && f.empty(fy) {
			continue
		}
		if !f.node.equal(fx, fy) {
			return false
		}
	}
	return true
}

func (n *structNode) clone(dst, src reflect.Value) {
	for _, f := range n.fields {
		f.node.clone(f.in(dst), f.in(src))
	}
}

func (n *structNode) patchable(_, _ reflect.Value) bool { return true }

// items appends the changes of the fields (clause S4).
func (n *structNode) items(w *writer, prev, next reflect.Value, levels int) patchSize {
	size := patchSize{parts: len(n.fields)}
	for i, f := range n.fields {
		fp, fn := f.in(prev), f.in(next)
		if f.empty != nil && f.empty(fp) && f.empty(fn) {
			continue
		}
		values := w.changeField(i, f.node, fp, fn, levels)
		if w.err != nil {
			w.at("." + f.goName)
			return size
		}
		if values > 0 {
			size.values += values
			size.changed++
		}
	}
	return size
}

func (n *structNode) apply(r *codec.Reader, v reflect.Value, b *binding, count int) {
	last := -1
	for count > 0 && r.Err() == nil {
		count -= n.applyItem(r, v, b, count, &last)
	}
}

func (n *structNode) applyOne(r *codec.Reader, _ reflect.Value, _ uint64) {
	r.Fail(codec.ErrRange, "operation that fits the field")
}

// applyItem reads a tag and its operands, of at most count values together,
// and carries it out. It returns how many values it read. The tag's field has
// to be above *last, which it becomes.
func (n *structNode) applyItem(r *codec.Reader, v reflect.Value, b *binding, count int, last *int) int {
	t := r.Uint32()
	number, op := int(t>>2), uint64(t&3)
	values := 1 + state.Operands(op)
	switch {
	case r.Err() != nil:
		return values
	case b == nil || number <= *last || number >= len(b.fields):
		r.Fail(codec.ErrRange, "fields of the table in ascending order")
		return values
	case values > count:
		r.Fail(codec.ErrRange, "patch with all operands")
		return values
	}
	*last = number
	own := b.fields[number].own
	if own == nil {
		for range values - 1 {
			r.Skip()
		}
		return values
	}
	fv := own.in(v)
	if op == state.OpSet {
		fv.SetZero()
		own.node.read(r, fv)
		return values
	}
	c, ok := own.node.(container)
	switch {
	case !ok:
		r.Fail(codec.ErrRange, "operation that fits the field")
	case op == state.OpPatch:
		readPatch(r, c, fv, b.fields[number].leaf)
	default:
		c.applyOne(r, fv, op)
	}
	return values
}

// readPatch reads an array of operations or changes and carries them out.
func readPatch(r *codec.Reader, c container, v reflect.Value, b *binding) {
	count := r.ArrayHeader()
	if r.Err() == nil {
		c.apply(r, v, b, count)
		r.Leave()
	}
}
