package codec

import (
	"encoding/binary"
	"unsafe"
)

// Str reads a string (specification: "str format family") and returns a copy.
// One that is not valid UTF-8 is ErrUTF8. The method is not called String, so
// that printing a Reader reads nothing from it.
func (r *Reader) Str() string { return string(r.str(false)) }

// BorrowStr is Str without the copy: the string aliases the message and
// changes with its buffer.
func (r *Reader) BorrowStr() string {
	b := r.str(false)
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// MapKey reads a key that is a string and returns it as a part of the message,
// which is what the switch over the names of fields wants:
// switch string(r.MapKey()) does not allocate. Keys that are integers are read
// with Int64 and its like.
func (r *Reader) MapKey() []byte {
	b := r.str(true)
	return b[:len(b):len(b)]
}

// Bytes reads a binary (specification: "bin format family") or nil and returns
// a copy; nil stays nil.
func (r *Reader) Bytes() []byte {
	b := r.BorrowBytes()
	if b == nil {
		return nil
	}
	c := make([]byte, len(b))
	copy(c, b) // so the compiler does not clear it first
	return c
}

// BorrowBytes is Bytes without the copy: the slice aliases the message. Its
// capacity ends with it, so appending to it does not write into the message.
func (r *Reader) BorrowBytes() []byte {
	if r.TryNil() {
		return nil
	}
	b := r.b[r.off:]
	if len(b) == 0 {
		r.fail(ErrTruncated, "bin")
		return nil
	}
	if b[0] < codeBin8 || b[0] > codeBin32 {
		r.fail(ErrType, "bin")
		return nil
	}
	n, head, ok := length(b, b[0]-codeBin8)
	if !ok || n > len(b)-head {
		r.fail(ErrTruncated, "bin")
		return nil
	}
	r.off += head + n
	return b[head : head+n : head+n]
}

// BytesInto reads a binary of exactly len(dst) bytes into dst, for a Go array
// of bytes; another length is ErrRange, and dst is as it was.
func (r *Reader) BytesInto(dst []byte) {
	off := r.off
	if r.IsNil() {
		r.fail(ErrType, "bin")
		return
	}
	b := r.BorrowBytes()
	if r.err == nil && len(b) != len(dst) {
		r.failAt(ErrRange, off, "bin of the declared length")
		return
	}
	copy(dst, b)
}

// str reads a string as a part of the message. Most strings are of this form,
// short and ASCII, and not at the very end: up to 8 bytes are one load, up to 16
// two that overlap.
func (r *Reader) str(key bool) []byte {
	b, at := r.b, r.off+1
	if at > 0 && at <= len(b)-8 {
		n := int(b[at-1]) - codeFixStr
		w := binary.LittleEndian.Uint64(b[at:])
		if n > 0 && n <= 8 {
			if w<<((64-8*uint(n))&63)&highBits == 0 {
				r.off = at + n
				return b[at : at+n]
			}
		} else if end := at + n; n > 8 && n <= 16 && end <= len(b) {
			if (w|binary.LittleEndian.Uint64(b[end-8:]))&highBits == 0 {
				r.off = end
				return b[at:end]
			}
		}
	}
	return r.longStr(key)
}

// longStr is str for every form, and for the errors.
func (r *Reader) longStr(key bool) []byte {
	want := "str"
	if key {
		want = "str as key"
	}
	b := r.b[r.off:]
	if len(b) == 0 {
		r.fail(ErrTruncated, want)
		return nil
	}
	c := b[0]
	n, head, ok := int(c&31), 1, true
	if c&0xe0 != codeFixStr {
		if c < codeStr8 || c > codeStr32 {
			r.fail(ErrType, want)
			return nil
		}
		n, head, ok = length(b, c-codeStr8)
	}
	if !ok || n > len(b)-head {
		r.fail(ErrTruncated, want)
		return nil
	}
	if !validText(b, head, head+n) {
		r.fail(ErrUTF8, want)
		return nil
	}
	r.off += head + n
	return b[head : head+n]
}

// length reads the length behind the code that begins b, in 1<<width bytes. It
// returns it with the size of code and length together; ok means that they are
// inside b. A length of 2^31 and more comes back as one that no message on a
// 32-bit machine can have, never as a negative one.
func length(b []byte, width byte) (n, head int, ok bool) {
	head = 1 + 1<<width
	if len(b) < head {
		return 0, head, false
	}
	switch width {
	case 0:
		return int(b[1]), head, true
	case 1:
		return int(binary.BigEndian.Uint16(b[1:])), head, true
	default:
		u := uint64(binary.BigEndian.Uint32(b[1:]))
		return int(min(u, uint64(^uint(0)>>1))), head, true
	}
}
