package model

import "go/types"

// statePath is the package whose containers are known here.
const statePath = "github.com/twinwire/twinwire/state"

// containerOf returns the type arguments of a state.Map, or of a state.Slice.
func containerOf(t types.Type) (kind Kind, args *types.TypeList) {
	n, ok := types.Unalias(t).(*types.Named)
	if !ok || n.Obj().Pkg() == nil || n.Obj().Pkg().Path() != statePath {
		return Invalid, nil
	}
	switch n.Obj().Name() {
	case "Map":
		return StateMap, n.TypeArgs()
	case "Slice":
		return StateSlice, n.TypeArgs()
	}
	return Invalid, nil
}

// container finds out how t is carried if it is a container of package state,
// and reports whether it is one.
func (b *builder) container(typ *Type, t types.Type, w at) bool {
	kind, args := containerOf(t)
	if kind == Invalid || args == nil {
		return false
	}
	held := args.At(args.Len() - 1)
	switch {
	case kind == StateMap:
		b.mapOf(typ, types.NewMap(args.At(0), held), w)
	case isByte(held):
		b.refuse(w, t, "is a binary to readers: use a slice of bytes")
	default:
		typ.Elem = b.element(held, w)
	}
	if typ.Elem == nil {
		typ.Kind = Invalid
		return true
	}
	if loose := mutable(held, nil); loose != nil {
		b.refuse(w, t, "holds %s, which could be changed without its knowing: use values, state.Map and state.Slice in it", b.spell(loose))
		typ.Kind = Invalid
		return true
	}
	typ.Kind = kind
	return true
}

// mutable returns what in a t copies would share that could be changed, or nil.
func mutable(t types.Type, around []types.Type) types.Type {
	t = types.Unalias(t)
	for _, one := range around {
		if types.Identical(one, t) {
			return nil
		}
	}
	around = append(around, t)
	if isNamed(t, "time", "Time") {
		return nil
	}
	if kind, args := containerOf(t); kind != Invalid && args != nil {
		return mutable(args.At(args.Len()-1), around)
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		if u.Kind() == types.UnsafePointer {
			return t
		}
		return nil
	case *types.Array:
		return mutable(u.Elem(), around)
	case *types.Struct:
		for i := range u.NumFields() {
			if loose := mutable(u.Field(i).Type(), around); loose != nil {
				return loose
			}
		}
		return nil
	}
	return t
}
