package tree

// An Edit says that the Removed elements of the old tree from Old on stand where
// the Added elements of the new one from New on do.
type Edit struct {
	Old, Removed int
	New, Added   int
}

// Diff returns what the trees do not share, in ascending order: between two
// edits are nodes that are the same in both. What is in an edit may be equal
// all the same; it is up to whoever knows what equal means.
//
// It takes time in proportion to the nodes that are not shared.
func Diff[E any](old, now Tree[E]) []Edit {
	if old.root == now.root {
		return nil
	}
	a, b := spread(old.root), spread(now.root)
	for height := max(level(a), level(b)); ; height-- {
		share(a, b, height)
		if height == 0 {
			break
		}
		a, b = open(a, height), open(b, height)
	}
	return edits(a, b)
}

// A part is a node, and whether the other tree has it.
type part[E any] struct {
	n      *node[E]
	shared bool
}

func spread[E any](root *node[E]) []part[E] {
	if root == nil {
		return nil
	}
	return []part[E]{{n: root}}
}

func level[E any](parts []part[E]) int {
	if len(parts) == 0 {
		return 0
	}
	return parts[0].n.height
}

// share marks the nodes of a level that are in both. Mostly all are but a few,
// and stand as far from the beginning or the end.
func share[E any](a, b []part[E], height int) {
	for len(a) > 0 && len(b) > 0 && a[0].n == b[0].n {
		a[0].shared, b[0].shared = true, true
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1].n == b[len(b)-1].n {
		a[len(a)-1].shared, b[len(b)-1].shared = true, true
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a) <= 1 && len(b) <= 1 {
		return // one node became another
	}
	at := make(map[*node[E]]int, len(a))
	for i := range a {
		if n := a[i].n; n.height == height && !a[i].shared {
			at[n] = i
		}
	}
	for j := range b {
		if i, ok := at[b[j].n]; ok && !b[j].shared {
			a[i].shared, b[j].shared = true, true
			delete(at, b[j].n)
		}
	}
}

// open puts the children of the nodes of a level that are not shared in their
// place.
func open[E any](parts []part[E], height int) []part[E] {
	opened := make([]part[E], 0, len(parts)+most)
	for _, p := range parts {
		if p.shared || p.n.height < height {
			opened = append(opened, p)
			continue
		}
		for _, k := range p.n.kids {
			opened = append(opened, part[E]{n: k})
		}
	}
	return opened
}

// edits returns what lies between the shared nodes. If these are not in the same
// order in both, which nobody has done on purpose, all of it is one edit.
func edits[E any](a, b []part[E]) []Edit {
	var found []Edit
	var e Edit
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && !a[i].shared:
			e.Removed += a[i].n.size
			i++
		case j < len(b) && !b[j].shared:
			e.Added += b[j].n.size
			j++
		case i < len(a) && j < len(b) && a[i].n == b[j].n:
			if e.Removed > 0 || e.Added > 0 {
				found = append(found, e)
			}
			size := a[i].n.size
			e = Edit{Old: e.Old + e.Removed + size, New: e.New + e.Added + size}
			i++
			j++
		default:
			return []Edit{{Removed: total(a), Added: total(b)}}
		}
	}
	if e.Removed > 0 || e.Added > 0 {
		found = append(found, e)
	}
	return found
}

func total[E any](parts []part[E]) (n int) {
	for _, p := range parts {
		n += p.n.size
	}
	return n
}
