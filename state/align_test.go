package state

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func align[T comparable](old, next []T) []Edit {
	return Align(nil, len(old), len(next), func(i, j int) bool { return old[i] == next[j] })
}

// build makes next out of old by the edits, and checks their order.
func build[T comparable](t *testing.T, old, next []T, edits []Edit) []T {
	t.Helper()
	var got []T
	at := 0
	for _, e := range edits {
		if e.Old < at || e.Removed+e.Added == 0 {
			t.Fatalf("edits %v are out of order or empty", edits)
		}
		got = append(got, old[at:e.Old]...)
		if len(got) != e.New {
			t.Fatalf("edits %v: index %d is %d by then", edits, e.New, len(got))
		}
		got = append(got, next[e.New:e.New+e.Added]...)
		at = e.Old + e.Removed
	}
	return append(got, old[at:]...)
}

func TestAlignFindsFewEdits(t *testing.T) {
	for _, test := range []struct {
		name, old, next string
		want            []Edit
	}{
		{"equal", "abc", "abc", nil},
		{"both empty", "", "", nil},
		{"append", "abc", "abcd", []Edit{{3, 0, 3, 1}}},
		{"insert", "abc", "xabc", []Edit{{0, 0, 0, 1}}},
		{"remove", "abc", "ac", []Edit{{1, 1, 1, 0}}},
		{"truncate", "abcdef", "abc", []Edit{{3, 3, 3, 0}}},
		{"clear", "abc", "", []Edit{{0, 3, 0, 0}}},
		{"fill", "", "abc", []Edit{{0, 0, 0, 3}}},
		{"replace", "abcdef", "abXdef", []Edit{{2, 1, 2, 1}}},
		{"range", "abcdef", "abXYZf", []Edit{{2, 3, 2, 3}}},
		{"queue", "abcdef", "bcdefg", []Edit{{0, 1, 0, 0}, {6, 0, 5, 1}}},
		{"replace and append", "abcdef", "Xbcdefg", []Edit{{0, 1, 0, 1}, {6, 0, 6, 1}}},
		{"remove twice", "abcdefg", "acdeg", []Edit{{1, 1, 1, 0}, {5, 1, 4, 0}}},
		{"equal elements", "aaaa", "aaa", []Edit{{3, 1, 3, 0}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := align([]byte(test.old), []byte(test.next)); !slices.Equal(got, test.want) {
				t.Errorf("edits are %v, want %v", got, test.want)
			}
		})
	}
}

func TestAlignIsRight(t *testing.T) {
	for seed := range uint64(20_000) {
		r := rand.New(rand.NewPCG(seed, 1))
		letters := 1 + r.IntN(5)
		old := make([]int, r.IntN(60))
		for i := range old {
			old[i] = r.IntN(letters)
		}
		next := slices.Clone(old)
		for range r.IntN(20) {
			i := r.IntN(len(next) + 1)
			switch r.IntN(3) {
			case 0:
				next = slices.Insert(next, i, r.IntN(letters))
			case 1:
				next = slices.Delete(next, i, min(i+r.IntN(5), len(next)))
			case 2:
				if i < len(next) {
					next[i] = r.IntN(letters)
				}
			}
		}
		if got := build(t, old, next, align(old, next)); !slices.Equal(got, next) {
			t.Fatalf("seed %d: %v became %v, not %v", seed, old, got, next)
		}
	}
}

// Everything different at once costs a bounded search, and then one pass.
func TestAlignIsBounded(t *testing.T) {
	const n = 100_000
	calls := 0
	edits := Align(nil, n, n, func(i, j int) bool { calls++; return i == j && i%3 == 0 })
	if calls > 2*n {
		t.Errorf("compared %d times", calls)
	}
	if len(edits) != n/3+1 && len(edits) != n/3 {
		t.Errorf("%d edits", len(edits))
	}
}
