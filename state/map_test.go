package state_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/twinwire/twinwire/state"
	"github.com/twinwire/twinwire/state/reflective"
)

func equalInts(x, y *int) bool { return *x == *y }

// A Map is what a map would be, its copies stay as they were, and Changed
// names what differs.
func TestMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var m, old state.Map[string, int]
	want, oldWant := map[string]int{}, map[string]int{}
	for i := range 5000 {
		k := fmt.Sprint(rng.IntN(500))
		switch rng.IntN(5) {
		case 0, 1, 2:
			m.Set(k, i)
			want[k] = i
		case 3:
			m.Delete(k)
			delete(want, k)
		case 4:
			got, ok := m.Get(k)
			if e, has := want[k]; got != e || ok != has {
				t.Fatalf("%s is %d, %v, want %d, %v", k, got, ok, e, has)
			}
		}
		if i%100 != 0 {
			continue
		}
		if m.Len() != len(want) || !maps.Equal(maps.Collect(m.All()), want) || !maps.Equal(maps.Collect(old.All()), oldWant) {
			t.Fatalf("%v, want %v", maps.Collect(m.All()), want)
		}
		var keys, differ []string
		for k := range m.All() {
			keys = append(keys, k)
			if v, ok := oldWant[k]; !ok || v != want[k] {
				differ = append(differ, k)
			}
		}
		for k := range oldWant {
			if _, ok := want[k]; !ok {
				differ = append(differ, k)
			}
		}
		slices.Sort(differ)
		if got := m.Changed(old, equalInts); !slices.IsSorted(keys) || !slices.Equal(got, differ) {
			t.Fatalf("%v changed, want %v", got, differ)
		}
		old, oldWant = m, maps.Clone(want)
	}
	m.Clear()
	if m.Len() != 0 {
		t.Errorf("%d entries after Clear", m.Len())
	}
	m.SetAll(want)
	m.SetAll(map[string]int{"new": 1})
	if v, ok := m.Get("new"); v != 1 || !ok || m.Len() != len(want)+1 {
		t.Errorf("new is %d, %v of %d", v, ok, m.Len())
	}
}

func TestSlice(t *testing.T) {
	s := state.SliceOf(1, 2, 3)
	old := s
	s.Append(4, 5)
	s.Insert(0, 0)
	s.Set(1, 10)
	s.Delete(2, 4)
	s.Replace(1, 2, 7, 8)
	var got []int
	for i, v := range s.All() {
		if s.At(i) != v {
			t.Errorf("element %d is %d and %d", i, s.At(i), v)
		}
		got = append(got, v)
	}
	if want := []int{0, 7, 8, 4, 5}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if old.Len() != 3 || old.At(2) != 3 {
		t.Errorf("the copy has changed: %d elements", old.Len())
	}
	old = s
	s.Truncate(4)
	if edits := s.Changed(old, equalInts); !slices.Equal(edits, []state.Edit{{Old: 4, Removed: 1, New: 4}}) {
		t.Errorf("truncating is %v", edits)
	}
	for name, f := range map[string]func(){
		"At":       func() { s.At(4) },
		"negative": func() { s.At(-1) },
		"Set":      func() { s.Set(4, 1) },
		"Insert":   func() { s.Insert(5, 1) },
		"Delete":   func() { s.Delete(2, 1) },
		"Truncate": func() { s.Truncate(5) },
	} {
		if !panics(f) {
			t.Errorf("%s does not panic", name)
		}
	}
	if s.Clear(); s.Len() != 0 {
		t.Errorf("%d elements after Clear", s.Len())
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

// ledger has both.
type ledger struct {
	Title  string
	Scores state.Map[string, int]
	Log    state.Slice[string]
}

// What a reader has loaded stays as it was while changes go on arriving, and a
// failed Update leaves nothing behind.
func TestContainersInValue(t *testing.T) {
	v, view, w := owned(t, ledger{Title: "l"}, nil)
	type seen struct {
		value ledger
		n     int
	}
	var kept []seen
	for i := range 200 {
		update(t, v, func(l *ledger) {
			l.Scores.Set(fmt.Sprint("k", i%50), i)
			l.Log.Append(fmt.Sprint("line ", i))
		})
		if panics(func() {
			_ = v.Update(func(l *ledger) {
				l.Scores.Clear()
				l.Log.Truncate(0)
				panic("no")
			})
		}); i%2 == 0 {
			w.deliver(t, view)
			value, _ := view.Load()
			kept = append(kept, seen{value, i + 1})
		}
	}
	w.deliver(t, view)
	same(t, v, view)
	for _, s := range kept {
		last, _ := s.value.Scores.Get(fmt.Sprint("k", (s.n-1)%50))
		if s.value.Log.Len() != s.n || s.value.Scores.Len() != min(s.n, 50) || last != s.n-1 {
			t.Fatalf("copy of change %d has %d lines, %d scores, the last %d", s.n, s.value.Log.Len(), s.value.Scores.Len(), last)
		}
	}
}

// Types that could be changed behind a container's back are refused.
func TestWhatContainersHold(t *testing.T) {
	refused[struct{ M state.Map[string, []int] }](t)
	refused[struct{ M state.Map[string, *player] }](t)
	refused[struct{ M state.Map[string, room] }](t)
	refused[struct {
		S state.Slice[struct{ M map[string]int }]
	}](t)
	refused[struct{ S state.Slice[byte] }](t)
	schemaOf[struct {
		S state.Slice[state.Map[int, player]]
	}](t)
}

func refused[T any](t *testing.T) {
	t.Helper()
	if _, err := reflective.Of[T](); !errors.Is(err, reflective.ErrUnsupported) {
		t.Errorf("%T: %v", *new(T), err)
	}
}
