package reflective

import (
	"bytes"
	"encoding"
	"fmt"
	"reflect"

	"github.com/twinwire/twinwire/codec"
)

// methods are how a type encodes itself.
type methods struct {
	// write appends v, which has an address, to b.
	write func(b []byte, v reflect.Value) ([]byte, error)
	// read reads into v, which can be set and is zero.
	read func(r *codec.Reader, v reflect.Value) error
}

// methodsOf returns how t encodes itself, nil if it does not.
func methodsOf(t reflect.Type) *methods {
	if t.Kind() == reflect.Interface || t.Kind() == reflect.Pointer {
		return nil
	}
	p := reflect.PointerTo(t) // has the methods of both
	implements := func(write, read reflect.Type) bool { return p.Implements(write) && p.Implements(read) }
	switch {
	case t == timeType:
		return nil
	case implements(reflect.TypeFor[codec.Marshaler](), reflect.TypeFor[codec.Unmarshaler]()):
		return &methods{writeCodec, readCodec}
	case implements(reflect.TypeFor[encoding.BinaryMarshaler](), reflect.TypeFor[encoding.BinaryUnmarshaler]()):
		return &methods{writeBinary, readBinary}
	case implements(reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextUnmarshaler]()):
		return &methods{writeText, readText}
	}
	return nil
}

func writeCodec(b []byte, v reflect.Value) ([]byte, error) {
	return v.Addr().Interface().(codec.Marshaler).AppendMsgpack(b)
}

func readCodec(r *codec.Reader, v reflect.Value) error {
	return v.Addr().Interface().(codec.Unmarshaler).ReadMsgpack(r)
}

func writeBinary(b []byte, v reflect.Value) ([]byte, error) {
	data, err := v.Addr().Interface().(encoding.BinaryMarshaler).MarshalBinary()
	return appendData(b, data), err
}

func readBinary(r *codec.Reader, v reflect.Value) error {
	data := r.Bytes()
	if err := r.Err(); err != nil {
		return err
	}
	return v.Addr().Interface().(encoding.BinaryUnmarshaler).UnmarshalBinary(data)
}

func writeText(b []byte, v reflect.Value) ([]byte, error) {
	data, err := v.Addr().Interface().(encoding.TextMarshaler).MarshalText()
	return appendData(b, data), err
}

func readText(r *codec.Reader, v reflect.Value) error {
	data := r.Bytes()
	if err := r.Err(); err != nil {
		return err
	}
	return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText(data)
}

// appendData appends a binary, an empty one for nil.
func appendData(b, data []byte) []byte {
	if data == nil {
		data = []byte{}
	}
	return codec.AppendBytes(b, data)
}

// A methodNode is a type that encodes itself and is replaced whole.
type methodNode struct {
	typ     reflect.Type
	methods *methods
}

// append appends v, and makes sure that it is one value that peers accept.
func (n *methodNode) append(b []byte, v reflect.Value, levels int) ([]byte, error) {
	out, err := n.methods.write(b, addressable(v))
	if err != nil {
		return b, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if levels <= 0 {
		levels = -1 // 0 means the default
	}
	if len(out) < len(b) {
		return b, fmt.Errorf("%w: %s did not append", ErrInvalid, n.typ)
	}
	if err := codec.Check(out[len(b):], &codec.Limits{Depth: levels}); err != nil {
		return b, fmt.Errorf("%w: %s wrote no value: %w", ErrInvalid, n.typ, err)
	}
	return out, nil
}

func (n *methodNode) write(w *writer, v reflect.Value, levels int) {
	b, err := n.append(w.b, v, levels)
	if err != nil {
		w.fail(err)
		return
	}
	w.b = b
}

func (n *methodNode) read(r *codec.Reader, v reflect.Value) {
	if err := n.methods.read(r, v); err != nil && r.Err() == nil {
		r.Fail(codec.ErrFormat, "value that its type accepts")
	}
}

// equal compares what is written. A value that cannot be written is equal to
// none, so that whoever writes it next says why.
func (n *methodNode) equal(x, y reflect.Value) bool {
	a, err := n.append(nil, x, maxLevels)
	if err != nil {
		return false
	}
	b, err := n.append(nil, y, maxLevels)
	return err == nil && bytes.Equal(a, b)
}

// clone copies a value that has no references, and writes and reads any other.
func (n *methodNode) clone(dst, src reflect.Value) {
	if !isPlain(n.typ) {
		if b, err := n.append(nil, src, maxLevels); err == nil {
			r := codec.NewReader(b, &codec.Limits{Memory: int(^uint(0) >> 1)})
			if n.methods.read(r, dst) == nil && r.Finish() == nil {
				return
			}
		}
	}
	dst.Set(src)
}

// isPlain reports whether copies of a t share nothing that could be changed.
func isPlain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if !isPlain(t.Field(i).Type) {
				return false
			}
		}
		return true
	case reflect.Array:
		return isPlain(t.Elem())
	case reflect.Chan, reflect.Func, reflect.Interface, reflect.Map, reflect.Pointer, reflect.Slice, reflect.UnsafePointer:
		return false
	}
	return true
}

// conventional reports whether a struct writes itself as its node n would: all
// of it is in its fields, and the zero value has the same bytes.
func (m *methods) conventional(n *structNode) bool {
	for i := range n.typ.NumField() {
		if f := n.typ.Field(i); !f.IsExported() && !f.Anonymous {
			return false
		}
	}
	zero := reflect.New(n.typ).Elem()
	w := writer{}
	n.write(&w, zero, maxLevels)
	if w.err != nil {
		return false
	}
	own, err := m.write(nil, zero)
	return err == nil && bytes.Equal(own, w.b)
}
