package codec

import "time"

// A Scalar is a type of Go that has one MessagePack form of its own.
type Scalar interface {
	bool | string | []byte |
		int | int8 | int16 | int32 | int64 |
		uint | uint8 | uint16 | uint32 | uint64 |
		float32 | float64 |
		time.Time | time.Duration
}

// Value makes a Marshaler and an Unmarshaler of a scalar, for bindings written
// by hand: codec.Value[uint32]{V: 7} is a message that is one number.
type Value[T Scalar] struct{ V T }

// AppendMsgpack appends v.V.
func (v Value[T]) AppendMsgpack(b []byte) ([]byte, error) {
	switch p := any(&v.V).(type) {
	case *bool:
		b = AppendBool(b, *p)
	case *string:
		b = AppendString(b, *p)
	case *[]byte:
		b = AppendBytes(b, *p)
	case *int:
		b = AppendInt(b, int64(*p))
	case *int8:
		b = AppendInt(b, int64(*p))
	case *int16:
		b = AppendInt(b, int64(*p))
	case *int32:
		b = AppendInt(b, int64(*p))
	case *int64:
		b = AppendInt(b, *p)
	case *uint:
		b = AppendUint(b, uint64(*p))
	case *uint8:
		b = AppendUint(b, uint64(*p))
	case *uint16:
		b = AppendUint(b, uint64(*p))
	case *uint32:
		b = AppendUint(b, uint64(*p))
	case *uint64:
		b = AppendUint(b, *p)
	case *float32:
		b = AppendFloat32(b, *p)
	case *float64:
		b = AppendFloat64(b, *p)
	case *time.Time:
		b = AppendTime(b, *p)
	case *time.Duration:
		b = AppendDuration(b, *p)
	}
	return b, nil
}

// ReadMsgpack reads into v.V with the method of [Reader] for its type.
func (v *Value[T]) ReadMsgpack(r *Reader) error {
	switch p := any(&v.V).(type) {
	case *bool:
		*p = r.Bool()
	case *string:
		*p = r.Str()
	case *[]byte:
		*p = r.Bytes()
	case *int:
		*p = r.Int()
	case *int8:
		*p = r.Int8()
	case *int16:
		*p = r.Int16()
	case *int32:
		*p = r.Int32()
	case *int64:
		*p = r.Int64()
	case *uint:
		*p = r.Uint()
	case *uint8:
		*p = r.Uint8()
	case *uint16:
		*p = r.Uint16()
	case *uint32:
		*p = r.Uint32()
	case *uint64:
		*p = r.Uint64()
	case *float32:
		*p = r.Float32()
	case *float64:
		*p = r.Float64()
	case *time.Time:
		*p = r.Time()
	case *time.Duration:
		*p = r.Duration()
	}
	return r.err
}
