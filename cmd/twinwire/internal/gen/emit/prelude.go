package emit

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// The pieces of code that do not depend on the contract. A file has those that
// it uses, so that it needs nothing but public packages.
//
//go:embed prelude/*.txt
var pieces embed.FS

// piecesOf lists what each piece needs besides.
func piecesOf(name string) []string {
	switch name {
	case "slice", "array", "map":
		return []string{"base", "change", "operations"}
	case "bytes":
		return []string{"base", "operations"}
	case "codec", "binary", "text":
		return []string{"hook"}
	case "plain":
		return []string{"hook"}
	case "change", "operations", "any":
		return nil
	case "base":
		return nil
	}
	return []string{"base"}
}

// need has a piece written.
func (f *file) need(name string) {
	if f.once("piece " + name) {
		for _, other := range piecesOf(name) {
			f.need(other)
		}
		f.prelude = append(f.prelude, name)
	}
}

// preludes returns the pieces, those that others build on first, and notes what
// they declare and import. The first line of each says what it imports; the
// rest is formatted already.
func (f *file) preludes() string {
	slices.Sort(f.prelude)
	if i := slices.Index(f.prelude, "base"); i > 0 {
		f.prelude = slices.Insert(slices.Delete(f.prelude, i, i+1), 0, "base")
	}
	var out strings.Builder
	for _, name := range f.prelude {
		text, err := pieces.ReadFile("prelude/" + name + ".txt")
		if err != nil {
			panic(fmt.Sprintf("no piece %s: %v", name, err))
		}
		uses, code, _ := strings.Cut(string(text), "\n")
		for _, lib := range strings.Fields(uses)[1:] {
			if lib == "utf8" {
				f.use("unicode/utf8", "utf8")
			} else {
				f.lib(lib)
			}
		}
		for line := range strings.SplitSeq(code, "\n") {
			f.declareLine(line)
		}
		out.WriteString(code)
	}
	return out.String()
}

// declareLine notes the name that a line of a piece declares: a function, a
// type or a constant in a list of them.
func (f *file) declareLine(line string) {
	for _, before := range []string{"func tw", "type tw", "\ttw"} {
		if rest, ok := strings.CutPrefix(line, before); ok {
			end := strings.IndexFunc(rest, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
			if end < 0 {
				end = len(rest)
			}
			if before != "\ttw" || end == len(rest) || strings.Contains(rest, "= iota") {
				f.declare("tw" + rest[:end])
			}
		}
	}
}
