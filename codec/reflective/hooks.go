package reflective

import (
	"bytes"
	"encoding"
	"reflect"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/twinwire/twinwire/codec"
)

// writeHook and readHook call a method by which a type writes or reads itself;
// v holds the value or a pointer to it.
type (
	writeHook func(b []byte, v any) ([]byte, error)
	readHook  func(r *codec.Reader, v any) error
)

// writeHookOf returns the hook that t has, nil if none. The first that applies
// wins; the order is the library's, behind the codec's own.
func writeHookOf(t reflect.Type) writeHook {
	switch {
	case t.Implements(reflect.TypeFor[codec.Marshaler]()):
		return func(b []byte, v any) ([]byte, error) { return v.(codec.Marshaler).AppendMsgpack(b) }
	case t.Implements(reflect.TypeFor[msgpack.CustomEncoder]()):
		return writeCustom
	case t.Implements(reflect.TypeFor[msgpack.Marshaler]()):
		return func(b []byte, v any) ([]byte, error) {
			value, err := v.(msgpack.Marshaler).MarshalMsgpack()
			return append(b, value...), err
		}
	case t.Implements(reflect.TypeFor[encoding.BinaryMarshaler]()):
		return func(b []byte, v any) ([]byte, error) {
			data, err := v.(encoding.BinaryMarshaler).MarshalBinary()
			return codec.AppendBytes(b, data), err
		}
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return func(b []byte, v any) ([]byte, error) {
			text, err := v.(encoding.TextMarshaler).MarshalText()
			return codec.AppendBytes(b, text), err
		}
	}
	return nil
}

// readHookOf is writeHookOf for reading. t is a pointer, whose methods include
// those of the value.
func readHookOf(t reflect.Type) readHook {
	switch {
	case t.Implements(reflect.TypeFor[codec.Unmarshaler]()):
		return func(r *codec.Reader, v any) error { return v.(codec.Unmarshaler).ReadMsgpack(r) }
	case t.Implements(reflect.TypeFor[msgpack.CustomDecoder]()):
		return unlessNil(readCustom)
	case t.Implements(reflect.TypeFor[msgpack.Unmarshaler]()):
		return unlessNil(func(r *codec.Reader, v any) error {
			value := bytes.Clone(r.Raw())
			if r.Err() != nil {
				return r.Err()
			}
			return v.(msgpack.Unmarshaler).UnmarshalMsgpack(value)
		})
	case t.Implements(reflect.TypeFor[encoding.BinaryUnmarshaler]()):
		return unlessNil(func(r *codec.Reader, v any) error {
			data := r.Bytes()
			if r.Err() != nil {
				return r.Err()
			}
			return v.(encoding.BinaryUnmarshaler).UnmarshalBinary(data)
		})
	case t.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return unlessNil(func(r *codec.Reader, v any) error {
			text := r.Bytes()
			if r.Err() != nil {
				return r.Err()
			}
			return v.(encoding.TextUnmarshaler).UnmarshalText(text)
		})
	}
	return nil
}

// unlessNil keeps nil from a hook that knows nothing of it; the value stays
// zero.
func unlessNil(hook readHook) readHook {
	return func(r *codec.Reader, v any) error {
		if r.TryNil() {
			return nil
		}
		return hook(r, v)
	}
}

// hooksOf returns the hooks of t and of pointers to it; byPointer says that the
// one for writing takes a pointer. A pointer and an interface have none of
// their own: what they point to or hold has them all, and is not nil. Time is a
// scalar, although it has methods of the package encoding.
func hooksOf(t reflect.Type) (write writeHook, byPointer bool, read readHook) {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface || t == timeType {
		return nil, false, nil
	}
	if write = writeHookOf(t); write == nil {
		write = writeHookOf(reflect.PointerTo(t))
		byPointer = write != nil
	}
	return write, byPointer, readHookOf(reflect.PointerTo(t))
}

func hasHook(t reflect.Type) bool {
	write, _, read := hooksOf(t)
	return write != nil || read != nil
}

// applyHooks puts the hooks of t in the place of what its kind would do.
func applyHooks(c *coder, t reflect.Type) {
	write, byPointer, read := hooksOf(t)
	if write != nil {
		c.write = func(b []byte, v reflect.Value, _ int) ([]byte, error) {
			if nilable(v.Kind()) && v.IsNil() {
				return codec.AppendNil(b), nil
			}
			if byPointer {
				v = addressable(v).Addr()
			}
			return write(b, v.Interface())
		}
	}
	if read != nil {
		c.read = func(r *codec.Reader, v reflect.Value) error {
			if err := read(r, v.Addr().Interface()); err != nil {
				return err
			}
			return r.Err()
		}
	}
}

// appender is the io.Writer and io.ByteWriter that the library writes to.
type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

func (a *appender) WriteByte(c byte) error {
	a.b = append(a.b, c)
	return nil
}

// writeCustom runs a hook written for the library's encoder. The encoder is
// made for the call: a pooled one would carry the state of a hook that failed
// into the next message.
func writeCustom(b []byte, v any) ([]byte, error) {
	a := &appender{b}
	e := msgpack.NewEncoder(a)
	e.UseCompactInts(true)
	err := v.(msgpack.CustomEncoder).EncodeMsgpack(e)
	return a.b, err
}

// readCustom runs a hook written for the library's decoder on one value that
// has been checked. The decoder is made for the call too: one that failed in
// the middle of a raw value records every later message.
func readCustom(r *codec.Reader, v any) error {
	value := r.Raw()
	if r.Err() != nil {
		return r.Err()
	}
	rest := bytes.NewReader(value)
	if err := v.(msgpack.CustomDecoder).DecodeMsgpack(msgpack.NewDecoder(rest)); err != nil {
		return err
	}
	if rest.Len() > 0 {
		return codec.ErrTrailing
	}
	return nil
}
