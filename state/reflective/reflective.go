// Package reflective makes a [state.Schema] of any struct type that can be
// carried, by reflection when the program runs. Generated schemas do the same
// several times faster; both write the same bytes, and read each other's.
//
// # Types
//
// Bools, integers, floats, strings, time.Time, time.Duration, []byte, slices,
// arrays, maps with keys that are strings or integers, structs, pointers to all
// of these but slices, maps and pointers, and named types of any of these. What
// changes is found down to the field of a struct, the entry of a map, the
// element of a slice or an array; strings and binaries of a fixed length are
// replaced whole.
//
// A state.Map and a state.Slice are carried as plain ones are, and cost as much:
// it is generated schemas that make use of them.
//
// Types that implement both [codec.Marshaler] and [codec.Unmarshaler], or the
// BinaryMarshaler and BinaryUnmarshaler or the TextMarshaler and
// TextUnmarshaler of the package encoding, are carried by these methods and
// replaced whole. Structs whose codec writes them as this package would, as
// generated codecs do, are compared by fields all the same.
//
// Fields are named as in Go or by `msgpack:"name,omitempty"`; "-" leaves one
// out, "alias:old" has the old name read as well, and fields of embedded
// structs are taken as the struct's own unless that hides one or the tag says
// noinline. Unexported fields are not carried.
//
// # Equality
//
// Times are equal if their instants are, floats if their bits are or both are
// not a number. A nil slice or map is not equal to an empty one, except in a
// field with omitempty. What two pointers share is carried twice.
package reflective

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
)

// ErrUnsupported means that a type cannot be carried in a state.
var ErrUnsupported = errors.New("state/reflective: unsupported type")

// ErrInvalid means that a value cannot be carried: a string that is not valid
// UTF-8, structs and containers nested more than 32 deep, as a value that
// contains itself is, or what a method of its type wrote.
var ErrInvalid = errors.New("state/reflective: invalid value")

// maxLevels is how many arrays and maps may stand one inside another in what a
// reader with the default limits accepts.
const maxLevels = 32

// Of returns the schema of T, which is a struct. The error matches
// [ErrUnsupported] and names the field that is the reason. Of takes some
// microseconds: call it once for a type, not once for a session.
func Of[T any]() (state.Schema[T], error) {
	t := reflect.TypeFor[T]()
	p := planner{structs: make(map[reflect.Type]*structNode)}
	if t.Kind() != reflect.Struct || t == timeType {
		return nil, fmt.Errorf("%w: %s is not a struct", ErrUnsupported, t)
	}
	root, err := p.structOf(t)
	if err != nil {
		return nil, fmt.Errorf("%w: %s%w", ErrUnsupported, t, err)
	}
	if err := p.checkSize(); err != nil {
		return nil, fmt.Errorf("%w: %s%w", ErrUnsupported, t, err)
	}
	return &schema[T]{root: root, table: p.table()}, nil
}

// schema is the typed face of a plan.
type schema[T any] struct {
	root  *structNode
	table state.Table
}

func (s *schema[T]) AppendTable(b []byte) []byte { return state.AppendTable(b, s.table) }

func (s *schema[T]) AppendValue(b []byte, v *T) ([]byte, error) {
	w := writer{b: b}
	s.root.write(&w, reflect.ValueOf(v).Elem(), maxLevels)
	if w.err != nil {
		return b, w.err
	}
	return w.b, nil
}

func (s *schema[T]) AppendDelta(b []byte, prev, next *T) ([]byte, error) {
	w := writer{b: b}
	s.root.items(&w, reflect.ValueOf(prev).Elem(), reflect.ValueOf(next).Elem(), maxLevels-1)
	if w.err != nil {
		return b, w.err
	}
	return w.b, nil
}

func (s *schema[T]) Clone(v *T) T {
	var c T
	s.root.clone(reflect.ValueOf(&c).Elem(), reflect.ValueOf(v).Elem())
	return c
}

func (s *schema[T]) ReadTable(r *codec.Reader) (state.Decoder[T], error) {
	table := state.ReadTable(r)
	if err := r.Err(); err != nil {
		return nil, err
	}
	b := binder{table: table, done: make(map[pair]*binding)}
	return &decoder[T]{root: s.root, binding: b.bind(0, s.root)}, nil
}

// decoder is a schema together with the table of a sender.
type decoder[T any] struct {
	root    *structNode
	binding *binding
}

func (d *decoder[T]) ReadValue(r *codec.Reader, v *T) error {
	d.root.read(r, reflect.ValueOf(v).Elem())
	return r.Err()
}

func (d *decoder[T]) ApplyDelta(r *codec.Reader, v *T) error {
	last := -1
	rv := reflect.ValueOf(v).Elem()
	for r.Remaining() > 0 {
		d.root.applyItem(r, rv, d.binding, r.Remaining(), &last)
	}
	return r.Err()
}
