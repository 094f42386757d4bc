package model

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// A directive is a comment such as //twinwire:service state=State.
type directive struct {
	name string
	args map[string]string
	pos  token.Pos
}

const prefix = "//twinwire:"

// Directives and the arguments that each takes, by what they stand on.
func onType() map[string][]string {
	return map[string][]string{"service": {"name", "state", "events"}, "state": nil, "events": {"name"}, "codec": nil}
}

func onMethod() map[string][]string {
	return map[string][]string{"oneway": nil, "idempotent": nil, "unordered": nil, "any": nil}
}

func onField() map[string][]string { return map[string][]string{"any": nil} }

// directives returns those in comments. What is not known, or has no place
// there, is a problem.
func (b *builder) directives(known map[string][]string, groups ...*ast.CommentGroup) []directive {
	var list []directive
	for _, group := range groups {
		if group == nil {
			continue
		}
		for _, c := range group.List {
			rest, ok := strings.CutPrefix(c.Text, prefix)
			if !ok {
				continue
			}
			b.placed[c.Pos()] = true
			words := strings.Fields(rest)
			if len(words) == 0 {
				b.problem(c.Pos(), "directive without a name: write one of %s", names(known))
				continue
			}
			d := directive{name: words[0], pos: c.Pos(), args: make(map[string]string)}
			args, ok := known[d.name]
			if !ok {
				b.problem(c.Pos(), "directive %s%s is not known here: known are %s", prefix, d.name, names(known))
				continue
			}
			for _, w := range words[1:] {
				key, value, ok := strings.Cut(w, "=")
				if !ok || value == "" || !slices.Contains(args, key) {
					b.problem(c.Pos(), "directive %s%s does not take %q: it takes %s", prefix, d.name, w, described(args))
					continue
				}
				d.args[key] = value
			}
			list = append(list, d)
		}
	}
	return list
}

// stray reports directives that stand where nobody looks for them.
func (b *builder) stray(file *ast.File) {
	for _, group := range file.Comments {
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, prefix) && !b.placed[c.Pos()] {
				b.problem(c.Pos(), "directive stands on nothing: put it directly above the type, the method or the field that it is for")
			}
		}
	}
}

func names(known map[string][]string) string {
	var list []string
	for name := range known {
		list = append(list, prefix+name)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func described(args []string) string {
	if len(args) == 0 {
		return "nothing"
	}
	return strings.Join(args, "=, ") + "="
}
