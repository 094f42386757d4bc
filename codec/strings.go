package codec

import (
	"encoding/binary"
	"unicode/utf8"
)

// AppendStrings appends v as an array of strings, or as nil if v is nil. It
// writes what AppendArrayHeader and AppendString would; a list of names, tags or
// ids is so common in messages that it has a loop without a call for each. It
// may write to the spare capacity of b behind what it returns.
func AppendStrings(b []byte, v []string) []byte {
	if v == nil {
		return append(b, codeNil)
	}
	b = AppendArrayHeader(b, len(v))
	for _, s := range v {
		n, at := len(s), len(b)
		if n > 8 || cap(b)-at < 9 {
			b = AppendString(b, s)
			continue
		}
		// There is room for a whole word, of which s may be the beginning; what is
		// written behind s is overwritten by what comes next, or not used. Bytes
		// that are loaded twice fall on themselves.
		var w uint64
		if n >= 4 {
			w = uint64(load32(s)) | uint64(load32(s[n-4:]))<<(8*uint(n-4)&63)
		} else if n > 0 {
			w = uint64(s[0]) | uint64(s[n>>1])<<(8*uint(n>>1)&63) | uint64(s[n-1])<<(8*uint(n-1)&63)
		}
		b = b[:at+9]
		b[at] = codeFixStr | byte(n)
		binary.LittleEndian.PutUint64(b[at+1:], w)
		b = b[:at+1+n]
	}
	return b
}

func load32(s string) uint32 {
	_ = s[3]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// stringsBlock is how many bytes of a message ReadStrings copies at once: what
// a program keeps alive that keeps one string of a list.
const stringsBlock = 64

// ReadStrings reads an array of strings, or nil, as [ReadSlice] with a loop of
// Str does. Short strings that stand next to each other share their memory, up
// to 64 bytes.
func ReadStrings(r *Reader, p *[]string) {
	if !ReadSlice(r, p) {
		return
	}
	for rest := *p; len(rest) > 0; {
		n, end := r.shortStrings(len(rest))
		if n < 2 {
			rest[0] = r.Str()
			rest = rest[1:]
			continue
		}
		// One allocation for n strings: with one for each, reading a list of three
		// tags takes 1.6 times as long.
		block, at := string(r.b[r.off:end]), 0
		r.off = end
		for i := range rest[:n] {
			from := at + 1
			at = from + int(block[at]&31)
			rest[i] = block[from:at]
		}
		rest = rest[n:]
	}
	r.Leave()
}

// shortStrings returns how many of the next values, at most most, are valid
// strings of the shortest form that are no more than stringsBlock bytes with
// their headers, and where they end.
func (r *Reader) shortStrings(most int) (n, end int) {
	end = r.off
	b := r.b[:min(len(r.b), end+stringsBlock)]
	for ; n < most && end < len(b); n++ {
		c := b[end]
		next := end + 1 + int(c&31)
		if c&0xe0 != codeFixStr || next > len(b) || !shortASCII(r.b, end+1, next) && !utf8.Valid(r.b[end+1:next]) {
			break
		}
		end = next
	}
	return n, end
}
