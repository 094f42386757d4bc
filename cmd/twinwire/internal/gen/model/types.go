package model

import (
	"fmt"
	"go/token"
	"go/types"
	"strings"
)

// at says where a type is used: the nearest place in the package itself, and
// the way from there.
type at struct {
	pos      token.Pos
	way      string // such as "field Name of other.T: "
	anything bool   // any is meant here
}

func (b *builder) refuse(w at, t types.Type, format string, args ...any) {
	b.problem(w.pos, "%s%s %s", w.way, b.spell(t), fmt.Sprintf(format, args...))
}

// spell writes a type as the package would.
func (b *builder) spell(t types.Type) string {
	return types.TypeString(t, func(p *types.Package) string {
		if p == b.load.Types {
			return ""
		}
		return p.Name()
	})
}

// typeOf returns how a type is carried, and nil after a problem. Types that
// are identical are one Type, which a recursive type meets while it is made.
func (b *builder) typeOf(t types.Type, w at) *Type {
	t = types.Unalias(t)
	if known, ok := b.types.At(t).(*Type); ok {
		if known.Kind == Invalid {
			return nil // reported where it was met first
		}
		if known.Kind == Any && !w.anything {
			return b.any(t, w)
		}
		return known
	}
	typ := &Type{Go: t, ID: b.id(t)}
	if n, ok := t.(*types.Named); ok && !b.nameable(n, w) {
		return nil
	}
	typ.Kind = b.hook(t, w)
	generated := typ.Kind == Codec && b.generated(t)
	if typ.Kind != Invalid {
		typ.IsZero = hasIsZero(t)
	}
	b.types.Set(t, typ)
	switch {
	case typ.Kind == failed:
		typ.Kind = Invalid
	case typ.Kind == Invalid || generated:
		typ.IsZero = hasIsZero(t)
		b.byKind(typ, t, w, generated)
	}
	if typ.Kind == Invalid {
		if !b.reportedInside(t) {
			b.types.Delete(t) // so that each place where it is used is reported
		}
		return nil
	}
	return typ
}

// reportedInside reports whether the problems of t are those of its fields,
// which stand in the package.
func (b *builder) reportedInside(t types.Type) bool {
	n, ok := t.(*types.Named)
	if !ok || n.Obj().Pkg() != b.load.Types || n.TypeArgs() != nil {
		return false
	}
	u, ok := n.Underlying().(*types.Struct)
	return ok && u.NumFields() > 0
}

// failed is the kind of a type whose methods are a problem.
const failed Kind = -1

// nameable reports whether generated code can name n.
func (b *builder) nameable(n *types.Named, w at) bool {
	obj := n.Obj()
	if obj.Pkg() == nil || obj.Pkg() == b.load.Types || obj.Exported() {
		return true
	}
	b.refuse(w, n, "is an unexported type of another package: export it there, or copy it into a type of your own")
	return false
}

// byKind finds out how t is carried by what it is.
func (b *builder) byKind(typ *Type, t types.Type, w at, generated bool) {
	if streamKind(t) != "" {
		b.refuse(w, t, "stands for a stream, which belongs to a method: make it the last parameter or the result of one")
		return
	}
	if b.container(typ, t, w) {
		return
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		b.basic(typ, t, u, w)
	case *types.Pointer:
		b.pointer(typ, u, w)
	case *types.Slice:
		if isByte(u.Elem()) {
			typ.Kind = Bytes
			return
		}
		typ.Kind = Slice
		typ.Elem = b.element(u.Elem(), w)
	case *types.Array:
		typ.Len = u.Len()
		if isByte(u.Elem()) {
			typ.Kind = ByteArray
			return
		}
		typ.Kind = Array
		typ.Elem = b.element(u.Elem(), w)
	case *types.Map:
		b.mapOf(typ, u, w)
	case *types.Struct:
		if !generated {
			typ.Kind = Struct
		}
		typ.HasFields = true
		if n, ok := t.(*types.Named); ok {
			typ.Local = n.Obj().Pkg() == b.load.Types && n.TypeArgs() == nil
		}
		b.structOf(typ, t, u, w)
	case *types.Interface:
		b.any(t, w)
		if w.anything && u.Empty() {
			typ.Kind = Any
		}
	case *types.Chan:
		b.refuse(w, t, "is a channel, which cannot be carried: use a slice, or let the method take or return an iter.Seq2[T, error]")
	case *types.Signature:
		b.refuse(w, t, "is a function, which cannot be carried: let the peer serve a method")
	default:
		b.refuse(w, t, "cannot be carried: use a struct, or give it AppendMsgpack and ReadMsgpack")
	}
	if (typ.Kind == Slice || typ.Kind == Array) && typ.Elem == nil {
		typ.Kind = Invalid
	}
}

// any refuses interfaces, unless an empty one is meant.
func (b *builder) any(t types.Type, w at) *Type {
	u, ok := t.Underlying().(*types.Interface)
	switch {
	case !ok:
	case isInvalid(t):
	case u.Empty() && w.anything:
	case u.Empty():
		b.refuse(w, t, "holds whatever the peer sends: say that this is meant by %sany on the field or the method, or use codec.Raw or a type of your own", prefix)
	default:
		b.refuse(w, t, "is an interface, and nothing says which type to read: use a struct with a field for each, or give a type AppendMsgpack and ReadMsgpack")
	}
	return nil
}

func isInvalid(t types.Type) bool {
	basic, ok := t.(*types.Basic)
	return ok && basic.Kind() == types.Invalid
}

func (b *builder) basic(typ *Type, t types.Type, u *types.Basic, w at) {
	switch {
	case u.Kind() == types.Bool:
		typ.Kind = Bool
	case u.Kind() == types.String:
		typ.Kind = String
	case u.Kind() == types.Uintptr || u.Kind() == types.UnsafePointer:
		b.refuse(w, t, "is an address, which means nothing to a peer: use uint64 for a number")
	case u.Info()&types.IsInteger != 0:
		typ.Kind = Int
		if u.Info()&types.IsUnsigned != 0 {
			typ.Kind = Uint
		}
		fmt.Sscanf(strings.TrimLeft(u.Name(), "uint"), "%d", &typ.Bits)
		switch u.Kind() { // byte and rune
		case types.Uint8:
			typ.Bits = 8
		case types.Int32:
			typ.Bits = 32
		}
	case u.Info()&types.IsFloat != 0:
		typ.Kind = Float
		typ.Bits = 64
		if u.Kind() == types.Float32 {
			typ.Bits = 32
		}
	case u.Info()&types.IsComplex != 0:
		b.refuse(w, t, "is a complex number, which MessagePack does not have: use a struct of two floats")
	default:
		b.unknown(w)
	}
}

// unknown reports a type that the compiler does not know, in its words.
func (b *builder) unknown(w at) {
	line := b.load.Fset.Position(w.pos)
	found := false
	for _, e := range b.load.TypeErrors {
		if at := b.load.Fset.Position(e.Pos); at.Filename == line.Filename && at.Line == line.Line {
			b.problem(e.Pos, "%s%s: declare it, or import its package", w.way, e.Msg)
			found = true
		}
	}
	if found {
		return
	}
	b.problem(w.pos, "%stype is not known: declare it, or import its package", w.way)
}

func (b *builder) pointer(typ *Type, u *types.Pointer, w at) {
	elem := types.Unalias(u.Elem())
	if b.hook(elem, at{pos: token.NoPos}) == Invalid {
		switch elem.Underlying().(type) {
		case *types.Pointer, *types.Slice, *types.Map:
			b.refuse(w, u, "can be nil in two ways, of which one can be carried: leave the pointer out")
			return
		}
	}
	typ.Kind = Pointer
	if typ.Elem = b.typeOf(elem, w); typ.Elem == nil {
		typ.Kind = Invalid
	}
}

func (b *builder) element(t types.Type, w at) *Type {
	if n, ok := types.Unalias(t).(*types.Named); ok {
		if basic, ok := n.Underlying().(*types.Basic); ok && basic.Kind() == types.Uint8 && b.hook(n, w) == Invalid {
			b.refuse(w, t, "makes no binary and no array of numbers that all readers agree on: use byte, or uint16")
			return nil
		}
	}
	return b.typeOf(t, w)
}

func (b *builder) mapOf(typ *Type, u *types.Map, w at) {
	typ.Kind = Map
	typ.Elem = b.typeOf(u.Elem(), w)
	if n, ok := types.Unalias(u.Key()).(*types.Named); ok && !b.nameable(n, w) {
		typ.Kind = Invalid
		return
	}
	basic, ok := u.Key().Underlying().(*types.Basic)
	if !ok || basic.Info()&(types.IsString|types.IsInteger) == 0 || basic.Kind() == types.Uintptr {
		if !isInvalid(u.Key()) {
			b.refuse(w, u, "has keys that are neither strings nor integers: use such a key, or a slice of structs")
		} else {
			b.unknown(w)
		}
		typ.Kind = Invalid
		return
	}
	if k := b.hook(types.Unalias(u.Key()), w); k != Invalid {
		if k != failed {
			b.refuse(w, u, "has keys that encode themselves: use plain strings or integers")
		}
		typ.Kind = Invalid
		return
	}
	// A key travels as what it is made of, whatever methods it has.
	typ.Key = new(Type)
	b.basic(typ.Key, u.Key(), basic, w)
	typ.Key.Go = types.Unalias(u.Key())
	if typ.Elem == nil {
		typ.Kind = Invalid
	}
}

func isByte(t types.Type) bool {
	basic, ok := types.Unalias(t).(*types.Basic)
	return ok && basic.Kind() == types.Uint8
}

// id returns a part of identifiers for t that no other type has.
func (b *builder) id(t types.Type) string {
	var s strings.Builder
	text := types.TypeString(t, func(p *types.Package) string {
		if p == b.load.Types {
			return ""
		}
		return p.Name()
	})
	upper := true
	text = strings.NewReplacer("[]", "SliceOf ", "*", "PtrTo ", "map[", "MapOf ").Replace(text)
	for _, r := range text {
		if r >= '0' && r <= '9' || r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 127 {
			if upper {
				s.WriteString(strings.ToUpper(string(r)))
			} else {
				s.WriteRune(r)
			}
			upper = false
			continue
		}
		upper = true
	}
	id := s.String()
	if len(id) > 60 {
		id = id[:60]
	}
	for n := 2; b.ids[id]; n++ {
		id = fmt.Sprintf("%s%d", strings.TrimRight(id, "0123456789"), n)
	}
	b.ids[id] = true
	return id
}
