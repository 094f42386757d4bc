package reflective

import (
	"math"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/twinwire/twinwire/codec"
)

// Scalars are replaced whole. time.Duration is an integer, here and on the
// wire.

func scalarOf(k reflect.Kind) node {
	switch k {
	case reflect.Bool:
		return boolNode{}
	case reflect.String:
		return stringNode{}
	case reflect.Float32, reflect.Float64:
		return floatNode{k}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return intNode{k}
	default:
		return uintNode{k}
	}
}

type boolNode struct{}

func (boolNode) write(w *writer, v reflect.Value, _ int) { w.b = codec.AppendBool(w.b, v.Bool()) }
func (boolNode) read(r *codec.Reader, v reflect.Value)   { v.SetBool(r.Bool()) }
func (boolNode) equal(x, y reflect.Value) bool           { return x.Bool() == y.Bool() }
func (boolNode) clone(dst, src reflect.Value)            { dst.SetBool(src.Bool()) }

type stringNode struct{}

func (stringNode) write(w *writer, v reflect.Value, _ int) {
	s := v.String()
	if !utf8.ValidString(s) {
		w.fail(errUTF8)
		return
	}
	w.b = codec.AppendString(w.b, s)
}
func (stringNode) read(r *codec.Reader, v reflect.Value) { v.SetString(r.Str()) }
func (stringNode) equal(x, y reflect.Value) bool         { return x.String() == y.String() }
func (stringNode) clone(dst, src reflect.Value)          { dst.SetString(src.String()) }

type intNode struct{ kind reflect.Kind }

func (intNode) write(w *writer, v reflect.Value, _ int) { w.b = codec.AppendInt(w.b, v.Int()) }
func (intNode) equal(x, y reflect.Value) bool           { return x.Int() == y.Int() }
func (intNode) clone(dst, src reflect.Value)            { dst.SetInt(src.Int()) }

// read reads with the method of the kind's own width, which refuses what does
// not fit.
func (n intNode) read(r *codec.Reader, v reflect.Value) {
	var i int64
	switch n.kind {
	case reflect.Int8:
		i = int64(r.Int8())
	case reflect.Int16:
		i = int64(r.Int16())
	case reflect.Int32:
		i = int64(r.Int32())
	case reflect.Int:
		i = int64(r.Int())
	default:
		i = r.Int64()
	}
	v.SetInt(i)
}

type uintNode struct{ kind reflect.Kind }

func (uintNode) write(w *writer, v reflect.Value, _ int) { w.b = codec.AppendUint(w.b, v.Uint()) }
func (uintNode) equal(x, y reflect.Value) bool           { return x.Uint() == y.Uint() }
func (uintNode) clone(dst, src reflect.Value)            { dst.SetUint(src.Uint()) }

func (n uintNode) read(r *codec.Reader, v reflect.Value) {
	var u uint64
	switch n.kind {
	case reflect.Uint8:
		u = uint64(r.Uint8())
	case reflect.Uint16:
		u = uint64(r.Uint16())
	case reflect.Uint32:
		u = uint64(r.Uint32())
	case reflect.Uint:
		u = uint64(r.Uint())
	default:
		u = r.Uint64()
	}
	v.SetUint(u)
}

type floatNode struct{ kind reflect.Kind }

func (n floatNode) write(w *writer, v reflect.Value, _ int) {
	if n.kind == reflect.Float32 {
		w.b = codec.AppendFloat32(w.b, float32(v.Float()))
		return
	}
	w.b = codec.AppendFloat64(w.b, v.Float())
}

func (n floatNode) read(r *codec.Reader, v reflect.Value) {
	if n.kind == reflect.Float32 {
		v.SetFloat(float64(r.Float32()))
		return
	}
	v.SetFloat(r.Float64())
}

// equal takes any two values that are not a number for the same: their bits do
// not travel.
func (floatNode) equal(x, y reflect.Value) bool {
	a, b := x.Float(), y.Float()
	return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b
}
func (floatNode) clone(dst, src reflect.Value) { dst.SetFloat(src.Float()) }

type timeNode struct{}

// timeIn returns the time in v without a copy on the heap where it can.
func timeIn(v reflect.Value) time.Time {
	if v.CanAddr() {
		return *v.Addr().Interface().(*time.Time)
	}
	return v.Interface().(time.Time)
}

func (timeNode) write(w *writer, v reflect.Value, _ int) { w.b = codec.AppendTime(w.b, timeIn(v)) }
func (timeNode) read(r *codec.Reader, v reflect.Value) {
	*v.Addr().Interface().(*time.Time) = r.Time()
}
func (timeNode) equal(x, y reflect.Value) bool { return timeIn(x).Equal(timeIn(y)) }
func (timeNode) clone(dst, src reflect.Value) {
	*dst.Addr().Interface().(*time.Time) = timeIn(src)
}
