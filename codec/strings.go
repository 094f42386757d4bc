package codec

import "encoding/binary"

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
		at, n := len(b), len(s)
		if n > 8 || cap(b)-at < 9 {
			b = AppendString(b, s)
			continue
		}
		// There is room for a whole word, of which s may be the beginning; what is
		// written behind s is overwritten by what comes next, or not used. Bytes
		// that are loaded twice fall on themselves.
		var w uint64
		switch m := uint(n); {
		case m == 8:
			w = uint64(load32(s)) | uint64(load32(s[4:]))<<32
		case m >= 4:
			w = uint64(load32(s)) | uint64(load32(s[m-4:]))<<(8*(m-4)&63)
		case m > 0:
			w = uint64(s[0]) | uint64(s[m>>1])<<(8*(m>>1)&63) | uint64(s[m-1])<<(8*(m-1)&63)
		}
		d := b[at : at+9 : at+9]
		d[0] = codeFixStr | byte(n)
		binary.LittleEndian.PutUint64(d[1:9:9], w)
		b = b[:at+1+n]
	}
	return b
}

func load32(s string) uint32 {
	_ = s[3]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// ReadStrings reads an array of strings, or nil, as [ReadSlice] with a loop of
// Str does.
func ReadStrings(r *Reader, p *[]string) {
	if !ReadSlice(r, p) {
		return
	}
	for i := range *p {
		(*p)[i] = r.Str()
	}
	r.Leave()
}
