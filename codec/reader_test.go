package codec_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire/codec"
)

// read reads one value of message with f and ends the message.
func read[T any](message string, f func(*codec.Reader) T) (T, error) {
	r := codec.NewReader([]byte(message), nil)
	v := f(r)
	return v, r.Finish()
}

// readAny gives the methods of Reader one type.
func readAny[T any](f func(*codec.Reader) T) func(*codec.Reader) any {
	return func(r *codec.Reader) any { return f(r) }
}

func TestReadScalars(t *testing.T) {
	i8, i16, i32, i64, i := readAny((*codec.Reader).Int8), readAny((*codec.Reader).Int16), readAny((*codec.Reader).Int32), readAny((*codec.Reader).Int64), readAny((*codec.Reader).Int)
	u8, u16, u32, u64, u := readAny((*codec.Reader).Uint8), readAny((*codec.Reader).Uint16), readAny((*codec.Reader).Uint32), readAny((*codec.Reader).Uint64), readAny((*codec.Reader).Uint)
	f32, f64 := readAny((*codec.Reader).Float32), readAny((*codec.Reader).Float64)
	str, bin, boolean := readAny((*codec.Reader).Str), readAny((*codec.Reader).Bytes), readAny((*codec.Reader).Bool)
	at, dur := readAny((*codec.Reader).Time), readAny((*codec.Reader).Duration)
	tests := []struct {
		name    string
		read    func(*codec.Reader) any
		message string
		want    any   // nil: an error
		kind    error // which one
	}{
		{"every form is read: positive fixint", u64, "\x7f", uint64(127), nil},
		{"every form is read: uint 8", u64, "\xcc\x01", uint64(1), nil},
		{"every form is read: uint 16", u64, "\xcd\x00\x01", uint64(1), nil},
		{"every form is read: uint 32", u64, "\xce\x00\x00\x00\x01", uint64(1), nil},
		{"every form is read: uint 64", u64, "\xcf\x00\x00\x00\x00\x00\x00\x00\x01", uint64(1), nil},
		{"every form is read: int 8", u64, "\xd0\x01", uint64(1), nil},
		{"every form is read: int 16", u64, "\xd1\x00\x01", uint64(1), nil},
		{"every form is read: int 32", u64, "\xd2\x00\x00\x00\x01", uint64(1), nil},
		{"every form is read: int 64", u64, "\xd3\x00\x00\x00\x00\x00\x00\x00\x01", uint64(1), nil},
		{"every form is read: negative fixint", i64, "\xe0", int64(-32), nil},
		{"every form is read: int 8", i64, "\xd0\xff", int64(-1), nil},
		{"every form is read: int 16", i64, "\xd1\xff\xff", int64(-1), nil},
		{"every form is read: int 32", i64, "\xd2\xff\xff\xff\xff", int64(-1), nil},
		{"every form is read: int 64", i64, "\xd3\xff\xff\xff\xff\xff\xff\xff\xff", int64(-1), nil},

		{"the largest uint8", u8, "\xcc\xff", uint8(255), nil},
		{"256 is no uint8", u8, "\xcd\x01\x00", nil, codec.ErrRange},
		{"300 is no uint8", u8, "\xcd\x01\x2c", nil, codec.ErrRange},
		{"-1 is no uint8", u8, "\xff", nil, codec.ErrRange},
		{"300 is no int8", i8, "\xcd\x01\x2c", nil, codec.ErrRange},
		{"128 is no int8", i8, "\xcc\x80", nil, codec.ErrRange},
		{"the smallest int8", i8, "\xd0\x80", int8(-128), nil},
		{"-129 is no int8", i8, "\xd1\xff\x7f", nil, codec.ErrRange},
		{"the largest uint16", u16, "\xcd\xff\xff", uint16(65535), nil},
		{"65536 is no uint16", u16, "\xce\x00\x01\x00\x00", nil, codec.ErrRange},
		{"the smallest int16", i16, "\xd1\x80\x00", int16(-32768), nil},
		{"32768 is no int16", i16, "\xcd\x80\x00", nil, codec.ErrRange},
		{"the largest uint32", u32, "\xce\xff\xff\xff\xff", uint32(math.MaxUint32), nil},
		{"2^32 is no uint32", u32, "\xcf\x00\x00\x00\x01\x00\x00\x00\x00", nil, codec.ErrRange},
		{"-1 is no uint32", u32, "\xff", nil, codec.ErrRange},
		{"the smallest int32", i32, "\xd2\x80\x00\x00\x00", int32(math.MinInt32), nil},
		{"2^31 is no int32", i32, "\xce\x80\x00\x00\x00", nil, codec.ErrRange},
		{"the largest uint64", u64, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", uint64(math.MaxUint64), nil},
		{"-1 is no uint64", u64, "\xd3\xff\xff\xff\xff\xff\xff\xff\xff", nil, codec.ErrRange},
		{"-1 is no uint", u, "\xff", nil, codec.ErrRange},
		{"the smallest int64", i64, "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", int64(math.MinInt64), nil},
		{"2^64-1 is no int64", i64, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", nil, codec.ErrRange},
		{"2^64-1 is no int", i, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", nil, codec.ErrRange},
		{"a float is no integer", i64, "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", nil, codec.ErrType},
		{"nil is no integer", i64, "\xc0", nil, codec.ErrType},
		{"an integer ends early", i64, "\xcf\x01", nil, codec.ErrTruncated},
		{"nothing is no integer", u8, "", nil, codec.ErrTruncated},

		{"float 64", f64, "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", 1.5, nil},
		{"float 32 as float64", f64, "\xca\x3f\xc0\x00\x00", 1.5, nil},
		{"an integer as float64", f64, "\xd0\xc0", -64.0, nil},
		{"2^53 as float64", f64, "\xcf\x00\x20\x00\x00\x00\x00\x00\x00", float64(1 << 53), nil},
		{"2^53+2 is refused", f64, "\xcf\x00\x20\x00\x00\x00\x00\x00\x02", nil, codec.ErrRange},
		{"float 32", f32, "\xca\x3f\xc0\x00\x00", float32(1.5), nil},
		{"a float 64 that a float32 holds", f32, "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", float32(1.5), nil},
		{"0.1 is not what a float32 holds", f32, "\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a", nil, codec.ErrRange},
		{"1e300 is no float32", f32, string(codec.AppendFloat64(nil, 1e300)), nil, codec.ErrRange},
		{"infinity is a float32", f32, string(codec.AppendFloat64(nil, math.Inf(-1))), float32(math.Inf(-1)), nil},
		{"2^24+1 is no float32", f32, "\xce\x01\x00\x00\x01", nil, codec.ErrRange},
		{"a string is no float", f64, "\xa11", nil, codec.ErrType},
		{"a float ends early", f64, "\xcb\x00\x00\x00\x00", nil, codec.ErrTruncated},

		{"false", boolean, "\xc2", false, nil},
		{"true", boolean, "\xc3", true, nil},
		{"1 is no bool", boolean, "\x01", nil, codec.ErrType},

		{"fixstr", str, "\xa2hi", "hi", nil},
		{"str 8", str, "\xd9\x02hi", "hi", nil},
		{"str 16", str, "\xda\x00\x02hi", "hi", nil},
		{"str 32", str, "\xdb\x00\x00\x00\x02hi", "hi", nil},
		{"text of 9 bytes", str, "\xa9123456\xc3\xa49", "123456ä9", nil},
		{"text of 20 bytes", str, "\xb4" + strings.Repeat("ab\xc3\xa4", 5), strings.Repeat("abä", 5), nil},
		{"a string ends early", str, "\xa3hi", nil, codec.ErrTruncated},
		{"a string of 2^32-1 bytes", str, "\xdb\xff\xff\xff\xff", nil, codec.ErrTruncated},
		{"the length of a string ends early", str, "\xda\x00", nil, codec.ErrTruncated},
		{"a lone continuation byte is no text", str, "\xa1\x80", nil, codec.ErrUTF8},
		{"nor in the middle", str, "\xacabcdef\xc3(ghij", nil, codec.ErrUTF8},
		{"nor at the end", str, "\xaaabcdefghi\xff", nil, codec.ErrUTF8},
		{"an overlong form is no text", str, "\xa2\xc0\x80", nil, codec.ErrUTF8},
		{"a surrogate is no text", str, "\xa3\xed\xa0\x80", nil, codec.ErrUTF8},
		{"a binary is no string", str, "\xc4\x01a", nil, codec.ErrType},
		{"nil is no string", str, "\xc0", nil, codec.ErrType},

		{"bin 8", bin, "\xc4\x02\xff\x00", []byte{0xff, 0}, nil},
		{"bin 16", bin, "\xc5\x00\x01\xff", []byte{0xff}, nil},
		{"bin 32", bin, "\xc6\x00\x00\x00\x01\xff", []byte{0xff}, nil},
		{"no bytes are not nil", bin, "\xc4\x00", []byte{}, nil},
		{"nil is nil", bin, "\xc0", []byte(nil), nil},
		{"a string is no binary", bin, "\xa1a", nil, codec.ErrType},
		{"a binary of 2^32-1 bytes", bin, "\xc6\xff\xff\xff\xff", nil, codec.ErrTruncated},

		{"timestamp 32", at, "\xd6\xff\x00\x00\x00\x01", time.Unix(1, 0).UTC(), nil},
		{"timestamp 64", at, "\xd7\xff\x00\x00\x00\x04\x00\x00\x00\x01", time.Unix(1, 1).UTC(), nil},
		{"timestamp 96", at, "\xc7\x0c\xff\x00\x00\x00\x05\xff\xff\xff\xff\xff\xff\xff\xff", time.Unix(-1, 5).UTC(), nil},
		{"timestamp 64: nanoseconds must not be larger than 999999999", at, "\xd7\xff\xff\xff\xff\xfc\x00\x00\x00\x01", nil, codec.ErrFormat},
		{"timestamp 96: nanoseconds must not be larger than 999999999", at, "\xc7\x0c\xff\x3b\x9a\xca\x00\x00\x00\x00\x00\x00\x00\x00\x00", nil, codec.ErrFormat},
		{"another extension", at, "\xd6\x05\x00\x00\x00\x01", nil, codec.ErrFormat},
		{"a timestamp of 8 bits", at, "\xd4\xff\x00", nil, codec.ErrFormat},
		{"a timestamp in ext 8 of 4 bytes", at, "\xc7\x04\xff\x00\x00\x00\x01", nil, codec.ErrFormat},
		{"a timestamp ends early", at, "\xd7\xff\x00", nil, codec.ErrTruncated},
		{"a number is no timestamp", at, "\x01", nil, codec.ErrType},
		{"a duration", dur, "\xcd\x03\xe8", time.Microsecond, nil},

		{"a byte too many", u8, "\x01\x01", nil, codec.ErrTrailing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := read(tt.message, tt.read)
			if tt.kind != nil {
				var e *codec.Error
				if !errors.Is(err, tt.kind) || !errors.As(err, &e) {
					t.Fatalf("% x: got %v, want %v", tt.message, err, tt.kind)
				}
				return
			}
			if err != nil || fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", tt.want) {
				t.Fatalf("% x: got %#v and %v, want %#v", tt.message, got, err, tt.want)
			}
			if err := codec.Check([]byte(tt.message), nil); err != nil {
				t.Errorf("Check refuses it: %v", err)
			}
		})
	}
}

func TestErrorSaysWhereAndWhat(t *testing.T) {
	_, err := read("\x82\xa1a\x01\xa1b\xc4\x01\x00", func(r *codec.Reader) int {
		sum := 0
		for range r.MapHeader() {
			r.MapKey()
			sum += r.Int()
		}
		r.Leave()
		return sum
	})
	want := codec.Error{Kind: codec.ErrType, Offset: 6, Want: "int", Found: "bin 8"}
	if e, ok := errors.AsType[*codec.Error](err); !ok || *e != want {
		t.Fatalf("got %#v, want %#v", err, want)
	}
	if got, want := err.Error(), "codec: wrong type at byte 6: want int, found bin 8"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestErrorRepeatsNoByteOfTheMessage(t *testing.T) {
	for _, message := range []string{"\xa9password\xff", "\x81\xc4\x06secret\x01", "\xc1secret", "\xd6\x05evil", "\xa6secret\xa6secret"} {
		err := codec.Check([]byte(message), nil)
		if err == nil {
			t.Fatalf("%q passes", message)
		}
		for _, word := range []string{"secret", "password", "evil"} {
			if strings.Contains(err.Error(), word) {
				t.Errorf("%q: the error repeats it: %v", message, err)
			}
		}
	}
}

func TestFirstErrorStays(t *testing.T) {
	r := codec.NewReader([]byte("\xa1a\x01"), nil)
	if got := r.Uint8(); got != 0 {
		t.Errorf("a value in spite of the error: %d", got)
	}
	first := r.Err()
	if !errors.Is(first, codec.ErrType) {
		t.Fatalf("got %v, want ErrType", first)
	}
	var raw codec.Raw
	if r.Str() != "" || r.Bytes() != nil || r.MapHeader() != 0 || r.ArrayHeader() != 0 || r.Float64() != 0 ||
		!r.Time().IsZero() || r.Bool() || r.TryNil() || r.Raw() != nil || r.Remaining() != 0 || r.Peek() != codec.TypeInvalid ||
		r.Charge(1, 1) || r.FixedArray(0) || raw.ReadMsgpack(r) == nil {
		t.Error("a value in spite of the error")
	}
	r.Skip()
	r.Nil()
	r.Fail(codec.ErrRange, "nothing")
	if r.Err() != first || r.Finish() != first {
		t.Errorf("got %v and %v, want the first: %v", r.Err(), r.Finish(), first)
	}
	r.Reset([]byte{1})
	if got := r.Uint8(); got != 1 || r.Finish() != nil {
		t.Errorf("after Reset: got %d and %v", got, r.Err())
	}
}

func TestZeroReader(t *testing.T) {
	var r codec.Reader
	if err := r.Finish(); err != nil {
		t.Errorf("an empty message at its end: %v", err)
	}
	r.Reset([]byte{0x91, 0x91, 0x01})
	r.ArrayHeader()
	r.ArrayHeader()
	if got := r.Int(); got != 1 || r.Err() != nil {
		t.Errorf("got %d and %v, want 1: Reset gives the default limits", got, r.Err())
	}
}

func TestPeekAndNil(t *testing.T) {
	tests := []struct {
		message string
		want    codec.Type
	}{
		{"", codec.TypeInvalid},
		{"\xc1", codec.TypeInvalid},
		{"\xd4\x01\x01", codec.TypeInvalid},
		{"\xc0", codec.TypeNil},
		{"\xc2", codec.TypeBool},
		{"\x05", codec.TypeInt},
		{"\xff", codec.TypeInt},
		{"\xd3", codec.TypeInt},
		{"\xca", codec.TypeFloat},
		{"\xa1a", codec.TypeString},
		{"\xdb", codec.TypeString},
		{"\xc5", codec.TypeBytes},
		{"\x90", codec.TypeArray},
		{"\xdd", codec.TypeArray},
		{"\x80", codec.TypeMap},
		{"\xde", codec.TypeMap},
		{"\xd6\xff\x00\x00\x00\x00", codec.TypeTime},
		{"\xc7\x0c\xff", codec.TypeTime},
	}
	for _, tt := range tests {
		r := codec.NewReader([]byte(tt.message), nil)
		if got := r.Peek(); got != tt.want {
			t.Errorf("% x: got %v, want %v", tt.message, got, tt.want)
		}
		if got, want := r.TryNil(), tt.want == codec.TypeNil; got != want {
			t.Errorf("% x: TryNil says %v", tt.message, got)
		}
	}
}

func TestBorrowedAndCopied(t *testing.T) {
	message := []byte("\x93\xa2hi\xc4\x02hi\xa2ho")
	r := codec.NewReader(message, nil)
	r.ArrayHeader()
	text, bin := r.Str(), r.Bytes()
	r.Reset(message)
	r.ArrayHeader()
	lent, lentBin, key := r.BorrowStr(), r.BorrowBytes(), r.MapKey()
	if _ = append(lentBin, 'X'); !bytes.HasSuffix(message, []byte("\xa2ho")) {
		t.Error("appending to borrowed bytes writes into the message")
	}
	if _ = append(key, 'X'); cap(key) != len(key) {
		t.Error("a key has room behind it")
	}
	copy(message, bytes.Repeat([]byte{'?'}, len(message)))
	if text != "hi" || string(bin) != "hi" {
		t.Errorf("copies changed with the message: %q, %q", text, bin)
	}
	if lent != "??" || string(lentBin) != "??" {
		t.Errorf("borrowed values are copies: %q, %q", lent, lentBin)
	}
}

func TestFixedLengths(t *testing.T) {
	var id [3]byte
	if _, err := read("\xc4\x03abc", func(r *codec.Reader) int { r.BytesInto(id[:]); return 0 }); err != nil || string(id[:]) != "abc" {
		t.Errorf("got %q and %v", id, err)
	}
	for message, kind := range map[string]error{"\xc4\x02ab": codec.ErrRange, "\xc0": codec.ErrType, "\xa3abc": codec.ErrType} {
		if _, err := read(message, func(r *codec.Reader) int { r.BytesInto(id[:]); return 0 }); !errors.Is(err, kind) {
			t.Errorf("% x: got %v, want %v", message, err, kind)
		}
	}
	r := codec.NewReader([]byte("\x92\x01\x02"), nil)
	if r.FixedArray(3) || !errors.Is(r.Err(), codec.ErrRange) {
		t.Errorf("two elements for an array of three: %v", r.Err())
	}
	r.Reset([]byte("\x92\x01\x02"))
	if !r.FixedArray(2) || r.Int() != 1 || r.Int() != 2 {
		t.Errorf("two elements for an array of two: %v", r.Err())
	}
	r.Leave()
	if err := r.Finish(); err != nil {
		t.Error(err)
	}
}
