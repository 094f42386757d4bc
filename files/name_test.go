package files_test

import (
	"strings"
	"testing"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/files"
)

var badNames = []string{
	"", ".", "..", "../x", "a/..", "a/../../b", "a/./b", "./a", "a//b", "a/", "/", "/etc/x", "//x",
	`C:\x`, "C:x", "c:/x", `a\b`, `\\server\share`, "a\x00b", "a\nb", "a\x7f", "a\u0085", "a\xff", "\xed\xa0\x80",
	"CON", "con", "a/NUL", "nul.txt", "Com1", "com0.tar.gz", "lpt9 .x", "COM¹", "AUX", "prn.", "CONIN$", "conout$.x", "NUL:x",
	"a.", "a ", "a./b", "a /b", "...", "b/.. /c",
	strings.Repeat("a", 256), strings.Repeat("a/", 512) + "a", ".twinwire", ".twinwire/x", ".TwinWire/x",
}

var goodNames = []string{
	"a", ".a", "..a", "a..b", "a b", " a", "a/b/c.d", "-rf", "~", "*?", "12:30.log", "ü/日本.txt", "cons", "con1", "COM", "COM10", "LPTX", "x.CON",
	strings.Repeat("a", 255), strings.Repeat("a/", 511) + "ab", "a/.twinwire", "NULL", "auxiliary/con-text",
}

// Clause 13.3.
func TestCheckName(t *testing.T) {
	for _, name := range badNames {
		if err := files.CheckName(name); twinwire.CodeOf(err) != twinwire.BadRequest {
			t.Errorf("CheckName(%.40q) = %v", name, err)
		}
	}
	for _, name := range goodNames {
		if err := files.CheckName(name); err != nil {
			t.Errorf("CheckName(%.40q) = %v", name, err)
		}
	}
}

func FuzzCheckName(f *testing.F) {
	for _, name := range append(badNames, goodNames...) {
		f.Add(name)
	}
	r := root(f)
	f.Fuzz(func(t *testing.T, name string) {
		if files.CheckName(name) != nil {
			return
		}
		if _, err := r.Stat(name); err != nil && strings.Contains(err.Error(), "escapes") {
			t.Errorf("%q: %v", name, err)
		}
	})
}
