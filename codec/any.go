package codec

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"
)

// maxAny is how deep AppendAny nests: as deep as readers with the default limits
// accept.
const maxAny = 32

// AppendAny appends what MessagePack can say of v: nil, a bool, number or string
// of a basic type, []byte, time.Time, time.Duration, a [Marshaler] (nil if it is
// a pointer that is nil), and []any, map[string]any and map[any]any of these,
// the last with keys that are strings or integers. The error says what else v
// holds, and is [ErrLimit] for what is nested more than 32 deep.
func AppendAny(b []byte, v any) ([]byte, error) { return appendAny(b, v, maxAny) }

func appendAny(b []byte, v any, levels int) ([]byte, error) {
	var err error
	switch v.(type) {
	case []any, map[string]any, map[any]any:
		if levels == 0 {
			return b, fmt.Errorf("value is nested too deep: %w", ErrLimit)
		}
	}
	switch v := v.(type) {
	case nil:
		return AppendNil(b), nil
	case bool:
		return AppendBool(b, v), nil
	case int:
		return AppendInt(b, int64(v)), nil
	case int8:
		return AppendInt(b, int64(v)), nil
	case int16:
		return AppendInt(b, int64(v)), nil
	case int32:
		return AppendInt(b, int64(v)), nil
	case int64:
		return AppendInt(b, v), nil
	case uint:
		return AppendUint(b, uint64(v)), nil
	case uint8:
		return AppendUint(b, uint64(v)), nil
	case uint16:
		return AppendUint(b, uint64(v)), nil
	case uint32:
		return AppendUint(b, uint64(v)), nil
	case uint64:
		return AppendUint(b, v), nil
	case float32:
		return AppendFloat32(b, v), nil
	case float64:
		return AppendFloat64(b, v), nil
	case string:
		return AppendString(b, v), nil
	case []byte:
		return AppendBytes(b, v), nil
	case time.Time:
		return AppendTime(b, v), nil
	case time.Duration:
		return AppendDuration(b, v), nil
	case Marshaler:
		if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer && p.IsNil() {
			return AppendNil(b), nil
		}
		return v.AppendMsgpack(b)
	case []any:
		if v == nil {
			return AppendNil(b), nil
		}
		b = AppendArrayHeader(b, len(v))
		for _, e := range v {
			if b, err = appendAny(b, e, levels-1); err != nil {
				return b, err
			}
		}
		return b, nil
	case map[string]any:
		if v == nil {
			return AppendNil(b), nil
		}
		b = AppendMapHeader(b, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			b = AppendString(b, k)
			if b, err = appendAny(b, v[k], levels-1); err != nil {
				return b, err
			}
		}
		return b, nil
	case map[any]any:
		if v == nil {
			return AppendNil(b), nil
		}
		return appendAnyMap(b, v, levels)
	}
	return b, fmt.Errorf("any holds %T, which has no AppendMsgpack", v)
}

// appendAnyMap writes the integer keys first: by its first key Any tells which
// map to make.
func appendAnyMap(b []byte, v map[any]any, levels int) ([]byte, error) {
	b = AppendMapHeader(b, len(v))
	for _, asString := range []bool{false, true} {
		for k, e := range v {
			switch k.(type) {
			case string, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
			default:
				return b, fmt.Errorf("key %T of a map is neither string nor integer", k)
			}
			if _, ok := k.(string); ok != asString {
				continue
			}
			var err error
			if b, err = appendAny(b, k, levels-1); err != nil {
				return b, err
			}
			if b, err = appendAny(b, e, levels-1); err != nil {
				return b, err
			}
		}
	}
	return b, nil
}

// Any reads any value: nil, bool, int64 or beyond it uint64, float64,
// string, []byte, time.Time, []any, map[string]any, or map[any]any if its first
// key is an integer. It recurses as deep as the limits of r allow.
func (r *Reader) Any() any {
	if !r.Charge(1, 24) {
		return nil
	}
	switch r.Peek() {
	case TypeNil:
		r.Nil()
		return nil
	case TypeBool:
		return r.Bool()
	case TypeInt:
		return r.anyInt()
	case TypeFloat:
		return r.Float64()
	case TypeString:
		return r.Str()
	case TypeBytes:
		return r.Bytes()
	case TypeTime:
		return r.Time()
	case TypeArray:
		var s []any
		if ReadSlice(r, &s) {
			for i := range s {
				s[i] = r.Any()
			}
			r.Leave()
		}
		return s
	case TypeMap:
		return r.anyMap()
	}
	r.Skip() // no value: says why
	return nil
}

func (r *Reader) anyInt() any {
	v, negative := r.Integer()
	if negative || v <= 1<<63-1 {
		return int64(v)
	}
	return v
}

func (r *Reader) anyMap() any {
	n := r.MapHeader()
	if !r.Charge(n, 66) {
		return nil
	}
	if n == 0 || r.Peek() != TypeInt {
		m := make(map[string]any, n)
		for range n {
			k := r.Str()
			m[k] = r.Any()
		}
		r.Leave()
		return m
	}
	m := make(map[any]any, n)
	for range n {
		if !r.Charge(1, 24) {
			return nil
		}
		var k any
		if r.Peek() == TypeInt {
			k = r.anyInt()
		} else {
			k = r.Str()
		}
		m[k] = r.Any()
	}
	r.Leave()
	return m
}
