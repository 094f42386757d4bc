// Package node is what the schemas of generated code are made of: for each kind
// of type that a state can have a node, which writes, reads, compares, copies
// and patches values of that type as docs/state.md says. The comments cite its
// clauses.
//
// A node is a type without data; what it is a node of are its type parameters.
// The generator composes them along the type of a field, so that a field
//
//	Players map[string]*Player
//
// has the node
//
//	Map[map[string]*Player, string, *Player, String[string], Pointer[*Player, Player, playerNode]]
//
// where playerNode is a [Struct], which is written for each struct type; nothing
// else is. The same can be written by hand: the example of this package does.
//
// Package state/reflective does the same without types that are known when the
// program is built. Both write the same bytes and accept the same ones, which
// tests hold them to.
//
// # Goroutines and memory
//
// Nodes have no state and are used from any number of goroutines. Nothing that
// they read keeps a part of the message, and nothing that they clone shares
// anything with the original that could be changed.
//
// # Trust
//
// Reading and patching take bytes from anyone: what they build is charged to the
// Reader before it is, and what is not in order becomes the error of the Reader.
// A value is only of use if the Reader has no error in the end.
package node

import "github.com/twinwire/twinwire/codec"

// A Node knows how values of one type are carried (clause S1).
type Node[T any] interface {
	// Write appends *v, which may open so many arrays and maps one inside
	// another.
	Write(w *Writer, v *T, levels int)
	// Read reads the next value of r into *v, which is zero.
	Read(r *codec.Reader, v *T)
	// Equal reports whether a receiver of *x and of *y has the same.
	Equal(x, y *T) bool
	// Clone copies *src into *dst, which is zero.
	Clone(dst, src *T)
}

// A Container is a Node whose values can be patched (clauses S4 to S8).
type Container[T any] interface {
	Node[T]
	// Patchable reports whether a patch can make *prev equal to *next; if not,
	// and they differ, *next has to be sent whole.
	Patchable(prev, next *T) bool
	// Items appends the operations that make *prev equal to *next, none if
	// they are. The array that they will be in is counted in levels.
	Items(w *Writer, prev, next *T, levels int) Size
	// Apply reads a patch of count values and changes *v by it.
	Apply(r *codec.Reader, v *T, b *Binding, count int)
	// ApplyOne carries out one operation that stands in the tag of a field
	// (clause S5).
	ApplyOne(r *codec.Reader, v *T, op uint32)
}

// A Struct is the Container of a struct type, the one kind of node that has to
// be written for a type of its own.
type Struct[T any] interface {
	Container[T]
	// Item reads the change of one field, which is at most count values, and
	// carries it out: [ReadTag] and then [ReadField]. It returns how many
	// values the change is, and the sender's number of the field.
	Item(r *codec.Reader, v *T, b *Binding, count, last int) (values, theirs int)
}

// A Size says how large a patch is.
type Size struct {
	Values int // MessagePack values
	// Items is the number of operations, and 0 for a struct, whose items are
	// no operations.
	Items int
	// Changed of Parts fields, entries or elements have changed.
	Changed, Parts int
}

// MaxLevels is how many arrays and maps may stand one inside another (clause
// S11).
const MaxLevels = 32
