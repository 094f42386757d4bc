package world

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/golden/fill"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/internal/leak"
	"github.com/twinwire/twinwire/state"
	"github.com/twinwire/twinwire/state/reflective"
)

func TestMain(m *testing.M) { leak.Main(m) }

func schemas(t testing.TB) (generated, reference state.Schema[World]) {
	t.Helper()
	reference, err := reflective.Of[World]()
	if err != nil {
		t.Fatal(err)
	}
	return WorldSchema(), reference
}

func value(t testing.TB, s state.Schema[World], v *World) []byte {
	t.Helper()
	b, err := s.AppendValue(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decoder(t testing.TB, s state.Schema[World], table []byte) state.Decoder[World] {
	t.Helper()
	r := codec.NewReader(table, nil)
	d, err := s.ReadTable(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Finish(); err != nil {
		t.Fatal(err)
	}
	return d
}

// Generated schemas write the same bytes as those by reflection, and read them.
func TestSameBytes(t *testing.T) {
	gen, ref := schemas(t)
	table := gen.AppendTable(nil)
	if want := ref.AppendTable(nil); !bytes.Equal(table, want) {
		t.Fatalf("table\n%q, reference\n%q", table, want)
	}
	genDecoder, refDecoder := decoder(t, gen, table), decoder(t, ref, table)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 500 {
		prev := fill.Value[World](rng, 3)
		next := gen.Clone(&prev)
		if i%10 == 0 {
			next = fill.Value[World](rng, 3)
		}
		fill.Change(rng, &next, 1+i%5, 3)

		prevBytes, nextBytes := value(t, gen, &prev), value(t, gen, &next)
		if want := value(t, ref, &next); !bytes.Equal(nextBytes, want) {
			t.Fatalf("value\n%q, reference\n%q", nextBytes, want)
		}
		delta, err := gen.AppendDelta(nil, &prev, &next)
		if err != nil {
			t.Fatal(err)
		}
		want, err := ref.AppendDelta(nil, &prev, &next)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(delta, want) {
			t.Fatalf("delta\n%q, reference\n%q", delta, want)
		}
		if after := value(t, gen, &prev); !bytes.Equal(after, prevBytes) {
			t.Fatal("the old value changed")
		}
		for _, d := range []state.Decoder[World]{genDecoder, refDecoder} {
			var v World
			r := codec.NewReader(prevBytes, nil)
			if err := d.ReadValue(r, &v); err != nil {
				t.Fatal(err)
			}
			r.Reset(delta)
			if err := d.ApplyDelta(r, &v); err != nil {
				t.Fatalf("applying %q: %v", delta, err)
			}
			if got := value(t, ref, &v); !bytes.Equal(got, nextBytes) {
				t.Fatalf("applied\n%q, want\n%q", got, nextBytes)
			}
		}
		same, err := gen.AppendDelta(nil, &next, &next)
		if err != nil || len(same) != 0 {
			t.Fatalf("no change makes a delta of %q, error %v", same, err)
		}
	}
}

// A clone shares nothing.
func TestClone(t *testing.T) {
	gen, ref := schemas(t)
	rng := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		v := fill.Value[World](rng, 3)
		before := value(t, ref, &v)
		c := gen.Clone(&v)
		if got := value(t, ref, &c); !bytes.Equal(got, before) {
			t.Fatalf("clone\n%q, want\n%q", got, before)
		}
		fill.Change(rng, &c, 20, 3)
		if after := value(t, ref, &v); !bytes.Equal(after, before) {
			t.Fatal("changing the clone changed the value")
		}
	}
}

// What cannot be carried is named.
func TestErrors(t *testing.T) {
	deep := Item{}
	for range 40 {
		deep = Item{Parts: []Item{deep}}
	}
	for want, v := range map[string]World{
		".Title: string is not valid UTF-8: codec: invalid UTF-8":               {Title: "\xff"},
		".Players[].Name: string is not valid UTF-8: codec: invalid UTF-8":      {Players: map[string]*Player{"a": {Name: "\xff"}}},
		".Raw: codec.Raw wrote no value: codec: message is truncated at byte 0": {Raw: codec.Raw{0x91}},
	} {
		_, err := WorldSchema().AppendValue(nil, &v)
		if err == nil || !bytes.HasPrefix([]byte(err.Error()), []byte(want)) {
			t.Errorf("got error %v, want %s", err, want)
		}
		if _, err := WorldSchema().AppendDelta(nil, &World{}, &v); err == nil {
			t.Errorf("delta of %s: no error", want)
		}
	}
	if _, err := WorldSchema().AppendValue(nil, &World{Items: []Item{deep}}); err == nil {
		t.Error("40 levels: no error")
	}
}

// FuzzDelta holds the reading of deltas against the reference.
func FuzzDelta(f *testing.F) {
	gen, ref := schemas(f)
	table := gen.AppendTable(nil)
	genDecoder, refDecoder := decoder(f, gen, table), decoder(f, ref, table)
	rng := rand.New(rand.NewPCG(7, 8))
	for i := range 40 {
		prev := fill.Value[World](rng, 3)
		next := gen.Clone(&prev)
		fill.Change(rng, &next, 1+i%5, 3)
		delta, err := gen.AppendDelta(nil, &prev, &next)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value(f, gen, &prev), delta)
	}
	f.Fuzz(func(t *testing.T, from, delta []byte) {
		var values [2][]byte
		var errs [2]error
		for i, d := range []state.Decoder[World]{genDecoder, refDecoder} {
			var v World
			r := codec.NewReader(from, nil)
			if errs[i] = d.ReadValue(r, &v); errs[i] == nil {
				errs[i] = r.Finish()
			}
			if errs[i] == nil {
				r.Reset(delta)
				if errs[i] = d.ApplyDelta(r, &v); errs[i] == nil {
					errs[i] = r.Finish()
				}
			}
			if errs[i] == nil {
				values[i], _ = ref.AppendValue(nil, &v)
			}
		}
		if (errs[0] == nil) != (errs[1] == nil) || !bytes.Equal(values[0], values[1]) {
			t.Fatalf("%v, reference %v\n%q\n%q", errs[0], errs[1], values[0], values[1])
		}
	})
}
