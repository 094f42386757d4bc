package codec

import "unicode/utf8"

// Check reports whether b is exactly one message that the decoders of this
// module may be given: well formed, within lim, its strings valid UTF-8, the
// keys of its maps strings or integers, its extensions timestamps, and nothing
// behind it. A nil lim means the defaults. The error is an [*Error].
//
// Check allocates nothing unless it fails and does not recurse.
func Check(b []byte, lim *Limits) error {
	l := lim.resolved()
	end, _, err := scan(b, 0, l.Depth, min(len(b), l.Elements))
	if err != nil {
		return err
	}
	if end < len(b) {
		return errorAt(ErrTrailing, b, end, "end of message")
	}
	return nil
}

// Skip reads one value of any type and drops it, with everything in it. What
// it drops is held to the rules of [Check].
func (r *Reader) Skip() { r.skip() }

// Raw reads one value of any type, checks it as [Check] does and returns its
// bytes, which alias the message. Their capacity ends with them.
func (r *Reader) Raw() []byte {
	start := r.off
	if !r.skip() {
		return nil
	}
	return r.b[start:r.off:r.off]
}

func (r *Reader) skip() bool {
	if r.err != nil {
		return false
	}
	end, elements, err := scan(r.b, r.off, r.depth, r.elements)
	if err != nil {
		r.setErr(err)
		return false
	}
	r.off, r.elements = end, elements
	return true
}

// inMap marks a count of scan that counts down the keys and values of a map.
const inMap = 1 << 31

// scan goes over one value of b that begins at off, and returns where it ends
// and how many elements are left of those it may declare.
//
// What is still to come at each level stands in a stack that is part of the
// frame: a message can neither make it grow nor make scan recurse.
func scan(b []byte, off, depth, elements int) (end, left int, err *Error) {
	var (
		stack [maxDepth]uint32 // the counts of the levels around this one
		level int              // containers entered
		count = uint32(1)      // values to come at this level, with inMap
	)
	for {
		if off >= len(b) {
			return 0, 0, errorAt(ErrTruncated, b, off, "value")
		}
		c := b[off]
		key := count&(inMap|1) == inMap // an even number of keys and values is to come
		count--
		switch {
		case c < codeFixMap || c >= codeNegFix:
			off++

		case codeFixStr <= c && c < codeNil:
			n := int(c & 31)
			end := off + 1 + n
			if end > len(b) {
				return 0, 0, errorAt(ErrTruncated, b, off, "str")
			}
			if !shortASCII(b, off+1, end) && !utf8.Valid(b[off+1:end]) {
				return 0, 0, errorAt(ErrUTF8, b, off, "str")
			}
			off = end

		case c < codeFixStr || codeArray16 <= c:
			if key {
				return 0, 0, errorAt(ErrType, b, off, "str or int as key")
			}
			n, width, head, want := int(c&15), 2-int(c>>4&1), 1, "container"
			var kind error
			if c >= codeArray16 {
				n, width, head, kind = container(b[off:])
			}
			if kind == nil {
				want, kind = admit(n, width, len(b)-off-head, depth-level, elements, want)
			}
			if kind != nil {
				return 0, 0, errorAt(kind, b, off, want)
			}
			off += head
			elements -= n * width
			if n > 0 {
				stack[level] = count
				level++
				count = uint32(n * width)
				if width == 2 {
					count |= inMap
				}
			}

		default:
			n := int(fixedSizes[c-codeNil])
			var kind error
			if n == 0 || n > len(b)-off || key {
				n, kind = scalar(b[off:], c, key)
			}
			if kind != nil {
				want := "value"
				if key && kind == ErrType {
					want = "str or int as key"
				}
				return 0, 0, errorAt(kind, b, off, want)
			}
			off += n
		}
		for count&^inMap == 0 {
			if level == 0 {
				return off, elements, nil
			}
			level--
			count = stack[level]
		}
	}
}

// container takes apart the long header of an array or a map that begins b: n
// elements of width values each behind head bytes.
func container(b []byte) (n, width, head int, kind error) {
	width = 1
	if b[0] >= codeMap16 {
		width = 2
	}
	n, head, ok := length(b, 1+b[0]&1)
	if !ok {
		return 0, 0, 0, ErrTruncated
	}
	return n, width, head, nil
}

// fixedSizes are the sizes of values by their codes, from codeNil to
// codeMap32, 0 for those that say their size themselves and those that are not
// allowed.
const fixedSizes = "" +
	"\x01\x00\x01\x01" + // nil, never, false, true
	"\x00\x00\x00\x00\x00\x00" + // bin, ext
	"\x05\x09" + // float
	"\x02\x03\x05\x09" + // uint
	"\x02\x03\x05\x09" + // int
	"\x00\x00\x00\x00\x00" + // fixext
	"\x00\x00\x00\x00\x00\x00\x00" // str, array, map

// scalar returns the size of the value of code c that begins b and is neither
// a container nor in one byte with its length.
func scalar(b []byte, c byte, key bool) (size int, kind error) {
	switch c {
	case codeStr8, codeStr16, codeStr32:
		n, head, ok := length(b, c-codeStr8)
		if !ok || n > len(b)-head {
			return 0, ErrTruncated
		}
		if !validText(b, head, head+n) {
			return 0, ErrUTF8
		}
		return head + n, nil
	case codeUint8, codeUint16, codeUint32, codeUint64, codeInt8, codeInt16, codeInt32, codeInt64:
		key = false // they may be keys
	case codeNever:
		return 0, ErrFormat
	}
	if key {
		return 0, ErrType
	}
	switch c {
	case codeBin8, codeBin16, codeBin32:
		n, head, ok := length(b, c-codeBin8)
		if !ok || n > len(b)-head {
			return 0, ErrTruncated
		}
		return head + n, nil
	}
	size = int(fixedSizes[c-codeNil])
	switch {
	case size == 0:
		_, _, size, kind = timestamp(b)
		return size, kind
	case size > len(b):
		return 0, ErrTruncated
	}
	return size, nil
}
