package reflective

import (
	"bytes"
	"reflect"
	"slices"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
)

// bytesNode is a slice of bytes: a binary, and binaries in its operations.
type bytesNode struct{}

func (bytesNode) write(w *writer, v reflect.Value, _ int) { w.b = codec.AppendBytes(w.b, v.Bytes()) }
func (bytesNode) read(r *codec.Reader, v reflect.Value)   { v.SetBytes(r.Bytes()) }

func (bytesNode) equal(x, y reflect.Value) bool {
	return x.IsNil() == y.IsNil() && bytes.Equal(x.Bytes(), y.Bytes())
}

func (bytesNode) clone(dst, src reflect.Value) { dst.SetBytes(bytes.Clone(src.Bytes())) }

func (bytesNode) patchable(prev, next reflect.Value) bool { return prev.IsNil() == next.IsNil() }

// items appends the one operation of clause S8.
func (bytesNode) items(w *writer, prev, next reflect.Value, _ int) patchSize {
	p, n := prev.Bytes(), next.Bytes()
	head := 0
	for head < len(p) && head < len(n) && p[head] == n[head] {
		head++
	}
	tail := 0
	for tail < len(p)-head && tail < len(n)-head && p[len(p)-1-tail] == n[len(n)-1-tail] {
		tail++
	}
	removed, added := len(p)-head-tail, n[head:len(n)-tail:len(n)-tail]
	size := patchSize{items: 1, changed: max(removed, len(added)), parts: len(n)}
	switch {
	case removed == 0 && len(added) == 0:
		size.items = 0
	case head == len(p):
		w.b = append(w.b, state.OpAppend)
		w.b = codec.AppendBytes(w.b, added)
		size.values = 2
	default:
		w.b = append(w.b, state.OpSplice)
		w.b = codec.AppendUint(w.b, uint64(head))
		w.b = codec.AppendUint(w.b, uint64(removed))
		w.b = codec.AppendBytes(w.b, added)
		size.values = 4
	}
	return size
}

// apply takes one operation only, so that no patch costs more than a copy.
func (n bytesNode) apply(r *codec.Reader, v reflect.Value, _ *binding, count int) {
	op := r.Uint32()
	values, ok := operations(r, op, count)
	switch {
	case !ok:
	case values != count:
		r.Fail(codec.ErrRange, "end of the patch")
	default:
		n.do(r, v, op)
	}
}

func (n bytesNode) applyOne(r *codec.Reader, v reflect.Value, op uint64) { n.do(r, v, uint32(op)) }

func (bytesNode) do(r *codec.Reader, v reflect.Value, op uint32) {
	b := v.Bytes()
	switch op {
	case state.OpAppend:
		added := r.BorrowBytes()
		if r.Err() == nil {
			v.SetBytes(append(b, added...))
		}
	case state.OpSplice:
		at, removed := uint64(r.Uint32()), uint64(r.Uint32())
		added := r.BorrowBytes()
		if r.Err() == nil && at+removed > uint64(len(b)) {
			r.Fail(codec.ErrRange, "part of the binary")
		}
		if r.Err() == nil {
			v.SetBytes(slices.Replace(b, int(at), int(at+removed), added...))
		}
	default:
		r.Fail(codec.ErrRange, "operation of a binary")
	}
}

// byteArrayNode is an array of bytes, which is replaced whole.
type byteArrayNode struct{}

func (byteArrayNode) write(w *writer, v reflect.Value, _ int) {
	w.b = codec.AppendBytes(w.b, bytesIn(v))
}
func (byteArrayNode) read(r *codec.Reader, v reflect.Value) { r.BytesInto(bytesIn(v)) }
func (byteArrayNode) equal(x, y reflect.Value) bool         { return bytes.Equal(bytesIn(x), bytesIn(y)) }
func (byteArrayNode) clone(dst, src reflect.Value)          { reflect.Copy(dst, addressable(src)) }

// bytesIn returns the bytes of an array.
func bytesIn(v reflect.Value) []byte {
	if v.Len() == 0 {
		return []byte{} // nil would be written as nil
	}
	return addressable(v).Bytes()
}

// addressable returns v, or a copy of it that has an address.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}
