// Package fill makes values of any type for the tests of generated code.
package fill

import (
	"math/rand/v2"
	"reflect"
	"time"

	"github.com/twinwire/twinwire/codec"
)

// Value returns a T made of chance. Slices and maps have at most so many
// elements, and are nil rather than empty.
func Value[T any](rng *rand.Rand, size int) T {
	var v T
	f := filler{rng, size}
	f.fill(reflect.ValueOf(&v).Elem(), 5)
	return v
}

// Change changes parts of *v, each of n times somewhere.
func Change[T any](rng *rand.Rand, v *T, n, size int) {
	f := filler{rng, size}
	for range n {
		f.change(reflect.ValueOf(v).Elem())
	}
}

type filler struct {
	rng  *rand.Rand
	size int
}

func (f *filler) fill(v reflect.Value, depth int) {
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(f.rng.Int64N(1<<35), f.rng.Int64N(1e9)).UTC()))
		return
	case reflect.TypeFor[codec.Raw]():
		v.Set(reflect.ValueOf(codec.Raw(codec.AppendInt(nil, f.rng.Int64()))))
		return
	case reflect.TypeFor[any]():
		v.Set(reflect.ValueOf([]any{int64(f.rng.Uint32()), "text", true, 1.5, []byte{1}, []any{nil, "x"},
			map[string]any{"k": int64(-1)}, uint64(1) << 63}[f.rng.IntN(8)]))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(f.rng.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(f.rng.Int64() >> f.rng.IntN(64))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(f.rng.Uint64() >> f.rng.IntN(64))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(float32(f.rng.NormFloat64())))
	case reflect.String:
		v.SetString([]string{"", "a", "b", "κόσμε", "a text that is longer than thirty-one bytes"}[f.rng.IntN(5)])
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() && v.Type().Field(i).Tag.Get("msgpack") != "-" {
				f.fill(v.Field(i), depth-1)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			f.fill(v.Index(i), depth-1)
		}
	case reflect.Slice:
		if n := f.count(depth); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				f.fill(v.Index(i), depth-1)
			}
		}
	case reflect.Map:
		if n := f.count(depth); n > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n {
				f.put(v, depth-1)
			}
		}
	case reflect.Pointer:
		if f.count(depth) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			f.fill(v.Elem(), depth-1)
		}
	}
}

func (f *filler) count(depth int) int {
	if depth <= 0 {
		return 0
	}
	return f.rng.IntN(f.size + 1)
}

func (f *filler) put(m reflect.Value, depth int) {
	k, e := reflect.New(m.Type().Key()).Elem(), reflect.New(m.Type().Elem()).Elem()
	f.fill(k, depth)
	f.fill(e, depth)
	m.SetMapIndex(k, e)
}

// change goes into v and changes one thing there.
func (f *filler) change(v reflect.Value) {
	if v.Type() == reflect.TypeFor[time.Time]() || v.Type() == reflect.TypeFor[codec.Raw]() {
		f.fill(v, 3)
		return
	}
	switch k := v.Kind(); {
	case f.rng.IntN(8) == 0:
		v.SetZero()
		f.fill(v, 3)
	case k == reflect.Struct && v.NumField() > 0:
		if field := v.Field(f.rng.IntN(v.NumField())); field.CanSet() {
			f.change(field)
		}
	case k == reflect.Array || k == reflect.Slice && v.Len() > 0 && f.rng.IntN(2) == 0:
		f.change(v.Index(f.rng.IntN(v.Len())))
	case k == reflect.Slice && v.Len() > 0 && f.rng.IntN(3) == 0:
		i := f.rng.IntN(v.Len())
		v.Set(reflect.AppendSlice(v.Slice3(0, i, i), v.Slice(i+1, v.Len())))
	case k == reflect.Slice:
		e := reflect.New(v.Type().Elem()).Elem()
		f.fill(e, 3)
		v.Set(reflect.Append(v, e))
	case k == reflect.Map:
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
		keys := v.MapKeys()
		if len(keys) == 0 || f.rng.IntN(3) == 0 {
			f.put(v, 3)
			return
		}
		key := keys[f.rng.IntN(len(keys))]
		if f.rng.IntN(3) == 0 {
			v.SetMapIndex(key, reflect.Value{})
			return
		}
		e := reflect.New(v.Type().Elem()).Elem()
		e.Set(v.MapIndex(key))
		f.change(e)
		v.SetMapIndex(key, e)
	case k == reflect.Pointer && !v.IsNil() && f.rng.IntN(4) > 0:
		f.change(v.Elem())
	default:
		v.SetZero()
		f.fill(v, 3)
	}
}
