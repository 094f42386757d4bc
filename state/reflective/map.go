package reflective

import (
	"cmp"
	"reflect"
	"slices"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
)

// A mapNode is a map with keys that are strings or integers.
type mapNode struct {
	key  node
	kind reflect.Kind // of the key
	elem node
	typ  reflect.Type
}

// entrySize is what an entry is charged: of the places of a hash table between
// a half and an eighth are empty, and each has a byte of its own.
func (n *mapNode) entrySize() int {
	return 2 * (int(n.typ.Key().Size()) + int(n.typ.Elem().Size()) + 1)
}

// compare orders keys: strings by their bytes, integers as numbers.
func (n *mapNode) compare(x, y reflect.Value) int {
	switch n.kind {
	case reflect.String:
		return cmp.Compare(x.String(), y.String())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return cmp.Compare(x.Int(), y.Int())
	default:
		return cmp.Compare(x.Uint(), y.Uint())
	}
}

// write writes the entries in the order of their keys, so that equal values
// have equal bytes.
func (n *mapNode) write(w *writer, v reflect.Value, levels int) {
	if v.IsNil() {
		w.b = codec.AppendNil(w.b)
		return
	}
	if !w.wade(levels) {
		return
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, n.compare)
	w.b = codec.AppendMapHeader(w.b, len(keys))
	for _, k := range keys {
		n.key.write(w, k, 0)
		n.elem.write(w, v.MapIndex(k), levels-1)
		if w.done() {
			w.at("[]")
			return
		}
	}
}

func (n *mapNode) read(r *codec.Reader, v reflect.Value) {
	if r.TryNil() {
		return
	}
	count := r.MapHeader()
	if r.Err() != nil || !r.Charge(count, n.entrySize()) {
		return
	}
	m := reflect.MakeMapWithSize(n.typ, count)
	k, e := reflect.New(n.typ.Key()).Elem(), reflect.New(n.typ.Elem()).Elem()
	for range count {
		n.key.read(r, k)
		e.SetZero()
		n.elem.read(r, e)
		if r.Err() != nil {
			return
		}
		m.SetMapIndex(k, e)
	}
	r.Leave()
	v.Set(m)
}

func (n *mapNode) equal(x, y reflect.Value) bool {
	if x.Len() != y.Len() || x.IsNil() != y.IsNil() {
		return false
	}
	k, e := reflect.New(n.typ.Key()).Elem(), reflect.New(n.typ.Elem()).Elem()
	for it := x.MapRange(); it.Next(); {
		k.SetIterKey(it)
		other := y.MapIndex(k)
		if !other.IsValid() {
			return false
		}
		e.SetIterValue(it)
		if !n.elem.equal(e, other) {
			return false
		}
	}
	return true
}

func (n *mapNode) clone(dst, src reflect.Value) {
	if src.IsNil() {
		return
	}
	m := reflect.MakeMapWithSize(n.typ, src.Len())
	k, e := reflect.New(n.typ.Key()).Elem(), reflect.New(n.typ.Elem()).Elem()
	c := reflect.New(n.typ.Elem()).Elem()
	for it := src.MapRange(); it.Next(); {
		k.SetIterKey(it)
		e.SetIterValue(it)
		c.SetZero()
		n.elem.clone(c, e)
		m.SetMapIndex(k, c)
	}
	dst.Set(m)
}

func (n *mapNode) patchable(prev, next reflect.Value) bool { return prev.IsNil() == next.IsNil() }

// items appends the operations of clause S6, in the order of the keys.
func (n *mapNode) items(w *writer, prev, next reflect.Value, levels int) patchSize {
	keys := n.changed(prev, next)
	slices.SortFunc(keys, n.compare)
	size := patchSize{parts: next.Len(), changed: len(keys)}
	for _, k := range keys {
		p, e := prev.MapIndex(k), next.MapIndex(k)
		at := len(w.b)
		switch {
		case !e.IsValid():
			w.b = append(w.b, state.OpDelete)
			n.key.write(w, k, 0)
			size.values += 2
		case !p.IsValid():
			w.b = append(w.b, state.OpPut)
			n.key.write(w, k, 0)
			n.elem.write(w, e, levels)
			size.values += 3
		default:
			w.b = append(w.b, state.OpPatch)
			n.key.write(w, k, 0)
			verdict := w.change(n.elem, p, e, levels)
			if verdict == same && w.err == nil {
				w.b = w.b[:at]
				continue
			}
			if verdict == replaced {
				w.b[at] = state.OpPut
			}
			size.values += 3
		}
		size.items++
		if w.err != nil {
			w.at("[]")
			break
		}
	}
	return size
}

// changed returns the keys of the entries that are in one map only or differ.
func (n *mapNode) changed(prev, next reflect.Value) (keys []reflect.Value) {
	k, e := reflect.New(n.typ.Key()).Elem(), reflect.New(n.typ.Elem()).Elem()
	both := 0
	for it := next.MapRange(); it.Next(); {
		k.SetIterKey(it)
		p := prev.MapIndex(k)
		if p.IsValid() {
			both++
			e.SetIterValue(it)
			if n.elem.equal(p, e) {
				continue
			}
		}
		keys = append(keys, it.Key())
	}
	if both == prev.Len() {
		return keys
	}
	for it := prev.MapRange(); it.Next(); {
		k.SetIterKey(it)
		if !next.MapIndex(k).IsValid() {
			keys = append(keys, it.Key())
		}
	}
	return keys
}

func (n *mapNode) apply(r *codec.Reader, v reflect.Value, b *binding, count int) {
	n.makeMap(v)
	var last reflect.Value
	for count > 0 && r.Err() == nil {
		op := r.Uint32()
		values, ok := operations(r, op, count)
		if !ok {
			return
		}
		n.do(r, v, b, op, &last)
		count -= values
	}
}

func (n *mapNode) applyOne(r *codec.Reader, v reflect.Value, op uint64) {
	n.makeMap(v)
	var last reflect.Value
	n.do(r, v, nil, uint32(op), &last)
}

// makeMap makes a map of nil: a patch does, even one without operations (clause
// S6).
func (n *mapNode) makeMap(v reflect.Value) {
	if v.IsNil() {
		v.Set(reflect.MakeMap(n.typ))
	}
}

// do carries out one operation (clause S6). Its key has to come after *last,
// which it becomes: a patch that changes an entry again and again would cost
// more than it is long.
func (n *mapNode) do(r *codec.Reader, v reflect.Value, b *binding, op uint32, last *reflect.Value) {
	c, patchable := n.elem.(container)
	if op != state.OpDelete && op != state.OpPut && (op != state.OpPatch || !patchable) {
		r.Fail(codec.ErrRange, "operation of a map")
		return
	}
	k := reflect.New(n.typ.Key()).Elem()
	n.key.read(r, k)
	if r.Err() != nil {
		return
	}
	if last.IsValid() && n.compare(*last, k) >= 0 {
		r.Fail(codec.ErrRange, "keys in ascending order")
		return
	}
	*last = k
	if op == state.OpDelete {
		v.SetMapIndex(k, reflect.Value{})
		return
	}
	e := reflect.New(n.typ.Elem()).Elem()
	if op == state.OpPatch {
		old := v.MapIndex(k)
		if !old.IsValid() {
			r.Fail(codec.ErrRange, "key that is in the map")
			return
		}
		e.Set(old)
		readPatch(r, c, e, b)
	} else if r.Charge(1, n.entrySize()) {
		n.elem.read(r, e)
	}
	if r.Err() == nil {
		v.SetMapIndex(k, e)
	}
}
