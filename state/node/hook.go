package node

import (
	"encoding"
	"fmt"

	"github.com/twinwire/twinwire/codec"
)

// A Hook is a type that encodes itself and is replaced whole.
type Hook[T any, H Methods[T]] struct{}

// Methods encode and decode a T: generated code calls those of the type itself.
type Methods[T any] interface {
	Append(b []byte, v *T) ([]byte, error)
	Read(r *codec.Reader, v *T) error
}

// Append makes sure that what v wrote is one value that peers accept.
func (Hook[T, H]) Append(b []byte, v *T, levels int) ([]byte, error) {
	var own H
	out, err := own.Append(b, v)
	switch {
	case err != nil:
		return b, err
	case len(out) < len(b):
		return b, fmt.Errorf("%T did not append", *v)
	}
	if levels <= 0 {
		levels = -1 // 0 means the default
	}
	if err := codec.Check(out[len(b):], &codec.Limits{Depth: levels}); err != nil {
		return b, fmt.Errorf("%T wrote no value: %w", *v, err)
	}
	return out, nil
}

func (n Hook[T, H]) Write(w *Writer, v *T, levels int) {
	b, err := n.Append(w.B, v, levels)
	if err != nil {
		w.Fail(err)
		return
	}
	w.B = b
}

func (Hook[T, H]) Read(r *codec.Reader, v *T) {
	var own H
	if err := own.Read(r, v); err != nil && r.Err() == nil {
		r.Fail(codec.ErrFormat, "value that its type accepts")
	}
}

// Equal compares what is written. What cannot be written is equal to nothing,
// so that whoever writes it next says why.
func (n Hook[T, H]) Equal(x, y *T) bool {
	a, err := n.Append(nil, x, 32)
	if err != nil {
		return false
	}
	b, err := n.Append(nil, y, 32)
	return err == nil && string(a) == string(b)
}

// Clone writes and reads the value.
func (n Hook[T, H]) Clone(dst, src *T) {
	if b, err := n.Append(nil, src, 32); err == nil {
		var own H
		r := codec.NewReader(b, &codec.Limits{Memory: int(^uint(0) >> 1)})
		if own.Read(r, dst) == nil && r.Finish() == nil {
			return
		}
	}
	*dst = *src
}

// A Plain is a Hook whose copies share nothing.
type Plain[T any, H Methods[T]] struct{ Hook[T, H] }

func (Plain[T, H]) Clone(dst, src *T) { *dst = *src }

// Codec calls AppendMsgpack and ReadMsgpack.
type Codec[T any, P interface {
	*T
	codec.Marshaler
	codec.Unmarshaler
}] struct{}

func (Codec[T, P]) Append(b []byte, v *T) ([]byte, error) { return P(v).AppendMsgpack(b) }
func (Codec[T, P]) Read(r *codec.Reader, v *T) error      { return P(v).ReadMsgpack(r) }

// Binary calls MarshalBinary and UnmarshalBinary.
type Binary[T any, P interface {
	*T
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}] struct{}

func (Binary[T, P]) Append(b []byte, v *T) ([]byte, error) {
	data, err := P(v).MarshalBinary()
	if data == nil {
		data = []byte{}
	}
	return codec.AppendBytes(b, data), err
}

func (Binary[T, P]) Read(r *codec.Reader, v *T) error {
	data := r.Bytes()
	if err := r.Err(); err != nil {
		return err
	}
	return P(v).UnmarshalBinary(data)
}

// Text calls MarshalText and UnmarshalText.
type Text[T any, P interface {
	*T
	encoding.TextMarshaler
	encoding.TextUnmarshaler
}] struct{}

func (Text[T, P]) Append(b []byte, v *T) ([]byte, error) {
	data, err := P(v).MarshalText()
	if data == nil {
		data = []byte{}
	}
	return codec.AppendBytes(b, data), err
}

func (Text[T, P]) Read(r *codec.Reader, v *T) error {
	data := r.Bytes()
	if err := r.Err(); err != nil {
		return err
	}
	return P(v).UnmarshalText(data)
}
