package node

import (
	"math"
	"time"
	"unicode/utf8"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/internal/plain"
)

// Scalars are replaced whole. They are read with the method of their own width,
// which refuses what does not fit.

// A scalar is what Equal and Clone are for values that are compared by ==.
type scalar[T comparable] struct{}

// Equal compares by ==.
func (scalar[T]) Equal(x, y *T) bool { return *x == *y }

// Clone copies *src.
func (scalar[T]) Clone(dst, src *T) { *dst = *src }

// A Bool is a bool.
type Bool[T ~bool] struct{ scalar[T] }

// Write appends *v.
func (Bool[T]) Write(w *Writer, v *T, _ int) { w.B = codec.AppendBool(w.B, bool(*v)) }

// Read reads *v.
func (Bool[T]) Read(r *codec.Reader, v *T) { *v = T(r.Bool()) }

// A String is a string; one that is not valid UTF-8 cannot be written.
type String[T ~string] struct{ scalar[T] }

// Write appends *v.
func (String[T]) Write(w *Writer, v *T, _ int) {
	if !utf8.ValidString(string(*v)) {
		w.Fail(plain.Wrap("string is not valid UTF-8", codec.ErrUTF8))
		return
	}
	w.B = codec.AppendString(w.B, string(*v))
}

// Read reads *v.
func (String[T]) Read(r *codec.Reader, v *T) { *v = T(r.Str()) }

// A Time is a time; its location is not carried.
type Time struct{}

// Write appends *v.
func (Time) Write(w *Writer, v *time.Time, _ int) { w.B = codec.AppendTime(w.B, *v) }

// Read reads *v.
func (Time) Read(r *codec.Reader, v *time.Time) { *v = r.Time() }

// Equal compares instants.
func (Time) Equal(x, y *time.Time) bool { return x.Equal(*y) }

// Clone copies *src.
func (Time) Clone(dst, src *time.Time) { *dst = *src }

// sameFloat takes any two values that are not a number for the same: their bits
// do not travel.
func sameFloat(x, y float64) bool {
	return math.Float64bits(x) == math.Float64bits(y) || x != x && y != y
}

// A Float32 is a float32.
type Float32[T ~float32] struct{}

// Write appends *v.
func (Float32[T]) Write(w *Writer, v *T, _ int) { w.B = codec.AppendFloat32(w.B, float32(*v)) }

// Read reads *v.
func (Float32[T]) Read(r *codec.Reader, v *T) { *v = T(r.Float32()) }

// Equal compares bits.
func (Float32[T]) Equal(x, y *T) bool { return sameFloat(float64(*x), float64(*y)) }

// Clone copies *src.
func (Float32[T]) Clone(dst, src *T) { *dst = *src }

// A Float64 is a float64.
type Float64[T ~float64] struct{}

// Write appends *v.
func (Float64[T]) Write(w *Writer, v *T, _ int) { w.B = codec.AppendFloat64(w.B, float64(*v)) }

// Read reads *v.
func (Float64[T]) Read(r *codec.Reader, v *T) { *v = T(r.Float64()) }

// Equal compares bits.
func (Float64[T]) Equal(x, y *T) bool { return sameFloat(float64(*x), float64(*y)) }

// Clone copies *src.
func (Float64[T]) Clone(dst, src *T) { *dst = *src }
