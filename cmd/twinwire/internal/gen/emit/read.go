package emit

import (
	"fmt"
	"go/types"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/model"
)

// method returns the method of a Reader for a number, and the type that it
// returns.
func method(t *model.Type) (name, result string) {
	bits := ""
	if t.Bits > 0 {
		bits = fmt.Sprint(t.Bits)
	}
	switch t.Kind {
	case model.Bool:
		return "Bool", "bool"
	case model.Int:
		return "Int" + bits, "int" + bits
	case model.Uint:
		return "Uint" + bits, "uint" + bits
	case model.Float:
		return "Float" + bits, "float" + bits
	case model.String:
		return "Str", "string"
	}
	return "", ""
}

// read writes statements that read the next value of r into lv, which has an
// address. They may return an error. Unless lv is known to be zero, what it
// holds does not show through.
func (f *file) read(t *model.Type, lv string, zero bool, depth int) {
	reset := func() {
		if !zero {
			f.p("%s = %s", lv, f.zero(t))
		}
	}
	switch {
	case byFunction(t):
		f.needCodec(t)
		reset()
		f.p("if err := twRead%s(r, %s); err != nil {\nreturn err\n}", t.ID, address(lv))
		return
	case t.Kind == model.Struct || t.Kind == model.Codec:
		f.needCodec(t)
		reset()
		f.p("if err := %s.ReadMsgpack(r); err != nil {\nreturn err\n}", lv)
		return
	}
	switch t.Kind {
	case model.Bool, model.Int, model.Uint, model.Float, model.String:
		f.p("%s = %s", lv, f.readScalar(t))
	case model.Bytes:
		f.p("%s = r.Bytes()", lv)
	case model.ByteArray:
		f.p("r.BytesInto(%s[:])", lv)
	case model.Time:
		f.p("%s = r.Time()", lv)
	case model.Binary, model.Text:
		reset()
		f.p("if !r.TryNil() {\ndata := r.Bytes()\nif r.Err() != nil {\nreturn r.Err()\n}")
		f.p("if err := %s.Unmarshal%s(data); err != nil {\nreturn err\n}\n}", lv, hookName(t))
	case model.Any:
		f.p("%s = r.Any()", lv)
	default:
		f.readContainer(t, lv, zero, depth)
	}
}

// readScalar returns an expression of the type t.
func (f *file) readScalar(t *model.Type) string {
	name, result := method(t)
	expr := "r." + name + "()"
	if to := f.typ(t.Go); conv(t, result, "") != "" {
		return to + "(" + expr + ")"
	}
	return expr
}

func (f *file) zero(t *model.Type) string {
	switch t.Go.Underlying().(type) {
	case *types.Struct, *types.Array:
		return f.typ(t.Go) + "{}"
	case *types.Slice, *types.Map, *types.Pointer, *types.Interface:
		return "nil"
	case *types.Basic:
		basic := t.Go.Underlying().(*types.Basic)
		switch {
		case basic.Info()&types.IsString != 0:
			return `""`
		case basic.Info()&types.IsBoolean != 0:
			return "false"
		}
	}
	return "0"
}

// readContainer is read for slices, arrays, maps and pointers.
func (f *file) readContainer(t *model.Type, lv string, zero bool, depth int) {
	codec := f.lib("codec")
	to := address(lv)
	switch t.Kind {
	case model.Slice:
		if t.Named() {
			to = fmt.Sprintf("(*[]%s)(%s)", f.typ(t.Elem.Go), to)
		}
		if isStrings(t) {
			f.p("%s.ReadStrings(r, %s)", codec, to)
			return
		}
		i := fmt.Sprintf("i%d", depth)
		f.p("if %s.ReadSlice(r, %s) {\nfor %s := range %s {", codec, to, i, lv)
		f.read(t.Elem, index(lv, i), true, depth+1)
		f.p("}\nr.Leave()\n}")
	case model.Array:
		if !zero && !flat(t.Elem) {
			f.p("%s = %s", lv, f.zero(t))
		}
		i := fmt.Sprintf("i%d", depth)
		f.p("if r.FixedArray(%d) {\nfor %s := range %s {", t.Len, i, lv)
		f.read(t.Elem, index(lv, i), true, depth+1)
		f.p("}\nr.Leave()\n}")
	case model.Map:
		if t.Named() {
			to = fmt.Sprintf("(*map[%s]%s)(%s)", f.typ(t.Key.Go), f.typ(t.Elem.Go), to)
		}
		n, k, e := fmt.Sprintf("n%d", depth), fmt.Sprintf("k%d", depth), fmt.Sprintf("e%d", depth)
		f.p("if %s, ok := %s.ReadMap(r, %s); ok {\nfor range %s {", n, codec, to, n)
		f.p("%s := %s", k, f.readScalar(t.Key))
		if name, _ := method(t.Elem); name != "" {
			f.p("%s = %s", index(lv, k), f.readScalar(t.Elem))
		} else {
			f.p("var %s %s", e, f.typ(t.Elem.Go))
			f.read(t.Elem, e, true, depth+1)
			f.p("%s = %s", index(lv, k), e)
		}
		f.p("}\nr.Leave()\n}")
	case model.StateSlice:
		s := fmt.Sprintf("s%d", depth)
		f.p("var %s []%s", s, f.typ(t.Elem.Go))
		f.readContainer(&model.Type{Kind: model.Slice, Go: types.NewSlice(t.Elem.Go), Elem: t.Elem}, s, true, depth+1)
		f.p("%s = %s.SliceOf(%s...)", lv, f.lib("state"), s)
	case model.StateMap:
		m := fmt.Sprintf("m%d", depth)
		f.p("var %s map[%s]%s", m, f.typ(t.Key.Go), f.typ(t.Elem.Go))
		f.readContainer(&model.Type{Kind: model.Map, Go: types.NewMap(t.Key.Go, t.Elem.Go), Key: t.Key, Elem: t.Elem}, m, true, depth+1)
		f.p("%s = %s.MapOf(%s)", lv, f.lib("state"), m)
	case model.Pointer:
		if t.Named() {
			to = fmt.Sprintf("(**%s)(%s)", f.typ(t.Elem.Go), to)
		}
		f.p("if %s.ReadPointer(r, %s) {", codec, to)
		f.read(t.Elem, "(*"+lv+")", true, depth+1)
		f.p("}")
	}
}

// flat reports whether reading into a t replaces all of it.
func flat(t *model.Type) bool {
	name, _ := method(t)
	return name != "" || t.Kind == model.Time || t.Kind == model.Bytes
}

// readFields writes the body of a function that reads the fields of the struct
// v.
func (f *file) readFields(fields []*model.Field, v string) {
	f.p("for range r.MapHeader() {\nswitch string(r.MapKey()) {")
	for _, one := range fields {
		names := fmt.Sprintf("%q", one.Wire)
		if one.Alias != "" {
			names += fmt.Sprintf(", %q", one.Alias)
		}
		f.p("case %s:", names)
		f.read(one.Type, v+one.Path, false, 0)
	}
	f.p("default:\nr.Skip()\n}\n}\nr.Leave()\nreturn r.Err()")
}
