package reflective

import (
	"reflect"

	"github.com/twinwire/twinwire/codec"
)

// A node knows one type. Nodes are immutable once a plan is made.
type node interface {
	// write appends v, which may open so many arrays and maps one inside
	// another.
	write(w *writer, v reflect.Value, levels int)
	// read reads the next value of r into v, which can be set and is zero.
	read(r *codec.Reader, v reflect.Value)
	// equal reports whether x and y are the same to a receiver.
	equal(x, y reflect.Value) bool
	// clone copies src into dst, which can be set and is zero.
	clone(dst, src reflect.Value)
}

// A container is a node whose values can be patched.
type container interface {
	node
	// patchable reports whether a patch can make prev equal to next; if not,
	// and they differ, next has to be sent whole.
	patchable(prev, next reflect.Value) bool
	// items appends the operations that make prev equal to next: none if they
	// are equal. The patch that they are part of is counted in levels.
	items(w *writer, prev, next reflect.Value, levels int) patchSize
	// apply reads a patch of count values, which the caller entered and leaves,
	// and changes v by it.
	apply(r *codec.Reader, v reflect.Value, b *binding, count int)
	// applyOne carries out one operation that stands in the tag of a field.
	applyOne(r *codec.Reader, v reflect.Value, op uint64)
}

// A patchSize says how large a patch is.
type patchSize struct {
	values int // MessagePack values
	// items is the number of operations, and 0 for a struct, whose items are
	// no operations.
	items int
	// changed of parts fields, entries or elements have changed.
	changed, parts int
}

// A writer collects what is written and remembers the first error.
type writer struct {
	b   []byte
	err error
	// stop ends the writing of slices, maps and structs early when b has become
	// so long, because what is written is then of no use; 0 is never.
	stop int
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// at puts a step of the way in front of the place of an error, if there is one.
func (w *writer) at(step string) {
	if w.err != nil {
		w.err = within(step, w.err)
	}
}

// wade reports whether another array or map may be opened, and fails if not.
func (w *writer) wade(levels int) bool {
	if levels <= 0 {
		w.fail(errDeep)
	}
	return w.err == nil
}

// done reports whether there is no use in writing on.
func (w *writer) done() bool { return w.err != nil || w.stop > 0 && len(w.b) >= w.stop }
