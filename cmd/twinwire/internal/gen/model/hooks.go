package model

import (
	"go/types"
)

// hook returns how a type encodes itself: Codec, Binary or Text, in this
// order; Time; Invalid if it does not, and failed after a problem. Methods that
// the generator wrote in the package itself do not count. A problem is reported
// unless w has no position.
func (b *builder) hook(t types.Type, w at) Kind {
	n, ok := t.(*types.Named)
	if !ok {
		return Invalid
	}
	if isNamed(t, "time", "Time") {
		return Time
	}
	if types.IsInterface(n) {
		return Invalid
	}
	for _, pair := range []struct {
		kind        Kind
		write, read string
	}{
		{Codec, "AppendMsgpack", "ReadMsgpack"},
		{Binary, "MarshalBinary", "UnmarshalBinary"},
		{Text, "MarshalText", "UnmarshalText"},
	} {
		write, read := b.ownMethod(t, pair.write), b.ownMethod(t, pair.read)
		switch {
		case write != nil && read != nil:
			if pair.kind != Codec && (!takesData(write, 0, 2) || !takesData(read, 1, 1)) {
				continue
			}
			return pair.kind
		case write != nil || read != nil:
			if w.pos.IsValid() {
				has, lacks := pair.write, pair.read
				if write == nil {
					has, lacks = lacks, has
				}
				b.refuse(w, t, "has %s and not %s: give it both, or neither", has, lacks)
				return failed
			}
		}
	}
	return Invalid
}

// ownMethod returns the method of t or of a pointer to it, if it is not
// generated here. Promoted methods count for what they are declared on only:
// a struct that embeds a time is more than that time.
func (b *builder) ownMethod(t types.Type, name string) *types.Func {
	obj, index, _ := types.LookupFieldOrMethod(types.NewPointer(t), false, b.load.Types, name)
	f, ok := obj.(*types.Func)
	if !ok || len(index) > 1 {
		return nil
	}
	if f.Pkg() == b.load.Types && b.load.IsGenerated(f.Pos()) {
		return nil
	}
	return f
}

// takesData reports whether f has so many parameters and results.
func takesData(f *types.Func, params, results int) bool {
	return f.Signature().Params().Len() == params && f.Signature().Results().Len() == results
}

// generated reports whether t has a codec that was generated in another
// package: then it is written by its fields.
func (b *builder) generated(t types.Type) bool {
	if _, ok := t.Underlying().(*types.Struct); !ok {
		return false
	}
	f := b.ownMethod(t, "AppendMsgpack")
	return f != nil && f.Pkg() != b.load.Types && b.load.IsGenerated(f.Pos())
}

func hasIsZero(t types.Type) bool {
	obj, _, _ := types.LookupFieldOrMethod(t, false, nil, "IsZero")
	f, ok := obj.(*types.Func)
	if !ok || !takesData(f, 0, 1) {
		return false
	}
	basic, ok := f.Signature().Results().At(0).Type().(*types.Basic)
	return ok && basic.Kind() == types.Bool
}
