package model

import (
	"fmt"
	"go/token"
	"go/types"
	"reflect"
	"slices"
	"strings"
)

// A tag is what stands behind msgpack: in the tag of a field. The first part is
// the name unless it is an option with a value.
type tag struct {
	name    string
	alias   string
	options []string
}

func parseTag(text string) tag {
	var t tag
	for i, part := range strings.Split(reflect.StructTag(text).Get("msgpack"), ",") {
		part = strings.TrimSpace(part)
		key, value, valued := strings.Cut(part, ":")
		switch {
		case valued && key == "alias":
			t.alias = strings.Trim(value, "' ")
		case i == 0 && !valued:
			t.name = strings.Trim(part, "'")
		default:
			t.options = append(t.options, key)
		}
	}
	return t
}

func (t tag) has(option string) bool { return slices.Contains(t.options, option) }

// structOf gives typ the fields of the struct t.
func (b *builder) structOf(typ *Type, t types.Type, u *types.Struct, w at) {
	c := &collector{builder: b, typ: typ, owner: t, taken: make(map[string]token.Pos)}
	c.collect(u, "", w, []types.Type{t})
	if len(typ.Fields) == 0 && u.NumFields() > 0 && !c.failed && !c.left {
		b.refuse(w, t, "has no exported fields: export some, or give it AppendMsgpack and ReadMsgpack")
		c.failed = true
	}
	if c.failed {
		typ.Kind = Invalid
	}
}

// A collector lists the fields of one struct, those of embedded structs among
// them.
type collector struct {
	*builder
	typ    *Type
	owner  types.Type
	taken  map[string]token.Pos
	failed bool
	left   bool // fields were left out on purpose
}

func (c *collector) collect(u *types.Struct, path string, w at, around []types.Type) {
	omitAll := false
	for i := range u.NumFields() {
		f, tag := u.Field(i), parseTag(u.Tag(i))
		fw := c.where(f, w)
		switch {
		case tag.name == "-":
			c.left = true
			continue
		case tag.has("as_array") || tag.has("asArray") || tag.has("intern"):
			c.fail(fw, "tag of field %s asks for an encoding that the protocol does not have: remove as_array and intern", f.Name())
			continue
		case f.Name() == "_msgpack":
			omitAll = tag.has("omitempty")
			continue
		}
		if f.Embedded() && !tag.has("noinline") && c.inline(f, tag, path, fw, around) {
			continue
		}
		if !f.Exported() {
			continue
		}
		name := tag.name
		if name == "" {
			name = f.Name()
		}
		if len(name) > 255 {
			c.fail(fw, "field %s has a name of %d bytes: shorten it to 255", f.Name(), len(name))
			continue
		}
		t := c.typeOf(f.Type(), fw)
		if t == nil {
			c.failed = true
			continue
		}
		if !c.take(name, f, fw) {
			continue
		}
		c.typ.Fields = append(c.typ.Fields, &Field{Wire: name, Alias: tag.alias, Path: path + "." + f.Name(), Type: t,
			Pos: c.ownPos(f), Place: c.load.Fset.Position(fw.pos), OmitEmpty: omitAll || tag.has("omitempty")})
		if tag.alias != "" {
			c.take(tag.alias, f, fw)
		}
	}
}

// ownPos returns where a field stands in the package.
func (c *collector) ownPos(f *types.Var) token.Pos {
	if f.Pkg() == c.load.Types {
		return f.Pos()
	}
	return token.NoPos
}

// take reserves a name on the wire.
func (c *collector) take(name string, f *types.Var, w at) bool {
	if _, ok := c.taken[name]; ok {
		c.fail(w, "field %s is %q on the wire, as another field of %s is: rename one by a tag such as `msgpack:\"other\"`", f.Name(), name, c.spell(c.owner))
		return false
	}
	c.taken[name] = f.Pos()
	return true
}

func (c *collector) fail(w at, format string, args ...any) {
	c.problem(w.pos, "%s%s", w.way, fmt.Sprintf(format, args...))
	c.failed = true
}

// where is the place of a field: its own if it stands in the package.
func (c *collector) where(f *types.Var, w at) at {
	if f.Pkg() == c.load.Types && f.Pos().IsValid() {
		return at{pos: f.Pos(), anything: c.fields[f.Pos()]}
	}
	return at{pos: w.pos, way: w.way + "field " + f.Name() + " of " + c.spell(c.owner) + ": "}
}

// inline adds the fields of the embedded struct f and reports whether it did:
// a struct that encodes itself is one value, not fields.
func (c *collector) inline(f *types.Var, tag tag, path string, w at, around []types.Type) bool {
	t := types.Unalias(f.Type())
	if p, ok := t.(*types.Pointer); ok {
		elem := types.Unalias(p.Elem())
		if _, ok := elem.Underlying().(*types.Struct); ok && tag.name == "" && c.hook(elem, at{}) == Invalid {
			c.fail(w, "%s embeds a pointer: embed the struct, or give the field a name", c.spell(c.owner))
			return true
		}
		return false
	}
	u, ok := t.Underlying().(*types.Struct)
	if !ok || c.hook(t, at{}) != Invalid && !c.generated(t) || slices.ContainsFunc(around, func(x types.Type) bool { return types.Identical(x, t) }) {
		return false
	}
	if !f.Exported() && f.Pkg() != c.load.Types {
		c.fail(w, "embedded %s is an unexported type of another package: name its fields", c.spell(t))
		return true
	}
	c.collect(u, path+"."+f.Name(), w, append(slices.Clip(around), t))
	return true
}

// checkState looks for what a state cannot hold although a message can.
func (b *builder) checkState(t *Type, w at, seen map[*Type]bool) {
	if t == nil || seen[t] {
		return
	}
	seen[t] = true
	if t.HasFields {
		for _, f := range t.Fields {
			fw := at{pos: f.Pos}
			if !f.Pos.IsValid() {
				fw = at{pos: w.pos, way: w.way + "field " + f.Path[1:] + " of " + b.spell(t.Go) + ": "}
			}
			b.checkState(f.Type, fw, seen)
		}
		return
	}
	if t.Kind == Any {
		b.refuse(w, t.Go, "cannot be in a state, for what changes in it is not known: use a type of your own")
	}
	for e := t.Elem; e != nil && !e.HasFields; e = e.Elem {
		if e == t {
			b.refuse(w, t.Go, "contains itself without a struct, which a state cannot: put a struct between")
			return
		}
	}
	b.checkState(t.Elem, w, seen)
}
