package codec_test

import (
	"bytes"
	"math"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/codec/internal/codectest"
)

// seed adds what is close to messages to a corpus of messages.
func seed(f *testing.F) {
	flat, _ := codectest.NewFlat().AppendMsgpack(nil)
	order, _ := codectest.NewOrder().AppendMsgpack(nil)
	f.Add(flat)
	f.Add(order)
	for _, s := range []string{
		"", "\xc1", "\xc0", "\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff", "\xc6\xff\xff\xff\xff", "\xdb\xff\xff\xff\xff",
		"\x81\xc0\x01", "\x81\x90\x01", "\xa2\xc3\x28", "\xc7\x0c\xff\x3b\x9a\xca\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"\x82\xa2ID\x01\xa2ID\x02", "\x92\x01\xdc\x00\x02\xff\xd1\xff\x00",
	} {
		f.Add([]byte(s))
	}
	f.Add(nest(33))
}

// FuzzCheck holds Check, Skip and Raw to one opinion, and to having one: no
// message makes them panic.
func FuzzCheck(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		err := codec.Check(b, nil)
		r := codec.NewReader(b, nil)
		r.Skip()
		if skipErr := r.Finish(); (err == nil) != (skipErr == nil) {
			t.Fatalf("Check: %v, Skip: %v", err, skipErr)
		}
		r.Reset(b)
		raw := r.Raw()
		if r.Err() == nil && codec.Check(raw, nil) != nil {
			t.Fatalf("Raw returned what Check refuses: % x", raw)
		}
		if err == nil && !walk(codec.NewReader(b, nil)) {
			t.Fatal("a message that passes Check cannot be read")
		}
	})
}

// walk reads a value of any type by the methods for its types, and reports
// whether that went well.
func walk(r *codec.Reader) bool {
	switch r.Peek() {
	case codec.TypeNil:
		r.Nil()
	case codec.TypeBool:
		r.Bool()
	case codec.TypeInt:
		r.Integer()
	case codec.TypeFloat:
		r.Float64()
	case codec.TypeString:
		r.Str()
	case codec.TypeBytes:
		r.Bytes()
	case codec.TypeTime:
		r.Time()
	case codec.TypeArray:
		for range r.ArrayHeader() {
			if !walk(r) {
				return false
			}
		}
		r.Leave()
	case codec.TypeMap:
		for range r.MapHeader() {
			if r.Peek() == codec.TypeInt {
				r.Integer()
			} else {
				r.MapKey()
			}
			if !walk(r) {
				return false
			}
		}
		r.Leave()
	default:
		return false
	}
	return r.Err() == nil
}

// FuzzRead calls the methods of Reader in an order that the input chooses: no
// message and no order make them panic, and none reads beyond the message.
func FuzzRead(f *testing.F) {
	flat, _ := codectest.NewFlat().AppendMsgpack(nil)
	f.Add(flat, []byte{14, 15, 1, 15, 9, 15, 13, 9, 9, 9, 18, 15, 8, 15, 16})
	f.Add([]byte("\x94\x01\xca\x00\x00\x00\x00\xc4\x01\xff\xc3"), []byte{13, 3, 7, 10, 0})
	f.Fuzz(func(t *testing.T, b, calls []byte) {
		r := codec.NewReader(b, nil)
		methods := []func(){
			func() { r.Bool() }, func() { r.Uint64() }, func() { r.Uint32() }, func() { r.Uint8() }, func() { r.Int64() },
			func() { r.Int16() }, func() { r.Int8() }, func() { r.Float32() }, func() { r.Float64() }, func() { r.Str() },
			func() { r.Bytes() }, func() { r.BorrowBytes() }, func() { r.BorrowStr() }, func() { r.ArrayHeader() }, func() { r.MapHeader() },
			func() { r.MapKey() }, func() { r.Time() }, func() { r.Duration() }, func() { r.Leave() }, func() { r.Skip() },
			func() { r.Raw() }, func() { r.Nil() }, func() { r.TryNil() }, func() { r.FixedArray(2) }, func() { r.BytesInto(make([]byte, 2)) },
			func() { var s []int; codec.ReadSlice(r, &s) }, func() { var m map[int]int; codec.ReadMap(r, &m) }, func() { r.Peek(); r.Integer() },
		}
		for _, c := range calls {
			before := r.Offset()
			methods[int(c)%len(methods)]()
			if r.Offset() < before || r.Offset() > len(b) || r.Remaining() != len(b)-r.Offset() {
				t.Fatalf("at byte %d of %d after %d", r.Offset(), len(b), before)
			}
			if r.Err() != nil && r.Remaining() != 0 {
				t.Fatal("bytes are left after an error")
			}
		}
		_ = r.Finish()
	})
}

// FuzzScalars reads back what it wrote, for every type and every value.
func FuzzScalars(f *testing.F) {
	f.Add(int64(-33), uint64(1)<<63, 0.1, "text", []byte("bytes"), int64(1), uint32(5))
	f.Add(int64(math.MinInt64), uint64(0), math.Inf(1), "\xff", []byte{}, int64(math.MaxInt64), uint32(999_999_999))
	f.Fuzz(func(t *testing.T, i int64, u uint64, x float64, s string, bin []byte, sec int64, nsec uint32) {
		at := time.Unix(sec, int64(nsec%1_000_000_000))
		b := codec.AppendArrayHeader(nil, 8)
		b = codec.AppendInt(b, i)
		b = codec.AppendUint(b, u)
		b = codec.AppendFloat64(b, x)
		b = codec.AppendFloat32(b, float32(x))
		b = codec.AppendString(b, s)
		b = codec.AppendBytes(b, bin)
		b = codec.AppendTime(b, at)
		b = codec.AppendDuration(b, time.Duration(i))
		r := codec.NewReader(b, nil)
		r.ArrayHeader()
		same := r.Int64() == i && r.Uint64() == u &&
			math.Float64bits(r.Float64()) == math.Float64bits(x)
		y := r.Float32()
		same = same && (y == float32(x) || y != y && x != x)
		if !utf8.ValidString(s) {
			if r.Str(); r.Err() == nil || codec.Check(b, nil) == nil {
				t.Fatalf("%q is read as text", s)
			}
			return
		}
		same = same && r.Str() == s && bytes.Equal(r.Bytes(), bin)
		got := r.Time()
		same = same && got.Unix() == at.Unix() && got.Nanosecond() == at.Nanosecond() && r.Duration() == time.Duration(i)
		r.Leave()
		if err := r.Finish(); err != nil || !same {
			t.Fatalf("% x: %v", b, err)
		}
		if err := codec.Check(b, nil); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzNarrow holds each narrow integer to the range of its type.
func FuzzNarrow(f *testing.F) {
	for _, v := range []int64{0, -1, 127, 128, 255, 256, -128, -129, 1 << 15, 1 << 16, 1 << 31, 1 << 32, math.MinInt64} {
		f.Add(v, uint64(v))
	}
	f.Fuzz(func(t *testing.T, i int64, u uint64) {
		narrow(t, i, u, (*codec.Reader).Int8)
		narrow(t, i, u, (*codec.Reader).Int16)
		narrow(t, i, u, (*codec.Reader).Int32)
		narrow(t, i, u, (*codec.Reader).Int)
		narrow(t, i, u, (*codec.Reader).Uint8)
		narrow(t, i, u, (*codec.Reader).Uint16)
		narrow(t, i, u, (*codec.Reader).Uint32)
		narrow(t, i, u, (*codec.Reader).Uint)
	})
}

func narrow[T int8 | int16 | int32 | int | uint8 | uint16 | uint32 | uint](t *testing.T, i int64, u uint64, f func(*codec.Reader) T) {
	t.Helper()
	r := codec.NewReader(codec.AppendInt(nil, i), nil)
	got := f(r)
	if fits := int64(T(i)) == i && (T(i) < 0) == (i < 0); fits != (r.Err() == nil) || fits && got != T(i) {
		t.Fatalf("%d as %T: %d, %v", i, got, got, r.Err())
	}
	r.Reset(codec.AppendUint(nil, u))
	got = f(r)
	if fits := uint64(T(u)) == u && T(u) >= 0; fits != (r.Err() == nil) || fits && got != T(u) {
		t.Fatalf("%d as %T: %d, %v", u, got, got, r.Err())
	}
}

// FuzzDecode holds decoders in the form of generated ones to the rules: what
// they take passes Check, and is the same after writing and reading it.
func FuzzDecode(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		decode(t, b, new(codectest.Flat), new(codectest.Flat))
		decode(t, b, new(codectest.Order), new(codectest.Order))
	})
}

type message interface {
	codec.Marshaler
	codec.Unmarshaler
}

func decode(t *testing.T, b []byte, v, again message) {
	t.Helper()
	r := codec.NewReader(b, nil)
	if v.ReadMsgpack(r) != nil || r.Finish() != nil {
		return
	}
	if err := codec.Check(b, nil); err != nil {
		t.Fatalf("%T takes what Check refuses: %v", v, err)
	}
	first, err := v.AppendMsgpack(nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Reset(first)
	if err := again.ReadMsgpack(r); err != nil {
		t.Fatalf("%T: written and read again: %v", v, err)
	}
	// Maps are written in any order, so only the sizes must be equal.
	if second, _ := again.AppendMsgpack(nil); len(second) != len(first) {
		t.Fatalf("%T: % x became % x", v, first, second)
	}
}
