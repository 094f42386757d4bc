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
	f.p("type %s struct{ %s.Fields[%s] }", node, f.lib("node"), name)
	nodes := make([]string, len(t.Fields))
	for i, one := range t.Fields {
		nodes[i] = f.node(one.Type)
	}
	f.nodeWrite(t, node, name, nodes)
	f.nodeRead(t, node, name, nodes)

	f.p("\nfunc (%s) Equal(x, y *%s) bool {", node, name)
	for i, one := range t.Fields {
		cond := fmt.Sprintf("!(%s{}).Equal(&x%s, &y%s)", nodes[i], one.Path, one.Path)
		if x := f.stateEmpty(one, "x"); x != "" {
			cond = fmt.Sprintf("!(%s && %s) && %s", x, f.stateEmpty(one, "y"), cond)
		}
		f.p("if %s {\nreturn false\n}", cond)
	}
	f.p("return true\n}")

	f.p("\nfunc (%s) Clone(dst, src *%s) {", node, name)
	for i, one := range t.Fields {
		f.p("%s{}.Clone(&dst%s, &src%s)", nodes[i], one.Path, one.Path)
	}
	f.p("}")
	f.nodeItems(t, node, name, nodes)
	f.nodeApply(t, node, name, nodes)
}

func (f *file) nodeWrite(t *model.Type, node, name string, nodes []string) {
	codec := f.lib("codec")
	f.p("\nfunc (%s) Write(w *%s.Writer, v *%s, levels int) {\nif !w.Enter(levels) {\nreturn\n}", node, f.lib("node"), name)
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
		f.p("w.B = %s.AppendMapHeader(w.B, n)", codec)
	}
	if len(t.Fields) == 0 {
		f.p(`w.B = append(w.B, "\x80"...)`)
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
		f.p("w.B = append(w.B, %s...)", literal(lit))
		f.p("%s{}.Write(w, &v%s, levels-1)", nodes[i], one.Path)
		f.p("if w.DoneAt(%q) {\nreturn\n}", one.Path)
		if cond != "" {
			f.p("}")
		}
	}
	f.p("}")
}

func (f *file) nodeRead(t *model.Type, node, name string, nodes []string) {
	f.p("\nfunc (%s) Read(r *%s.Reader, v *%s) {", node, f.lib("codec"), name)
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
		f.p("%s{}.Read(r, &v%s)", nodes[i], one.Path)
	}
	f.p("default:\nr.Skip()\n}\n}\nr.Leave()\n}")
}

// nodeItems writes what appends the changes of the fields (clause S4).
func (f *file) nodeItems(t *model.Type, node, name string, nodes []string) {
	lib := f.lib("node")
	f.p("\nfunc (%s) Items(w *%s.Writer, prev, next *%s, levels int) %s.Size {", node, lib, name, lib)
	f.p("size := %s.Size{Parts: %d}", lib, len(t.Fields))
	for i, one := range t.Fields {
		cond := f.stateEmpty(one, "prev")
		if cond != "" {
			f.p("if !(%s && %s) {", cond, f.stateEmpty(one, "next"))
		}
		f.p("if !%s.WriteField(w, &size, %d, %q, %s{}, &prev%s, &next%s, levels) {\nreturn size\n}", lib, i, one.Path, nodes[i], one.Path, one.Path)
		if cond != "" {
			f.p("}")
		}
	}
	f.p("return size\n}")
}

// nodeApply writes what carries out a patch.
func (f *file) nodeApply(t *model.Type, node, name string, nodes []string) {
	codec, lib := f.lib("codec"), f.lib("node")
	f.p("\nfunc (n %s) Apply(r *%s.Reader, v *%s, b *%s.Binding, count int) {", node, codec, name, lib)
	f.p("last := -1\nfor values := 0; count > 0 && r.Err() == nil; count -= values {")
	f.p("values, last = n.Item(r, v, b, count, last)\n}\n}")
	f.p("\nfunc (%s) Item(r *%s.Reader, v *%s, b *%s.Binding, count, last int) (values, theirs int) {", node, codec, name, lib)
	f.p("tag := %s.ReadTag(r, b, count, last)", lib)
	if len(t.Fields) > 0 {
		f.p("switch tag.Own {")
		for i, one := range t.Fields {
			f.p("case %d:\n%s.ReadField(r, %s{}, &v%s, tag.What)", i, lib, nodes[i], one.Path)
		}
		f.p("}")
	}
	f.p("return tag.Values, tag.Theirs\n}")
}
