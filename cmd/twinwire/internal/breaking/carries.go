package breaking

import (
	"go/token"
	"go/types"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/model"
)

// carries reports why a value that is written as a w cannot be read as an r,
// or not all of it. Where it is used is what and pos.
func (c *comparer) carries(w, r *model.Type, what string, pos token.Position) {
	p := pair{w, r, c.reading}
	if c.done[p] {
		return
	}
	c.done[p] = true
	if nilable(w) && !nilable(r) && r.Kind != model.Any {
		c.report(pos, "%s may be nil, which %s cannot be", what, spell(r))
	}
	for w.Kind == model.Pointer {
		w = w.Elem
	}
	for r.Kind == model.Pointer {
		r = r.Elem
	}
	switch {
	case r.Kind == model.Any:
	case w.HasFields && r.HasFields:
		c.fields(w, r, what, pos)
	case isArray(w) && isArray(r) && (r.IsSlice() || w.Kind == model.Array && w.Len == r.Len):
		c.carries(w.Elem, r.Elem, "element of "+what, pos)
	case w.IsMap() && r.IsMap():
		c.carries(w.Key, r.Key, "key of "+what, pos)
		c.carries(w.Elem, r.Elem, "entry of "+what, pos)
	case !scalar(w, r):
		c.report(pos, "%s is written as %s and cannot be read as %s", what, spell(w), spell(r))
	}
}

// fields compares the fields of two structs by their names.
func (c *comparer) fields(w, r *model.Type, what string, pos token.Position) {
	if !c.reading {
		known := make(map[string]bool)
		for _, f := range r.Fields {
			known[f.Wire], known[f.Alias] = true, true
		}
		for _, f := range w.Fields {
			if !known[f.Wire] {
				c.report(pos, "field %s of %s (%s) is gone: what clients send is ignored", f.Wire, what, spell(w))
			}
		}
	}
	byName := make(map[string]*model.Field)
	for _, f := range w.Fields {
		byName[f.Wire] = f
	}
	for _, f := range r.Fields {
		from := byName[f.Wire]
		if from == nil && f.Alias != "" {
			from = byName[f.Alias]
		}
		if from == nil {
			if c.reading {
				c.report(pos, "field %s of %s (%s) is gone: clients see it empty", f.Wire, what, spell(r))
			}
			continue
		}
		place := pos
		if from.Pos.IsValid() && c.reading {
			place = from.Place
		} else if f.Pos.IsValid() && !c.reading {
			place = f.Place
		}
		c.carries(from.Type, f.Type, "field "+f.Wire+" of "+what, place)
	}
}

// scalar reports whether all values of w, which is no container, can be read
// as an r.
func scalar(w, r *model.Type) bool {
	bits := func(t *model.Type) int {
		if t.Bits == 0 {
			return 64
		}
		return t.Bits
	}
	switch w.Kind {
	case model.Bool, model.String, model.Time:
		return w.Kind == r.Kind
	case model.Int:
		return r.Kind == model.Int && bits(r) >= bits(w)
	case model.Uint:
		return r.Kind == model.Uint && bits(r) >= bits(w) || r.Kind == model.Int && bits(r) > bits(w)
	case model.Float:
		return r.Kind == model.Float && bits(r) >= bits(w)
	case model.Bytes:
		return r.Kind == model.Bytes
	case model.ByteArray:
		return r.Kind == model.Bytes || r.Kind == model.ByteArray && r.Len == w.Len
	case model.Codec, model.Binary, model.Text:
		return w.Kind == r.Kind && types.TypeString(w.Go, nil) == types.TypeString(r.Go, nil)
	}
	return false
}

func isArray(t *model.Type) bool { return t.IsSlice() || t.Kind == model.Array }

func nilable(t *model.Type) bool {
	switch t.Kind {
	case model.Pointer, model.Slice, model.Map, model.Bytes, model.Any:
		return true
	}
	return false
}

func spell(t *model.Type) string {
	return types.TypeString(t.Go, func(p *types.Package) string { return p.Name() })
}
