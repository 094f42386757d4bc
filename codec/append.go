package codec

import (
	"math"
	"time"
)

// AppendNil appends nil (specification: "nil format").
func AppendNil(b []byte) []byte { return append(b, codeNil) }

// AppendBool appends v (specification: "bool format family").
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, codeTrue)
	}
	return append(b, codeFalse)
}

// AppendUint appends v in the shortest unsigned form (specification: "int
// format family").
func AppendUint(b []byte, v uint64) []byte {
	if v < codeFixMap {
		return append(b, byte(v))
	}
	return appendLongUint(b, v)
}

func appendLongUint(b []byte, v uint64) []byte {
	switch {
	case v <= math.MaxUint8:
		return append(b, codeUint8, byte(v))
	case v <= math.MaxUint16:
		return append(b, codeUint16, byte(v>>8), byte(v))
	case v <= math.MaxUint32:
		return append(b, codeUint32, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
	default:
		return append64(b, codeUint64, v)
	}
}

// AppendInt appends v in the shortest form: an unsigned one unless v is
// negative (specification: "int format family").
func AppendInt(b []byte, v int64) []byte {
	if uint64(v)+32 < 32+codeFixMap {
		return append(b, byte(v)) // -32 to 127: positive and negative fixint
	}
	return appendLongInt(b, v)
}

func appendLongInt(b []byte, v int64) []byte {
	switch {
	case v >= 0:
		return appendLongUint(b, uint64(v))
	case v >= math.MinInt8:
		return append(b, codeInt8, byte(v))
	case v >= math.MinInt16:
		return append(b, codeInt16, byte(v>>8), byte(v))
	case v >= math.MinInt32:
		return append(b, codeInt32, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
	default:
		return append64(b, codeInt64, uint64(v))
	}
}

// AppendFloat32 appends v as float 32 (specification: "float format family").
func AppendFloat32(b []byte, v float32) []byte {
	u := math.Float32bits(v)
	return append(b, codeFloat32, byte(u>>24), byte(u>>16), byte(u>>8), byte(u))
}

// AppendFloat64 appends v as float 64 (specification: "float format family").
func AppendFloat64(b []byte, v float64) []byte {
	return append64(b, codeFloat64, math.Float64bits(v))
}

// append64 is one append, because each asks once whether b has to grow.
func append64(b []byte, code byte, v uint64) []byte {
	return append(b, code, byte(v>>56), byte(v>>48), byte(v>>40), byte(v>>32),
		byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

// AppendString appends v (specification: "str format family"). The caller
// answers for v being valid UTF-8; readers refuse it otherwise.
func AppendString(b []byte, v string) []byte {
	if len(v) < 32 {
		return append(append(b, codeFixStr|byte(len(v))), v...)
	}
	return append(appendLongHeader(b, codeStr8, len(v)), v...)
}

// AppendBytes appends v as binary, or as nil if v is nil (specification: "bin
// format family").
func AppendBytes(b []byte, v []byte) []byte {
	if v == nil {
		return append(b, codeNil)
	}
	return append(appendLongHeader(b, codeBin8, len(v)), v...)
}

// appendLongHeader appends the length n behind the code of its width. The
// codes of the 8, 16 and 32 bit forms of str and bin follow each other.
func appendLongHeader(b []byte, code8 byte, n int) []byte {
	switch {
	case n <= math.MaxUint8:
		return append(b, code8, byte(n))
	case n <= math.MaxUint16:
		return append(b, code8+1, byte(n>>8), byte(n))
	default:
		return append(b, code8+2, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
}

// AppendArrayHeader appends the header of an array of n values, which the
// caller appends next (specification: "array format family").
func AppendArrayHeader(b []byte, n int) []byte {
	if n < 16 {
		return append(b, codeFixArray|byte(n))
	}
	return appendLongContainer(b, codeArray16, n)
}

// AppendMapHeader appends the header of a map of n entries; the caller appends
// n times a key and its value next (specification: "map format family").
func AppendMapHeader(b []byte, n int) []byte {
	if n < 16 {
		return append(b, codeFixMap|byte(n))
	}
	return appendLongContainer(b, codeMap16, n)
}

func appendLongContainer(b []byte, code16 byte, n int) []byte {
	if n <= math.MaxUint16 {
		return append(b, code16, byte(n>>8), byte(n))
	}
	return append(b, code16+1, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// AppendDuration appends v as an integer, its nanoseconds.
func AppendDuration(b []byte, v time.Duration) []byte { return AppendInt(b, int64(v)) }
