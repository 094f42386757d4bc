package emit

import (
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
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

// preludes writes the pieces, those that others build on first.
func (f *file) preludes() {
	slices.Sort(f.prelude)
	if i := slices.Index(f.prelude, "base"); i > 0 {
		f.prelude = slices.Insert(slices.Delete(f.prelude, i, i+1), 0, "base")
	}
	declared := regexp.MustCompile(`(?m)^(?:func|type) (\w+)|^\t(tw\w+)`)
	imported := regexp.MustCompile(`\b(codec|state|fmt|slices|maps|cmp|bytes|unsafe|encoding|time|utf8)\.[A-Z]`)
	for _, name := range f.prelude {
		text, err := pieces.ReadFile("prelude/" + name + ".txt")
		if err != nil {
			panic(fmt.Sprintf("no piece %s: %v", name, err))
		}
		for _, m := range declared.FindAllSubmatch(text, -1) {
			f.declare(string(m[1]) + string(m[2]))
		}
		for _, m := range imported.FindAllSubmatch(text, -1) {
			switch lib := string(m[1]); lib {
			case "utf8":
				f.use("unicode/utf8", "utf8")
			default:
				f.lib(lib)
			}
		}
		f.body.WriteString(strings.TrimRight(string(text), "\n") + "\n")
	}
}
