package reflective

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/twinwire/twinwire/state"
)

var timeType = reflect.TypeFor[time.Time]()

// A planner makes the nodes of a type and of those that it is made of.
type planner struct {
	structs map[reflect.Type]*structNode
	order   []*structNode // by their numbers in the table
}

// of returns the node of t, of any type but a struct that is compared by its
// fields, or that.
func (p *planner) of(t reflect.Type) (node, error) {
	if t == timeType {
		return timeNode{}, nil
	}
	if t.Kind() == reflect.Pointer {
		return p.pointerOf(t)
	}
	if m := methodsOf(t); m != nil {
		return p.withMethods(t, m)
	}
	if plain := heldIn(t); plain != nil {
		return p.heldOf(t, plain)
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return scalarOf(t.Kind()), nil
	case reflect.Struct:
		return p.structOf(t)
	case reflect.Slice:
		if isByte(t.Elem()) {
			return bytesNode{}, nil
		}
		elem, err := p.of(t.Elem())
		if err != nil {
			return nil, within("[]", err)
		}
		return &sliceNode{elem: elem, typ: t, size: int(t.Elem().Size())}, nil
	case reflect.Array:
		if isByte(t.Elem()) {
			return byteArrayNode{}, nil
		}
		elem, err := p.of(t.Elem())
		if err != nil {
			return nil, within("[]", err)
		}
		return &arrayNode{elem: elem, n: t.Len()}, nil
	case reflect.Map:
		return p.mapOf(t)
	}
	return nil, within("", fmt.Errorf("%s cannot be carried", t))
}

// isByte reports whether slices and arrays of t are binaries.
func isByte(t reflect.Type) bool { return t.Kind() == reflect.Uint8 && methodsOf(t) == nil }

func (p *planner) mapOf(t reflect.Type) (node, error) {
	switch t.Key().Kind() {
	case reflect.String,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
	default:
		return nil, within("", fmt.Errorf("%s has keys that are neither strings nor integers", t))
	}
	if methodsOf(t.Key()) != nil {
		return nil, within("", fmt.Errorf("%s has keys that encode themselves", t))
	}
	elem, err := p.of(t.Elem())
	if err != nil {
		return nil, within("[]", err)
	}
	return &mapNode{key: scalarOf(t.Key().Kind()), kind: t.Key().Kind(), elem: elem, typ: t}, nil
}

func (p *planner) pointerOf(t reflect.Type) (node, error) {
	if e := t.Elem(); e != timeType && methodsOf(e) == nil {
		switch e.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			return nil, within("", fmt.Errorf("%s can be nil in two ways", t))
		}
	}
	elem, err := p.of(t.Elem())
	if err != nil {
		return nil, err
	}
	return &pointerNode{elem: elem, typ: t}, nil
}

// withMethods returns the node of a type that encodes itself. If it is a struct
// that is written as its fields would be, these are what counts: it is planned
// as such, and that is forgotten if it turns out not to be so.
func (p *planner) withMethods(t reflect.Type, m *methods) (node, error) {
	if n := p.structs[t]; n != nil {
		return n, nil
	}
	if t.Kind() == reflect.Struct {
		known := len(p.order)
		if n, err := p.structOf(t); err == nil && m.conventional(n) {
			return n, nil
		}
		for _, n := range p.order[known:] {
			delete(p.structs, n.typ)
		}
		p.order = p.order[:known]
	}
	return &methodNode{typ: t, methods: m}, nil
}

// structOf returns the node of a struct type that is compared by its fields. A
// type that contains itself meets its own node here while that is being made.
func (p *planner) structOf(t reflect.Type) (*structNode, error) {
	if n := p.structs[t]; n != nil {
		return n, nil
	}
	n := &structNode{typ: t, number: len(p.order)}
	p.structs[t] = n
	p.order = append(p.order, n)
	if err := p.fill(n); err != nil {
		return nil, err
	}
	if len(n.fields) == 0 && t.NumField() > 0 {
		return nil, within("", fmt.Errorf("%s has no exported fields", t))
	}
	return n, nil
}

// checkSize makes sure that peers accept the table.
func (p *planner) checkSize() error {
	fields := 0
	for _, s := range p.order {
		fields += len(s.fields)
		for _, f := range s.fields {
			if len(f.name) > 255 {
				return within("."+f.goName, errors.New("name is longer than 255 bytes"))
			}
		}
	}
	if fields > 4096 || len(p.order) > 1024 {
		return within("", errors.New("more than 4,096 fields or 1,024 structs"))
	}
	return nil
}

// table returns the table of clause S3.
func (p *planner) table() state.Table {
	t := make(state.Table, len(p.order))
	for i, s := range p.order {
		for _, f := range s.fields {
			number := -1
			if leaf := leafOf(f.node); leaf != nil {
				number = leaf.number
			}
			t[i] = append(t[i], state.Field{Name: f.name, Type: number})
		}
	}
	return t
}

// leafOf returns the struct that is left when pointers, slices, arrays and maps
// are taken off, or nil.
func leafOf(n node) *structNode {
	for {
		switch t := n.(type) {
		case *structNode:
			return t
		case *pointerNode:
			n = t.elem
		case *sliceNode:
			n = t.elem
		case *arrayNode:
			n = t.elem
		case *mapNode:
			n = t.elem
		case *heldNode:
			n = t.plain
		default:
			return nil
		}
	}
}
