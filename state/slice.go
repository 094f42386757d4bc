package state

import (
	"fmt"
	"iter"
	"slices"

	"github.com/twinwire/twinwire/state/internal/tree"
)

// A Slice is a slice for the structs of states. An Update costs what it changes
// in a Slice, however many elements there are, while a plain slice is compared
// element by element. The wire format is the same: one end may have a Slice
// and the other a slice. A Slice is never nil; a nil slice of a peer is an empty
// one.
//
// A Slice is a value as a [Map] is, and its elements are what a Map's values
// are, bytes excepted: binaries are plain slices of bytes.
//
// The methods panic if an index is out of range, as a slice does. The zero
// value is empty and ready to use.
type Slice[T any] struct{ elements tree.Tree[T] }

// SliceOf returns a Slice of the elements.
func SliceOf[T any](elements ...T) Slice[T] {
	return Slice[T]{tree.Of(slices.Clone(elements))}
}

// Len returns the number of elements.
func (s Slice[T]) Len() int { return s.elements.Len() }

// At returns element i.
func (s Slice[T]) At(i int) T {
	s.check(i, i+1)
	return *s.elements.At(i)
}

// Set makes v element i.
func (s *Slice[T]) Set(i int, v T) {
	s.check(i, i+1)
	s.elements = s.elements.Set(i, v)
}

// Append puts the values at the end.
func (s *Slice[T]) Append(values ...T) { s.Replace(s.Len(), s.Len(), values...) }

// Insert puts the values in front of element i, or at the end if i is Len.
func (s *Slice[T]) Insert(i int, values ...T) { s.Replace(i, i, values...) }

// Delete takes out the elements from i up to j, without j.
func (s *Slice[T]) Delete(i, j int) { s.Replace(i, j) }

// Replace puts the values in place of the elements from i up to j, without j.
func (s *Slice[T]) Replace(i, j int, values ...T) {
	s.check(i, j)
	if i < j || len(values) > 0 {
		s.elements = s.elements.Replace(i, j, slices.Clone(values))
	}
}

// Truncate takes out the elements from n on.
func (s *Slice[T]) Truncate(n int) { s.Delete(n, s.Len()) }

// Clear takes all elements out.
func (s *Slice[T]) Clear() { *s = Slice[T]{} }

func (s Slice[T]) check(i, j int) {
	if n := s.Len(); i < 0 || j < i || j > n {
		panic(fmt.Sprintf("state: elements %d to %d of a Slice of %d", i, j, n))
	}
}

// All yields the elements with their indices. The Slice may be changed
// meanwhile; what is yielded is what it was.
func (s Slice[T]) All() iter.Seq2[int, T] { return s.Range(0, s.Len()) }

// Range yields the elements from i up to j, without j, as All does.
func (s Slice[T]) Range(i, j int) iter.Seq2[int, T] {
	s.check(i, j)
	return func(yield func(int, T) bool) {
		for i, e := range s.elements.Range(i, j) {
			if !yield(i, *e) {
				return
			}
		}
	}
}

// Changed returns, in ascending order, where the elements of the old Slice
// became others. If one was made from a copy of the other, that takes time in
// proportion to what was changed. equal must not keep its arguments.
func (s Slice[T]) Changed(old Slice[T], equal func(x, y *T) bool) []Edit {
	var edits []Edit
	for _, e := range tree.Diff(old.elements, s.elements) {
		from := len(edits)
		edits = Align(edits, e.Removed, e.Added, func(i, j int) bool {
			return equal(old.elements.At(e.Old+i), s.elements.At(e.New+j))
		})
		for k := range edits[from:] {
			edits[from+k].Old += e.Old
			edits[from+k].New += e.New
		}
	}
	return edits
}
