package emit

import (
	"fmt"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/model"
)

// stateEmpty is empty for states, where structs and arrays with elements are
// always written: a reader who finds nothing has the same as one who finds the
// value.
func (f *file) stateEmpty(one *model.Field, v string) string {
	switch {
	case !one.OmitEmpty:
		return ""
	case one.Type.Kind == model.Time:
		return v + one.Path + ".IsZero()"
	}
	return f.emptyKind(one.Type, v+one.Path)
}

// structNode writes the node of a struct.
func (f *file) structNode(t *model.Type) {
	name, node := f.typ(t.Go), f.declare("tw"+t.ID+"Node")
	f.p("\n// A %s is a %s that is compared by its fields.", node, name)
	f.p("type %s struct{}", node)
	nodes := make([]string, len(t.Fields))
	for i, one := range t.Fields {
		nodes[i] = f.node(one.Type)
	}
	f.nodeWrite(t, node, name, nodes)
	f.nodeRead(t, node, name, nodes)

	f.p("\nfunc (%s) equal(x, y *%s) bool {", node, name)
	for i, one := range t.Fields {
		cond := fmt.Sprintf("!(%s{}).equal(&x%s, &y%s)", nodes[i], one.Path, one.Path)
		if x := f.stateEmpty(one, "x"); x != "" {
			cond = fmt.Sprintf("!(%s && %s) && %s", x, f.stateEmpty(one, "y"), cond)
		}
		f.p("if %s {\nreturn false\n}", cond)
	}
	f.p("return true\n}")

	f.p("\nfunc (%s) clone(dst, src *%s) {", node, name)
	for i, one := range t.Fields {
		f.p("%s{}.clone(&dst%s, &src%s)", nodes[i], one.Path, one.Path)
	}
	f.p("}")
	f.p("\nfunc (%s) patchable(_, _ *%s) bool { return true }", node, name)
	f.nodeItems(t, node, name, nodes)
	f.nodeApply(t, node, name, nodes)
}

func (f *file) nodeWrite(t *model.Type, node, name string, nodes []string) {
	codec := f.lib("codec")
	f.p("\nfunc (%s) write(w *twWriter, v *%s, levels int) {\nif !w.wade(levels) {\nreturn\n}", node, name)
	omit := false
	for _, one := range t.Fields {
		omit = omit || f.stateEmpty(one, "v") != ""
	}
	if omit {
		f.p("n := %d", len(t.Fields))
		for _, one := range t.Fields {
			if cond := f.stateEmpty(one, "v"); cond != "" {
				f.p("if %s {\nn--\n}", cond)
			}
		}
		f.p("w.b = %s.AppendMapHeader(w.b, n)", codec)
	}
	if len(t.Fields) == 0 {
		f.p(`w.b = append(w.b, "\x80"...)`)
	}
	for i, one := range t.Fields {
		lit := nameBytes(one.Wire)
		if i == 0 && !omit {
			lit = headed(len(t.Fields), one.Wire)
		}
		cond := f.stateEmpty(one, "v")
		if cond != "" {
			f.p("if %s {", not(cond))
		}
		f.p("w.b = append(w.b, %s...)", literal(lit))
		f.p("%s{}.write(w, &v%s, levels-1)", nodes[i], one.Path)
		f.p("if w.done() {\nw.at(%q)\nreturn\n}", one.Path)
		if cond != "" {
			f.p("}")
		}
	}
	f.p("}")
}

func (f *file) nodeRead(t *model.Type, node, name string, nodes []string) {
	f.p("\nfunc (%s) read(r *%s.Reader, v *%s) {", node, f.lib("codec"), name)
	f.p("for range r.MapHeader() {\nswitch string(r.MapKey()) {")
	for i, one := range t.Fields {
		names := fmt.Sprintf("%q", one.Wire)
		if one.Alias != "" {
			names += fmt.Sprintf(", %q", one.Alias)
		}
		f.p("case %s:", names)
		if !flat(one.Type) {
			f.p("v%s = %s", one.Path, f.zero(one.Type))
		}
		f.p("%s{}.read(r, &v%s)", nodes[i], one.Path)
	}
	f.p("default:\nr.Skip()\n}\n}\nr.Leave()\n}")
}

// nodeItems writes what appends the changes of the fields (clause S4).
func (f *file) nodeItems(t *model.Type, node, name string, nodes []string) {
	f.p("\nfunc (%s) items(w *twWriter, prev, next *%s, levels int) twSize {", node, name)
	f.p("size := twSize{parts: %d}", len(t.Fields))
	for i, one := range t.Fields {
		cond := f.stateEmpty(one, "prev")
		if cond != "" {
			f.p("if !(%s && %s) {", cond, f.stateEmpty(one, "next"))
		}
		f.p("twField(w, &size, %d, %s{}, &prev%s, &next%s, levels)", i, nodes[i], one.Path, one.Path)
		f.p("if w.err != nil {\nw.at(%q)\nreturn size\n}", one.Path)
		if cond != "" {
			f.p("}")
		}
	}
	f.p("return size\n}")
}

// nodeApply writes what carries out a patch.
func (f *file) nodeApply(t *model.Type, node, name string, nodes []string) {
	codec := f.lib("codec")
	f.p("\nfunc (n %s) apply(r *%s.Reader, v *%s, b *twBinding, count int) {", node, codec, name)
	f.p("last := -1\nfor count > 0 && r.Err() == nil {\ncount -= n.item(r, v, b, count, &last)\n}\n}")
	f.p("\nfunc (%s) applyOne(r *%s.Reader, _ *%s, _ uint32) {", node, codec, name)
	f.p("r.Fail(%s.ErrRange, \"operation that fits the field\")\n}", codec)
	f.p("\n// item carries out the change of one field and returns how many values it is.")
	f.p("func (%s) item(r *%s.Reader, v *%s, b *twBinding, count int, last *int) int {", node, codec, name)
	if len(t.Fields) == 0 {
		f.p("_, _, _, values := twTag(r, b, count, last)\nreturn values\n}")
		return
	}
	f.p("own, leaf, op, values := twTag(r, b, count, last)\nswitch own {")
	for i, one := range t.Fields {
		f.p("case %d:\ntwApply(r, %s{}, &v%s, leaf, op)", i, nodes[i], one.Path)
	}
	f.p("}\nreturn values\n}")
}
