package tree_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/twinwire/twinwire/internal/leak"
	"github.com/twinwire/twinwire/state/internal/tree"
)

func TestMain(m *testing.M) { leak.Main(m) }

func list(t tree.Tree[int]) []int {
	s := make([]int, 0, t.Len())
	for _, e := range t.All() {
		s = append(s, *e)
	}
	return s
}

// check holds a tree to the slice that it should be.
func check(t testing.TB, got tree.Tree[int], want []int) {
	t.Helper()
	if got.Len() != len(want) || !slices.Equal(list(got), want) {
		t.Fatalf("%d elements %v, want %d %v", got.Len(), list(got), len(want), want)
	}
	for i := 0; i < len(want); i += 1 + len(want)/7 {
		if *got.At(i) != want[i] {
			t.Fatalf("element %d is %d, want %d", i, *got.At(i), want[i])
		}
	}
}

// diff makes the new tree of the old one by the edits.
func diff(t testing.TB, old, now tree.Tree[int]) (differ int) {
	t.Helper()
	a, b := list(old), list(now)
	var made []int
	at := 0
	for _, e := range tree.Diff(old, now) {
		made = append(made, a[at:e.Old]...)
		if len(made) != e.New {
			t.Fatalf("edit %v at %d", e, len(made))
		}
		made = append(made, b[e.New:e.New+e.Added]...)
		at = e.Old + e.Removed
		differ += e.Removed + e.Added
	}
	if made = append(made, a[at:]...); !slices.Equal(made, b) {
		t.Fatalf("the edits lead to %v, want %v", made, b)
	}
	return differ
}

// Trees are what slices would be, old versions stay, and edits lead from each
// version to each later one.
func TestRandomChanges(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, most := range []int{5, 100, 3000} {
		var now tree.Tree[int]
		var want []int
		var kept []tree.Tree[int]
		var keptWant [][]int
		for step := range 3000 {
			switch n := len(want); {
			case n > 0 && rng.IntN(3) == 0:
				i := rng.IntN(n)
				now, want[i] = now.Set(i, step), step
			default:
				i := rng.IntN(n + 1)
				j := i + rng.IntN(min(n-i, 1+most/10)+1)
				var more []int
				for range rng.IntN(1 + most/8) {
					if len(want) < most {
						more = append(more, rng.IntN(1000))
					}
				}
				now = now.Replace(i, j, more)
				want = slices.Replace(want, i, j, more...)
			}
			if step%10 == 0 {
				check(t, now, want)
				kept, keptWant = append(kept, now), append(keptWant, slices.Clone(want))
				k := rng.IntN(len(kept))
				check(t, kept[k], keptWant[k])
				diff(t, kept[k], now)
				diff(t, now, kept[k])
			}
		}
		check(t, now.Replace(0, now.Len(), nil), nil)
	}
}

func TestLast(t *testing.T) {
	for _, n := range []int{0, 1, 31, 32, 33, 5000} {
		items := make([]int, n)
		for i := range items {
			items[i] = 2 * i
		}
		s := tree.Of(items)
		for k := -1; k <= 2*n; k += 1 + n/50 {
			i, e := s.Last(func(e *int) bool { return *e <= k })
			if want := min(n-1, floorHalf(k)); i != want || (i >= 0) != (e != nil) || e != nil && *e != 2*i {
				t.Fatalf("%d elements: the last up to %d is %d, want %d", n, k, i, want)
			}
		}
	}
}

func floorHalf(k int) int {
	if k < 0 {
		return -1
	}
	return k / 2
}

// One change of many elements leaves all but a few nodes shared, wherever it is.
func TestDiffIsSmall(t *testing.T) {
	s := tree.Of(make([]int, 100_000))
	for _, i := range []int{0, 1, 33, 50_000, 99_999} {
		for name, changed := range map[string]tree.Tree[int]{
			"set": s.Set(i, 1), "insert": s.Replace(i, i, []int{1}), "delete": s.Replace(i, i+1, nil), "both ends": s.Replace(0, 1, nil).Replace(s.Len()-1, s.Len()-1, []int{1}),
		} {
			if n := diff(t, s, changed); n > 300 {
				t.Errorf("%s at %d: %d elements differ", name, i, n)
			}
		}
	}
}

// What is added one by one takes no more nodes than it must.
func TestGrowth(t *testing.T) {
	var s tree.Tree[int]
	for i := range 20_000 {
		s = s.Replace(i, i, []int{i})
	}
	if n := testing.AllocsPerRun(100, func() { s.Set(10_000, 1) }); n > 8 {
		t.Errorf("setting an element of 20,000 takes %v allocations", n)
	}
}
