package state

import (
	"github.com/twinwire/twinwire/codec"
)

// The operations of a patch (clauses S4 to S8). One and the same number means what
// suits the thing that is patched; behind it stand its operands, each one
// MessagePack value.
const (
	// OpSet replaces a field by the value that follows.
	OpSet = 0
	// OpAppend puts the value that follows at the end of a slice.
	OpAppend = 1
	// OpDelete takes the key that follows out of a map.
	OpDelete = 1
	// OpPut stores a value, the second operand, under a key of a map or at an
	// index of a slice or an array, the first.
	OpPut = 2
	// OpPatch changes what a field holds or, with a key or an index before the
	// patch, an entry or an element.
	OpPatch = 3
	// OpSplice replaces a part of a slice: from an index on so many elements,
	// by those of the array that is the third operand.
	OpSplice = 4
)

// Operands returns how many values follow the operation op in the patch of a
// field, 1 or 2. It is the same whatever type the field has, so that a
// receiver can step over a field that it does not know.
func Operands(op uint64) int {
	if op == OpPut {
		return 2
	}
	return 1
}

// AppendTag appends the tag of a change of the field number field: 4 times the
// number and the operation, which is OpSet, OpAppend, OpDelete, OpPut or
// OpPatch (clause S4).
func AppendTag(b []byte, field, op int) []byte {
	return codec.AppendUint(b, uint64(field)<<2|uint64(op))
}

// OpenPatch appends the beginning of a patch whose length is not known yet.
// ClosePatch completes it.
func OpenPatch(b []byte) []byte { return codec.AppendArrayHeader(b, 0) }

// ClosePatch completes the patch that [OpenPatch] began at b[start]; values is
// how many MessagePack values were appended since. Without any it takes the
// patch away.
func ClosePatch(b []byte, start, values int) []byte {
	if values == 0 {
		return b[:start]
	}
	if values < 16 {
		b[start] |= byte(values)
		return b
	}
	var header [5]byte
	h := codec.AppendArrayHeader(header[:0], values)
	b = append(b, h[1:]...)
	copy(b[start+len(h):], b[start+1:])
	copy(b[start:], h)
	return b
}

// OpenField appends the tag of a patch of the field number field, and the
// beginning of the patch. CloseField completes both.
func OpenField(b []byte, field int) []byte {
	return OpenPatch(AppendTag(b, field, OpPatch))
}

// CloseField completes what [OpenField] began at b[start], as ClosePatch does,
// and returns how many MessagePack values the change of the field takes, tag
// included. A patch of a map, a slice or an array that is one OpAppend,
// OpDelete or OpPut becomes a part of the tag (clause S4). items is how many
// operations were appended and values how many MessagePack values they are,
// operations included; items is 0 for a patch of a struct, for its items are
// tags and no operations.
func CloseField(b []byte, start, items, values int) ([]byte, int) {
	if values == 0 {
		return b[:start], 0
	}
	at := start + tagLen(b[start])
	if items == 1 {
		if op := b[at+1]; op == OpAppend || op == OpPut {
			b[at-1] += op - OpPatch // the low bits of the tag
			return append(b[:at], b[at+2:]...), values
		}
	}
	return ClosePatch(b, at, values), 2
}

// SetField makes the patch that [OpenField] began at b[start] a tag with OpSet;
// the caller appends the field's value next.
func SetField(b []byte, start int) []byte {
	at := start + tagLen(b[start])
	b[at-1] &^= OpPatch
	return b[:at]
}

// tagLen returns the length of the tag that begins with first, which
// AppendTag wrote.
func tagLen(first byte) int {
	switch {
	case first < 0x80:
		return 1
	case first == 0xcc:
		return 2
	default:
		return 3 // a table has no more than 4,096 fields
	}
}
