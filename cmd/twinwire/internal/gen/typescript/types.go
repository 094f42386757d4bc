package typescript

import (
	"bytes"
	"fmt"
	"go/types"
	"strings"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/model"
)

// A name is what a type is called in TypeScript, and the value that encodes it.
type name struct{ typ, codec string }

// of returns the names of a type, and has what it is made of written.
func (f *file) of(t *model.Type) name {
	switch {
	case isTopic(t):
		return name{"string", "c.string"}
	case isStruct(t), t.Named() && (t.Elem != nil):
		if f.need(t); f.written[t.ID] == begun {
			return name{f.name(t), "c.lazy(() => " + f.name(t) + ")"} // it is made of itself
		}
		return name{f.name(t), f.name(t)}
	}
	return f.plain(t)
}

// name returns what a type with a name is called: no global that the file uses
// is, and nothing that it declares for services and events.
func (f *file) name(t *model.Type) string {
	if f.taken[t.ID] {
		return t.ID + "_"
	}
	return t.ID
}

// isStruct reports whether t is carried by fields.
func isStruct(t *model.Type) bool {
	return t.Kind == model.Struct || t.Kind == model.Codec && t.HasFields
}

// plain returns the names of a type that has none of its own.
func (f *file) plain(t *model.Type) name {
	switch t.Kind {
	case model.Bool:
		return name{"boolean", "c.bool"}
	case model.Int, model.Uint:
		return f.number(t)
	case model.Float:
		return name{"number", fmt.Sprintf("c.float%d", t.Bits)}
	case model.String:
		return name{"string", "c.string"}
	case model.Bytes, model.Binary, model.Text:
		return name{"Uint8Array", "c.bytes"}
	case model.ByteArray:
		return name{"Uint8Array", fmt.Sprintf("c.byteArray(%d)", t.Len)}
	case model.Time:
		if f.opts.Dates {
			return name{"Date", "c.date"}
		}
		return name{"tw.Timestamp", "c.timestamp"}
	case model.Slice, model.StateSlice:
		elem := f.of(t.Elem)
		return name{"readonly " + array(elem.typ), "c.list(" + elem.codec + ")"}
	case model.Array:
		elem := f.of(t.Elem)
		return name{"readonly " + array(elem.typ), fmt.Sprintf("c.array(%s, %d)", elem.codec, t.Len)}
	case model.Map, model.StateMap:
		key, elem := f.of(t.Key), f.of(t.Elem)
		return name{"ReadonlyMap<" + key.typ + ", " + elem.typ + ">", "c.map(" + key.codec + ", " + elem.codec + ")"}
	case model.Pointer:
		elem := f.of(t.Elem)
		return name{elem.typ + " | null", "c.optional(" + elem.codec + ")"}
	}
	return name{"tw.Value", "c.value"}
}

// number returns the names of an integer. One without a size is a number,
// because what is counted with it is rarely more than a number holds.
func (f *file) number(t *model.Type) name {
	if named, ok := types.Unalias(t.Go).(*types.Named); ok && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == "time" {
		return name{"number", "c.duration"}
	}
	prefix := "int"
	if t.Kind == model.Uint {
		prefix = "uint"
	}
	switch {
	case t.Bits == 0, t.Bits == 64 && f.opts.Numbers:
		return name{"number", "c." + prefix + "53"}
	case t.Bits == 64:
		return name{"bigint", "c." + prefix + "64"}
	}
	return name{"number", fmt.Sprintf("c.%s%d", prefix, t.Bits)}
}

// array returns the type of an array.
func array(elem string) string {
	if strings.ContainsAny(elem, " |") {
		elem = "(" + elem + ")"
	}
	return elem + "[]"
}

// isTopic reports whether t is the name of a topic, which is text unless it is
// not valid UTF-8.
func isTopic(t *model.Type) bool {
	named, ok := types.Unalias(t.Go).(*types.Named)
	return ok && named.Obj().Name() == "Topic" && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == "github.com/twinwire/twinwire/events"
}

// need has a type with a name written, behind what it is made of.
func (f *file) need(t *model.Type) {
	if f.written[t.ID] != unwritten {
		return
	}
	f.written[t.ID] = begun
	around := f.body
	f.body = bytes.Buffer{}
	f.p("")
	if named, ok := types.Unalias(t.Go).(*types.Named); ok {
		f.doc("", f.pkg.Docs[named.Obj().Pos()])
	}
	if isStruct(t) {
		f.structType(t)
	} else {
		n, id := f.plain(t), f.name(t)
		f.p("export type %s = %s;\n\n/** Encodes %s. */\nexport const %s: c.Type<%s> = /* @__PURE__ */ %s;", id, n.typ, id, id, id, n.codec)
	}
	f.types.Write(f.body.Bytes())
	f.body = around
	f.written[t.ID] = done
}

// structType writes the interface of a struct, and the value that encodes it.
func (f *file) structType(t *model.Type) {
	id := f.name(t)
	f.p("export interface %s {", id)
	var members, aliases []string
	for _, field := range t.Fields {
		n := f.of(field.Type)
		f.doc("\t", f.pkg.Docs[field.Pos])
		f.p("\treadonly %s: %s;", property(field.Wire), n.typ)
		members = append(members, "\t"+property(field.Wire)+": "+n.codec+",\n")
		if field.Alias != "" {
			aliases = append(aliases, property(field.Alias)+": "+quote(field.Wire))
		}
	}
	f.p("}\n\n/** Encodes %s. */", id)
	body := "{}"
	if len(members) > 0 {
		body = "{\n" + strings.Join(members, "") + "}"
	}
	if len(aliases) > 0 {
		body += ", { " + strings.Join(aliases, ", ") + " }"
	}
	f.p("export const %s: c.Type<%s> = /* @__PURE__ */ c.struct(%s);", id, id, body)
}
