package reflective

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"

	"github.com/twinwire/twinwire/codec"
)

// isBytes reports whether elements of type t make a binary. A hook on the
// element would be lost in one.
func isBytes(t reflect.Type) bool { return t.Kind() == reflect.Uint8 && !hasHook(t) }

func (p *plans) fillSlice(c *coder, t reflect.Type) {
	if isBytes(t.Elem()) {
		c.write = func(b []byte, v reflect.Value, _ int) ([]byte, error) {
			return codec.AppendBytes(b, v.Bytes()), nil
		}
		c.read = func(r *codec.Reader, v reflect.Value) error {
			v.SetBytes(r.Bytes())
			return r.Err()
		}
		return
	}
	elem := p.of(t.Elem())
	size := int(t.Elem().Size())
	c.write = func(b []byte, v reflect.Value, nesting int) ([]byte, error) {
		if v.IsNil() {
			return codec.AppendNil(b), nil
		}
		return writeElements(b, v, nesting, elem)
	}
	c.read = func(r *codec.Reader, v reflect.Value) error {
		if r.TryNil() {
			return nil
		}
		n := r.ArrayHeader()
		if !r.Charge(n, size) || r.Err() != nil {
			return r.Err()
		}
		v.Set(reflect.MakeSlice(t, n, n))
		return readElements(r, v, n, elem)
	}
}

func (p *plans) fillArray(c *coder, t reflect.Type) {
	if isBytes(t.Elem()) {
		c.write = func(b []byte, v reflect.Value, _ int) ([]byte, error) {
			return codec.AppendBytes(b, addressable(v).Bytes()), nil
		}
		c.read = func(r *codec.Reader, v reflect.Value) error {
			r.BytesInto(v.Bytes())
			return r.Err()
		}
		return
	}
	elem := p.of(t.Elem())
	c.write = func(b []byte, v reflect.Value, nesting int) ([]byte, error) {
		return writeElements(b, v, nesting, elem)
	}
	c.read = func(r *codec.Reader, v reflect.Value) error {
		if !r.FixedArray(t.Len()) {
			return r.Err()
		}
		return readElements(r, v, t.Len(), elem)
	}
}

func writeElements(b []byte, v reflect.Value, nesting int, elem *coder) ([]byte, error) {
	nesting, err := deeper(nesting)
	if err != nil {
		return b, err
	}
	n := v.Len()
	b = codec.AppendArrayHeader(b, n)
	for i := range n {
		if b, err = elem.write(b, v.Index(i), nesting); err != nil {
			return b, err
		}
	}
	return b, nil
}

func readElements(r *codec.Reader, v reflect.Value, n int, elem *coder) error {
	for i := range n {
		if err := elem.read(r, v.Index(i)); err != nil {
			return err
		}
	}
	r.Leave()
	return nil
}

func (p *plans) fillMap(c *coder, t reflect.Type) {
	var compare func(x, y reflect.Value) int
	switch t.Key().Kind() {
	case reflect.String:
		compare = func(x, y reflect.Value) int { return cmp.Compare(x.String(), y.String()) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		compare = func(x, y reflect.Value) int { return cmp.Compare(x.Int(), y.Int()) }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		compare = func(x, y reflect.Value) int { return cmp.Compare(x.Uint(), y.Uint()) }
	case reflect.Interface:
		compare = compareDynamic
	}
	if compare == nil || hasHook(t.Key()) {
		c.refuse(fmt.Errorf("%w: %s has keys that are neither strings nor integers", ErrUnsupported, t))
		return
	}
	key, elem := p.of(t.Key()), p.of(t.Elem())
	if t.Key().Kind() == reflect.Interface {
		key = p.dynamicKey(t.Key())
	}
	c.write = func(b []byte, v reflect.Value, nesting int) ([]byte, error) {
		if v.IsNil() {
			return codec.AppendNil(b), nil
		}
		nesting, err := deeper(nesting)
		if err != nil {
			return b, err
		}
		keys := v.MapKeys()
		slices.SortFunc(keys, compare)
		b = codec.AppendMapHeader(b, len(keys))
		for _, k := range keys {
			if b, err = key.write(b, k, nesting); err != nil {
				return b, err
			}
			if b, err = elem.write(b, v.MapIndex(k), nesting); err != nil {
				return b, err
			}
		}
		return b, nil
	}
	size := mapEntrySize(int(t.Key().Size()), int(t.Elem().Size()))
	c.read = func(r *codec.Reader, v reflect.Value) error {
		if r.TryNil() {
			return nil
		}
		n := r.MapHeader()
		if !r.Charge(n, size) || r.Err() != nil {
			return r.Err()
		}
		m := reflect.MakeMapWithSize(t, n)
		k, e := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		for range n {
			k.SetZero()
			if err := key.read(r, k); err != nil {
				return err
			}
			e.SetZero()
			if err := elem.read(r, e); err != nil {
				return err
			}
			m.SetMapIndex(k, e)
		}
		r.Leave()
		v.Set(m)
		return nil
	}
}

// mapEntrySize is what an entry of a map costs: of the places of a hash table
// between a half and an eighth are empty, and each has a byte of its own.
func mapEntrySize(key, elem int) int { return 2 * (key + elem + 1) }

func (p *plans) fillPointer(c *coder, t reflect.Type) {
	elem := p.of(t.Elem())
	size := int(t.Elem().Size())
	c.write = func(b []byte, v reflect.Value, nesting int) ([]byte, error) {
		if v.IsNil() {
			return codec.AppendNil(b), nil
		}
		nesting, err := deeper(nesting)
		if err != nil {
			return b, err
		}
		return elem.write(b, v.Elem(), nesting)
	}
	c.read = func(r *codec.Reader, v reflect.Value) error {
		if r.TryNil() {
			return nil
		}
		if !r.Charge(1, size) {
			return r.Err()
		}
		v.Set(reflect.New(t.Elem()))
		return elem.read(r, v.Elem())
	}
}

// addressable returns v, or a copy of it that has an address.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}
