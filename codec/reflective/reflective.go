// Package reflective writes and reads Go values that have no generated codec,
// by reflection. It is for values whose types are not known when the program is
// built and for programs that want no generator; generated codecs are several
// times faster.
//
// The bytes and the conventions are those of vmihailenco/msgpack v5 with
// UseCompactInts(true), against which the tests of this package hold it: fields
// are named as in Go or by `msgpack:"name,omitempty"`, "-" leaves one out,
// embedded structs are inlined unless that hides a field or the tag says
// noinline, "alias:old" is read as well. A type that implements
// [codec.Marshaler] or [codec.Unmarshaler] is written or read by that, at any
// depth; after these come the hooks of the library itself (CustomEncoder,
// Marshaler and their counterparts), then those of the package encoding, as
// binaries. Every hook with a pointer receiver is found for a plain value too.
// Structs as arrays (as_array) and interned strings (intern) are refused, for
// they have no place in the protocol.
//
// Only such hooks are run by the library. Everything else this package reads
// with [codec.Reader], because the library's own decoding wraps integers that
// do not fit, allocates what a message merely declares, keeps elements of
// reused slices, takes an array for a struct and starts goroutines that never
// end.
//
// # Trust, memory, goroutines
//
// [Unmarshal] may be given bytes from anyone. It checks them whole before it
// builds anything, and what it builds is charged against [codec.Limits] by the
// size of its elements; what a hook builds is the hook's affair. Decoded values
// never alias the message. All functions may be called from any goroutine.
package reflective

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/twinwire/twinwire/codec"
)

// ErrUnsupported means that a Go type has no MessagePack form: channels,
// functions, complex numbers, maps with other keys than strings and integers,
// and what the package comment excludes.
var ErrUnsupported = errors.New("reflective: unsupported type")

// Append appends v to b as one MessagePack value and returns the extended
// slice. Entries of maps are written in the order of their keys, so that equal
// values have equal bytes.
//
// The error matches [ErrUnsupported], or codec.ErrLimit for a value nested
// more than 128 deep, as one that contains itself is, or is that of a hook. b
// is returned as it was then.
func Append(b []byte, v any) ([]byte, error) {
	if v == nil {
		return codec.AppendNil(b), nil
	}
	p := getPlans()
	defer p.release()
	rv := reflect.ValueOf(v)
	out, err := p.of(rv.Type()).write(b, rv, 0)
	if err != nil {
		return b, err
	}
	return out, nil
}

// Unmarshal reads the message b, which is one value and nothing else, into what
// v points to. A nil lim means the defaults.
//
// What v points to is set to its zero value first, so fields that the message
// leaves out are zero. Nil is read into pointers, slices, maps and any, and is
// ErrType for every other type, as in generated codecs. An any becomes nil,
// bool, int64 (uint64 beyond its range), float64, string, []byte, time.Time,
// []any, or map[string]any; a map whose first key is an integer becomes
// map[any]any.
//
// The error matches one of the sentinels of package codec or [ErrUnsupported].
// If b does not pass codec.Check, *v is as it was; after any other error it
// holds what was read before.
func Unmarshal(b []byte, v any, lim *codec.Limits) error {
	rv, err := target(v)
	if err != nil {
		return err
	}
	if err := codec.Check(b, lim); err != nil {
		return err
	}
	p := getPlans()
	defer p.release()
	p.r = *codec.NewReader(b, lim)
	if err := p.read(&p.r, rv); err != nil {
		return err
	}
	return p.r.Finish()
}

// target returns what the pointer v points to.
func target(v any) (reflect.Value, error) {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return reflect.Value{}, fmt.Errorf("%w: reading needs a pointer that is not nil, not %T", ErrUnsupported, v)
	}
	return rv.Elem(), nil
}

// A Wrapped value is both a codec.Marshaler and a codec.Unmarshaler; see
// [Value].
type Wrapped struct{ v any }

var (
	_ codec.Marshaler   = Wrapped{}
	_ codec.Unmarshaler = Wrapped{}
)

// Value wraps v for functions that take a codec.Marshaler or Unmarshaler. To
// read into it, v has to be a pointer.
func Value(v any) Wrapped { return Wrapped{v} }

// AppendMsgpack is [Append].
func (w Wrapped) AppendMsgpack(b []byte) ([]byte, error) { return Append(b, w.v) }

// ReadMsgpack reads the next value of r as [Unmarshal] does, within what is
// left of r's budgets. It reads in one pass: a value that turns out to be
// malformed has been read up to there.
func (w Wrapped) ReadMsgpack(r *codec.Reader) error {
	rv, err := target(w.v)
	if err != nil {
		return err
	}
	p := getPlans()
	defer p.release()
	return p.read(r, rv)
}
