package emit

import (
	"fmt"
	"go/types"
	"strings"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/model"
)

// conv converts expr to the basic type want unless it is of that type.
func conv(t *model.Type, want, expr string) string {
	if basic, ok := types.Unalias(t.Go).(*types.Basic); ok && (basic.Name() == want || want == "uint8" && basic.Name() == "byte" || want == "int32" && basic.Name() == "rune") {
		return expr
	}
	return want + "(" + expr + ")"
}

// byFunction reports whether the type has functions of its own for its codec:
// structs without methods, and named types that may contain themselves.
func byFunction(t *model.Type) bool {
	switch t.Kind {
	case model.Struct:
		return !t.Local
	case model.Slice, model.Array, model.Map, model.Pointer:
		return t.Named()
	}
	return false
}

// append writes statements that append expr, which has an address, to b. They
// may return b and an error.
func (f *file) append(t *model.Type, expr string, depth int) {
	codec := f.lib("codec")
	switch {
	case byFunction(t):
		f.needCodec(t)
		f.p("if b, err = twAppend%s(b, %s); err != nil {\nreturn b, err\n}", t.ID, address(expr))
		return
	case t.Kind == model.Struct:
		f.needCodec(t)
		f.p("if b, err = %s.AppendMsgpack(b); err != nil {\nreturn b, err\n}", expr)
		return
	}
	switch t.Kind {
	case model.Bool:
		f.p("b = %s.AppendBool(b, %s)", codec, conv(t, "bool", expr))
	case model.Int:
		f.p("b = %s.AppendInt(b, %s)", codec, conv(t, "int64", expr))
	case model.Uint:
		f.p("b = %s.AppendUint(b, %s)", codec, conv(t, "uint64", expr))
	case model.Float:
		f.p("b = %s.AppendFloat%d(b, %s)", codec, t.Bits, conv(t, fmt.Sprintf("float%d", t.Bits), expr))
	case model.String:
		f.p("b = %s.AppendString(b, %s)", codec, conv(t, "string", expr))
	case model.Bytes:
		f.p("b = %s.AppendBytes(b, %s)", codec, expr)
	case model.ByteArray:
		f.p("b = %s.AppendBytes(b, %s[:])", codec, expr)
	case model.Time:
		f.p("b = %s.AppendTime(b, %s)", codec, expr)
	case model.Codec:
		f.unlessNil(t, expr, func() {
			f.p("if b, err = %s.AppendMsgpack(b); err != nil {\nreturn b, err\n}", expr)
		})
	case model.Binary, model.Text:
		f.unlessNil(t, expr, func() {
			f.p("{\ndata, err := %s.Marshal%s()\nif err != nil {\nreturn b, err\n}", expr, hookName(t))
			f.p("b = %s.AppendBytes(b, data)\n}", codec)
		})
	case model.Any:
		f.p("if b, err = %s.AppendAny(b, %s); err != nil {\nreturn b, err\n}", codec, expr)
	default:
		f.appendContainer(t, expr, depth)
	}
}

func hookName(t *model.Type) string {
	if t.Kind == model.Binary {
		return "Binary"
	}
	return "Text"
}

// unlessNil writes nil for a value with methods that is nil.
func (f *file) unlessNil(t *model.Type, expr string, otherwise func()) {
	switch t.Go.Underlying().(type) {
	case *types.Slice, *types.Map, *types.Pointer:
		f.p("if %s == nil {\nb = %s.AppendNil(b)\n} else {", expr, f.lib("codec"))
		otherwise()
		f.p("}")
	default:
		otherwise()
	}
}

// appendContainer is append for slices, arrays, maps and pointers.
func (f *file) appendContainer(t *model.Type, expr string, depth int) {
	codec := f.lib("codec")
	if isStrings(t) {
		f.p("b = %s.AppendStrings(b, %s)", codec, expr)
		return
	}
	switch t.Kind {
	case model.Slice, model.Map, model.Pointer:
		f.p("if %s == nil {\nb = %s.AppendNil(b)\n} else {", expr, codec)
		defer f.p("}")
	}
	switch t.Kind {
	case model.Slice, model.Array:
		i := fmt.Sprintf("i%d", depth)
		f.p("b = %s.AppendArrayHeader(b, len(%s))", codec, expr)
		f.p("for %s := range %s {", i, expr)
		f.append(t.Elem, index(expr, i), depth+1)
		f.p("}")
	case model.Map:
		k, e := fmt.Sprintf("k%d", depth), fmt.Sprintf("e%d", depth)
		f.p("b = %s.AppendMapHeader(b, len(%s))", codec, expr)
		f.p("for %s, %s := range %s {", k, e, expr)
		f.append(t.Key, k, depth+1)
		f.append(t.Elem, e, depth+1)
		f.p("}")
	case model.StateSlice:
		e := fmt.Sprintf("e%d", depth)
		f.p("b = %s.AppendArrayHeader(b, %s.Len())", codec, expr)
		f.p("for _, %s := range %s.All() {", e, expr)
		f.append(t.Elem, e, depth+1)
		f.p("}")
	case model.StateMap:
		k, e := fmt.Sprintf("k%d", depth), fmt.Sprintf("e%d", depth)
		f.p("b = %s.AppendMapHeader(b, %s.Len())", codec, expr)
		f.p("for %s, %s := range %s.All() {", k, e, expr)
		f.append(t.Key, k, depth+1)
		f.append(t.Elem, e, depth+1)
		f.p("}")
	case model.Pointer:
		f.append(t.Elem, "(*"+expr+")", depth+1)
	}
}

// address returns a pointer to expr, which may be one that is followed.
func address(expr string) string {
	if inner, ok := strings.CutPrefix(expr, "(*"); ok && strings.HasSuffix(inner, ")") {
		return strings.TrimSuffix(inner, ")")
	}
	return "&" + expr
}

// index returns an element of expr.
func index(expr, i string) string { return expr + "[" + i + "]" }

// isStrings reports whether t is a slice of plain strings.
func isStrings(t *model.Type) bool {
	if t.Kind != model.Slice || t.Elem.Kind != model.String {
		return false
	}
	_, ok := types.Unalias(t.Elem.Go).(*types.Basic)
	return ok
}

// appendFields writes the body of a function that appends the fields of the
// struct v.
func (f *file) appendFields(fields []*model.Field, v string) {
	omit := false
	for _, one := range fields {
		omit = omit || one.OmitEmpty && f.empty(one.Type, v+one.Path) != ""
	}
	if len(fields) == 0 {
		f.p(`b = append(b, "\x80"...)`)
		return
	}
	if omit {
		f.p("n := %d", len(fields))
		for _, one := range fields {
			if cond := f.empty(one.Type, v+one.Path); one.OmitEmpty && cond != "" {
				f.p("if %s {\nn--\n}", cond)
			}
		}
		f.p("b = %s.AppendMapHeader(b, n)", f.lib("codec"))
	}
	for i, one := range fields {
		name := nameBytes(one.Wire)
		if i == 0 && !omit {
			name = headed(len(fields), one.Wire)
		}
		cond := ""
		if one.OmitEmpty {
			cond = f.empty(one.Type, v+one.Path)
		}
		if cond != "" {
			f.p("if %s {", not(cond))
		}
		f.p("b = append(b, %s...)", literal(name))
		f.append(one.Type, v+one.Path, 0)
		if cond != "" {
			f.p("}")
		}
	}
}

// not negates a condition that empty returned.
func not(cond string) string {
	if left, right, ok := strings.Cut(cond, " == "); ok && !strings.ContainsAny(cond, "&|") {
		return left + " != " + right
	}
	if strings.HasPrefix(cond, "!") {
		return cond[1:]
	}
	return "!" + cond
}

// empty returns the condition under which omitempty leaves expr out, and ""
// if it never does, as for structs without a method IsZero.
func (f *file) empty(t *model.Type, expr string) string {
	if t.IsZero && t.Kind != model.Pointer && t.Kind != model.Any {
		return expr + ".IsZero()"
	}
	return f.emptyKind(t, expr)
}

func (f *file) emptyKind(t *model.Type, expr string) string {
	if t.Kind == model.StateMap || t.Kind == model.StateSlice {
		return expr + ".Len() == 0"
	}
	switch u := t.Go.Underlying().(type) {
	case *types.Basic:
		switch {
		case u.Info()&types.IsBoolean != 0:
			return "!" + expr
		case u.Info()&types.IsString != 0:
			return "len(" + expr + ") == 0"
		case u.Info()&types.IsFloat != 0:
			return fmt.Sprintf("%s.Float64bits(float64(%s)) == 0", f.lib("math"), expr)
		}
		return expr + " == 0"
	case *types.Slice, *types.Map:
		return "len(" + expr + ") == 0"
	case *types.Array:
		if u.Len() == 0 {
			return "len(" + expr + ") == 0"
		}
	case *types.Pointer, *types.Interface:
		return expr + " == nil"
	}
	return ""
}
