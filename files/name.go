package files

import (
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/twinwire/twinwire"
)

// Bounds of names, in bytes (docs/protocol.md, clause 13.3).
const (
	maxName    = 1024
	maxElement = 255
)

// CheckName returns nil if a file may have this name, on any system (clause
// 13.3): a relative path whose elements are separated by slashes. The error is
// BadRequest and repeats nothing of the name.
//
// Refused are what is empty, absolute, begins with a drive letter or has an
// element that is empty, "." or ".."; backslashes, control characters and
// invalid UTF-8; elements that end in a dot or a space, or that Windows takes
// for a device, such as "con" and "NUL.txt"; elements over 255 bytes and names
// over 1,024; and what lies in the directory ".twinwire", where files wait that
// are not whole.
func CheckName(name string) error {
	bad := func(why string) error {
		return &twinwire.Error{Code: twinwire.BadRequest, Message: "name of a file " + why}
	}
	switch {
	case name == "":
		return bad("is empty")
	case len(name) > maxName:
		return bad("is too long")
	case !utf8.ValidString(name):
		return bad("is not valid UTF-8")
	case strings.ContainsFunc(name, unicode.IsControl):
		return bad("has a control character")
	case strings.Contains(name, `\`):
		return bad("has a backslash")
	case name[0] == '/':
		return bad("is absolute")
	case len(name) > 1 && name[1] == ':' && isLetter(name[0]):
		return bad("begins with a drive letter")
	}
	first := true
	for element := range strings.SplitSeq(name, "/") {
		switch {
		case element == "" || element == "." || element == "..":
			return bad("has an empty, . or .. element")
		case len(element) > maxElement:
			return bad("has an element that is too long")
		case element[len(element)-1] == '.' || element[len(element)-1] == ' ':
			return bad("has an element that ends in a dot or a space")
		case isDevice(element):
			return bad("is that of a device")
		case first && strings.EqualFold(element, partials):
			return bad("is in a directory that is reserved")
		}
		first = false
	}
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return bad("is not possible here")
	}
	return nil
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// isDevice reports whether Windows opens a device under this name, whatever
// its directory and its extension.
func isDevice(element string) bool {
	base, _, _ := strings.Cut(element, ".")
	base, _, _ = strings.Cut(base, ":")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	number, ok := strings.CutPrefix(base, "COM")
	if !ok {
		number, ok = strings.CutPrefix(base, "LPT")
	}
	return ok && utf8.RuneCountInString(number) == 1 && strings.Contains("0123456789¹²³", number)
}
