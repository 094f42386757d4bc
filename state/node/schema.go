package node

import (
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
)

// A Root is the node of the struct that a state is, together with the table of
// the structs in it.
type Root[T any] interface {
	Struct[T]
	// Table is the table of clause S3; T is struct 0 of it.
	Table() state.Table
	// Find is the Finder of the same table. It knows former names of fields
	// too, which the table has not.
	Find(own int, name string) (field, leaf int)
}

// A Schema implements [state.Schema] by a Root. It is ready to use.
type Schema[T any, N Root[T]] struct{}

// AppendTable appends the table of the fields of T.
func (Schema[T, N]) AppendTable(b []byte) []byte {
	var root N
	return state.AppendTable(b, root.Table())
}

// AppendValue appends *v.
func (Schema[T, N]) AppendValue(b []byte, v *T) ([]byte, error) {
	var root N
	w := Writer{B: b}
	root.Write(&w, v, MaxLevels)
	return w.finish(b)
}

// AppendDelta appends what makes *prev equal to *next.
func (Schema[T, N]) AppendDelta(b []byte, prev, next *T) ([]byte, error) {
	var root N
	w := Writer{B: b}
	root.Items(&w, prev, next, MaxLevels-1)
	return w.finish(b)
}

// Clone returns a copy of *v.
func (Schema[T, N]) Clone(v *T) (c T) {
	var root N
	root.Clone(&c, v)
	return c
}

// ReadTable reads the table of a sender.
func (Schema[T, N]) ReadTable(r *codec.Reader) (state.Decoder[T], error) {
	var root N
	table := state.ReadTable(r)
	if err := r.Err(); err != nil {
		return nil, err
	}
	return decoder[T, N]{bind(table, pair{}, root.Find, make(map[pair]*Binding))}, nil
}

// A decoder is a schema together with the table of a sender.
type decoder[T any, N Root[T]] struct{ binding *Binding }

func (decoder[T, N]) ReadValue(r *codec.Reader, v *T) error {
	var root N
	root.Read(r, v)
	return r.Err()
}

func (d decoder[T, N]) ApplyDelta(r *codec.Reader, v *T) error {
	var root N
	last := -1
	for r.Remaining() > 0 {
		_, last = root.Item(r, v, d.binding, r.Remaining(), last)
	}
	return r.Err()
}

// Fields has the methods of a [Struct] that are the same for all: a node of a
// struct embeds it.
type Fields[T any] struct{}

// Patchable returns true.
func (Fields[T]) Patchable(_, _ *T) bool { return true }

// ApplyOne fails: no operation of clause S5 fits a struct.
func (Fields[T]) ApplyOne(r *codec.Reader, _ *T, _ uint32) {
	r.Fail(codec.ErrRange, "operation that fits the field")
}
