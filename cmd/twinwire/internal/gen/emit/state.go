package emit

import (
	"fmt"
	"go/types"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/model"
)

// state writes the schema of a state.
func (f *file) state(s *model.State) {
	state, lib := f.lib("state"), f.lib("node")
	root := f.declare("tw" + s.Name + "Root")
	f.p("\n// %s returns what is to be known about %s to keep copies of it in step.", f.declare(s.Name+"Schema"), s.Name)
	f.p("func %sSchema() %s.Schema[%s] { return %s.Schema[%s, %s]{} }", s.Name, state, s.Name, lib, s.Name, root)
	f.p("\n// %s is the node of a state, with the table of the structs in it.", root)
	f.p("type %s struct{ %s }", root, f.node(s.Type))

	order := structsOf(s.Type)
	f.p("\nfunc (%s) Table() %s.Table {\nreturn %s.Table{", root, state, state)
	for _, t := range order {
		f.p("{")
		for _, one := range t.Fields {
			f.p("{Name: %q, Type: %d},", one.Wire, number(order, one.Type))
		}
		f.p("},")
	}
	f.p("}\n}")
	f.findField(root, order)
	for len(f.nodes) > 0 {
		t := f.nodes[0]
		f.nodes = f.nodes[1:]
		f.structNode(t)
	}
}

// findField writes the method that finds a field by its name.
func (f *file) findField(root string, order []*model.Type) {
	f.p("\nfunc (%s) Find(own int, name string) (field, leaf int) {\nswitch own {", root)
	for i, t := range order {
		if len(t.Fields) == 0 {
			continue
		}
		f.p("case %d:\nswitch name {", i)
		for j, one := range t.Fields {
			names := fmt.Sprintf("%q", one.Wire)
			if one.Alias != "" {
				names += fmt.Sprintf(", %q", one.Alias)
			}
			f.p("case %s:\nreturn %d, %d", names, j, number(order, one.Type))
		}
		f.p("}")
	}
	f.p("}\nreturn -1, -1\n}")
}

// structsOf lists the structs that deltas of t address, in the order of the
// table.
func structsOf(t *model.Type) []*model.Type {
	var order []*model.Type
	seen := make(map[*model.Type]bool)
	var visit func(t *model.Type)
	visit = func(t *model.Type) {
		if t = leafOf(t); t == nil || seen[t] {
			return
		}
		seen[t] = true
		order = append(order, t)
		for _, one := range t.Fields {
			visit(one.Type)
		}
	}
	visit(t)
	return order
}

// leafOf returns the struct that is left when pointers, slices, arrays and maps
// are taken off, or nil.
func leafOf(t *model.Type) *model.Type {
	for t != nil && !t.HasFields {
		t = t.Elem
	}
	return t
}

func number(order []*model.Type, t *model.Type) int {
	leaf := leafOf(t)
	for i, s := range order {
		if s == leaf {
			return i
		}
	}
	return -1
}

// node returns the type of the node of t.
func (f *file) node(t *model.Type) string {
	if t.HasFields {
		if f.once("node " + t.ID) {
			f.nodes = append(f.nodes, t)
		}
		return "tw" + t.ID + "Node"
	}
	lib := f.lib("node")
	if t.Kind == model.Time {
		return lib + ".Time"
	}
	name := f.typ(t.Go)
	switch t.Kind {
	case model.String:
		return fmt.Sprintf("%s.String[%s]", lib, name)
	case model.Bool, model.Int, model.Uint, model.Float:
		scalar, _ := method(t)
		return fmt.Sprintf("%s.%s[%s]", lib, scalar, name)
	case model.Bytes:
		return fmt.Sprintf("%s.Bytes[%s]", lib, name)
	case model.ByteArray:
		return fmt.Sprintf("%s.ByteArray[%s, %s]", lib, name, f.lender(t, "byte"))
	case model.Slice:
		return fmt.Sprintf("%s.Slice[%s, %s, %s]", lib, name, f.typ(t.Elem.Go), f.node(t.Elem))
	case model.Array:
		elem := f.typ(t.Elem.Go)
		return fmt.Sprintf("%s.Array[%s, %s, %s, %s]", lib, name, elem, f.node(t.Elem), f.lender(t, elem))
	case model.Map:
		return fmt.Sprintf("%s.Map[%s, %s, %s, %s, %s]", lib, name, f.typ(t.Key.Go), f.typ(t.Elem.Go), f.node(t.Key), f.node(t.Elem))
	case model.StateSlice:
		return fmt.Sprintf("%s.StateSlice[%s, %s]", lib, f.typ(t.Elem.Go), f.node(t.Elem))
	case model.StateMap:
		return fmt.Sprintf("%s.StateMap[%s, %s, %s, %s]", lib, f.typ(t.Key.Go), f.typ(t.Elem.Go), f.node(t.Key), f.node(t.Elem))
	case model.Pointer:
		return fmt.Sprintf("%s.Pointer[%s, %s, %s]", lib, name, f.typ(t.Elem.Go), f.node(t.Elem))
	case model.Codec, model.Binary, model.Text:
		hook := "Codec"
		if t.Kind != model.Codec {
			hook = hookName(t)
		}
		node := "Hook"
		if plain(t.Go) {
			node = "Plain"
		}
		return fmt.Sprintf("%s.%s[%s, %s.%s[%s, *%s]]", lib, node, name, lib, hook, name, name)
	}
	panic(fmt.Sprintf("type %s in a state", name))
}

// plain reports whether copies of a t share nothing that could be changed.
func plain(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Struct:
		for i := range u.NumFields() {
			if !plain(u.Field(i).Type()) {
				return false
			}
		}
		return true
	case *types.Array:
		return plain(u.Elem())
	case *types.Basic:
		return u.Kind() != types.UnsafePointer
	}
	return false
}

// lender has the type written that lends the elements of an array.
func (f *file) lender(t *model.Type, elem string) string {
	name := "tw" + t.ID + "Elements"
	if f.once("lender " + t.ID) {
		f.declare(name)
		f.later = append(f.later, fmt.Sprintf("\n// %s lends the elements of an array.\ntype %s struct{}\n\nfunc (%s) Of(v *%s) []%s { return v[:] }\n",
			name, name, name, f.typ(t.Go), elem))
	}
	return name
}
