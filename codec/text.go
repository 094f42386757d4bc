package codec

import (
	"encoding/binary"
	"unicode/utf8"
)

// highBits are the bits that no byte of ASCII has.
const highBits = 0x8080808080808080

// shortASCII reports whether the first n bytes of b are surely ASCII, and may
// say no although they are. Names and most values are short, and calling
// utf8.Valid costs more than this. b may be longer than n, so that a text of up
// to 8 bytes is one load.
func shortASCII(b []byte, n int) bool {
	if len(b) < 8 {
		return false
	}
	w := binary.LittleEndian.Uint64(b)
	if n <= 8 {
		return w<<(64-8*uint(n))&highBits == 0
	}
	return n <= 16 && (w|binary.LittleEndian.Uint64(b[n-8:]))&highBits == 0
}

// validText reports whether the first n bytes of b are valid UTF-8.
func validText(b []byte, n int) bool {
	return shortASCII(b, n) || utf8.Valid(b[:n])
}
