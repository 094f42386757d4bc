package node

import (
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
)

// A StateMap is a [state.Map]. What it holds is copied by assignment.
type StateMap[K state.Key, E any, KN Node[K], N Node[E]] struct{}

// Write appends the entries in the order of their keys.
func (StateMap[K, E, KN, N]) Write(w *Writer, v *state.Map[K, E], levels int) {
	if !w.Enter(levels) {
		return
	}
	var (
		key  KN
		elem N
	)
	w.B = codec.AppendMapHeader(w.B, v.Len())
	for k, e := range v.All() {
		key.Write(w, &k, 0)
		elem.Write(w, &e, levels-1)
		if w.DoneAt("[]") {
			return
		}
	}
}

// Read reads a map.
func (StateMap[K, E, KN, N]) Read(r *codec.Reader, v *state.Map[K, E]) {
	var m map[K]E
	Map[map[K]E, K, E, KN, N]{}.Read(r, &m)
	if r.Err() == nil {
		*v = state.MapOf(m)
	}
}

// Equal looks at what the Maps do not share.
func (StateMap[K, E, KN, N]) Equal(x, y *state.Map[K, E]) bool {
	var elem N
	return x.Len() == y.Len() && len(y.Changed(*x, elem.Equal)) == 0
}

// Clone copies the Map, which costs nothing.
func (StateMap[K, E, KN, N]) Clone(dst, src *state.Map[K, E]) { *dst = *src }

// Patchable returns true.
func (StateMap[K, E, KN, N]) Patchable(_, _ *state.Map[K, E]) bool { return true }

// Items appends the operations of clause S6. Without changing what is in it, it
// lets *prev share what it can with *next, so that the next comparison meets
// what has changed since and nothing else.
func (StateMap[K, E, KN, N]) Items(w *Writer, prev, next *state.Map[K, E], levels int) Size {
	var elem N
	keys := next.Changed(*prev, elem.Equal)
	size := entries[K, E, KN, N]{of: next, keep: true}.items(w, prev, keys, next.Len(), levels)
	if len(keys) <= next.Len()/2 {
		like := *next
		for _, k := range keys {
			if e, ok := prev.Get(k); ok {
				like.Set(k, e)
			} else {
				like.Delete(k)
			}
		}
		*prev = like
	}
	return size
}

// Apply reads a patch and carries it out.
func (StateMap[K, E, KN, N]) Apply(r *codec.Reader, v *state.Map[K, E], b *Binding, count int) {
	entries[K, E, KN, N]{of: v}.apply(r, b, count)
}

// ApplyOne carries out one operation.
func (StateMap[K, E, KN, N]) ApplyOne(r *codec.Reader, v *state.Map[K, E], op uint32) {
	entries[K, E, KN, N]{of: v}.do(r, nil, op, nil)
}
