package node

import "github.com/twinwire/twinwire/codec"

// The nodes of integers, one for each width.

// An Int is an int.
type Int[T ~int] struct{ scalar[T] }

// Write appends *v.
func (Int[T]) Write(w *Writer, v *T, _ int) { w.B = codec.AppendInt(w.B, int64(*v)) }

// Read reads *v.
func (Int[T]) Read(r *codec.Reader, v *T) { *v = T(r.Int()) }

// An Int8 is an int8.
type Int8[T ~int8] struct{ scalar[T] }

// Write appends *v.
func (Int8[T]) Write(w *Writer, v *T, _ int) { w.B = codec.AppendInt(w.B, int64(*v)) }

// Read reads *v.
func (Int8[T]) Read(r *codec.Reader, v *T) { *v = T(r.Int8()) }

// An Int16 is an int16.
type Int16[T ~int16] struct{ scalar[T] }

// Write appends *v.
func (Int16[T]) Write(w *Writer, v *T, _ int) { w.B = codec.AppendInt(w.B, int64(*v)) }

// Read reads *v.
func (Int16[T]) Read(r *codec.Reader, v *T) { *v = T(r.Int16()) }

// An Int32 is an int32.
type Int32[T ~int32] struct{ scalar[T] }

// Write appends *v.
func (Int32[T]) Write(w *Writer, v *T, _ int) { w.B = codec.AppendInt(w.B, int64(*v)) }

// Read reads *v.
func (Int32[T]) Read(r *codec.Reader, v *T) { *v = T(r.Int32()) }

// An Int64 is an int64.
type Int64[T ~int64] struct{ scalar[T] }

// Write appends *v.
func (Int64[T]) Write(w *Writer, v *T, _ int) { w.B = codec.AppendInt(w.B, int64(*v)) }

// Read reads *v.
func (Int64[T]) Read(r *codec.Reader, v *T) { *v = T(r.Int64()) }

// A Uint is a uint.
type Uint[T ~uint] struct{ scalar[T] }

// Write appends *v.
func (Uint[T]) Write(w *Writer, v *T, _ int) { w.B = codec.AppendUint(w.B, uint64(*v)) }

// Read reads *v.
func (Uint[T]) Read(r *codec.Reader, v *T) { *v = T(r.Uint()) }

// A Uint8 is a uint8.
type Uint8[T ~uint8] struct{ scalar[T] }

// Write appends *v.
func (Uint8[T]) Write(w *Writer, v *T, _ int) { w.B = codec.AppendUint(w.B, uint64(*v)) }

// Read reads *v.
func (Uint8[T]) Read(r *codec.Reader, v *T) { *v = T(r.Uint8()) }

// A Uint16 is a uint16.
type Uint16[T ~uint16] struct{ scalar[T] }

// Write appends *v.
func (Uint16[T]) Write(w *Writer, v *T, _ int) { w.B = codec.AppendUint(w.B, uint64(*v)) }

// Read reads *v.
func (Uint16[T]) Read(r *codec.Reader, v *T) { *v = T(r.Uint16()) }

// A Uint32 is a uint32.
type Uint32[T ~uint32] struct{ scalar[T] }

// Write appends *v.
func (Uint32[T]) Write(w *Writer, v *T, _ int) { w.B = codec.AppendUint(w.B, uint64(*v)) }

// Read reads *v.
func (Uint32[T]) Read(r *codec.Reader, v *T) { *v = T(r.Uint32()) }

// A Uint64 is a uint64.
type Uint64[T ~uint64] struct{ scalar[T] }

// Write appends *v.
func (Uint64[T]) Write(w *Writer, v *T, _ int) { w.B = codec.AppendUint(w.B, uint64(*v)) }

// Read reads *v.
func (Uint64[T]) Read(r *codec.Reader, v *T) { *v = T(r.Uint64()) }
