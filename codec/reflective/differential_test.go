package reflective_test

import (
	"bytes"
	"errors"
	"math"
	"net"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/codec/internal/codectest"
	"github.com/twinwire/twinwire/codec/reflective"
)

// reference encodes v as the library does with the settings of the protocol.
// The maps of its table have one entry: the library sorts only some.
func reference(t testing.TB, v any) []byte {
	t.Helper()
	var buf bytes.Buffer
	e := msgpack.NewEncoder(&buf)
	e.UseCompactInts(true)
	if err := e.Encode(v); err != nil {
		t.Fatalf("the library refuses %#v: %v", v, err)
	}
	return buf.Bytes()
}

type (
	named   string
	level   int8
	octet   uint8
	inner   struct{ A, B int }
	Inner   struct{ A, B int }
	shadows struct {
		A int
		Inner
	}
	embeds struct {
		Inner
		C int
	}
	embedsHidden struct {
		inner
		C int
	}
	embedsApart struct {
		Inner `msgpack:",noinline"`
		C     int
	}
	embedsForced struct {
		A     int
		Inner `msgpack:",inline"`
	}
	embedsNamed struct {
		Inner `msgpack:"in"`
		C     int
	}
	embedsPointer struct {
		*Inner
		C int
	}
	embedsPointerOmit struct {
		*Inner
		C int `msgpack:",omitempty"`
	}
	tagged struct {
		Renamed  int    `msgpack:"other"`
		Left     int    `msgpack:"-"`
		Omitted  string `msgpack:",omitempty"`
		Kept     string `msgpack:"kept,omitempty"`
		Aliased  int    `msgpack:"new,alias:old"`
		hidden   int
		Text     named
		Level    level
		At       time.Time     `msgpack:"at,omitempty"`
		For      time.Duration `msgpack:"for,omitempty"`
		Sub      Inner         `msgpack:",omitempty"`
		List     []int         `msgpack:",omitempty"`
		Pointer  *int          `msgpack:",omitempty"`
		Dynamic  any           `msgpack:",omitempty"`
		Numbered [2]int        `msgpack:",omitempty"`
	}
	omitsAll struct {
		//lint:ignore U1000 its tag is what counts
		_msgpack struct{} `msgpack:",omitempty"`
		A        int
		B        string
		C        []int
	}
	kinds struct {
		B   bool
		I   int
		I8  int8
		I16 int16
		I32 int32
		I64 int64
		U   uint
		U8  uint8
		U16 uint16
		U32 uint32
		U64 uint64
		F32 float32
		F64 float64
		S   string
		Y   []byte
		Z   []octet
		Arr [3]byte
		Ns  []named
		Ss  []string
		Is  []int32
		M   map[string]int
		Mi  map[int16]string
		P   *Inner
		PP  **int
		St  []Inner
		A   any
		T   time.Time
		D   time.Duration
		E   error
		Fix [2]Inner
	}
)

func ptr[T any](v T) *T { return &v }

func fullKinds() kinds {
	return kinds{
		B: true, I: -1, I8: -128, I16: 300, I32: math.MinInt32, I64: math.MaxInt64,
		U: 7, U8: 255, U16: 256, U32: math.MaxUint32, U64: math.MaxUint64,
		F32: 1.5, F64: -0.1, S: "text", Y: []byte{1, 2}, Z: []octet{3}, Arr: [3]byte{4, 5, 6},
		Ns: []named{"n"}, Ss: []string{"a", "", strings.Repeat("b", 40)}, Is: []int32{1, -1},
		M: map[string]int{"k": 1}, Mi: map[int16]string{-5: "v"}, P: &Inner{1, 2}, PP: ptr(ptr(5)),
		St: []Inner{{}, {3, 4}}, A: "dynamic", T: time.Unix(1_700_000_000, 5).UTC(), D: time.Hour,
		E: errors.New("failed"), Fix: [2]Inner{{5, 6}, {7, 8}},
	}
}

// values are what both encoders are given. The ones of structs are given as a
// pointer too.
func values() []any {
	var nilPointer *Inner
	return []any{
		nil, true, false, 0, -1, int8(-100), int16(-1000), int32(1 << 20), int64(math.MinInt64), uint(1), uint8(200), uint16(1 << 15), uint32(1 << 31), uint64(math.MaxUint64),
		float32(0.5), math.Pi, math.NaN(), math.Inf(1), "", "text", strings.Repeat("x", 300), strings.Repeat("x", 70000), named("n"), level(-3),
		[]byte(nil), []byte{}, []byte{1}, make([]byte, 300), []octet{1}, [2]byte{1, 2}, [2]int{1, 2},
		[]int(nil), []int{}, []int{1, 2}, make([]int, 20), []string(nil), []string{"a"}, []any{1, "a", nil, []any{true}, map[string]any{"k": 1.5}}, make([]bool, 70000),
		map[string]int(nil), map[string]int{}, map[string]int{"a": 1}, map[string]string{"a": "b"}, map[string]bool{"a": true}, map[string]any{"a": []any{}}, map[int]string{-1: "a"}, map[uint8]named{200: "b"}, map[any]any{"a": 1}, map[named]level{"n": 1},
		nilPointer, ptr(5), ptr("s"), ptr(ptr(true)), time.Duration(-5), time.Unix(0, 0), time.Unix(1, 1), time.Unix(1<<33, 0), time.Unix(1<<35, 7), time.Time{}, ptr(time.Unix(5, 5)),
		inner{1, 2}, shadows{1, Inner{2, 3}}, embeds{Inner{1, 2}, 3}, embedsHidden{inner{1, 2}, 3}, embedsApart{Inner{1, 2}, 3}, embedsForced{1, Inner{2, 3}}, embedsNamed{Inner{1, 2}, 3},
		embedsPointer{&Inner{1, 2}, 3}, embedsPointer{nil, 3}, embedsPointerOmit{nil, 3}, embedsPointerOmit{&Inner{1, 2}, 0},
		tagged{}, tagged{Renamed: 1, Left: 2, Omitted: "o", Kept: "k", Aliased: 3, hidden: 4, Text: "t", Level: -1, At: time.Unix(1, 0), For: 5, Sub: Inner{1, 0}, List: []int{0}, Pointer: ptr(0), Dynamic: 1, Numbered: [2]int{1, 2}},
		tagged{Dynamic: "", List: []int{}}, omitsAll{}, omitsAll{A: 1, C: []int{1}}, kinds{}, fullKinds(),
		struct{ V any }{Inner{1, 2}}, []embeds{{}, {Inner{1, 2}, 3}},
		net.IPv4(127, 0, 0, 1), &url.URL{Scheme: "wss", Host: "localhost"}, struct{ IP net.IP }{}, customPair{1, "x"}, &customPair{1, "x"}, []customPair{{2, "y"}}, struct{ R msgpack.RawMessage }{msgpack.RawMessage{0x91, 1}},
	}
}

// customPair has the hooks of the library.
type customPair struct {
	N int
	S string
}

func (p customPair) EncodeMsgpack(e *msgpack.Encoder) error {
	if err := e.EncodeArrayLen(2); err != nil {
		return err
	}
	return e.EncodeMulti(p.N, p.S)
}

func (p *customPair) DecodeMsgpack(d *msgpack.Decoder) error {
	if _, err := d.DecodeArrayLen(); err != nil {
		return err
	}
	return d.DecodeMulti(&p.N, &p.S)
}

func TestAppendIsTheLibrarysBytes(t *testing.T) {
	for _, v := range values() {
		want := reference(t, v)
		got, err := reflective.Append([]byte("head"), v)
		if err != nil || string(got) != "head"+string(want) {
			t.Errorf("%T %.60v:\n got % .80x, %v\nwant % .80x", v, v, got[4:], err, want)
		}
		if rv := reflect.ValueOf(v); rv.Kind() == reflect.Struct {
			p := reflect.New(rv.Type())
			p.Elem().Set(rv)
			if got, err := reflective.Append(nil, p.Interface()); err != nil || !bytes.Equal(got, want) {
				t.Errorf("pointer to %T: got % x, %v, want % x", v, got, err, want)
			}
		}
	}
}

func TestUnmarshalIsAppendBackwards(t *testing.T) {
	for _, v := range values() {
		if v == nil {
			continue
		}
		b, err := reflective.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		p := reflect.New(reflect.TypeOf(v))
		if err := reflective.Unmarshal(b, p.Interface(), nil); err != nil {
			t.Errorf("%T %.60v: % .80x: %v", v, v, b, err)
			continue
		}
		// Values hold what the wire does not: locations, hidden fields.
		if again, err := reflective.Append(nil, p.Elem().Interface()); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%T: % .80x became % .80x, %v", v, b, again, err)
		}
	}
}

// What the library decodes into fresh memory from bytes without tricks is what
// this package decodes.
func TestUnmarshalIsTheLibrarysValue(t *testing.T) {
	for _, want := range []any{
		fullKindsUTC(), inner{1, 2}, embeds{Inner{1, 2}, 3}, embedsForced{1, Inner{2, 3}}, embedsApart{Inner{1, 2}, 3},
		tagged{Renamed: 1, Aliased: 2, Text: "t", Level: -3, List: []int{1}}, []string{"a"}, map[int]string{1: "a"}, [2]int{1, 2}, customPair{1, "x"},
		codectest.NewOrder(),
	} {
		b := reference(t, want)
		ours, theirs := reflect.New(reflect.TypeOf(want)), reflect.New(reflect.TypeOf(want))
		if err := reflective.Unmarshal(b, ours.Interface(), nil); err != nil {
			t.Errorf("%T: %v", want, err)
		}
		if err := msgpack.NewDecoder(bytes.NewReader(b)).Decode(theirs.Interface()); err != nil {
			t.Errorf("%T: the library: %v", want, err)
		}
		if got := ours.Elem().Interface(); !reflect.DeepEqual(got, inUTC(theirs.Elem().Interface())) {
			t.Errorf("%T: got %+v, want %+v", want, got, theirs.Elem().Interface())
		}
	}
}

func fullKindsUTC() kinds {
	v := fullKinds()
	v.A = nil // the library picks its types by the width on the wire
	return v
}

// inUTC moves the times that the library has put into the local zone.
func inUTC(v any) any {
	switch v := v.(type) {
	case kinds:
		v.T = v.T.UTC()
		return v
	case tagged:
		v.At = v.At.UTC()
		return v
	case codectest.Order:
		v.Placed = v.Placed.UTC()
		return v
	}
	return v
}

func TestPrimitivesAreTheLibrarysBytes(t *testing.T) {
	for _, v := range []int64{0, 1, 127, 128, 255, 256, 65535, 65536, 1<<32 - 1, 1 << 32, math.MaxInt64, -1, -32, -33, -128, -129, -32768, -32769, math.MinInt32, math.MinInt32 - 1, math.MinInt64} {
		same(t, v, codec.AppendInt(nil, v))
		same(t, uint64(v), codec.AppendUint(nil, uint64(v)))
		same(t, time.Duration(v), codec.AppendDuration(nil, time.Duration(v)))
	}
	for _, v := range []float64{0, math.Copysign(0, -1), 1, 0.1, math.MaxFloat64, math.Inf(1), math.NaN()} {
		same(t, v, codec.AppendFloat64(nil, v))
		same(t, float32(v), codec.AppendFloat32(nil, float32(v)))
	}
	for _, n := range []int{0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536} {
		same(t, strings.Repeat("s", n), codec.AppendString(nil, strings.Repeat("s", n)))
		same(t, make([]byte, n), codec.AppendBytes(nil, make([]byte, n)))
		want := reference(t, make([]struct{}, n))
		if got := codec.AppendArrayHeader(nil, n); !bytes.HasPrefix(want, got) || len(want) != len(got)+n {
			t.Errorf("header of %d elements: % x", n, got)
		}
		m := make(map[int]struct{}, n)
		for i := range n {
			m[i] = struct{}{}
		}
		if got := codec.AppendMapHeader(nil, n); !bytes.HasPrefix(reference(t, m), got) {
			t.Errorf("header of %d entries: % x", n, got)
		}
	}
	for _, v := range []time.Time{{}, time.Unix(0, 0), time.Unix(0, 1), time.Unix(1<<32-1, 0), time.Unix(1<<32, 0), time.Unix(1<<34-1, 999_999_999), time.Unix(1<<34, 0), time.Unix(-1, 0), time.Unix(math.MaxInt64, 0), time.Unix(math.MinInt64, 0), time.Now()} {
		same(t, v, codec.AppendTime(nil, v))
	}
	for _, v := range []any{nil, true, false, []byte(nil)} {
		got := codec.AppendNil(nil)
		if b, ok := v.(bool); ok {
			got = codec.AppendBool(nil, b)
		}
		same(t, v, got)
	}
}

func same(t testing.TB, v any, got []byte) {
	t.Helper()
	if want := reference(t, v); !bytes.Equal(got, want) {
		t.Errorf("%T %.40v: got % .40x, want % .40x", v, v, got, want)
	}
}

func TestGeneratedFormIsTheLibrarysBytes(t *testing.T) {
	flat, order := codectest.NewFlat(), codectest.NewOrder()
	a, _ := flat.AppendMsgpack(nil)
	same(t, flat, a)
	b, _ := order.AppendMsgpack(nil)
	same(t, order, b)
	same(t, codectest.Flat{}, must(codectest.Flat{}.AppendMsgpack(nil)))
	same(t, codectest.Order{}, must(codectest.Order{}.AppendMsgpack(nil)))
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
