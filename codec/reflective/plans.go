package reflective

import (
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/twinwire/twinwire/codec"
)

// maxNesting bounds what Append follows. It counts pointers and interfaces as
// well as containers, because a cycle needs no container.
const maxNesting = 128

var timeType = reflect.TypeFor[time.Time]()

// A coder writes and reads the values of one type.
type coder struct {
	// write appends v, which stands nesting deep in what is being written.
	write func(b []byte, v reflect.Value, nesting int) ([]byte, error)
	// read reads the next value of r into v, which can be set and is zero.
	read func(r *codec.Reader, v reflect.Value) error
	// plain is set for a struct that has no hook, whose fields may be inlined.
	plain bool
}

// plans holds the coders of the types that it has met. They live in the pool
// together with a Reader: so they need no lock and are no state of the package;
// a program that stops using them gives them back to the garbage collector.
type plans struct {
	coders map[reflect.Type]*coder
	r      codec.Reader
}

var pool = sync.Pool{New: func() any { return &plans{coders: make(map[reflect.Type]*coder)} }}

func getPlans() *plans { return pool.Get().(*plans) }

// release gives p back. The reader is emptied, so the pool keeps no message.
// It is called by defer and so after a hook panicked too: nothing in p depends
// on how far a value was read.
func (p *plans) release() {
	p.r = codec.Reader{}
	pool.Put(p)
}

// read reads the next value of r into v, whatever v held.
func (p *plans) read(r *codec.Reader, v reflect.Value) error {
	v.SetZero()
	return p.of(v.Type()).read(r, v)
}

// of returns the coder of t. A type that contains itself meets its own coder
// here while it is being made, which is why coders are pointers and are filled
// in late.
func (p *plans) of(t reflect.Type) *coder {
	if c, ok := p.coders[t]; ok {
		return c
	}
	c := new(coder)
	p.coders[t] = c
	p.fill(c, t)
	return c
}

func (p *plans) fill(c *coder, t reflect.Type) {
	p.fillKind(c, t)
	applyHooks(c, t)
}

func (p *plans) fillKind(c *coder, t reflect.Type) {
	switch t.Kind() {
	case reflect.Bool:
		c.write, c.read = writeBool, readBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		c.write, c.read = writeInt, readInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		c.write, c.read = writeUint, readUint
	case reflect.Float32:
		c.write, c.read = writeFloat32, readFloat32
	case reflect.Float64:
		c.write, c.read = writeFloat64, readFloat64
	case reflect.String:
		c.write, c.read = writeString, readString
	case reflect.Slice:
		p.fillSlice(c, t)
	case reflect.Array:
		p.fillArray(c, t)
	case reflect.Map:
		p.fillMap(c, t)
	case reflect.Pointer:
		p.fillPointer(c, t)
	case reflect.Interface:
		p.fillInterface(c, t)
	case reflect.Struct:
		if t == timeType {
			c.write, c.read = writeTime, readTime
		} else {
			p.fillStruct(c, t)
		}
	default:
		c.refuse(fmt.Errorf("%w: %s", ErrUnsupported, t))
	}
}

// refuse makes c answer err to everything.
func (c *coder) refuse(err error) {
	c.write = func(b []byte, _ reflect.Value, _ int) ([]byte, error) { return b, err }
	c.read = func(*codec.Reader, reflect.Value) error { return err }
}

func deeper(nesting int) (int, error) {
	if nesting >= maxNesting {
		return 0, fmt.Errorf("reflective: value nested more than %d deep: %w", maxNesting, codec.ErrLimit)
	}
	return nesting + 1, nil
}
