package node

import (
	"slices"
	"unsafe"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
)

// A splicer changes a slice by operations whose indices ascend, in one pass.
// While rest has elements v ends at the last operation.
type splicer[E any, N Node[E]] struct {
	v, rest []E
	binding *Binding
	floor   int // the first index that an operation may have
}

func (p *splicer[E, N]) len() int { return len(p.v) + len(p.rest) }

// advance moves elements from rest to v until v has n.
func (p *splicer[E, N]) advance(n int) {
	if k := n - len(p.v); k > 0 {
		p.v = append(p.v, p.rest[:k]...)
		p.rest = p.rest[k:]
	}
}

func (p *splicer[E, N]) finish() { p.advance(p.len()) }

func (p *splicer[E, N]) index(r *codec.Reader, limit int) (int, bool) {
	i := int64(r.Uint32())
	if r.Err() == nil && (i < int64(p.floor) || i > int64(limit)) {
		r.Fail(codec.ErrRange, "ascending index inside the slice")
	}
	return int(i), r.Err() == nil
}

// do carries out one operation (clause S7).
func (p *splicer[E, N]) do(r *codec.Reader, op uint32) {
	var elem N
	switch op {
	case state.OpAppend:
		p.finish()
		if p.extend(r, 1) {
			elem.Read(r, &p.v[len(p.v)-1])
		}
		p.floor = len(p.v)
	case state.OpPut:
		if i, ok := p.index(r, p.len()-1); ok {
			p.advance(i + 1)
			p.v[i] = *new(E)
			elem.Read(r, &p.v[i])
			p.floor = i + 1
		}
	case state.OpPatch:
		c, ok := any(elem).(Container[E])
		if !ok {
			r.Fail(codec.ErrRange, "operation that fits the element")
			return
		}
		if i, ok := p.index(r, p.len()-1); ok {
			p.advance(i + 1)
			readPatch(r, c, &p.v[i], p.binding)
			p.floor = i + 1
		}
	case state.OpSplice:
		p.splice(r)
	default:
		r.Fail(codec.ErrRange, "operation of a slice")
	}
}

// extend makes v longer by n zero elements, charged twice because what grows
// has capacity to spare.
func (p *splicer[E, N]) extend(r *codec.Reader, n int) bool {
	if r.Err() != nil || !r.Charge(n, 2*int(unsafe.Sizeof(*new(E)))) {
		return false
	}
	had := len(p.v)
	p.v = slices.Grow(p.v, n)[:had+n]
	clear(p.v[had:])
	return true
}

func (p *splicer[E, N]) splice(r *codec.Reader) {
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
		var elem N
		for k := 0; k < added && r.Err() == nil; k++ {
			elem.Read(r, &p.v[i+k])
		}
	}
	p.floor = i + added
	r.Leave()
}

// cut makes v end at i and takes the next removed elements away.
func (p *splicer[E, N]) cut(i, removed int) {
	if behind := len(p.v) - i; behind > 0 { // there is no rest yet
		if behind > removed {
			p.rest = append([]E(nil), p.v[i+removed:]...)
		}
		clear(p.v[i:]) // keeps nothing alive
		p.v = p.v[:i]
		return
	}
	p.rest = p.rest[removed:]
}
