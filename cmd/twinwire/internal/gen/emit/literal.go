package emit

import (
	"fmt"
	"strings"

	"github.com/twinwire/twinwire/codec"
)

// literal returns MessagePack bytes as a string literal that shows the names
// in it.
func literal(b []byte) string {
	var s strings.Builder
	s.WriteByte('"')
	for _, c := range b {
		switch {
		case c == '"' || c == '\\':
			s.WriteByte('\\')
			s.WriteByte(c)
		case c < 0x20 || c >= 0x7f:
			fmt.Fprintf(&s, `\x%02x`, c)
		default:
			s.WriteByte(c)
		}
	}
	s.WriteByte('"')
	return s.String()
}

func nameBytes(name string) []byte { return codec.AppendString(nil, name) }

// headed returns the header of a map of n entries and the name of the first.
func headed(n int, first string) []byte {
	return codec.AppendString(codec.AppendMapHeader(nil, n), first)
}
