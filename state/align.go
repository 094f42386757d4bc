package state

// An Edit says that the Removed elements of the old slice at Old became the
// Added elements of the new slice at New.
type Edit struct {
	Old, Removed int
	New, Added   int
}

// maxEdits is how many elements may have been removed and added together, in
// what lies between the common beginning and the common end, for Align to look
// for the shortest way. The search takes time with its square.
const maxEdits = 32

// Align finds out how a slice of n elements became one of m elements, and
// appends the edits to dst in ascending order; between two of them elements
// are equal. equal compares element i of the old slice with element j of the
// new one.
//
// A few changes anywhere are found exactly, and so are any number of elements
// that were replaced by as many; what changed more than that comes as fewer
// and larger edits. equal is called about n+m times and, where much changed,
// some thousand times more.
func Align(dst []Edit, n, m int, equal func(i, j int) bool) []Edit {
	head := 0
	for head < n && head < m && equal(head, head) {
		head++
	}
	tail := 0
	for tail < n-head && tail < m-head && equal(n-1-tail, m-1-tail) {
		tail++
	}
	a := aligner{equal: equal, old: head, new: head, n: n - head - tail, m: m - head - tail}
	switch {
	case a.n == 0 && a.m == 0:
		return dst
	case a.n == 0 || a.m == 0 || a.n == 1 && a.m == 1:
		return append(dst, Edit{head, a.n, head, a.m})
	}
	if edits, ok := a.shortest(dst); ok {
		return edits
	}
	return a.inPlace(dst)
}

// An aligner works on what lies between the common beginning and the common
// end: n elements of the old slice from old on, m of the new one from new on.
type aligner struct {
	equal    func(i, j int) bool
	old, new int
	n, m     int
}

func (a *aligner) same(x, y int) bool { return a.equal(a.old+x, a.new+y) }

// shortest is the greedy search of Myers, "An O(ND) Difference Algorithm and
// Its Variations" (1986): row d holds, by diagonal x-y, the furthest x that d
// edits reach.
func (a *aligner) shortest(dst []Edit) ([]Edit, bool) {
	if max(a.n-a.m, a.m-a.n) > maxEdits {
		return dst, false
	}
	var rows [maxEdits + 1][]int
	for d := range rows {
		row := make([]int, 2*d+1) // row[k+d] is diagonal k
		rows[d] = row
		for k := -d; k <= d; k += 2 {
			x := 0
			if d > 0 {
				x = from(rows[d-1], d, k)
			}
			y := x - k
			for x < a.n && y < a.m && a.same(x, y) {
				x++
				y++
			}
			row[k+d] = x
			if x == a.n && y == a.m {
				return a.edits(dst, rows[:d+1]), true
			}
		}
	}
	return dst, false
}

// from returns the x at which d edits enter diagonal k, prev being the row of
// d-1: from the diagonal above by an element added, or from the one below by
// one removed, whichever is further.
func from(prev []int, d, k int) int {
	added, removed := -1, -1
	if k < d-1 {
		added = prev[k+1+d-1]
	}
	if k > -d+1 {
		removed = prev[k-1+d-1] + 1
	}
	return max(added, removed)
}

// edits goes the way that the rows describe backwards, and appends it forwards.
func (a *aligner) edits(dst []Edit, rows [][]int) []Edit {
	base := len(dst)
	x, y := a.n, a.m
	for d := len(rows) - 1; d > 0; d-- {
		k := x - y
		at := from(rows[d-1], d, k) // behind the edit
		edit := Edit{Old: a.old + at, New: a.new + at - k}
		if k < d-1 && rows[d-1][k+1+d-1] == at {
			edit.Added = 1
			edit.New--
			x, y = at, at-k-1
		} else {
			edit.Removed = 1
			edit.Old--
			x, y = at-1, at-k
		}
		if last := len(dst) - 1; last >= base && edit.Old+edit.Removed == dst[last].Old && edit.New+edit.Added == dst[last].New {
			dst[last].Old, dst[last].New = edit.Old, edit.New
			dst[last].Removed += edit.Removed
			dst[last].Added += edit.Added
			continue
		}
		dst = append(dst, edit)
	}
	for i, j := base, len(dst)-1; i < j; i, j = i+1, j-1 {
		dst[i], dst[j] = dst[j], dst[i]
	}
	return dst
}

// inPlace compares the elements that stand at the same distance from the
// beginning, and makes one edit of what is left at the end.
func (a *aligner) inPlace(dst []Edit) []Edit {
	base := len(dst)
	both := min(a.n, a.m)
	for i := range both {
		if a.same(i, i) {
			continue
		}
		if last := len(dst) - 1; last >= base && dst[last].Old+dst[last].Removed == a.old+i {
			dst[last].Removed++
			dst[last].Added++
			continue
		}
		dst = append(dst, Edit{a.old + i, 1, a.new + i, 1})
	}
	if a.n == a.m {
		return dst
	}
	rest := Edit{a.old + both, a.n - both, a.new + both, a.m - both}
	if last := len(dst) - 1; last >= base && dst[last].Old+dst[last].Removed == rest.Old {
		dst[last].Removed += rest.Removed
		dst[last].Added += rest.Added
		return dst
	}
	return append(dst, rest)
}
