package model

import (
	"cmp"
	"fmt"
	"go/token"
	"slices"
	"strings"
)

// A Problem is something in a contract that cannot be carried, with what to do
// instead.
type Problem struct {
	Pos  token.Position
	What string
}

// Error returns the problem as a compiler would print it.
func (p Problem) Error() string { return fmt.Sprintf("%s: %s", p.Pos, p.What) }

// Problems are all that were found, in the order of the source, each once.
type Problems []Problem

// Error returns one line for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Sorted returns the problems in order, without repetitions.
func (p Problems) Sorted() Problems {
	p = slices.Clone(p)
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Pos.Filename, b.Pos.Filename), cmp.Compare(a.Pos.Offset, b.Pos.Offset),
			cmp.Compare(a.What, b.What))
	})
	return slices.Compact(p)
}
