package message

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/twinwire/twinwire/bench/codec/tiny"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/codec/reflective"
	"github.com/twinwire/twinwire/internal/leak"
)

type generated interface {
	codec.Marshaler
	codec.Unmarshaler
}

// A pair is a fresh value with a generated codec, and what makes such values of
// the same type without one.
type pair struct {
	name  string
	value generated
	plain func() any
}

func fresh() []pair {
	return []pair{
		{"Flat", new(Flat), func() any { return new(tiny.Flat) }},
		{"Order", new(Order), func() any { return new(tiny.Order) }},
		{"Scores", new(Scores), func() any { return new(tiny.Scores) }},
		{"Track", new(Track), func() any { return new(tiny.Track) }},
	}
}

func TestMain(m *testing.M) { leak.Main(m) }

// FuzzGenerated holds generated decoders to the reflective one and to
// vmihailenco/msgpack: the reflective one takes the same messages for the same
// values, and the library reads the same from what they write.
func FuzzGenerated(f *testing.F) {
	for _, v := range []codec.Marshaler{NewFlat(), NewOrder(), NewScores(), NewTrack(), Flat{}, Order{}, Scores{}, Track{}, Flat{Amount: math.NaN()}} {
		b, err := v.AppendMsgpack(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, s := range []string{
		"\x81\xa4Tags\xdd\xff\xff\xff\xff", "\x81\xa7Unknown\x91\x91\xc0", "\x82\xa2ID\x01\xa2ID\xcd\x01\x00", "\x81\xa4Tags\x92\xa1a\xd9\x01b",
		"\x81\xa6Points\x92\x80\x81\xa1X\x01", "\x81\xa6Points\x91\xc0", "\x81\xa8Customer\xc0", "\x81\xa6Coupon\x80", "\x81\xa7Players\x82\xa1a\x01\xa1a\x02", "\xc0",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, one := range fresh() {
			name := one.name
			r := codec.NewReader(b, nil)
			err := one.value.ReadMsgpack(r)
			if err == nil {
				err = r.Finish()
			}
			byReflection := one.plain()
			reflectiveErr := reflective.Unmarshal(b, byReflection, nil)
			if (err == nil) != (reflectiveErr == nil) {
				t.Fatalf("%s: % x: generated: %v, by reflection: %v", name, b, err, reflectiveErr)
			}
			if err != nil {
				continue
			}
			if err := codec.Check(b, nil); err != nil {
				t.Fatalf("%s: % x: taken, but Check says %v", name, b, err)
			}
			written, err := one.value.AppendMsgpack(nil)
			if err != nil {
				t.Fatal(err)
			}
			byLibrary := one.plain()
			// A fresh decoder, because a pooled one remembers.
			if err := msgpack.NewDecoder(bytes.NewReader(written)).Decode(byLibrary); err != nil {
				t.Fatalf("%s: % x: the library: %v", name, written, err)
			}
			if got, want := encoded(t, byLibrary), encoded(t, byReflection); !bytes.Equal(got, want) {
				t.Fatalf("%s: % x: by reflection % x\ngenerated, read by the library % x", name, b, want, got)
			}
		}
	})
}

// encoded returns a plain value in the order of keys, in which NaNs are equal.
func encoded(t *testing.T, v any) []byte {
	b, err := reflective.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What is decoded does not change with the buffer that it came from.
func TestGeneratedNeverAliases(t *testing.T) {
	examples := map[string]codec.Marshaler{"Flat": NewFlat(), "Order": NewOrder(), "Scores": NewScores(), "Track": NewTrack()}
	for _, one := range fresh() {
		b, err := examples[one.name].AppendMsgpack(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := one.value.ReadMsgpack(codec.NewReader(b, nil)); err != nil {
			t.Fatal(err)
		}
		want := one.plain()
		if err := reflective.Unmarshal(b, want, nil); err != nil {
			t.Fatal(err)
		}
		for i := range b {
			b[i] = '?'
		}
		got := one.plain()
		again, err := one.value.AppendMsgpack(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := reflective.Unmarshal(again, got, nil); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(encoded(t, got), encoded(t, want)) {
			t.Errorf("%s: %+v, want %+v", one.name, got, want)
		}
	}
}

func TestSizes(t *testing.T) {
	for want, v := range map[int]codec.Marshaler{87: NewFlat(), 366: NewOrder()} {
		if b, err := v.AppendMsgpack(nil); err != nil || len(b) != want {
			t.Errorf("%T: %d bytes and %v, want %d", v, len(b), err, want)
		}
	}
	if NewFlat().At.Location() != time.UTC {
		t.Error("the example's time is not in UTC, which is what is read")
	}
}
