package codec

import (
	"encoding/binary"
	"math"
	"strconv"
)

// Uint64 reads an integer of any form of the "int format family" that is not
// negative.
func (r *Reader) Uint64() uint64 { return r.uint(math.MaxUint64, "uint64") }

// Uint32 is Uint64 for values up to 2^32-1; more is ErrRange.
func (r *Reader) Uint32() uint32 { return uint32(r.uint(math.MaxUint32, "uint32")) }

// Uint16 is Uint64 for values up to 65535; more is ErrRange.
func (r *Reader) Uint16() uint16 { return uint16(r.uint(math.MaxUint16, "uint16")) }

// Uint8 is Uint64 for values up to 255; more is ErrRange.
func (r *Reader) Uint8() uint8 { return uint8(r.uint(math.MaxUint8, "uint8")) }

// Uint is Uint64 for values that fit the machine's uint; more is ErrRange.
func (r *Reader) Uint() uint { return uint(r.uint(math.MaxUint, "uint")) }

// Int64 reads an integer of any form of the "int format family" that is at
// most 2^63-1.
func (r *Reader) Int64() int64 { return r.int(math.MaxInt64, "int64") }

// Int32 is Int64 for values of 32 bits; others are ErrRange.
func (r *Reader) Int32() int32 { return int32(r.int(math.MaxInt32, "int32")) }

// Int16 is Int64 for values of 16 bits; others are ErrRange.
func (r *Reader) Int16() int16 { return int16(r.int(math.MaxInt16, "int16")) }

// Int8 is Int64 for values of 8 bits; others are ErrRange.
func (r *Reader) Int8() int8 { return int8(r.int(math.MaxInt8, "int8")) }

// Int is Int64 for values that fit the machine's int; others are ErrRange.
func (r *Reader) Int() int {
	if strconv.IntSize == 32 {
		return int(r.int(math.MaxInt32, "int"))
	}
	return int(r.int(math.MaxInt64, "int"))
}

// Integer reads an integer of any form and size, for a reader that does not
// know which to expect. A negative one comes in two's complement: int64(v).
func (r *Reader) Integer() (v uint64, negative bool) {
	v, negative, size, kind := integer(r.b[r.off:])
	if kind != nil {
		r.fail(kind, "int")
		return 0, false
	}
	r.off += size
	return v, negative
}

func (r *Reader) uint(most uint64, want string) uint64 {
	b := r.b[r.off:]
	if len(b) > 0 && b[0] < codeFixMap {
		r.off++
		return uint64(b[0])
	}
	v, negative, size, kind := integer(b)
	if kind == nil && (negative || v > most) {
		kind = ErrRange
	}
	if kind != nil {
		r.fail(kind, want)
		return 0
	}
	r.off += size
	return v
}

// int reads a number from -most-1 to most.
func (r *Reader) int(most int64, want string) int64 {
	b := r.b[r.off:]
	if len(b) > 0 && b[0] < codeFixMap {
		r.off++
		return int64(b[0])
	}
	v, negative, size, kind := integer(b)
	if kind == nil && (negative && int64(v) < -most-1 || !negative && v > uint64(most)) {
		kind = ErrRange
	}
	if kind != nil {
		r.fail(kind, want)
		return 0
	}
	r.off += size
	return int64(v)
}

// integer takes apart the integer that begins b. A negative one is returned in
// two's complement. size counts the code too.
func integer(b []byte) (v uint64, negative bool, size int, kind error) {
	if len(b) == 0 {
		return 0, false, 0, ErrTruncated
	}
	c := b[0]
	if c < codeFixMap {
		return uint64(c), false, 1, nil
	}
	if c >= codeNegFix {
		return uint64(int8(c)), true, 1, nil
	}
	if c < codeUint8 || c > codeInt64 {
		return 0, false, 0, ErrType
	}
	// The codes of 1, 2, 4 and 8 bytes follow each other, from a multiple of 4.
	// All are read as 8 bytes, of which those at the front count.
	width := 1 << (c & 3)
	var w uint64
	switch {
	case len(b) >= 9:
		w = binary.BigEndian.Uint64(b[1:9])
	case len(b) > width:
		for i, c := range b[1 : 1+width] {
			w |= uint64(c) << (56 - 8*i)
		}
	default:
		return 0, false, 0, ErrTruncated
	}
	unused := (64 - 8*width) & 63
	if c < codeInt8 {
		return w >> unused, false, 1 + width, nil
	}
	return uint64(int64(w) >> unused), int64(w) < 0, 1 + width, nil
}

// Float64 reads a float of either width, or an integer that a float64 holds
// exactly: encoders of languages with one number type write 1.0 as 1. Other
// integers are ErrRange.
func (r *Reader) Float64() float64 {
	if b := r.b[r.off:]; len(b) >= 9 && b[0] == codeFloat64 {
		r.off += 9
		return math.Float64frombits(binary.BigEndian.Uint64(b[1:]))
	}
	return r.float("float64")
}

// Float32 is Float64 for values that a float32 holds exactly; others are
// ErrRange. Any NaN is read as a NaN.
func (r *Reader) Float32() float32 {
	off := r.off
	v := r.float("float32")
	if f := float32(v); float64(f) == v || v != v {
		return f
	}
	r.failAt(ErrRange, off, "float32")
	return 0
}

func (r *Reader) float(want string) float64 {
	b := r.b[r.off:]
	if len(b) == 0 {
		r.fail(ErrTruncated, want)
		return 0
	}
	switch {
	case b[0] == codeFloat64 && len(b) >= 9:
		r.off += 9
		return math.Float64frombits(binary.BigEndian.Uint64(b[1:]))
	case b[0] == codeFloat32 && len(b) >= 5:
		r.off += 5
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b[1:])))
	case b[0] == codeFloat64 || b[0] == codeFloat32:
		r.fail(ErrTruncated, want)
		return 0
	}
	v, negative, size, kind := integer(b)
	f := float64(v)
	if negative {
		f = float64(int64(v))
	}
	// Up to 2^53 every integer is a float64. Beyond, some are; they are refused
	// all the same, because which ones is nothing a sender should have to know.
	if kind == nil && math.Abs(f) > 1<<53 {
		kind = ErrRange
	}
	if kind != nil {
		r.fail(kind, want)
		return 0
	}
	r.off += size
	return f
}
