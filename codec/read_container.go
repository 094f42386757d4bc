package codec

import "math/bits"

// ArrayHeader reads the header of an array, enters the array and returns how
// many values the caller has to read before it calls Leave (specification:
// "array format family"). The count is paid for: no larger than the rest of
// the message, and within the limit of elements.
func (r *Reader) ArrayHeader() int {
	if b, at := r.b, r.off; uint(at) < uint(len(b)) {
		// What admit says, for the form of most arrays.
		if n := int(b[at]) - codeFixArray; n >= 0 && n < 16 && n <= min(len(b)-at-1, r.elements) && r.depth > 0 {
			r.off++
			r.depth--
			r.elements -= n
			return n
		}
	}
	return r.longHeader(codeFixArray, codeArray16, 1, "array")
}

// MapHeader is ArrayHeader for a map: it returns how many entries there are,
// each a key and a value (specification: "map format family").
func (r *Reader) MapHeader() int {
	if b, at := r.b, r.off; uint(at) < uint(len(b)) {
		if n := int(b[at]) - codeFixMap; n >= 0 && n < 16 && 2*n <= min(len(b)-at-1, r.elements) && r.depth > 0 {
			r.off++
			r.depth--
			r.elements -= 2 * n
			return n
		}
	}
	return r.longHeader(codeFixMap, codeMap16, 2, "map")
}

// longHeader enters a container of any form, whose codes are 16 from fix on, and
// code16 and the one behind it. It refuses everything else.
func (r *Reader) longHeader(fix, code16 byte, width int, want string) int {
	b := r.b[r.off:]
	if len(b) == 0 {
		r.fail(ErrTruncated, want)
		return 0
	}
	c := b[0]
	if c&0xf0 == fix {
		return r.enter(int(c&15), width, 1, want)
	}
	if c != code16 && c != code16+1 {
		r.fail(ErrType, want)
		return 0
	}
	n, head, ok := length(b, c-code16+1)
	if !ok {
		r.fail(ErrTruncated, want)
		return 0
	}
	return r.enter(n, width, head, want)
}

// enter goes into a container of n elements of width values each, whose header
// takes head bytes.
func (r *Reader) enter(n, width, head int, want string) int {
	if words, kind := admit(n, width, len(r.b)-r.off-head, r.depth, r.elements, want); kind != nil {
		r.fail(kind, words)
		return 0
	}
	r.off += head
	r.depth--
	r.elements -= n * width
	return n
}

// admit decides whether a container of n elements of width values each, 1 or 2,
// may be entered. It compares before it multiplies, so nothing overflows.
func admit(n, width, left, depth, elements int, want string) (words string, kind error) {
	switch {
	case n > left>>(width-1):
		return want, ErrTruncated // a value takes a byte at least
	case depth <= 0:
		return "fewer levels", ErrLimit
	case n*width > elements:
		return "fewer elements", ErrLimit
	}
	return "", nil
}

// Leave ends an array or a map that ArrayHeader or MapHeader entered. A
// decoder that returns early with an error need not call it.
func (r *Reader) Leave() { r.depth++ }

// FixedArray enters an array that has exactly n values, for a Go array, and
// reports whether it did; another length is ErrRange. The caller reads the n
// values and calls Leave.
func (r *Reader) FixedArray(n int) bool {
	off := r.off
	switch got := r.ArrayHeader(); {
	case r.err != nil:
		return false
	case got != n:
		r.failAt(ErrRange, off, "array of the declared length")
		return false
	}
	return true
}

// Charge takes n times size bytes from the budget of memory and reports
// whether they were there; if not the reading has failed with ErrLimit. A
// decoder calls it before it allocates what a message merely declares, unless
// ReadSlice, ReadMap or ReadPointer do it.
func (r *Reader) Charge(n, size int) bool {
	high, low := bits.Mul64(uint64(n), uint64(size))
	if high != 0 || low > uint64(r.memory) {
		r.fail(ErrLimit, "less memory")
		return false
	}
	r.memory -= int(low)
	return true
}

// MemoryLeft returns how many bytes are left of the budget of memory: what
// Charge would still give, 0 after an error.
func (r *Reader) MemoryLeft() int { return r.memory }
