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
	word string // of a directive that takes one
	pos  token.Pos
}

const prefix = "//twinwire:"

// A takes says what follows the name of a directive: any of the keys, each with
// a value, or one of the words.
type takes struct{ keys, words []string }

// Directives and what each takes, by what they stand on.
func onType() map[string]takes {
	return map[string]takes{
		"service": {keys: []string{"name", "state", "events"}},
		"state":   {},
		"events":  {keys: []string{"name"}},
		"codec":   {},
	}
}

func onMethod() map[string]takes {
	return map[string]takes{
		"oneway":     {},
		"idempotent": {},
		"unordered":  {},
		"any":        {},
		"priority":   {words: []string{"high", "normal", "low", "bulk"}},
	}
}

func onField() map[string]takes { return map[string]takes{"any": {}} }

// directives returns those in comments. What is not known, or has no place
// there, is a problem.
func (b *builder) directives(known map[string]takes, groups ...*ast.CommentGroup) []directive {
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
				switch {
				case ok && value != "" && slices.Contains(args.keys, key):
					d.args[key] = value
				case d.word == "" && slices.Contains(args.words, w):
					d.word = w
				default:
					b.problem(c.Pos(), "directive %s%s does not take %q: it takes %s", prefix, d.name, w, args)
				}
			}
			if args.words != nil && len(words) == 1 {
				b.problem(c.Pos(), "directive %s%s says nothing: it takes %s", prefix, d.name, args)
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

func names(known map[string]takes) string {
	var list []string
	for name := range known {
		list = append(list, prefix+name)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func (t takes) String() string {
	switch {
	case t.words != nil:
		return "one of " + strings.Join(t.words, ", ")
	case t.keys != nil:
		return strings.Join(t.keys, "=, ") + "="
	}
	return "nothing"
}
