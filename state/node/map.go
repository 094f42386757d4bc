package node

import (
	"cmp"
	"maps"
	"slices"
	"unsafe"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
)

// A Map is a map; its keys ascend in what is written.
type Map[M ~map[K]E, K cmp.Ordered, E any, KN Node[K], N Node[E]] struct{}

func (Map[M, K, E, KN, N]) Write(w *Writer, v *M, levels int) {
	if *v == nil {
		w.B = codec.AppendNil(w.B)
		return
	}
	if !w.Enter(levels) {
		return
	}
	var (
		key  KN
		elem N
		k    K
		e    E
	)
	w.B = codec.AppendMapHeader(w.B, len(*v))
	for _, k = range slices.Sorted(maps.Keys(*v)) {
		e = (*v)[k]
		key.Write(w, &k, 0)
		elem.Write(w, &e, levels-1)
		if w.Done() {
			w.At("[]")
			return
		}
	}
}

func (Map[M, K, E, KN, N]) Read(r *codec.Reader, v *M) {
	var (
		key  KN
		elem N
	)
	m := map[K]E(nil)
	n, ok := codec.ReadMap(r, &m)
	if *v = m; !ok {
		return
	}
	var (
		k K
		e E
	)
	for range n {
		e = *new(E)
		key.Read(r, &k)
		elem.Read(r, &e)
		if r.Err() != nil {
			return
		}
		m[k] = e
	}
	r.Leave()
}

func (Map[M, K, E, KN, N]) Equal(x, y *M) bool {
	if len(*x) != len(*y) || (*x == nil) != (*y == nil) {
		return false
	}
	var (
		elem        N
		mine, other E // outside the loop, for their addresses are taken
		ok          bool
	)
	for k, e := range *x {
		mine = e
		if other, ok = (*y)[k]; !ok || !elem.Equal(&mine, &other) {
			return false
		}
	}
	return true
}

func (Map[M, K, E, KN, N]) Clone(dst, src *M) {
	if *src == nil {
		return
	}
	var (
		elem N
		c, o E
	)
	*dst = make(M, len(*src))
	for k, e := range *src {
		c, o = *new(E), e
		elem.Clone(&c, &o)
		(*dst)[k] = c
	}
}

func (Map[M, K, E, KN, N]) Patchable(prev, next *M) bool {
	return (*prev == nil) == (*next == nil)
}

// Items appends the operations of clause S6.
func (n Map[M, K, E, KN, N]) Items(w *Writer, prev, next *M, levels int) Size {
	var (
		key  KN
		elem N
	)
	keys := n.changed(*prev, *next)
	slices.Sort(keys)
	size := Size{Parts: len(*next), Changed: len(keys)}
	for _, k := range keys {
		p, had := (*prev)[k]
		e, has := (*next)[k]
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

// changed returns the keys of the entries that are in one map only or differ.
func (Map[M, K, E, KN, N]) changed(prev, next M) (keys []K) {
	var (
		elem     N
		old, now E // outside the loop, for their addresses are taken
		ok       bool
	)
	both := 0
	for k, e := range next {
		if old, ok = prev[k]; ok {
			both++
			if now = e; elem.Equal(&old, &now) {
				continue
			}
		}
		keys = append(keys, k)
	}
	if both == len(prev) {
		return keys
	}
	for k := range prev {
		if _, ok := next[k]; !ok {
			keys = append(keys, k)
		}
	}
	return keys
}

func (n Map[M, K, E, KN, N]) Apply(r *codec.Reader, v *M, b *Binding, count int) {
	var last *K
	for count > 0 && r.Err() == nil {
		op := r.Uint32()
		values, ok := operands(r, op, count)
		if !ok {
			return
		}
		last = n.do(r, v, b, op, last)
		count -= values
	}
}

func (n Map[M, K, E, KN, N]) ApplyOne(r *codec.Reader, v *M, op uint32) { n.do(r, v, nil, op, nil) }

// do carries out one operation. Its key, which it returns, has to come after
// *last.
func (Map[M, K, E, KN, N]) do(r *codec.Reader, v *M, b *Binding, op uint32, last *K) *K {
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
	if *v == nil {
		*v = make(M)
	}
	switch op {
	case state.OpDelete:
		delete(*v, k)
		return &k
	case state.OpPatch:
		old, ok := (*v)[k]
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
		(*v)[k] = e
	}
	return &k
}
