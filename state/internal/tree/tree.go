// Package tree has a sequence whose versions share what they have in common:
// every change makes a new one in time and memory that grow with the logarithm
// of its length, and leaves the old one as it was. So a copy costs nothing, and
// two versions are compared in the time of what differs between them.
//
// It is a B+ tree. Nodes are never changed once they are made, which makes trees
// safe for any number of goroutines. Nodes are at most full and may be nearly
// empty; all leaves have the same depth.
package tree

import (
	"iter"
	"slices"
	"sort"
)

// most is how many elements a leaf has at most, and how many children any
// other node.
const most = 32

// A Tree is a sequence of E. The zero value is empty. Copies are independent.
type Tree[E any] struct{ root *node[E] }

// A node is a leaf, which has elements, or has children one level below.
type node[E any] struct {
	items  []E
	kids   []*node[E]
	size   int // elements below
	height int // 0 for a leaf
	first  *E
}

func leaf[E any](items []E) *node[E] {
	return &node[E]{items: items, size: len(items), first: &items[0]}
}

func branch[E any](kids []*node[E]) *node[E] {
	n := &node[E]{kids: kids, height: kids[0].height + 1, first: kids[0].first}
	for _, k := range kids {
		n.size += k.size
	}
	return n
}

// with returns a node of the same level with other elements or children.
func (n *node[E]) with(items []E, kids []*node[E]) *node[E] {
	if n.height == 0 {
		return leaf(items)
	}
	return branch(kids)
}

// Of returns a tree of the elements, which it keeps: they must not be changed.
func Of[E any](items []E) Tree[E] {
	if len(items) == 0 {
		return Tree[E]{}
	}
	level := make([]*node[E], 0, len(items)/most+1)
	for part := range slices.Chunk(items, most) {
		level = append(level, leaf(part))
	}
	for len(level) > 1 {
		above := make([]*node[E], 0, len(level)/most+1)
		for part := range slices.Chunk(level, most) {
			above = append(above, branch(part))
		}
		level = above
	}
	return Tree[E]{level[0]}
}

// Len returns the number of elements.
func (t Tree[E]) Len() int {
	if t.root == nil {
		return 0
	}
	return t.root.size
}

// At returns element i, which is there and must not be changed.
func (t Tree[E]) At(i int) *E {
	n := t.root
	for n.height > 0 {
		var k int
		k, i = n.kid(i)
		n = n.kids[k]
	}
	return &n.items[i]
}

// kid returns which child has element i, and as which of its own.
func (n *node[E]) kid(i int) (k, at int) {
	for i >= n.kids[k].size {
		i -= n.kids[k].size
		k++
	}
	return k, i
}

// Last returns the last element for which holds is true, and its index: nil and
// -1 if it is true for none. It must be true for a beginning of the sequence.
func (t Tree[E]) Last(holds func(*E) bool) (int, *E) {
	n, before := t.root, 0
	if n == nil || !holds(n.first) {
		return -1, nil
	}
	for n.height > 0 {
		k := sort.Search(len(n.kids), func(k int) bool { return !holds(n.kids[k].first) }) - 1
		for _, kid := range n.kids[:k] {
			before += kid.size
		}
		n = n.kids[k]
	}
	i := sort.Search(len(n.items), func(i int) bool { return !holds(&n.items[i]) }) - 1
	return before + i, &n.items[i]
}

// All yields the elements, which must not be changed, and their indices.
func (t Tree[E]) All() iter.Seq2[int, *E] { return t.Range(0, t.Len()) }

// Range yields the elements from i up to j, as All does.
func (t Tree[E]) Range(i, j int) iter.Seq2[int, *E] {
	return func(yield func(int, *E) bool) {
		if i < j {
			t.root.each(0, i, j, yield)
		}
	}
}

// each yields what n, whose first element has the index at, has of them.
func (n *node[E]) each(at, i, j int, yield func(int, *E) bool) bool {
	for k := max(i-at, 0); k < len(n.items) && at+k < j; k++ {
		if !yield(at+k, &n.items[k]) {
			return false
		}
	}
	for _, k := range n.kids {
		if at >= j {
			break
		}
		if at+k.size > i && !k.each(at, i, j, yield) {
			return false
		}
		at += k.size
	}
	return true
}
