package model

import (
	"go/token"
	"go/types"
	"slices"

	"github.com/twinwire/twinwire/frame"
)

// family returns the family of an event type, one for each type: that of the
// first service, in the order of the source, which has these events.
func (b *builder) family(obj *types.TypeName, pos token.Pos, wire string) *Family {
	if f := b.families[obj.Name()]; f != nil {
		return f
	}
	f := &Family{Name: obj.Name(), Wire: wire, Pos: b.load.Fset.Position(obj.Pos())}
	if !validWire(wire) {
		b.problem(pos, "%q cannot be the name of a family of events: use letters, digits and any of . _ / -, at most 100", wire)
		return nil
	}
	for _, other := range b.pkg.Families {
		if other.Wire == wire {
			b.problem(pos, "events %s and %s are both called %q on the wire: give one a name by //twinwire:events name=", other.Name, f.Name, wire)
		}
	}
	t := types.Unalias(obj.Type())
	switch u := t.Underlying().(type) {
	case *types.Struct:
		if e := b.event(obj, obj.Pos()); e != nil {
			f.Events = append(f.Events, e)
		}
	case *types.Interface:
		f.Sealed = true
		if n, ok := t.(*types.Named); ok && n.Obj().Pkg() != b.load.Types {
			b.problem(obj.Pos(), "events %s is an interface of another package: declare it where its types are, in this package", obj.Name())
			return nil
		}
		if !sealed(u) {
			b.problem(obj.Pos(), "events %s is an interface that any type may implement: seal it by an unexported method such as is%s()", obj.Name(), obj.Name())
			return nil
		}
		f.Events = b.members(obj, u)
	default:
		b.problem(obj.Pos(), "events %s is neither a sealed interface nor a struct: make it one of these", obj.Name())
		return nil
	}
	if b.families == nil {
		b.families = make(map[string]*Family)
	}
	b.families[obj.Name()] = f
	b.pkg.Families = append(b.pkg.Families, f)
	return f
}

func sealed(u *types.Interface) bool {
	for i := range u.NumMethods() {
		if !u.Method(i).Exported() {
			return true
		}
	}
	return false
}

// provided are the methods of events that the generator writes.
func provided(name string) bool { return name == "EventType" || name == "AppendMsgpack" }

// members returns the types of the package that have the methods of the
// interface, in the order of the source.
func (b *builder) members(family *types.TypeName, u *types.Interface) []*Event {
	var found []*types.TypeName
	for _, name := range b.load.Types.Scope().Names() {
		obj, ok := b.load.Types.Scope().Lookup(name).(*types.TypeName)
		if !ok || obj.IsAlias() || obj == family || types.IsInterface(obj.Type()) || b.load.IsGenerated(obj.Pos()) {
			continue
		}
		switch value, pointer := b.has(obj.Type(), u), b.has(types.NewPointer(obj.Type()), u); {
		case value:
			found = append(found, obj)
		case pointer:
			b.problem(obj.Pos(), "event %s implements %s by its pointer only: give its methods value receivers", name, family.Name())
		}
	}
	if len(found) == 0 {
		b.problem(family.Pos(), "events %s has no types: declare a struct with the method %s", family.Name(), marker(u))
	}
	slices.SortFunc(found, func(x, y *types.TypeName) int { return int(x.Pos()) - int(y.Pos()) })
	var list []*Event
	for _, obj := range found {
		if e := b.event(obj, obj.Pos()); e != nil {
			list = append(list, e)
		}
	}
	return list
}

func marker(u *types.Interface) string {
	for i := range u.NumMethods() {
		if m := u.Method(i); !m.Exported() {
			return m.Name() + "()"
		}
	}
	return ""
}

// has reports whether t has the methods of u, not counting those provided.
func (b *builder) has(t types.Type, u *types.Interface) bool {
	for i := range u.NumMethods() {
		m := u.Method(i)
		if provided(m.Name()) {
			continue
		}
		obj, _, _ := types.LookupFieldOrMethod(t, false, b.load.Types, m.Name())
		f, ok := obj.(*types.Func)
		if !ok || !types.Identical(f.Signature(), m.Signature()) {
			return false
		}
		if sel := types.NewMethodSet(t).Lookup(m.Pkg(), m.Name()); sel == nil {
			return false
		}
	}
	return true
}

func (b *builder) event(obj *types.TypeName, pos token.Pos) *Event {
	if n, ok := obj.Type().(*types.Named); ok && n.TypeParams() != nil {
		b.problem(pos, "event %s is generic: declare a type for each kind of event", obj.Name())
		return nil
	}
	t := b.typeOf(obj.Type(), at{pos: pos})
	if t == nil {
		return nil
	}
	named := b.ownMethod(obj.Type(), "EventType") != nil
	n, _ := t.Go.(*types.Named)
	own := n != nil && n.Obj().Pkg() == b.load.Types
	if t.Kind != Struct && t.Kind != Codec || t.Kind == Struct && !t.Local || !own && !named {
		b.problem(pos, "event %s is no struct of this package: make it one", obj.Name())
		return nil
	}
	if !named && !frame.ValidMethod(obj.Name()) {
		b.problem(pos, "%q cannot be the name of an event: use letters a to z, digits and _", obj.Name())
		return nil
	}
	return &Event{Name: obj.Name(), Pos: b.load.Fset.Position(pos), Type: t, Named: named}
}
