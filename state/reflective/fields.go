package reflective

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
)

// A field is a field of a struct as the wire sees it. It may be one of a struct
// that is embedded.
type field struct {
	name   string
	alias  string
	goName string
	index  []int
	node   node
	// empty is not nil if the field is left out of whole values when it is
	// empty.
	empty func(v reflect.Value) bool
}

// in returns the field's value in the struct v.
func (f *field) in(v reflect.Value) reflect.Value {
	for _, x := range f.index {
		v = v.Field(x)
	}
	return v
}

// A tag is what stands behind msgpack: in the tag of a field. The first part is
// the name unless it is an option with a value.
type tag struct {
	name    string
	alias   string
	options []string
}

func parseTag(text string) tag {
	var t tag
	for i, part := range strings.Split(text, ",") {
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

// A found field is one whose type has not been looked at.
type found struct {
	reflect.StructField
	tag   tag
	index []int
}

func (f *found) wireName() string {
	if f.tag.name != "" {
		return f.tag.name
	}
	return f.Name
}

// fieldsOf lists the fields of the struct type t, those of structs embedded in
// it among them. The types in around embed t.
func fieldsOf(t reflect.Type, around []reflect.Type) ([]found, error) {
	around = append(slices.Clip(around), t)
	var list []found
	names := make(map[string]bool)
	omitAll := false
	for i := range t.NumField() {
		f := found{StructField: t.Field(i), index: []int{i}}
		f.tag = parseTag(f.Tag.Get("msgpack"))
		if f.tag.name == "-" {
			continue
		}
		if f.tag.has("as_array") || f.tag.has("asArray") || f.tag.has("intern") {
			return nil, within("."+f.Name, errors.New("its tag asks for an encoding that twinwire does not have"))
		}
		if f.Name == "_msgpack" {
			omitAll = f.tag.has("omitempty")
			continue
		}
		if f.Anonymous && !f.tag.has("noinline") {
			inner, err := embedded(&f, names, around)
			if err != nil {
				return nil, err
			}
			if inner != nil {
				for _, g := range inner {
					g.index = append([]int{i}, g.index...)
					names[g.wireName()] = true
					list = append(list, g)
				}
				continue
			}
		}
		if !f.IsExported() {
			continue
		}
		if names[f.wireName()] {
			return nil, within("."+f.Name, errors.New("another field has the same name on the wire"))
		}
		if omitAll {
			f.tag.options = append(f.tag.options, "omitempty")
		}
		names[f.wireName()] = true
		list = append(list, f)
	}
	return list, nil
}

// embedded returns the fields of the embedded struct f that become those of the
// struct around it, and nil if f remains one field. That is so for a struct
// with methods of its own for the wire, and for one whose fields would meet
// others of the same name unless the tag says inline; those are then hidden.
func embedded(f *found, names map[string]bool, around []reflect.Type) ([]found, error) {
	t := f.Type
	if t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct && f.tag.name == "" && methodsOf(t.Elem()) == nil {
		return nil, within("."+f.Name, errors.New("embedded pointers cannot be carried: name the field, or embed the struct"))
	}
	if t.Kind() != reflect.Struct || t == timeType || slices.Contains(around, t) || methodsOf(t) != nil {
		return nil, nil
	}
	inner, err := fieldsOf(t, around)
	if err != nil {
		return nil, within("."+f.Name, err)
	}
	kept := make([]found, 0, len(inner))
	for _, g := range inner {
		if !names[g.wireName()] {
			kept = append(kept, g)
		} else if !f.tag.has("inline") {
			return nil, nil
		}
	}
	return kept, nil
}

// fill gives n its fields.
func (p *planner) fill(n *structNode) error {
	list, err := fieldsOf(n.typ, nil)
	if err != nil {
		return err
	}
	n.byName = make(map[string]*field, len(list))
	for i := range list {
		f := &field{name: list[i].wireName(), alias: list[i].tag.alias, goName: list[i].Name, index: list[i].index}
		if f.node, err = p.of(list[i].Type); err != nil {
			return within("."+f.goName, err)
		}
		if list[i].tag.has("omitempty") {
			f.empty = emptyFunc(list[i].Type)
		}
		n.fields = append(n.fields, f)
		n.byName[f.name] = f
	}
	for _, f := range n.fields {
		if f.alias != "" && n.byName[f.alias] == nil {
			n.byName[f.alias] = f
		}
	}
	return nil
}

// emptyFunc returns what omitempty means for type t: that a reader who finds
// nothing has the same as one who finds the value. That is narrower than in
// other packages: structs, and arrays with elements, are always written.
func emptyFunc(t reflect.Type) func(v reflect.Value) bool {
	if t == timeType {
		return func(v reflect.Value) bool { return timeIn(v).Equal(time.Time{}) }
	}
	if heldIn(t) != nil {
		return reflect.Value.IsZero
	}
	switch t.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return func(v reflect.Value) bool { return v.Len() == 0 }
	case reflect.Struct:
		return nil
	case reflect.Float32, reflect.Float64:
		return func(v reflect.Value) bool { return math.Float64bits(v.Float()) == 0 }
	default:
		return reflect.Value.IsZero
	}
}
