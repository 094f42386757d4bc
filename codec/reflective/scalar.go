package reflective

import (
	"reflect"
	"time"

	"github.com/twinwire/twinwire/codec"
)

func writeBool(b []byte, v reflect.Value, _ int) ([]byte, error) {
	return codec.AppendBool(b, v.Bool()), nil
}

func readBool(r *codec.Reader, v reflect.Value) error {
	v.SetBool(r.Bool())
	return r.Err()
}

func writeInt(b []byte, v reflect.Value, _ int) ([]byte, error) {
	return codec.AppendInt(b, v.Int()), nil
}

// readInt reads with the method of the kind's own width, which is what refuses
// a number that does not fit.
func readInt(r *codec.Reader, v reflect.Value) error {
	var n int64
	switch v.Kind() {
	case reflect.Int8:
		n = int64(r.Int8())
	case reflect.Int16:
		n = int64(r.Int16())
	case reflect.Int32:
		n = int64(r.Int32())
	case reflect.Int:
		n = int64(r.Int())
	default:
		n = r.Int64()
	}
	v.SetInt(n)
	return r.Err()
}

func writeUint(b []byte, v reflect.Value, _ int) ([]byte, error) {
	return codec.AppendUint(b, v.Uint()), nil
}

// readUint is readInt for the unsigned kinds.
func readUint(r *codec.Reader, v reflect.Value) error {
	var n uint64
	switch v.Kind() {
	case reflect.Uint8:
		n = uint64(r.Uint8())
	case reflect.Uint16:
		n = uint64(r.Uint16())
	case reflect.Uint32:
		n = uint64(r.Uint32())
	case reflect.Uint:
		n = uint64(r.Uint())
	default:
		n = r.Uint64()
	}
	v.SetUint(n)
	return r.Err()
}

func writeFloat32(b []byte, v reflect.Value, _ int) ([]byte, error) {
	return codec.AppendFloat32(b, float32(v.Float())), nil
}

func readFloat32(r *codec.Reader, v reflect.Value) error {
	v.SetFloat(float64(r.Float32()))
	return r.Err()
}

func writeFloat64(b []byte, v reflect.Value, _ int) ([]byte, error) {
	return codec.AppendFloat64(b, v.Float()), nil
}

func readFloat64(r *codec.Reader, v reflect.Value) error {
	v.SetFloat(r.Float64())
	return r.Err()
}

func writeString(b []byte, v reflect.Value, _ int) ([]byte, error) {
	return codec.AppendString(b, v.String()), nil
}

func readString(r *codec.Reader, v reflect.Value) error {
	v.SetString(r.Str())
	return r.Err()
}

func writeTime(b []byte, v reflect.Value, _ int) ([]byte, error) {
	if v.CanAddr() && v.Addr().CanInterface() {
		return codec.AppendTime(b, *v.Addr().Interface().(*time.Time)), nil
	}
	return codec.AppendTime(b, v.Interface().(time.Time)), nil
}

func readTime(r *codec.Reader, v reflect.Value) error {
	*v.Addr().Interface().(*time.Time) = r.Time()
	return r.Err()
}
