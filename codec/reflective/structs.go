package reflective

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/twinwire/twinwire/codec"
)

// A field is a field of a struct as the wire sees it, which may be one of a
// struct that is embedded.
type field struct {
	name      string
	index     []int
	coder     *coder
	omitEmpty bool
	empty     func(v reflect.Value) bool
}

// fields are those of one struct type.
type fields struct {
	list      []*field
	byName    map[string]*field // and by alias
	omitEmpty bool              // some field is omitted when empty
	err       error
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
		key, value, hasValue := strings.Cut(part, ":")
		switch {
		case hasValue && key == "alias":
			t.alias = strings.Trim(value, "' ")
		case i == 0 && !hasValue:
			t.name = strings.Trim(part, "'")
		default:
			t.options = append(t.options, key)
		}
	}
	return t
}

func (t tag) has(option string) bool { return slices.Contains(t.options, option) }

// fieldsOf collects the fields of the struct type t in the order in which they
// are written. The types in around embed t; it does not inline them again.
func (p *plans) fieldsOf(t reflect.Type, around []reflect.Type) *fields {
	around = append(slices.Clip(around), t)
	fs := &fields{byName: make(map[string]*field, t.NumField())}
	omitAll := false
	for i := range t.NumField() {
		sf := t.Field(i)
		tag := parseTag(sf.Tag.Get("msgpack"))
		if tag.name == "-" {
			continue
		}
		if tag.has("as_array") || tag.has("asArray") || tag.has("intern") {
			fs.err = fmt.Errorf("%w: %s.%s asks for an encoding that the protocol does not have", ErrUnsupported, t, sf.Name)
			return fs
		}
		if sf.Name == "_msgpack" {
			omitAll = tag.has("omitempty")
		}
		if !sf.IsExported() && !sf.Anonymous {
			continue
		}
		f := &field{name: tag.name, index: sf.Index, omitEmpty: omitAll || tag.has("omitempty")}
		if f.name == "" {
			f.name = sf.Name
		}
		if sf.Anonymous && !tag.has("noinline") && p.inline(fs, sf, tag.has("inline"), around) {
			continue
		}
		if !sf.IsExported() {
			continue // embedded, and out of reach except by its own fields
		}
		f.coder = p.of(sf.Type)
		if f.omitEmpty {
			f.empty = p.emptyFunc(sf.Type)
		}
		fs.add(f)
		if tag.alias != "" {
			fs.byName[tag.alias] = f
		}
	}
	return fs
}

func (fs *fields) add(f *field) {
	fs.byName[f.name] = f
	fs.list = append(fs.list, f)
	fs.omitEmpty = fs.omitEmpty || f.omitEmpty
}

// inline adds the fields of the embedded struct sf to fs and reports whether it
// did. A struct with a hook is one value, not fields; one whose fields would
// meet others of the same name is inlined only if forced, without those.
func (p *plans) inline(fs *fields, sf reflect.StructField, forced bool, around []reflect.Type) bool {
	t := sf.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
		if !sf.IsExported() {
			return false // a nil pointer could not be set
		}
	}
	if t.Kind() != reflect.Struct || slices.Contains(around, t) || !p.of(t).plain {
		return false
	}
	inner := p.fieldsOf(t, around)
	if inner.err != nil {
		fs.err = inner.err
		return false
	}
	if !forced {
		for _, f := range inner.list {
			if fs.byName[f.name] != nil {
				return false
			}
		}
	}
	for _, f := range inner.list {
		if fs.byName[f.name] == nil {
			outer := *f
			outer.index = append(append([]int(nil), sf.Index...), f.index...)
			fs.add(&outer)
		}
	}
	return true
}

func (p *plans) fillStruct(c *coder, t reflect.Type) {
	write, _, read := hooksOf(t)
	if write != nil && read != nil {
		return // its fields do not matter
	}
	c.plain = write == nil && read == nil
	fs := p.fieldsOf(t, nil)
	if fs.err != nil {
		c.refuse(fs.err)
		return
	}
	c.write = fs.write
	c.read = fs.read
}

func (fs *fields) write(b []byte, v reflect.Value, nesting int) ([]byte, error) {
	nesting, err := deeper(nesting)
	if err != nil {
		return b, err
	}
	n := len(fs.list)
	if fs.omitEmpty {
		for _, f := range fs.list {
			if f.omitted(v) {
				n--
			}
		}
	}
	b = codec.AppendMapHeader(b, n)
	for _, f := range fs.list {
		if fs.omitEmpty && f.omitted(v) {
			continue
		}
		b = codec.AppendString(b, f.name)
		fv, ok := f.of(v)
		if !ok {
			b = codec.AppendNil(b)
			continue
		}
		if b, err = f.coder.write(b, fv, nesting); err != nil {
			return b, err
		}
	}
	return b, nil
}

func (fs *fields) read(r *codec.Reader, v reflect.Value) error {
	for range r.MapHeader() {
		f := fs.byName[string(r.MapKey())]
		if f == nil {
			r.Skip()
			continue
		}
		fv, ok, err := f.grow(r, v)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		// A field that comes twice is read twice, and nothing of the first
		// value may show through the second.
		fv.SetZero()
		if err := f.coder.read(r, fv); err != nil {
			return err
		}
	}
	r.Leave()
	return r.Err()
}

// of returns the field f of the struct v; ok is false if it is behind an
// embedded pointer that is nil.
func (f *field) of(v reflect.Value) (_ reflect.Value, ok bool) {
	for i, x := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}, false
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v, true
}

// grow is of for reading: it makes what embedded pointers point to. ok is false
// if there is nothing to read into, for nil behind a nil pointer is how such a
// field is written.
func (f *field) grow(r *codec.Reader, v reflect.Value) (_ reflect.Value, ok bool, err error) {
	for i, x := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if r.TryNil() {
					return reflect.Value{}, false, nil
				}
				if !r.Charge(1, int(v.Type().Elem().Size())) {
					return reflect.Value{}, false, r.Err()
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v, true, nil
}

func (f *field) omitted(v reflect.Value) bool {
	fv, ok := f.of(v)
	return !ok || f.omitEmpty && f.empty(fv)
}

// emptyFunc returns what omitempty means for type t: IsZero where there is one,
// no elements, the zero value, or a struct that has nothing to write.
func (p *plans) emptyFunc(t reflect.Type) func(v reflect.Value) bool {
	type zeroer interface{ IsZero() bool }
	if t.Implements(reflect.TypeFor[zeroer]()) {
		return func(v reflect.Value) bool {
			return nilable(v.Kind()) && v.IsNil() || v.Interface().(zeroer).IsZero()
		}
	}
	switch t.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return func(v reflect.Value) bool { return v.Len() == 0 }
	case reflect.Interface:
		return func(v reflect.Value) bool {
			return v.IsNil() || p.emptyFunc(v.Elem().Type())(v.Elem())
		}
	case reflect.Struct:
		fs := p.fieldsOf(t, nil)
		return func(v reflect.Value) bool {
			if !fs.omitEmpty {
				return len(fs.list) == 0
			}
			for _, f := range fs.list {
				if !f.omitted(v) {
					return false
				}
			}
			return true
		}
	default:
		return reflect.Value.IsZero
	}
}

func nilable(k reflect.Kind) bool {
	switch k {
	case reflect.Interface, reflect.Map, reflect.Pointer, reflect.Slice:
		return true
	}
	return false
}
