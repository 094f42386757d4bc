package codec

import (
	"encoding/binary"
	"unicode/utf8"
)

// highBits are the bits that no byte of ASCII has.
const highBits = 0x8080808080808080

// shortASCII reports whether b[at:end] is surely ASCII, and may say no although
// it is. Names and most values are short, and calling utf8.Valid costs more than
// this. It looks beyond end, so that a text of up to 8 bytes is one load.
func shortASCII(b []byte, at, end int) bool {
	if at+8 > len(b) {
		return false
	}
	w := binary.LittleEndian.Uint64(b[at : at+8 : at+8])
	if n := end - at; n <= 8 {
		return w<<((64-8*uint(n))&63)&highBits == 0 // an empty text is a shift by 0, and may say no
	} else if n <= 16 {
		return (w|binary.LittleEndian.Uint64(b[end-8:end:end]))&highBits == 0
	}
	return false
}

// validText reports whether b[at:end] is valid UTF-8.
func validText(b []byte, at, end int) bool {
	return shortASCII(b, at, end) || utf8.Valid(b[at:end])
}
