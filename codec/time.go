package codec

import (
	"encoding/binary"
	"time"
)

// The timestamp extension (specification: "Timestamp extension type") has
// three forms. Each is known by its first bytes, the code, the length where
// there is one, and the type -1.
const (
	timestampType = 0xff // -1

	timestamp32Len = 6  // fixext 4: seconds
	timestamp64Len = 10 // fixext 8: nanoseconds in 30 bits, seconds in 34
	timestamp96Len = 15 // ext 8, 12 bytes: nanoseconds, signed seconds

	maxNanosecond = 999_999_999
)

// AppendTime appends the instant of v in the shortest form of the timestamp
// extension (specification: "Timestamp extension type"). The location of v and
// its monotonic reading are not written.
func AppendTime(b []byte, v time.Time) []byte {
	sec, nsec := uint64(v.Unix()), uint64(v.Nanosecond())
	if sec>>34 != 0 {
		b = append(b, codeExt8, 12, timestampType, byte(nsec>>24), byte(nsec>>16), byte(nsec>>8), byte(nsec))
		return binary.BigEndian.AppendUint64(b, sec)
	}
	if data := nsec<<34 | sec; data>>32 != 0 {
		return append(b, codeFixExt8, timestampType,
			byte(data>>56), byte(data>>48), byte(data>>40), byte(data>>32),
			byte(data>>24), byte(data>>16), byte(data>>8), byte(data))
	}
	return append(b, codeFixExt4, timestampType, byte(sec>>24), byte(sec>>16), byte(sec>>8), byte(sec))
}

// timestampHeader returns how long the timestamp is that begins b, header and
// all, or 0 if b begins with something else. The body may be missing.
func timestampHeader(b []byte) int {
	switch {
	case len(b) >= 2 && b[0] == codeFixExt8 && b[1] == timestampType:
		return timestamp64Len
	case len(b) >= 2 && b[0] == codeFixExt4 && b[1] == timestampType:
		return timestamp32Len
	case len(b) >= 3 && b[0] == codeExt8 && b[1] == 12 && b[2] == timestampType:
		return timestamp96Len
	}
	return 0
}

// timestamp takes apart the timestamp that begins b. It returns its length and
// no error, or the kind of error that b is.
func timestamp(b []byte) (sec int64, nsec uint32, size int, kind error) {
	size = timestampHeader(b)
	if size == 0 {
		if len(b) < 3 && isExt(b[0]) {
			return 0, 0, 0, ErrTruncated
		}
		return 0, 0, 0, ErrFormat
	}
	if len(b) < size {
		return 0, 0, 0, ErrTruncated
	}
	switch size {
	case timestamp32Len:
		sec = int64(binary.BigEndian.Uint32(b[2:]))
	case timestamp64Len:
		data := binary.BigEndian.Uint64(b[2:])
		sec, nsec = int64(data&(1<<34-1)), uint32(data>>34)
	default:
		nsec = binary.BigEndian.Uint32(b[3:])
		sec = int64(binary.BigEndian.Uint64(b[7:]))
	}
	if nsec > maxNanosecond {
		return 0, 0, 0, ErrFormat
	}
	return sec, nsec, size, nil
}

func isExt(c byte) bool {
	return codeExt8 <= c && c <= codeExt32 || codeFixExt1 <= c && c <= codeFixExt16
}

// Time reads a timestamp (specification: "Timestamp extension type") and
// returns it in UTC.
func (r *Reader) Time() time.Time {
	b := r.b[r.off:]
	if len(b) >= timestamp64Len && b[0] == codeFixExt8 && b[1] == timestampType {
		// The form of most timestamps, until the year 2514.
		if data := binary.BigEndian.Uint64(b[2:]); data>>34 <= maxNanosecond {
			r.off += timestamp64Len
			return time.Unix(int64(data&(1<<34-1)), int64(data>>34)).UTC()
		}
	}
	if len(b) == 0 {
		r.fail(ErrTruncated, "timestamp")
		return time.Time{}
	}
	if !isExt(b[0]) {
		r.fail(ErrType, "timestamp")
		return time.Time{}
	}
	sec, nsec, size, kind := timestamp(b)
	if kind != nil {
		r.fail(kind, "timestamp")
		return time.Time{}
	}
	r.off += size
	return time.Unix(sec, int64(nsec)).UTC()
}

// Duration reads an integer, a count of nanoseconds.
func (r *Reader) Duration() time.Duration { return time.Duration(r.Int64()) }
