package held

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/internal/leak"
	"github.com/twinwire/twinwire/state"
	"github.com/twinwire/twinwire/state/reflective"
)

func TestMain(m *testing.M) { leak.Main(m) }

// change makes one random change.
func change(rng *rand.Rand, h *Hall) {
	name := fmt.Sprint("n", rng.IntN(30))
	n := rng.IntN(40)
	switch rng.IntN(14) {
	case 0:
		h.Title = name
	case 1, 2:
		h.Scores.Set(name, int64(n))
	case 3:
		h.Scores.Delete(name)
	case 4:
		h.Log.Append(name)
	case 5:
		if l := h.Log.Len(); l > 0 {
			i := rng.IntN(l)
			h.Log.Replace(i, min(l, i+rng.IntN(3)), make([]string, rng.IntN(3))...)
		}
	case 6:
		h.Seats.Insert(rng.IntN(h.Seats.Len()+1), seat(rng))
	case 7, 8:
		if l := h.Seats.Len(); l > 0 {
			i := rng.IntN(l)
			s := h.Seats.At(i)
			s.Marks.Append(n)
			s.Points++
			h.Seats.Set(i, s)
		}
	case 9, 10:
		t, _ := h.Tables.Get(name)
		s, _ := t.Seats.Get(uint16(n))
		s.Points++
		s.Marks.Append(n)
		t.Seats.Set(uint16(n), s)
		h.Tables.Set(name, t)
	case 11:
		if h.Named == nil {
			h.Named = make(map[string]Table)
		}
		t := h.Named[name]
		t.Seats.Set(uint16(n), seat(rng))
		h.Named[name] = t
	case 12:
		if h.Best == nil || n == 0 {
			h.Best = &Table{Name: name}
		}
		h.Best.Seats.Set(uint16(n), seat(rng))
	case 13:
		switch n {
		case 0:
			h.Scores.Clear()
		case 1:
			h.Log.Truncate(h.Log.Len() / 2)
		case 2:
			h.Seats.Clear()
		default:
			h.Empty.Set(name, true)
			if n%2 == 0 {
				h.Empty.Clear()
			}
		}
	}
}

func seat(rng *rand.Rand) Seat {
	return Seat{fmt.Sprint("p", rng.IntN(9)), rng.IntN(9), time.Unix(rng.Int64N(9), 0), state.SliceOf(1, 2, rng.IntN(9))}
}

// A side has a value of its own, which deltas are applied to.
type side[T any] struct {
	name    string
	schema  state.Schema[T]
	decoder state.Decoder[T]
	value   T
}

func newSide[T any](t testing.TB, name string, schema state.Schema[T], table, snapshot []byte) *side[T] {
	t.Helper()
	s := &side[T]{name: name, schema: schema}
	var err error
	if s.decoder, err = schema.ReadTable(codec.NewReader(table, nil)); err != nil {
		t.Fatal(err)
	}
	if err := s.decoder.ReadValue(codec.NewReader(snapshot, nil), &s.value); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *side[T]) apply(t testing.TB, delta, want []byte) {
	t.Helper()
	if err := s.decoder.ApplyDelta(codec.NewReader(delta, nil), &s.value); err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	s.is(t, &s.value, want)
}

func (s *side[T]) is(t testing.TB, v *T, want []byte) {
	t.Helper()
	got, err := s.schema.AppendValue(nil, v)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%s has\n%q, want\n%q: %v", s.name, got, want, err)
	}
}

func reflected[T any](t testing.TB) state.Schema[T] {
	t.Helper()
	s, err := reflective.Of[T]()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Whoever follows by deltas has what the owner has, with containers or without,
// generated or by reflection; and copies that were kept stay as they were.
func TestFollowers(t *testing.T) {
	run := func(t *testing.T, steps int, seed uint64, owner state.Schema[Hall]) {
		rng := rand.New(rand.NewPCG(seed, 2))
		// Plain maps and slices that are nil are so in the beginning only.
		h := Hall{Best: nil, Named: map[string]Table{}}
		encode := func(v *Hall) []byte {
			b, err := owner.AppendValue(nil, v)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		table := owner.AppendTable(nil)
		a := newSide(t, "generated", HallSchema(), table, encode(&h))
		b := newSide(t, "plain", PlainHallSchema(), table, encode(&h))
		c := newSide(t, "reflective", reflected[Hall](t), table, encode(&h))
		sent := owner.Clone(&h)
		var kept Hall
		var keptBytes []byte
		for range steps {
			for range 1 + rng.IntN(3) {
				change(rng, &h)
			}
			delta, err := owner.AppendDelta(nil, &sent, &h)
			if err != nil {
				t.Fatal(err)
			}
			want := encode(&h)
			a.apply(t, delta, want)
			b.apply(t, delta, want)
			c.apply(t, delta, want)
			if err := a.decoder.ApplyDelta(codec.NewReader(delta, nil), &sent); err != nil {
				t.Fatal(err)
			}
			if same, _ := owner.AppendDelta(nil, &sent, &h); len(same) != 0 {
				t.Fatalf("no change makes %q", same)
			}
			if keptBytes != nil {
				a.is(t, &kept, keptBytes)
			}
			if rng.IntN(20) == 0 {
				kept, keptBytes = a.schema.Clone(&a.value), want
			}
		}
	}
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("generated/", seed), func(t *testing.T) { run(t, 200, seed, HallSchema()) })
	}
	t.Run("reflective", func(t *testing.T) { run(t, 100, 9, reflected[Hall](t)) })
}

// An owner with plain containers is followed by one without.
func TestPlainOwner(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	owner := PlainHallSchema()
	var h, before Hall
	follower := newSide(t, "follower", HallSchema(), owner.AppendTable(nil), []byte{0x80})
	through := newSide(t, "owner", owner, HallSchema().AppendTable(nil), []byte{0x80})
	for range 500 {
		change(rng, &h)
		delta, err := HallSchema().AppendDelta(nil, &before, &h)
		if err != nil {
			t.Fatal(err)
		}
		old := owner.Clone(&through.value)
		if err := through.decoder.ApplyDelta(codec.NewReader(delta, nil), &through.value); err != nil {
			t.Fatal(err)
		}
		delta, err = owner.AppendDelta(nil, &old, &through.value)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := HallSchema().AppendValue(nil, &h)
		follower.apply(t, delta, want)
		before = HallSchema().Clone(&h)
	}
}

// An update goes on to cost what it changes when much has changed since the
// beginning, one container inside another too.
func TestUpdatesStayCheap(t *testing.T) {
	var inner state.Map[uint16, Seat]
	for i := range uint16(10_000) {
		inner.Set(i, Seat{Points: int(i)})
	}
	var h Hall
	h.Tables.Set("t", Table{Seats: inner})
	for i := range 5000 {
		h.Seats.Append(Seat{Points: i})
	}
	sent := HallSchema().Clone(&h)
	decoder, err := HallSchema().ReadTable(codec.NewReader(HallSchema().AppendTable(nil), nil))
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	step := func() {
		i += 7
		table, _ := h.Tables.Get("t")
		table.Seats.Set(uint16(i%10_000), Seat{Points: -i})
		h.Tables.Set("t", table)
		seat := h.Seats.At(i % 5000)
		seat.Points = -i
		h.Seats.Set(i%5000, seat)
		delta, err := HallSchema().AppendDelta(nil, &sent, &h)
		if err != nil {
			t.Fatal(err)
		}
		if err := decoder.ApplyDelta(codec.NewReader(delta, nil), &sent); err != nil {
			t.Fatal(err)
		}
	}
	early := testing.AllocsPerRun(20, step)
	for range 2000 {
		step()
	}
	if late := testing.AllocsPerRun(20, step); late > 1.5*early {
		t.Errorf("an update takes %v allocations, %v in the beginning", late, early)
	}
}

// Generated codecs carry containers too.
func TestMessage(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	var m Message
	for range 200 {
		change(rng, &m.Hall)
	}
	m.Notes.Set(5, state.SliceOf("a", "b"))
	b, err := m.AppendMsgpack(nil)
	if err != nil {
		t.Fatal(err)
	}
	var got Message
	if err := got.ReadMsgpack(codec.NewReader(b, nil)); err != nil {
		t.Fatal(err)
	}
	want, _ := HallSchema().AppendValue(nil, &m.Hall)
	if b, _ := HallSchema().AppendValue(nil, &got.Hall); !bytes.Equal(b, want) {
		t.Errorf("%q, want %q", b, want)
	}
	if notes, _ := got.Notes.Get(5); notes.Len() != 2 || notes.At(1) != "b" {
		t.Errorf("notes are %v", notes)
	}
}

// FuzzDelta applies what a peer may send to both kinds, which agree.
func FuzzDelta(f *testing.F) {
	rng := rand.New(rand.NewPCG(5, 5))
	var h Hall
	table := HallSchema().AppendTable(nil)
	for range 60 {
		before := HallSchema().Clone(&h)
		change(rng, &h)
		from, _ := HallSchema().AppendValue(nil, &before)
		delta, _ := HallSchema().AppendDelta(nil, &before, &h)
		f.Add(from, delta)
	}
	f.Fuzz(func(t *testing.T, from, delta []byte) {
		var a Hall
		var b PlainHall
		errA := follow(t, HallSchema(), table, from, delta, &a)
		errB := follow(t, PlainHallSchema(), table, from, delta, &b)
		if (errA == nil) != (errB == nil) {
			t.Fatalf("%v, plain %v", errA, errB)
		}
		if errA != nil {
			return
		}
		x, _ := HallSchema().AppendValue(nil, &a)
		y, _ := PlainHallSchema().AppendValue(nil, &b)
		// Nil and empty differ in plain containers alone.
		var again Hall
		if err := follow(t, HallSchema(), table, y, nil, &again); err != nil {
			t.Fatal(err)
		}
		if y, _ = HallSchema().AppendValue(nil, &again); !bytes.Equal(x, y) {
			t.Fatalf("%q, plain %q", x, y)
		}
	})
}

func follow[T any](t *testing.T, schema state.Schema[T], table, from, delta []byte, v *T) error {
	d, err := schema.ReadTable(codec.NewReader(table, nil))
	if err != nil {
		t.Fatal(err)
	}
	r := codec.NewReader(from, nil)
	if err := d.ReadValue(r, v); err != nil {
		return err
	}
	if err := r.Finish(); err != nil {
		return err
	}
	r.Reset(delta)
	if err := d.ApplyDelta(r, v); err != nil {
		return err
	}
	return r.Finish()
}
