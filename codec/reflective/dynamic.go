package reflective

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/twinwire/twinwire/codec"
)

// dynamicSize is charged for each value read into an any, above what its slot
// in a slice or a map costs: the largest value that is boxed, a time.Time or a
// slice header, in its size class.
const dynamicSize = 24

func (p *plans) fillInterface(c *coder, t reflect.Type) {
	c.write = func(b []byte, v reflect.Value, nesting int) ([]byte, error) {
		if v.IsNil() {
			return codec.AppendNil(b), nil
		}
		nesting, err := deeper(nesting)
		if err != nil {
			return b, err
		}
		v = v.Elem()
		return p.of(v.Type()).write(b, v, nesting)
	}
	if t == reflect.TypeFor[error]() {
		c.write, c.read = writeError, readError
		return
	}
	if t.NumMethod() > 0 {
		err := fmt.Errorf("%w: nothing says which type to read into %s", ErrUnsupported, t)
		c.read = func(*codec.Reader, reflect.Value) error { return err }
		return
	}
	c.read = func(r *codec.Reader, v reflect.Value) error {
		if x := readDynamic(r); x != nil {
			v.Set(reflect.ValueOf(x))
		}
		return r.Err()
	}
}

// writeError writes the text of an error, as the library does.
func writeError(b []byte, v reflect.Value, _ int) ([]byte, error) {
	if v.IsNil() {
		return codec.AppendNil(b), nil
	}
	return codec.AppendString(b, v.Interface().(error).Error()), nil
}

func readError(r *codec.Reader, v reflect.Value) error {
	if r.TryNil() {
		return nil
	}
	text := r.Str()
	if r.Err() == nil {
		v.Set(reflect.ValueOf(errors.New(text)))
	}
	return r.Err()
}

// readDynamic reads a value of any type. It recurses as deep as the limits of
// r allow. The result means nothing if r has failed.
func readDynamic(r *codec.Reader) any {
	if !r.Charge(1, dynamicSize) {
		return nil
	}
	switch r.Peek() {
	case codec.TypeNil:
		r.Nil()
		return nil
	case codec.TypeBool:
		return r.Bool()
	case codec.TypeInt:
		return readDynamicInt(r)
	case codec.TypeFloat:
		return r.Float64()
	case codec.TypeString:
		return r.Str()
	case codec.TypeBytes:
		return r.Bytes()
	case codec.TypeTime:
		return r.Time()
	case codec.TypeArray:
		var s []any
		if codec.ReadSlice(r, &s) {
			for i := range s {
				s[i] = readDynamic(r)
			}
			r.Leave()
		}
		return s
	case codec.TypeMap:
		return readDynamicMap(r)
	}
	r.Skip() // the end of the message, or no value: says which, and fails
	return nil
}

// readDynamicInt returns an int64 where that can hold the number.
func readDynamicInt(r *codec.Reader) any {
	if v, negative := r.Integer(); negative || v <= math.MaxInt64 {
		return int64(v)
	} else {
		return v
	}
}

// readDynamicMap lets the first key decide what the map is: nearly all have
// strings, and a map[string]any is what a program can use at once.
func readDynamicMap(r *codec.Reader) any {
	n := r.MapHeader()
	if n > 0 && r.Peek() == codec.TypeInt {
		if !r.Charge(n, mapEntrySize(16, 16)) {
			return nil
		}
		m := make(map[any]any, n)
		for range n {
			k := readDynamicKey(r)
			m[k] = readDynamic(r)
		}
		r.Leave()
		return m
	}
	if !r.Charge(n, mapEntrySize(16, 16)) {
		return nil
	}
	m := make(map[string]any, n)
	for range n {
		k := r.Str()
		m[k] = readDynamic(r)
	}
	r.Leave()
	return m
}

func readDynamicKey(r *codec.Reader) any {
	if !r.Charge(1, dynamicSize) {
		return nil
	}
	if r.Peek() == codec.TypeInt {
		return readDynamicInt(r)
	}
	return r.Str()
}

// dynamicKey is the coder of keys of type t, an interface: what is in it has to
// be a string or an integer.
func (p *plans) dynamicKey(t reflect.Type) *coder {
	c := new(coder)
	c.write = func(b []byte, v reflect.Value, nesting int) ([]byte, error) {
		v = v.Elem()
		if !v.IsValid() || keyRank(v) < 0 || hasHook(v.Type()) {
			return b, fmt.Errorf("%w: key of a map is neither string nor integer", ErrUnsupported)
		}
		return p.of(v.Type()).write(b, v, nesting)
	}
	c.read = func(r *codec.Reader, v reflect.Value) error {
		k := readDynamicKey(r)
		if r.Err() != nil {
			return r.Err()
		}
		if t.NumMethod() > 0 {
			return fmt.Errorf("%w: nothing says which type to read into %s", ErrUnsupported, t)
		}
		v.Set(reflect.ValueOf(k))
		return nil
	}
	return c
}

// keyRank orders the kinds of keys: integers come before strings. It returns
// -1 for what is no key.
func keyRank(v reflect.Value) int {
	switch {
	case v.CanInt():
		return 0
	case v.CanUint():
		return 1
	case v.Kind() == reflect.String:
		return 2
	}
	return -1
}

// compareDynamic orders keys that are interfaces. The order is the same from
// one encoding to the next, which is all it is for.
func compareDynamic(x, y reflect.Value) int {
	x, y = x.Elem(), y.Elem()
	if c := cmp.Compare(keyRank(x), keyRank(y)); c != 0 {
		return c
	}
	switch keyRank(x) {
	case 0:
		return cmp.Compare(x.Int(), y.Int())
	case 1:
		return cmp.Compare(x.Uint(), y.Uint())
	case 2:
		return cmp.Compare(x.String(), y.String())
	}
	return 0
}
