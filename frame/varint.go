package frame

import "encoding/binary"

// MaxVarint is the largest value of a varint (clause 1.3).
const MaxVarint = 1<<62 - 1

// VarintLen returns the bytes that v takes as a varint. v must not exceed
// MaxVarint.
func VarintLen(v uint64) int {
	switch {
	case v < 1<<6:
		return 1
	case v < 1<<14:
		return 2
	case v < 1<<30:
		return 4
	}
	return 8
}

// AppendVarint appends v in its shortest form (clause 1.3). It panics if v
// exceeds MaxVarint, which is a bug of the caller: no value here comes from a
// peer.
func AppendVarint(b []byte, v uint64) []byte {
	switch {
	case v < 1<<6:
		return append(b, byte(v))
	case v < 1<<14:
		return binary.BigEndian.AppendUint16(b, uint16(v)|0x4000)
	case v < 1<<30:
		return binary.BigEndian.AppendUint32(b, uint32(v)|0x8000_0000)
	case v <= MaxVarint:
		return binary.BigEndian.AppendUint64(b, v|0xc000_0000_0000_0000)
	}
	panic("frame: varint out of range")
}

// Varint reads the varint at the start of b and returns it with its length.
// The length is 0 if b ends within it and -1 if it is not in its shortest
// form.
func Varint(b []byte) (v uint64, n int) {
	switch {
	case len(b) == 0:
		return 0, 0
	case b[0] < 1<<6:
		return uint64(b[0]), 1
	}
	switch n = 1 << (b[0] >> 6); {
	case len(b) < n:
		return 0, 0
	case n == 2:
		v = uint64(b[0]&0x3f)<<8 | uint64(b[1])
	case n == 4:
		v = uint64(binary.BigEndian.Uint32(b) & (1<<30 - 1))
	default:
		v = binary.BigEndian.Uint64(b) & MaxVarint
	}
	if VarintLen(v) != n {
		return 0, -1
	}
	return v, n
}
