package state

import (
	"cmp"
	"iter"
	"slices"

	"github.com/twinwire/twinwire/state/internal/tree"
)

// A Key is what keys of maps in states can be: strings and integers.
type Key interface {
	~string | ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// A Map is a map for the structs of states. An Update costs what it changes in
// a Map, however many entries there are, while a plain map is compared entry by
// entry. The wire format is the same: one end may have a Map and the other a
// map. A Map is never nil; a nil map of a peer is an empty one.
//
// A Map is a value: a copy, by assignment too, is independent of the original,
// costs nothing, and shares with it what both still have. So copies of a struct
// with Maps may be kept, and read while the original changes. As with any
// variable, what one goroutine changes another must not use without
// synchronization; different copies are different variables.
//
// Its values are booleans, numbers, strings, times, arrays and structs of
// these, Maps and Slices, and types that encode themselves and are made of no
// more than that. Plain slices, maps and pointers are refused when the schema is
// made: they could be changed behind the Map's back.
//
// The zero value is empty and ready to use.
type Map[K Key, V any] struct{ entries tree.Tree[entry[K, V]] }

type entry[K Key, V any] struct {
	key   K
	value V
}

// MapOf returns a Map with the entries of m.
func MapOf[K Key, V any](m map[K]V) Map[K, V] {
	entries := make([]entry[K, V], 0, len(m))
	for k, v := range m {
		entries = append(entries, entry[K, V]{k, v})
	}
	slices.SortFunc(entries, func(x, y entry[K, V]) int { return cmp.Compare(x.key, y.key) })
	return Map[K, V]{tree.Of(entries)}
}

// find returns the place of the last entry up to k, and the entry if it is k's.
func (m Map[K, V]) find(k K) (int, *entry[K, V]) {
	i, e := m.entries.Last(func(e *entry[K, V]) bool { return e.key <= k })
	if e != nil && e.key != k {
		e = nil
	}
	return i, e
}

// Get returns the value of k, and whether there is one.
func (m Map[K, V]) Get(k K) (v V, ok bool) {
	if _, e := m.find(k); e != nil {
		return e.value, true
	}
	return v, false
}

// Set gives k the value v.
func (m *Map[K, V]) Set(k K, v V) {
	i, e := m.find(k)
	if e != nil {
		m.entries = m.entries.Set(i, entry[K, V]{k, v})
		return
	}
	m.entries = m.entries.Replace(i+1, i+1, []entry[K, V]{{k, v}})
}

// SetAll gives each key of entries its value.
func (m *Map[K, V]) SetAll(entries map[K]V) {
	if m.Len() == 0 {
		*m = MapOf(entries)
		return
	}
	for k, v := range entries {
		m.Set(k, v)
	}
}

// Delete takes the entry of k out, if there is one.
func (m *Map[K, V]) Delete(k K) {
	if i, e := m.find(k); e != nil {
		m.entries = m.entries.Replace(i, i+1, nil)
	}
}

// Clear takes all entries out.
func (m *Map[K, V]) Clear() { *m = Map[K, V]{} }

// Len returns the number of entries.
func (m Map[K, V]) Len() int { return m.entries.Len() }

// All yields the entries in the order of their keys, strings by their bytes.
// The Map may be changed meanwhile; what is yielded is what it was.
func (m Map[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, e := range m.entries.All() {
			if !yield(e.key, e.value) {
				return
			}
		}
	}
}

// Changed returns the keys, in ascending order, of the entries that are in only
// one of the Maps, or not equal. If one was made from a copy of the other, that
// takes time in proportion to what was changed. equal must not keep its
// arguments.
func (m Map[K, V]) Changed(old Map[K, V], equal func(x, y *V) bool) []K {
	var keys []K
	for _, e := range tree.Diff(old.entries, m.entries) {
		i, j := 0, 0
		for i < e.Removed || j < e.Added {
			var x, y *entry[K, V]
			if i < e.Removed {
				x = old.entries.At(e.Old + i)
			}
			if j < e.Added {
				y = m.entries.At(e.New + j)
			}
			switch {
			case y == nil || x != nil && x.key < y.key:
				keys = append(keys, x.key)
				i++
			case x == nil || y.key < x.key:
				keys = append(keys, y.key)
				j++
			default:
				if !equal(&x.value, &y.value) {
					keys = append(keys, x.key)
				}
				i++
				j++
			}
		}
	}
	return keys
}
