package reflective

import (
	"reflect"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
)

// A splicer changes a slice by operations whose indices ascend, in one pass: a
// patch costs no more than a copy of the slice, however many operations it has.
type splicer struct {
	node    *sliceNode
	binding *binding

	// v is the slice. While rest has elements v ends at the last operation,
	// and rest is what comes behind.
	v    reflect.Value
	rest reflect.Value
	// floor is the first index that an operation may have.
	floor int
}

func (p *splicer) left() int {
	if !p.rest.IsValid() {
		return 0
	}
	return p.rest.Len()
}

func (p *splicer) len() int { return p.v.Len() + p.left() }

// advance moves elements from rest to v until v has n, of which there are so
// many.
func (p *splicer) advance(n int) {
	if k := n - p.v.Len(); k > 0 {
		p.v.Set(reflect.AppendSlice(p.v, p.rest.Slice(0, k)))
		p.rest = p.rest.Slice(k, p.rest.Len())
	}
}

// finish puts the rest back.
func (p *splicer) finish() { p.advance(p.len()) }

// index reads an index that is at most limit.
func (p *splicer) index(r *codec.Reader, limit int) (int, bool) {
	i := int64(r.Uint32())
	if r.Err() == nil && (i < int64(p.floor) || i > int64(limit)) {
		r.Fail(codec.ErrRange, "ascending index inside the slice")
	}
	return int(i), r.Err() == nil
}

// do carries out one operation (clause S7).
func (p *splicer) do(r *codec.Reader, op uint32) {
	switch op {
	case state.OpAppend:
		p.finish()
		if p.extend(r, 1) {
			p.node.elem.read(r, p.v.Index(p.v.Len()-1))
		}
		p.floor = p.v.Len()
	case state.OpPut:
		if i, ok := p.index(r, p.len()-1); ok {
			p.advance(i + 1)
			p.v.Index(i).SetZero()
			p.node.elem.read(r, p.v.Index(i))
			p.floor = i + 1
		}
	case state.OpPatch:
		c, ok := p.node.elem.(container)
		if !ok {
			r.Fail(codec.ErrRange, "operation that fits the element")
			return
		}
		if i, ok := p.index(r, p.len()-1); ok {
			p.advance(i + 1)
			readPatch(r, c, p.v.Index(i), p.binding)
			p.floor = i + 1
		}
	case state.OpSplice:
		p.splice(r)
	default:
		r.Fail(codec.ErrRange, "operation of a slice")
	}
}

// extend makes v longer by n zero elements. They are charged twice, for what
// grows by and by has capacity to spare.
func (p *splicer) extend(r *codec.Reader, n int) bool {
	if r.Err() != nil || !r.Charge(n, 2*p.node.size) {
		return false
	}
	had := p.v.Len()
	p.v.Grow(n)
	p.v.SetLen(had + n)
	p.v.Slice(had, had+n).Clear()
	return true
}

func (p *splicer) splice(r *codec.Reader) {
	i, ok := p.index(r, p.len())
	removed := int64(r.Uint32())
	if !ok || r.Err() != nil {
		return
	}
	if removed > int64(p.len()-i) {
		r.Fail(codec.ErrRange, "removal of elements that are there")
		return
	}
	added := r.ArrayHeader()
	if r.Err() != nil {
		return
	}
	p.advance(i)
	p.cut(i, int(removed))
	if p.extend(r, added) {
		for k := 0; k < added && r.Err() == nil; k++ {
			p.node.elem.read(r, p.v.Index(i+k))
		}
	}
	p.floor = i + added
	r.Leave()
}

// cut makes v end at i and takes the next removed elements away.
func (p *splicer) cut(i, removed int) {
	if behind := p.v.Len() - i; behind > 0 { // there is no rest yet
		if behind > removed {
			p.rest = reflect.MakeSlice(p.node.typ, behind-removed, behind-removed)
			reflect.Copy(p.rest, p.v.Slice(i+removed, p.v.Len()))
		}
		p.v.Slice(i, p.v.Len()).Clear() // keeps nothing alive
		p.v.SetLen(i)
		return
	}
	if removed > 0 {
		p.rest = p.rest.Slice(removed, p.rest.Len())
	}
}
