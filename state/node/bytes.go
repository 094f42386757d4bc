package node

import (
	"bytes"
	"slices"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
)

// A Bytes is a slice of bytes: a binary, and binaries in its operations.
type Bytes[T ~[]byte] struct{}

func (Bytes[T]) Write(w *Writer, v *T, _ int) { w.B = codec.AppendBytes(w.B, *v) }
func (Bytes[T]) Read(r *codec.Reader, v *T)   { *v = r.Bytes() }
func (Bytes[T]) Clone(dst, src *T)            { *dst = bytes.Clone(*src) }
func (Bytes[T]) Patchable(prev, next *T) bool { return (*prev == nil) == (*next == nil) }
func (Bytes[T]) Equal(x, y *T) bool {
	return (*x == nil) == (*y == nil) && bytes.Equal(*x, *y)
}

// Items appends the one operation of clause S8.
func (Bytes[T]) Items(w *Writer, prev, next *T, _ int) Size {
	p, n := *prev, *next
	head := 0
	for head < len(p) && head < len(n) && p[head] == n[head] {
		head++
	}
	tail := 0
	for tail < len(p)-head && tail < len(n)-head && p[len(p)-1-tail] == n[len(n)-1-tail] {
		tail++
	}
	removed, added := len(p)-head-tail, n[head:len(n)-tail:len(n)-tail]
	size := Size{Items: 1, Changed: max(removed, len(added)), Parts: len(n)}
	switch {
	case removed == 0 && len(added) == 0:
		size.Items = 0
	case head == len(p):
		w.B = append(w.B, state.OpAppend)
		w.B = codec.AppendBytes(w.B, added)
		size.Values = 2
	default:
		w.B = append(w.B, state.OpSplice)
		w.B = codec.AppendUint(w.B, uint64(head))
		w.B = codec.AppendUint(w.B, uint64(removed))
		w.B = codec.AppendBytes(w.B, added)
		size.Values = 4
	}
	return size
}

// Apply takes one operation only, so that no patch costs more than a copy.
func (n Bytes[T]) Apply(r *codec.Reader, v *T, _ *Binding, count int) {
	op := r.Uint32()
	values, ok := operands(r, op, count)
	switch {
	case !ok:
	case values != count:
		r.Fail(codec.ErrRange, "end of the patch")
	default:
		n.ApplyOne(r, v, op)
	}
}

func (Bytes[T]) ApplyOne(r *codec.Reader, v *T, op uint32) {
	switch op {
	case state.OpAppend:
		added := r.BorrowBytes()
		if r.Err() == nil {
			*v = append(*v, added...)
		}
	case state.OpSplice:
		at, removed := uint64(r.Uint32()), uint64(r.Uint32())
		added := r.BorrowBytes()
		if r.Err() == nil && at+removed > uint64(len(*v)) {
			r.Fail(codec.ErrRange, "part of the binary")
		}
		if r.Err() == nil {
			*v = slices.Replace(*v, int(at), int(at+removed), added...)
		}
	default:
		r.Fail(codec.ErrRange, "operation of a binary")
	}
}

// A ByteArray is an array of bytes, which is replaced whole; L lends them.
type ByteArray[A comparable, L interface{ Of(v *A) []byte }] struct{}

func (ByteArray[A, L]) Write(w *Writer, v *A, _ int) {
	var lend L
	w.B = codec.AppendBytes(w.B, lend.Of(v))
}

func (ByteArray[A, L]) Read(r *codec.Reader, v *A) {
	var lend L
	r.BytesInto(lend.Of(v))
}

func (ByteArray[A, L]) Equal(x, y *A) bool { return *x == *y }
func (ByteArray[A, L]) Clone(dst, src *A)  { *dst = *src }
