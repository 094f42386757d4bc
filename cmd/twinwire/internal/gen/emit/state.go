package emit

import (
	"fmt"
	"go/types"
	"strings"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/model"
)

// state writes the schema of a state.
func (f *file) state(s *model.State) {
	f.need("base")
	codec, state := f.lib("codec"), f.lib("state")
	schema, find := "tw"+s.Name+"Schema", "tw"+s.Name+"Field"
	f.p("\n// %s returns what is to be known about %s to keep copies of it in step.", f.declare(s.Name+"Schema"), s.Name)
	f.p("func %sSchema() %s.Schema[%s] { return %s{} }", s.Name, state, s.Name, schema)
	f.p("\n// %s implements %s.Schema.", schema, state)
	f.p("type %s struct{}", f.declare(schema))

	order := structsOf(s.Type)
	f.p("\nfunc (%s) AppendTable(b []byte) []byte {\nreturn %s.AppendTable(b, %s.Table{", schema, state, state)
	for _, t := range order {
		f.p("{")
		for _, one := range t.Fields {
			f.p("{Name: %q, Type: %d},", one.Wire, number(order, one.Type))
		}
		f.p("},")
	}
	f.p("})\n}")
	node := f.node(s.Type)
	f.p(`
func (%[1]s) AppendValue(b []byte, v *%[2]s) ([]byte, error) {
	w := twWriter{b: b}
	%[3]s{}.write(&w, v, 32)
	if w.err != nil {
		return b, w.err
	}
	return w.b, nil
}

func (%[1]s) AppendDelta(b []byte, prev, next *%[2]s) ([]byte, error) {
	w := twWriter{b: b}
	%[3]s{}.items(&w, prev, next, 31)
	if w.err != nil {
		return b, w.err
	}
	return w.b, nil
}

func (%[1]s) Clone(v *%[2]s) (c %[2]s) {
	%[3]s{}.clone(&c, v)
	return c
}

func (%[1]s) ReadTable(r *%[4]s.Reader) (%[5]s.Decoder[%[2]s], error) {
	table := %[5]s.ReadTable(r)
	if err := r.Err(); err != nil {
		return nil, err
	}
	return tw%[2]sDecoder{twBind(table, 0, 0, %[6]s, make(map[[2]int]*twBinding))}, nil
}

// tw%[2]sDecoder implements %[5]s.Decoder.
type tw%[2]sDecoder struct{ binding *twBinding }

func (tw%[2]sDecoder) ReadValue(r *%[4]s.Reader, v *%[2]s) error {
	%[3]s{}.read(r, v)
	return r.Err()
}

func (d tw%[2]sDecoder) ApplyDelta(r *%[4]s.Reader, v *%[2]s) error {
	last := -1
	for r.Remaining() > 0 {
		%[3]s{}.item(r, v, d.binding, r.Remaining(), &last)
	}
	return r.Err()
}`, schema, s.Name, node, codec, state, find)
	f.declare("tw" + s.Name + "Decoder")
	f.findField(f.declare(find), order)
	for len(f.nodes) > 0 {
		t := f.nodes[0]
		f.nodes = f.nodes[1:]
		f.structNode(t)
	}
}

// findField writes the function that finds a field by its name.
func (f *file) findField(name string, order []*model.Type) {
	f.p("\n// %s finds a field of a struct of the table, and the struct in it.", name)
	f.p("func %s(own int, name string) (field, leaf int) {\nswitch own {", name)
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
	name := f.typ(t.Go)
	if t.HasFields {
		if f.once("node " + t.ID) {
			f.nodes = append(f.nodes, t)
		}
		return "tw" + t.ID + "Node"
	}
	switch t.Kind {
	case model.Time:
		f.need("time")
		return "twTime"
	case model.String:
		f.need("string")
		return "twString[" + name + "]"
	case model.Bool, model.Int, model.Uint, model.Float:
		return f.scalarNode(t) + "[" + name + "]"
	case model.Bytes:
		f.need("bytes")
		return "twBytes[" + name + "]"
	case model.ByteArray:
		f.need("bytearray")
		return fmt.Sprintf("twByteArray[%s, %s]", name, f.lender(t, "byte"))
	case model.Slice:
		f.need("slice")
		return fmt.Sprintf("twSlice[%s, %s, %s]", name, f.typ(t.Elem.Go), f.node(t.Elem))
	case model.Array:
		f.need("array")
		elem := f.typ(t.Elem.Go)
		return fmt.Sprintf("twArray[%s, %s, %s, %s]", name, elem, f.node(t.Elem), f.lender(t, elem))
	case model.Map:
		f.need("map")
		return fmt.Sprintf("twMap[%s, %s, %s, %s, %s]", name, f.typ(t.Key.Go), f.typ(t.Elem.Go), f.node(t.Key), f.node(t.Elem))
	case model.Pointer:
		f.need("pointer")
		return fmt.Sprintf("twPointer[%s, %s, %s]", name, f.typ(t.Elem.Go), f.node(t.Elem))
	case model.Codec, model.Binary, model.Text:
		return f.hookNode(t, name)
	}
	panic(fmt.Sprintf("type %s in a state", name))
}

func (f *file) hookNode(t *model.Type, name string) string {
	hook := "Codec"
	if t.Kind != model.Codec {
		hook = hookName(t)
	}
	f.need(strings.ToLower(hook))
	node := "twHook"
	if plain(t.Go) {
		f.need("plain")
		node = "twPlain"
	}
	return fmt.Sprintf("%s[%s, tw%s[%s, *%s]]", node, name, hook, name, name)
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
		f.later = append(f.later, fmt.Sprintf("\n// %s lends the elements of an array.\ntype %s struct{}\n\nfunc (%s) of(v *%s) []%s { return v[:] }\n",
			name, name, name, f.typ(t.Go), elem))
	}
	return name
}

// scalarNode has the node of a bool or a number written.
func (f *file) scalarNode(t *model.Type) string {
	read, typ := method(t)
	name := "tw" + read
	if !f.once("scalar " + name) {
		return name
	}
	f.declare(name)
	codec := f.lib("codec")
	write := map[string]string{"bool": "AppendBool(w.b, bool(*v))", "float32": "AppendFloat32(w.b, float32(*v))", "float64": "AppendFloat64(w.b, float64(*v))"}[typ]
	equal := "*x == *y"
	switch t.Kind {
	case model.Int:
		write = "AppendInt(w.b, int64(*v))"
	case model.Uint:
		write = "AppendUint(w.b, uint64(*v))"
	case model.Float:
		math := f.lib("math")
		equal = fmt.Sprintf("%s.Float64bits(float64(*x)) == %s.Float64bits(float64(*y)) || *x != *x && *y != *y", math, math)
	}
	f.later = append(f.later, fmt.Sprintf(`
// %[1]s is a %[2]s.
type %[1]s[T ~%[2]s] struct{}

func (%[1]s[T]) write(w *twWriter, v *T, _ int) { w.b = %[3]s.%[4]s }
func (%[1]s[T]) read(r *%[3]s.Reader, v *T) { *v = T(r.%[5]s()) }
func (%[1]s[T]) equal(x, y *T) bool { return %[6]s }
func (%[1]s[T]) clone(dst, src *T) { *dst = *src }
`, name, typ, codec, write, read, equal))
	return name
}
