package node

import (
	"cmp"
	"maps"
	"slices"

	"github.com/twinwire/twinwire/codec"
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
	keys := n.changed(*prev, *next)
	slices.Sort(keys)
	p := entries[K, E, KN, N]{of: bareMap[K, E](*next)}
	return p.items(w, bareMap[K, E](*prev), keys, len(*next), levels)
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

// Apply reads a patch and carries it out.
func (Map[M, K, E, KN, N]) Apply(r *codec.Reader, v *M, b *Binding, count int) {
	if *v == nil {
		*v = make(M)
	}
	entries[K, E, KN, N]{of: bareMap[K, E](*v)}.apply(r, b, count)
}

// ApplyOne carries out one operation.
func (Map[M, K, E, KN, N]) ApplyOne(r *codec.Reader, v *M, op uint32) {
	if *v == nil {
		*v = make(M)
	}
	entries[K, E, KN, N]{of: bareMap[K, E](*v)}.do(r, nil, op, nil)
}

// A bareMap has the methods of a state.Map.
type bareMap[K cmp.Ordered, E any] map[K]E

func (m bareMap[K, E]) Get(k K) (E, bool) {
	e, ok := m[k]
	return e, ok
}

func (m bareMap[K, E]) Set(k K, e E) { m[k] = e }
func (m bareMap[K, E]) Delete(k K)   { delete(m, k) }
