package node

import (
	"cmp"
	"unsafe"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
)

// A table is a map of either kind.
type table[K cmp.Ordered, E any] interface {
	Get(k K) (E, bool)
	Set(k K, e E)
	Delete(k K)
}

// entries are what patches of maps of either kind have in common (clause S6).
type entries[K cmp.Ordered, E any, KN Node[K], N Node[E]] struct {
	of table[K, E]
	// keep says that the values of prev are to be kept as the comparison has
	// left them: equal, but sharing more with those of of.
	keep bool
}

// items appends the operations that change the entries of these keys, which
// ascend, from what they are in prev; there are so many entries now.
func (n entries[K, E, KN, N]) items(w *Writer, prev table[K, E], keys []K, parts, levels int) Size {
	var (
		key  KN
		elem N
	)
	size := Size{Parts: parts, Changed: len(keys)}
	for _, k := range keys {
		p, had := prev.Get(k)
		e, has := n.of.Get(k)
		at := len(w.B)
		switch {
		case !has:
			w.B = append(w.B, state.OpDelete)
			key.Write(w, &k, 0)
			size.Values += 2
		case !had:
			w.B = append(w.B, state.OpPut)
			key.Write(w, &k, 0)
			elem.Write(w, &e, levels)
			size.Values += 3
		default:
			w.B = append(w.B, state.OpPatch)
			key.Write(w, &k, 0)
			verdict := change(w, elem, &p, &e, levels)
			if n.keep && verdict == patched {
				prev.Set(k, p)
			}
			if verdict == same && w.err == nil {
				w.B = w.B[:at]
				continue
			}
			if verdict == replaced {
				w.B[at] = state.OpPut
			}
			size.Values += 3
		}
		size.Items++
		if w.err != nil {
			w.At("[]")
			break
		}
	}
	return size
}

// apply reads a patch and carries it out.
func (n entries[K, E, KN, N]) apply(r *codec.Reader, b *Binding, count int) {
	var last *K
	for count > 0 && r.Err() == nil {
		op := r.Uint32()
		values, ok := operands(r, op, count)
		if !ok {
			return
		}
		last = n.do(r, b, op, last)
		count -= values
	}
}

// do carries out one operation. Its key, which it returns, has to come after
// *last.
func (n entries[K, E, KN, N]) do(r *codec.Reader, b *Binding, op uint32, last *K) *K {
	var (
		key  KN
		elem N
		k    K
		e    E
	)
	c, patchable := any(elem).(Container[E])
	if op != state.OpDelete && op != state.OpPut && (op != state.OpPatch || !patchable) {
		r.Fail(codec.ErrRange, "operation of a map")
		return nil
	}
	key.Read(r, &k)
	if r.Err() == nil && last != nil && *last >= k {
		r.Fail(codec.ErrRange, "keys in ascending order")
	}
	if r.Err() != nil {
		return nil
	}
	switch op {
	case state.OpDelete:
		n.of.Delete(k)
		return &k
	case state.OpPatch:
		old, ok := n.of.Get(k)
		if !ok {
			r.Fail(codec.ErrRange, "key that is in the map")
			return nil
		}
		e = old
		readPatch(r, c, &e, b)
	default:
		if r.Charge(1, 2*int(unsafe.Sizeof(k)+unsafe.Sizeof(e)+1)) {
			elem.Read(r, &e)
		}
	}
	if r.Err() == nil {
		n.of.Set(k, e)
	}
	return &k
}
