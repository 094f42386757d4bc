package reflective_test

import (
	"bytes"
	"testing"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
	"github.com/twinwire/twinwire/state/reflective"
)

func schemaOf[T any](t testing.TB) state.Schema[T] {
	t.Helper()
	s, err := reflective.Of[T]()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// decoderOf returns what a receiver with its own type makes of a sender's table.
func decoderOf[T any](t testing.TB, own state.Schema[T], table []byte) state.Decoder[T] {
	t.Helper()
	r := codec.NewReader(table, nil)
	d, err := own.ReadTable(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Finish(); err != nil {
		t.Fatal(err)
	}
	return d
}

func encode[T any](t testing.TB, s state.Schema[T], v *T) []byte {
	t.Helper()
	b, err := s.AppendValue(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	if err := codec.Check(b, nil); err != nil {
		t.Fatalf("value is not one message: %v", err)
	}
	return b
}

func decode[T any](t testing.TB, d state.Decoder[T], b []byte) (v T) {
	t.Helper()
	r := codec.NewReader(b, nil)
	if err := d.ReadValue(r, &v); err != nil {
		t.Fatal(err)
	}
	if err := r.Finish(); err != nil {
		t.Fatal(err)
	}
	return v
}

func diff[T any](t testing.TB, s state.Schema[T], prev, next *T) []byte {
	t.Helper()
	b, err := s.AppendDelta(nil, prev, next)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func apply[T any](t testing.TB, d state.Decoder[T], v *T, delta []byte) {
	t.Helper()
	r := codec.NewReader(delta, nil)
	if err := d.ApplyDelta(r, v); err != nil {
		t.Fatalf("delta %x: %v", delta, err)
	}
	if err := r.Finish(); err != nil {
		t.Fatalf("delta %x: %v", delta, err)
	}
}

// hold checks the laws of a schema for one pair of values.
func hold(t testing.TB, s state.Schema[world], d state.Decoder[world], prev, next *world) {
	t.Helper()
	// A copy is equal, and so is what went through the bytes.
	copied := s.Clone(prev)
	if b := diff(t, s, prev, &copied); len(b) != 0 {
		t.Fatalf("a clone differs by %x", b)
	}
	read := decode(t, d, encode(t, s, prev))
	if b := diff(t, s, prev, &read); len(b) != 0 {
		t.Fatalf("what was read differs by %x", b)
	}
	if !bytes.Equal(encode(t, s, prev), encode(t, s, &read)) {
		t.Fatal("equal values have different bytes")
	}
	// A delta leads from the one to the other, for the owner's copy and for
	// one that was read.
	before := encode(t, s, next)
	delta := diff(t, s, prev, next)
	for _, v := range []*world{&copied, &read} {
		apply(t, d, v, delta)
		if b := diff(t, s, v, next); len(b) != 0 {
			t.Fatalf("delta %x leaves %x", delta, b)
		}
		if b := diff(t, s, next, v); len(b) != 0 {
			t.Fatalf("delta %x leaves, the other way, %x", delta, b)
		}
	}
	if !bytes.Equal(before, encode(t, s, next)) {
		t.Fatal("the new value was changed")
	}
	// It is hardly longer than the value.
	if most := len(before) + len(before)/4 + 200; len(delta) > most {
		t.Fatalf("delta of %d bytes to a value of %d", len(delta), len(before))
	}
}

func TestDeltaLeadsFromOldToNew(t *testing.T) {
	s := schemaOf[world](t)
	d := decoderOf(t, s, s.AppendTable(nil))
	seeds := 800
	if testing.Short() {
		seeds = 100
	}
	for seed := range seeds {
		m := newMaker(uint64(seed))
		var prev world
		m.change(&prev, 120)
		next := s.Clone(&prev)
		m.change(&next, []int{1, 3, 30, 200}[seed%4])
		hold(t, s, d, &prev, &next)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// One copy that lives on, as that of a view does.
func TestManyDeltas(t *testing.T) {
	s := schemaOf[world](t)
	d := decoderOf(t, s, s.AppendTable(nil))
	m := newMaker(99)
	var owner world
	view := s.Clone(&owner)
	for i := range 400 {
		m.change(&owner, 4)
		apply(t, d, &view, diff(t, s, &view, &owner))
		if b := diff(t, s, &view, &owner); len(b) != 0 {
			t.Fatalf("step %d leaves %x", i, b)
		}
	}
}

func FuzzDelta(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, uint8(seed*16), uint8(seed))
	}
	s := schemaOf[world](f)
	d := decoderOf(f, s, s.AppendTable(nil))
	f.Fuzz(func(t *testing.T, seed uint64, first, second uint8) {
		m := newMaker(seed)
		var prev world
		m.change(&prev, int(first))
		next := s.Clone(&prev)
		m.change(&next, int(second))
		hold(t, s, d, &prev, &next)
	})
}
