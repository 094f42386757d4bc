package tree

import "slices"

// Set returns the tree with e in place of element i, which is there.
func (t Tree[E]) Set(i int, e E) Tree[E] { return Tree[E]{t.root.set(i, e)} }

func (n *node[E]) set(i int, e E) *node[E] {
	if n.height == 0 {
		items := slices.Clone(n.items)
		items[i] = e
		return leaf(items)
	}
	k, at := n.kid(i)
	kids := slices.Clone(n.kids)
	kids[k] = kids[k].set(at, e)
	return branch(kids)
}

// Replace returns the tree with items in place of the elements from i up to j,
// which are there. It keeps items: they must not be changed.
func (t Tree[E]) Replace(i, j int, items []E) Tree[E] {
	n := join(before(t.root, i), Of(items).root)
	return Tree[E]{trim(join(n, behind(t.root, j)))}
}

// trim takes off roots that have one child.
func trim[E any](n *node[E]) *node[E] {
	for n != nil && n.height > 0 && len(n.kids) == 1 {
		n = n.kids[0]
	}
	return n
}

// before returns the first i elements of n, nil for none.
func before[E any](n *node[E], i int) *node[E] {
	switch {
	case i == 0:
		return nil
	case i == n.size:
		return n
	case n.height == 0:
		return leaf(n.items[:i:i])
	}
	k, at := n.kid(i)
	kids := n.kids[:k:k]
	if part := before(n.kids[k], at); part != nil {
		kids = append(kids, part)
	}
	return branch(kids)
}

// behind returns the elements of n from i on, nil for none.
func behind[E any](n *node[E], i int) *node[E] {
	switch {
	case n == nil || i == n.size:
		return nil
	case i == 0:
		return n
	case n.height == 0:
		return leaf(n.items[i:])
	}
	k, at := n.kid(i)
	return branch(slices.Concat([]*node[E]{behind(n.kids[k], at)}, n.kids[k+1:]))
}

// join returns the elements of a and then those of b.
func join[E any](a, b *node[E]) *node[E] {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	x, y := glue(a, b)
	if y == nil {
		return x
	}
	return branch([]*node[E]{x, y})
}

// glue returns the elements of a and then those of b in one node, or in two if
// one does not hold them, of the higher level of both.
func glue[E any](a, b *node[E]) (x, y *node[E]) {
	switch {
	case a.height == b.height:
		return merge(a, b.items, b.kids)
	case a.height > b.height:
		last := len(a.kids) - 1
		x, y := glue(a.kids[last], b)
		n := branch(append(a.kids[:last:last], x))
		if y == nil {
			return n, nil
		}
		return merge(n, nil, []*node[E]{y})
	default:
		x, y := glue(a, b.kids[0])
		if y == nil {
			return branch(slices.Concat([]*node[E]{x}, b.kids[1:])), nil
		}
		return merge(branch([]*node[E]{x}), nil, slices.Concat([]*node[E]{y}, b.kids[1:]))
	}
}

// merge returns what is in n and then the elements or children, in one node or
// two. If two, both have a quarter at least, unless n was full: so a sequence
// that grows at its end has full nodes.
func merge[E any](n *node[E], items []E, kids []*node[E]) (x, y *node[E]) {
	has, more := len(n.items)+len(n.kids), len(items)+len(kids)
	switch {
	case has+more <= most:
		return n.with(slices.Concat(n.items, items), slices.Concat(n.kids, kids)), nil
	case has == most || min(has, more) >= most/4:
		return n, n.with(items, kids)
	}
	allItems, allKids := slices.Concat(n.items, items), slices.Concat(n.kids, kids)
	if n.height == 0 {
		half := len(allItems) / 2
		return leaf(allItems[:half:half]), leaf(allItems[half:])
	}
	half := len(allKids) / 2
	return branch(allKids[:half:half]), branch(allKids[half:])
}
