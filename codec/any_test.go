package codec_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/twinwire/twinwire/codec"
)

// What AppendAny writes Any reads, as the widest type of its kind.
func TestAny(t *testing.T) {
	at := time.Unix(1_700_000_000, 5).UTC()
	tests := []struct{ in, out any }{
		{nil, nil},
		{true, true},
		{int8(-5), int64(-5)},
		{uint16(500), int64(500)},
		{uint64(1<<63 + 1), uint64(1<<63 + 1)},
		{float32(1.5), 1.5},
		{"text", "text"},
		{[]byte{1, 2}, []byte{1, 2}},
		{at, at},
		{time.Second, int64(time.Second)},
		{[]any{1, "a", nil}, []any{int64(1), "a", nil}},
		{map[string]any{"b": 1, "a": []any{}}, map[string]any{"b": int64(1), "a": []any{}}},
		{map[any]any{7: "x"}, map[any]any{int64(7): "x"}},
		{map[any]any{"b": true, 7: "x", "a": 1}, map[any]any{int64(7): "x", "a": int64(1), "b": true}},
		{map[any]any{}, map[string]any{}},
		{[]any(nil), nil},
		{map[string]any(nil), nil},
		{map[any]any(nil), nil},
		{[]any{(*codec.Raw)(nil)}, []any{nil}},
	}
	for _, test := range tests {
		b, err := codec.AppendAny(nil, test.in)
		if err != nil {
			t.Errorf("%v: %v", test.in, err)
			continue
		}
		r := codec.NewReader(b, nil)
		got := r.Any()
		if err := r.Finish(); err != nil {
			t.Errorf("%v: %v", test.in, err)
		}
		if when, ok := got.(time.Time); ok {
			got = when.UTC()
		}
		if !reflect.DeepEqual(got, test.out) {
			t.Errorf("%#v became %#v, want %#v", test.in, got, test.out)
		}
	}
}

func TestAnyThatCannotBeWritten(t *testing.T) {
	deep := any(1)
	for range 40 {
		deep = []any{deep}
	}
	if _, err := codec.AppendAny(nil, deep); !errors.Is(err, codec.ErrLimit) {
		t.Errorf("40 levels: %v", err)
	}
	for _, v := range []any{struct{}{}, map[any]any{true: 1}, []any{make(chan int)}} {
		if _, err := codec.AppendAny(nil, v); err == nil {
			t.Errorf("%T: no error", v)
		}
	}
}

// FuzzAny reads any message that passes Check, and writes what it has read;
// that again is stable.
func FuzzAny(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		r := codec.NewReader(b, nil)
		v := r.Any()
		if r.Finish() != nil {
			return
		}
		if err := codec.Check(b, nil); err != nil {
			t.Fatalf("read what Check refuses: %v", err)
		}
		once, err := codec.AppendAny(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		r.Reset(once)
		twice, err := codec.AppendAny(nil, r.Any())
		if err != nil || r.Err() != nil || len(twice) != len(once) { // map[any]any has no order
			t.Fatalf("% x\n% x: %v, %v", once, twice, err, r.Err())
		}
	})
}
