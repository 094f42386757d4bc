package reflective_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/codec/internal/codectest"
	"github.com/twinwire/twinwire/codec/reflective"
)

func seed(f *testing.F) {
	f.Add(must(codectest.NewFlat().AppendMsgpack(nil)))
	f.Add(must(codectest.NewOrder().AppendMsgpack(nil)))
	f.Add(must(reflective.Append(nil, fullKinds())))
	for _, s := range []string{"", "\xc0", "\xc1", "\x81\xc0\x01", "\xdd\xff\xff\xff\xff", "\x82\xa4Tags\x91\xa1a\xa4Tags\xc0", "\x82\xa2ID\x01\xa2ID\xcd\x01\x00", "\xa1\xff"} {
		f.Add([]byte(s))
	}
}

// libraryDecode gives b to the library, which may be done only with what has
// passed Check. A fresh decoder, because a pooled one remembers.
func libraryDecode(b []byte, v any) error {
	return msgpack.NewDecoder(bytes.NewReader(b)).Decode(v)
}

// FuzzCheckedForLibrary looks for a message that passes Check and that the
// library cannot skip, or takes to be of another length.
func FuzzCheckedForLibrary(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if codec.Check(b, nil) != nil {
			return
		}
		rest := bytes.NewReader(b)
		if err := msgpack.NewDecoder(rest).Skip(); err != nil || rest.Len() != 0 {
			t.Fatalf("% x passes Check; the library: %v, %d bytes left", b, err, rest.Len())
		}
	})
}

// FuzzUnmarshal decodes into types of every kind. What is taken has passed
// Check, and is the same after writing and reading it.
func FuzzUnmarshal(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, v := range []any{new(any), new(kinds), new(tagged), new(embedsPointer), new(codectest.Flat), new(map[string]any), new([]int8), new(customPair)} {
			err := reflective.Unmarshal(b, v, nil)
			if err != nil {
				continue
			}
			if err := codec.Check(b, nil); err != nil {
				t.Fatalf("%T: took what Check refuses: %v", v, err)
			}
			first, err := reflective.Append(nil, v)
			if err != nil {
				t.Fatalf("%T: cannot be written: %v", v, err)
			}
			again := reflect.New(reflect.TypeOf(v).Elem())
			// Long forms were worth less memory than the short ones that were made
			// of them cannot be, but there may be more elements: omitted fields.
			if err := reflective.Unmarshal(first, again.Interface(), nil); err != nil {
				if errors.Is(err, codec.ErrLimit) {
					continue
				}
				t.Fatalf("%T: written as % x, not read: %v", v, first, err)
			}
			if second, err := reflective.Append(nil, again.Interface()); err != nil || !bytes.Equal(first, second) {
				t.Fatalf("%T: % x became % x, %v", v, first, second, err)
			}
		}
	})
}

// FuzzDecodeLikeLibrary holds decoders in the form of generated ones, and the
// reflective one, to the library: what they take, it takes for the same.
func FuzzDecodeLikeLibrary(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var generated, reflected, library codectest.Flat
		r := codec.NewReader(b, nil)
		if generated.ReadMsgpack(r) == nil && r.Finish() == nil {
			// Two fields of one name may be nil and not nil: the library then
			// keeps the first.
			if err := libraryDecode(b, &library); err != nil {
				t.Fatalf("% x: the library: %v", b, err)
			}
			library.At = library.At.UTC()
			if generated.Tags == nil {
				library.Tags = nil
			}
			if !sameBytes(generated, library) {
				t.Fatalf("% x: got %+v, the library %+v", b, generated, library)
			}
		}
		var order, orderByLibrary codectest.Order
		r.Reset(b)
		if order.ReadMsgpack(r) == nil && r.Finish() == nil {
			canonical := must(order.AppendMsgpack(nil))
			if err := libraryDecode(canonical, &orderByLibrary); err != nil {
				t.Fatalf("% x: the library: %v", canonical, err)
			}
			orderByLibrary.Placed = orderByLibrary.Placed.UTC()
			if !sameBytes(order, orderByLibrary) {
				t.Fatalf("% x: got %+v, the library %+v", canonical, order, orderByLibrary)
			}
		}
		type plain codectest.Flat // without its codec
		err := reflective.Unmarshal(b, (*plain)(&reflected), nil)
		if err == nil && !sameBytes(generated, reflected) {
			t.Fatalf("% x: got %+v by reflection, %+v otherwise", b, reflected, generated)
		}
		if (err == nil) != (readFlat(b) == nil) {
			t.Fatalf("% x: by reflection: %v, otherwise: %v", b, err, readFlat(b))
		}
	})
}

func readFlat(b []byte) error {
	r := codec.NewReader(b, nil)
	if err := new(codectest.Flat).ReadMsgpack(r); err != nil {
		return err
	}
	return r.Finish()
}

// sameBytes compares by the encoding in the order of keys, in which NaNs are
// equal.
func sameBytes[T any](x, y T) bool {
	a, errA := reflective.Append(nil, reflectedOnly(x))
	b, errB := reflective.Append(nil, reflectedOnly(y))
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

func reflectedOnly(v any) any {
	if o, ok := v.(codectest.Order); ok {
		type plain codectest.Order
		return plain(o)
	}
	return v
}

// FuzzPrimitives holds the bytes of each primitive to the library's.
func FuzzPrimitives(f *testing.F) {
	f.Add(int64(-33), 0.1, "text", []byte("bytes"), int64(1), int64(5))
	f.Fuzz(func(t *testing.T, i int64, x float64, s string, bin []byte, sec, nsec int64) {
		same(t, i, codec.AppendInt(nil, i))
		same(t, uint64(i), codec.AppendUint(nil, uint64(i)))
		same(t, x, codec.AppendFloat64(nil, x))
		same(t, float32(x), codec.AppendFloat32(nil, float32(x)))
		same(t, s, codec.AppendString(nil, s))
		same(t, bin, codec.AppendBytes(nil, bin))
		same(t, time.Unix(sec, nsec), codec.AppendTime(nil, time.Unix(sec, nsec)))
		same(t, time.Duration(i), codec.AppendDuration(nil, time.Duration(i)))
		if utf8.ValidString(s) {
			v := map[string]any{s: []any{i, x, s, bin}}
			got, err := reflective.Append(nil, v)
			if err != nil {
				t.Fatal(err)
			}
			same(t, v, got)
		}
	})
}
