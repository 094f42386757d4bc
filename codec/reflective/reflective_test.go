package reflective_test

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/codec/internal/codectest"
	"github.com/twinwire/twinwire/codec/reflective"
)

// Each of these the library takes, and makes something else of it.
func TestUnmarshalRefusesWhatDoesNotFit(t *testing.T) {
	tests := []struct {
		name    string
		message string
		v       any
		kind    error
	}{
		{"256 for a uint8", "\xcd\x01\x00", new(uint8), codec.ErrRange},
		{"300 for an int8", "\xcd\x01\x2c", new(int8), codec.ErrRange},
		{"-1 for a uint32", "\xff", new(uint32), codec.ErrRange},
		{"2^64-1 for an int", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", new(int), codec.ErrRange},
		{"2^63 for a duration", "\xcf\x80\x00\x00\x00\x00\x00\x00\x00", new(time.Duration), codec.ErrRange},
		{"300 for a named int8", "\xcd\x01\x2c", new(level), codec.ErrRange},
		{"300 in a field", "\x81\xa1A\xcd\x01\x2c", new(struct{ A int8 }), codec.ErrRange},
		{"300 in a renamed field", "\x81\xa1b\xcd\x01\x2c", &struct {
			A int8 `msgpack:"b"`
		}{}, codec.ErrRange},
		{"300 in an embedded field", "\x81\xa1A\xcd\x01\x2c", new(struct{ narrowPart }), codec.ErrRange},
		{"300 in a slice", "\x92\x01\xcd\x01\x2c", new([]int8), codec.ErrRange},
		{"300 in an array", "\x91\xcd\x01\x2c", new([1]int8), codec.ErrRange},
		{"300 in a map", "\x81\xa1k\xcd\x01\x2c", new(map[string]int8), codec.ErrRange},
		{"300 as a key", "\x81\xcd\x01\x2c\x01", new(map[int8]int), codec.ErrRange},
		{"300 behind pointers", "\xcd\x01\x2c", new(**int8), codec.ErrRange},
		{"2^53+2 for a float64", "\xcf\x00\x20\x00\x00\x00\x00\x00\x02", new(float64), codec.ErrRange},

		{"an array for a struct", "\x92\x01\x02", new(Inner), codec.ErrType},
		{"an empty array for a struct", "\x90", new(Inner), codec.ErrType},
		{"a string for bytes", "\xa1a", new([]byte), codec.ErrType},
		{"bytes for a string", "\xc4\x01a", new(string), codec.ErrType},
		{"text for a time", "\xb42024-01-01T00:00:00Z", new(time.Time), codec.ErrType},
		{"nil for an integer", "\xc0", new(int), codec.ErrType},
		{"nil for a string", "\xc0", new(string), codec.ErrType},
		{"nil for a struct", "\xc0", new(Inner), codec.ErrType},
		{"an integer as the key of a struct", "\x81\x01\x01", new(Inner), codec.ErrType},
		{"an array that is too short", "\x91\x01", new([2]int), codec.ErrRange},
		{"an array that is too long", "\x93\x01\x01\x01", new([2]int), codec.ErrRange},
		{"bytes that are too few", "\xc4\x01a", new([2]byte), codec.ErrRange},

		{"trailing bytes", "\x01\x01", new(int), codec.ErrTrailing},
		{"invalid text", "\xa1\xff", new(string), codec.ErrUTF8},
		{"invalid text in a field that is skipped", "\x81\xa1Z\xa1\xff", new(Inner), codec.ErrUTF8},
		{"another extension", "\xd4\x05\x00", new(any), codec.ErrFormat},
		{"a truncated message", "\x82\xa1A\x01", new(Inner), codec.ErrTruncated},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := reflective.Unmarshal([]byte(tt.message), tt.v, nil); !errors.Is(err, tt.kind) {
				t.Errorf("Unmarshal: got %v, want %v", err, tt.kind)
			}
			if err := reflective.Value(tt.v).ReadMsgpack(codec.NewReader([]byte(tt.message), nil)); tt.kind != codec.ErrTrailing && !errors.Is(err, tt.kind) {
				t.Errorf("ReadMsgpack: got %v, want %v", err, tt.kind)
			}
		})
	}
}

type narrowPart struct{ A int8 }

func TestUnmarshalKeepsNothingOld(t *testing.T) {
	type row struct{ A, B int }
	v := struct {
		Rows []row
		M    map[string]int
		P    *row
		N    int
	}{[]row{{1, 2}, {3, 4}}, map[string]int{"old": 1}, &row{5, 6}, 7}
	oldRows, oldP := v.Rows, v.P
	if err := reflective.Unmarshal([]byte("\x83\xa4Rows\x91\x81\xa1A\x09\xa1M\x80\xa1P\x81\xa1B\x08"), &v, nil); err != nil {
		t.Fatal(err)
	}
	if len(v.Rows) != 1 || v.Rows[0] != (row{A: 9}) || len(v.M) != 0 || *v.P != (row{B: 8}) || v.N != 0 {
		t.Errorf("got %+v", v)
	}
	if oldRows[0] != (row{1, 2}) || *oldP != (row{5, 6}) {
		t.Error("memory of the old value was written to")
	}
	if err := reflective.Unmarshal([]byte("\x82\xa4Rows\x92\x81\xa1A\x01\x81\xa1B\x02\xa4Rows\x92\x81\xa1B\x03\x80"), &v, nil); err != nil {
		t.Fatal(err)
	}
	if want := []row{{B: 3}, {}}; !reflect.DeepEqual(v.Rows, want) {
		t.Errorf("a field that comes twice: got %v, want %v", v.Rows, want)
	}
}

func TestUnmarshalLeavesTheTargetAloneIfCheckFails(t *testing.T) {
	v := Inner{1, 2}
	if err := reflective.Unmarshal([]byte("\x82\xa1A\x05\xa1B\xc1"), &v, nil); !errors.Is(err, codec.ErrFormat) || v != (Inner{1, 2}) {
		t.Errorf("got %v and %v", v, err)
	}
}

func TestUnmarshalNeverAliases(t *testing.T) {
	type all struct {
		S   string
		Y   []byte
		A   any
		M   map[string]string
		Raw codec.Raw
		Own msgpack.RawMessage
		T   text
	}
	want := all{"text", []byte("bytes"), []any{"deep", []byte("er")}, map[string]string{"key": "value"}, codec.Raw("\xa3raw"), msgpack.RawMessage("\xa3own"), text{"x"}}
	b, err := reflective.Append(nil, want)
	if err != nil {
		t.Fatal(err)
	}
	var got all
	if err := reflective.Unmarshal(b, &got, nil); err != nil {
		t.Fatal(err)
	}
	for i := range b {
		b[i] = '?'
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// text has the hooks of package encoding, and keeps what it is given.
type text struct{ s string }

func (v text) MarshalText() ([]byte, error) { return []byte(v.s), nil }
func (v *text) UnmarshalText(b []byte) error {
	v.s = string(b)
	return nil
}

func TestUnmarshalAny(t *testing.T) {
	tests := []struct {
		message string
		want    any
	}{
		{"\xc0", nil},
		{"\xc3", true},
		{"\x05", int64(5)},
		{"\xcf\x00\x00\x00\x00\x00\x00\x00\x05", int64(5)},
		{"\xd1\xff\xff", int64(-1)},
		{"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", uint64(math.MaxUint64)},
		{"\xca\x3f\xc0\x00\x00", 1.5},
		{"\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", 1.5},
		{"\xa1a", "a"},
		{"\xc4\x01a", []byte("a")},
		{"\xd6\xff\x00\x00\x00\x01", time.Unix(1, 0).UTC()},
		{"\x90", []any{}},
		{"\x92\x01\x91\xc0", []any{int64(1), []any{nil}}},
		{"\x80", map[string]any{}},
		{"\x82\xa1a\x01\xa1b\x81\xa1c\xc2", map[string]any{"a": int64(1), "b": map[string]any{"c": false}}},
		{"\x82\x01\xa1x\xa1b\x02", map[any]any{int64(1): "x", "b": int64(2)}},
	}
	for _, tt := range tests {
		var got any = "old"
		if err := reflective.Unmarshal([]byte(tt.message), &got, nil); err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("% x: got %#v and %v, want %#v", tt.message, got, err, tt.want)
		}
	}
	var got any
	if err := reflective.Unmarshal([]byte("\x82\xa1b\x02\x01\x01"), &got, nil); !errors.Is(err, codec.ErrType) {
		t.Errorf("an integer key behind a string: %v", err)
	}
}

func TestNested(t *testing.T) {
	type nested struct {
		Order  codectest.Order
		Flats  []codectest.Flat
		Flat   *codectest.Flat
		None   *codectest.Flat
		Raw    codec.Raw
		Empty  codec.Empty
		ByName map[string]codectest.Coupon
		Scalar codec.Value[uint8]
		Self   self
		Marsh  codec.Marshaler `msgpack:",omitempty"`
	}
	flat := codectest.NewFlat()
	want := nested{codectest.NewOrder(), []codectest.Flat{flat, {}}, &flat, nil, codec.Raw("\x91\x01"), codec.Empty{}, map[string]codectest.Coupon{"c": {Code: "x", Percent: 1}}, codec.Value[uint8]{V: 200}, self{"abc"}, nil}
	want.Flats[1].At = time.Unix(0, 0).UTC()
	b, err := reflective.Append(nil, want)
	if err != nil {
		t.Fatal(err)
	}
	var got nested
	if err := reflective.Unmarshal(b, &got, nil); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v and %v, want %+v", got, err, want)
	}
	for _, part := range []string{"\xa3Raw\x91\x01", "\xa5Empty\xc0", "\xa6Scalar\xcc\xc8", "\xa4Self\xa3cba"} {
		if !bytes.Contains(b, []byte(part)) {
			t.Errorf("% x does not contain % x", b, part)
		}
	}
	holding, err := reflective.Append(nil, struct{ V codec.Marshaler }{flat})
	if plain := must(flat.AppendMsgpack([]byte("\x81\xa1V"))); err != nil || !bytes.Equal(holding, plain) {
		t.Errorf("a Marshaler in an interface: % x, %v", holding, err)
	}
}

// self has a codec of its own, by pointer in both directions.
type self struct{ s string }

func reverse(s string) string {
	b := []byte(s)
	for i := range len(b) / 2 {
		b[i], b[len(b)-1-i] = b[len(b)-1-i], b[i]
	}
	return string(b)
}

func (v *self) AppendMsgpack(b []byte) ([]byte, error) {
	return codec.AppendString(b, reverse(v.s)), nil
}

func (v *self) ReadMsgpack(r *codec.Reader) error {
	v.s = reverse(r.Str())
	return nil // the caller asks the reader too
}

func TestPointerReceiversAreFound(t *testing.T) {
	for _, v := range []any{self{"abc"}, &self{"abc"}} {
		if b, err := reflective.Append(nil, v); err != nil || string(b) != "\xa3cba" {
			t.Errorf("%T: got %q, %v", v, b, err)
		}
	}
	b, err := reflective.Append(nil, map[string]self{"k": {"abc"}})
	if err != nil || string(b) != "\x81\xa1k\xa3cba" {
		t.Errorf("in a map: got %q, %v", b, err)
	}
	var v self
	if err := reflective.Unmarshal([]byte{0x01}, &v, nil); !errors.Is(err, codec.ErrType) {
		t.Errorf("an error that only the reader knows: %v", err)
	}
}

func TestUnsupported(t *testing.T) {
	type array struct {
		//lint:ignore U1000 its tag is what counts
		_msgpack struct{} `msgpack:",as_array"`
		A        int
	}
	type interned struct {
		S string `msgpack:",intern"`
	}
	for _, v := range []any{make(chan int), func() {}, complex(1, 1), map[float64]int{}, map[Inner]int{}, map[[2]byte]int{}, array{}, interned{}, struct{ C chan int }{}, map[any]any{1.5: 1}, map[any]any{nil: 1}, uintptr(1)} {
		if b, err := reflective.Append([]byte("head"), v); !errors.Is(err, reflective.ErrUnsupported) || string(b) != "head" {
			t.Errorf("%T: Append says %q, %v", v, b, err)
		}
	}
	for message, v := range map[string]any{
		"\x01": new(chan int), "\x02": new(func()), "\x03": new(complex64), "\x80": new(map[float64]int), "\x91\x01": new(array),
		"\x81\xa1S\x01": new(interned), "\x04": new(codec.Marshaler), "\x05": nil, "\x06": 5, "\x07": (*int)(nil),
	} {
		if err := reflective.Unmarshal([]byte(message), v, nil); !errors.Is(err, reflective.ErrUnsupported) {
			t.Errorf("%T: Unmarshal says %v", v, err)
		}
	}
}

func TestAppendRefusesCycles(t *testing.T) {
	type node struct{ Next *node }
	loop := &node{}
	loop.Next = loop
	type pointer *pointer
	var p pointer
	p = &p
	slice := make([]any, 1)
	slice[0] = slice
	for _, v := range []any{loop, p, slice} {
		if _, err := reflective.Append(nil, v); !errors.Is(err, codec.ErrLimit) {
			t.Errorf("%T that contains itself: %v", v, err)
		}
	}
	deep := &node{&node{&node{}}}
	b, err := reflective.Append(nil, deep)
	var got node
	if err == nil {
		err = reflective.Unmarshal(b, &got, nil)
	}
	if err != nil || !reflect.DeepEqual(&got, deep) {
		t.Errorf("got %+v and %v", got, err)
	}
}

func TestEmbeddedInItself(t *testing.T) {
	type Tree struct {
		*Tree
		N int
	}
	b, err := reflective.Append(nil, Tree{&Tree{nil, 2}, 1})
	if want := "\x82\xa4Tree\x82\xa4Tree\xc0\xa1N\x02\xa1N\x01"; err != nil || string(b) != want {
		t.Errorf("got %q and %v, want %q", b, err, want)
	}
}

func TestEmbeddedPointer(t *testing.T) {
	var v embedsPointer
	if err := reflective.Unmarshal([]byte("\x82\xa1A\x05\xa1C\x06"), &v, nil); err != nil || v.Inner == nil || v.A != 5 || v.C != 6 {
		t.Errorf("got %+v and %v", v, err)
	}
	if err := reflective.Unmarshal([]byte("\x82\xa1A\xc0\xa1C\x06"), &v, nil); err != nil || v.Inner != nil || v.C != 6 {
		t.Errorf("as a nil one is written: got %+v and %v", v, err)
	}
	before := runtime.NumGoroutine()
	for range 10 {
		if err := reflective.Unmarshal([]byte("\x81\xa1A\x05"), &v, nil); err != nil {
			t.Fatal(err)
		}
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines were started", after-before)
	}
}

func TestAlias(t *testing.T) {
	var v tagged
	if err := reflective.Unmarshal([]byte("\x81\xa3old\x05"), &v, nil); err != nil || v.Aliased != 5 {
		t.Errorf("got %+v and %v", v, err)
	}
}

func TestValueReadsOneValueOfSeveral(t *testing.T) {
	r := codec.NewReader([]byte("\x92\x81\xa1A\x05\x07"), nil)
	r.ArrayHeader()
	v := Inner{B: 9}
	if err := reflective.Value(&v).ReadMsgpack(r); err != nil || v != (Inner{A: 5}) {
		t.Errorf("got %+v and %v", v, err)
	}
	if got := r.Int(); got != 7 {
		t.Errorf("behind it: %d", got)
	}
	r.Leave()
	if err := r.Finish(); err != nil {
		t.Error(err)
	}
	if b, err := reflective.Value(v).AppendMsgpack(nil); err != nil || string(b) != "\x82\xa1A\x05\xa1B\x00" {
		t.Errorf("got % x and %v", b, err)
	}
	if err := reflective.Value(v).ReadMsgpack(codec.NewReader([]byte{0x80}, nil)); !errors.Is(err, reflective.ErrUnsupported) {
		t.Errorf("no pointer: %v", err)
	}
}

func TestMapsAreWrittenInOrder(t *testing.T) {
	for range 20 {
		b, err := reflective.Append(nil, map[any]int{"b": 1, "a": 2, 5: 3, -1: 4, uint8(9): 5})
		if want := "\x85\xff\x04\x05\x03\x09\x05\xa1a\x02\xa1b\x01"; err != nil || string(b) != want {
			t.Fatalf("got %q and %v, want %q", b, err, want)
		}
	}
}

func TestLimitsOfReflectiveValues(t *testing.T) {
	many := append([]byte{0xdd, 0, 0, 0x20, 0}, bytes.Repeat([]byte{0x80}, 8192)...)
	type wide struct{ X [256]int64 }
	for name, v := range map[string]any{"slice": new([]wide), "pointers": new([]*wide), "array of slices": new([][2]wide)} {
		if err := reflective.Unmarshal(many, v, nil); !errors.Is(err, codec.ErrLimit) && !errors.Is(err, codec.ErrType) {
			t.Errorf("%s of 2 KiB structs: %v", name, err)
		}
	}
	if err := reflective.Unmarshal(many, new([]map[string]int), nil); err != nil {
		t.Errorf("empty maps: %v", err)
	}
	if err := reflective.Unmarshal([]byte("\x91\x91\x01"), new(any), &codec.Limits{Depth: 1}); !errors.Is(err, codec.ErrLimit) {
		t.Errorf("two levels of one: %v", err)
	}
}
