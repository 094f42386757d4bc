package reflective

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
)

// A heldNode is a state.Map or a state.Slice. It does everything by way of a
// plain map or slice.
type heldNode struct {
	plain container    // of a map or a slice
	typ   reflect.Type // of that
}

var statePath = reflect.TypeFor[state.Edit]().PkgPath()

// heldIn returns the type of the plain map or slice that t, a state.Map or a
// state.Slice, stands for, or nil.
func heldIn(t reflect.Type) reflect.Type {
	if t.PkgPath() != statePath || t.Kind() != reflect.Struct {
		return nil
	}
	p := reflect.PointerTo(t)
	switch {
	case strings.HasPrefix(t.Name(), "Map["):
		setAll, _ := p.MethodByName("SetAll")
		return setAll.Type.In(1)
	case strings.HasPrefix(t.Name(), "Slice["):
		replace, _ := p.MethodByName("Replace")
		return replace.Type.In(3)
	}
	return nil
}

// heldOf returns the node of a state.Map or a state.Slice.
func (p *planner) heldOf(t, plain reflect.Type) (node, error) {
	if loose := mutable(plain.Elem()); loose != nil {
		return nil, within("", fmt.Errorf("%s holds %s, which could be changed without its knowing", t, loose))
	}
	n, err := p.of(plain)
	if err != nil {
		return nil, err
	}
	c, ok := n.(container)
	if _, binary := n.(bytesNode); binary || !ok {
		return nil, within("", fmt.Errorf("%s is a binary to readers", t))
	}
	return &heldNode{c, plain}, nil
}

// mutable returns what in a t copies would share that could be changed, or nil.
func mutable(t reflect.Type) reflect.Type {
	if t == timeType {
		return nil
	}
	if plain := heldIn(t); plain != nil {
		return mutable(plain.Elem())
	}
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if loose := mutable(t.Field(i).Type); loose != nil {
				return loose
			}
		}
	case reflect.Array:
		return mutable(t.Elem())
	case reflect.Chan, reflect.Func, reflect.Interface, reflect.Map, reflect.Pointer, reflect.Slice, reflect.UnsafePointer:
		return t
	}
	return nil
}

// to returns a plain map or slice of what v holds.
func (n *heldNode) to(v reflect.Value) reflect.Value {
	length := v.MethodByName("Len").Call(nil)[0].Int()
	all := v.MethodByName("All").Call(nil)[0].Seq2()
	plain := reflect.New(n.typ).Elem()
	if plain.Kind() == reflect.Map {
		plain.Set(reflect.MakeMapWithSize(plain.Type(), int(length)))
		for k, e := range all {
			plain.SetMapIndex(k, e)
		}
		return plain
	}
	plain.Set(reflect.MakeSlice(plain.Type(), int(length), int(length)))
	for i, e := range all {
		plain.Index(int(i.Int())).Set(e)
	}
	return plain
}

// from makes v hold what the plain map or slice does.
func (n *heldNode) from(v, plain reflect.Value) {
	v.SetZero()
	if plain.Kind() == reflect.Map {
		v.Addr().MethodByName("SetAll").Call([]reflect.Value{plain})
		return
	}
	begin := reflect.ValueOf(0)
	v.Addr().MethodByName("Replace").CallSlice([]reflect.Value{begin, begin, plain})
}

func (n *heldNode) write(w *writer, v reflect.Value, levels int) { n.plain.write(w, n.to(v), levels) }

func (n *heldNode) read(r *codec.Reader, v reflect.Value) {
	plain := reflect.New(n.typ).Elem()
	n.plain.read(r, plain)
	if r.Err() == nil {
		n.from(v, plain)
	}
}

func (n *heldNode) equal(x, y reflect.Value) bool { return n.plain.equal(n.to(x), n.to(y)) }

// clone copies by assignment, which is what these are made for.
func (n *heldNode) clone(dst, src reflect.Value) { dst.Set(src) }

func (n *heldNode) patchable(_, _ reflect.Value) bool { return true }

func (n *heldNode) items(w *writer, prev, next reflect.Value, levels int) patchSize {
	return n.plain.items(w, n.to(prev), n.to(next), levels)
}

func (n *heldNode) apply(r *codec.Reader, v reflect.Value, b *binding, count int) {
	plain := n.to(v)
	n.plain.apply(r, plain, b, count)
	if r.Err() == nil {
		n.from(v, plain)
	}
}

func (n *heldNode) applyOne(r *codec.Reader, v reflect.Value, op uint64) {
	plain := n.to(v)
	n.plain.applyOne(r, plain, op)
	if r.Err() == nil {
		n.from(v, plain)
	}
}
