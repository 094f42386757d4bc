package reflective_test

import (
	"testing"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
)

// The limits of a receiver in these tests.
var tight = &codec.Limits{Memory: 1 << 20}

// whatever checks what has to hold for a value that a hostile owner made: it
// can be compared and copied and, unless it nests too deep, written and read.
func whatever(t *testing.T, s state.Schema[world], v *world) {
	again := s.Clone(v)
	if _, err := s.AppendValue(nil, v); err == nil {
		hold(t, s, decoderOf(t, s, s.AppendTable(nil)), &again, v)
	}
}

// FuzzApply takes a delta from a hostile owner, to one of some values.
func FuzzApply(f *testing.F) {
	s := schemaOf[world](f)
	d := decoderOf(f, s, s.AppendTable(nil))
	values := make([]world, 16)
	for i := range values {
		m := newMaker(uint64(i))
		m.change(&values[i], i*8)
		for _, most := range []int{1, 3, 10, 40} {
			next := s.Clone(&values[i])
			m.change(&next, most)
			f.Add(uint8(i), diff(f, s, &values[i], &next))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, delta []byte) {
		v := s.Clone(&values[which%16])
		r := codec.NewReader(delta, tight)
		if d.ApplyDelta(r, &v) == nil && r.Finish() == nil {
			whatever(t, s, &v)
		}
	})
}

// FuzzSnapshot takes a table, a value and a delta from a hostile owner.
func FuzzSnapshot(f *testing.F) {
	s := schemaOf[world](f)
	for seed := range uint64(20) {
		m := newMaker(seed)
		var prev world
		m.change(&prev, int(seed)*5)
		next := s.Clone(&prev)
		m.change(&next, 30)
		f.Add(append(s.AppendTable(nil), encode(f, s, &prev)...), diff(f, s, &prev, &next))
	}
	f.Add(raw([]any{[]any{"Tree", 1, "Scores"}, []any{"Children", 1, "Value"}}, fields{}), raw(3, []any{1, fields{}}, 6, "x", 1))
	f.Fuzz(func(t *testing.T, snapshot, delta []byte) {
		r := codec.NewReader(snapshot, tight)
		d, err := s.ReadTable(r)
		if err != nil {
			return
		}
		var v world
		if d.ReadValue(r, &v) != nil || r.Finish() != nil {
			return
		}
		whatever(t, s, &v)
		r = codec.NewReader(delta, tight)
		if d.ApplyDelta(r, &v) == nil && r.Finish() == nil {
			whatever(t, s, &v)
		}
	})
}

// The same with deltas that are nearly right, without a fuzzer's patience.
func TestDamagedDeltas(t *testing.T) {
	s := schemaOf[world](t)
	d := decoderOf(t, s, s.AppendTable(nil))
	accepted := 0
	for seed := range uint64(1000) {
		m := newMaker(seed)
		var prev world
		m.change(&prev, 60)
		next := s.Clone(&prev)
		m.change(&next, 10)
		delta := diff(t, s, &prev, &next)
		if len(delta) == 0 {
			continue
		}
		for range 1 + m.IntN(2) {
			i := m.IntN(len(delta))
			switch m.IntN(4) {
			case 0:
				delta[i] = byte(m.Uint32())
			case 1:
				delta[i]++
			case 2:
				delta = append(delta[:i+1], delta[i:]...)
			case 3:
				delta = append(delta[:i], delta[min(i+3, len(delta)):]...)
			}
			if len(delta) == 0 {
				break
			}
		}
		r := codec.NewReader(delta, tight)
		if d.ApplyDelta(r, &prev) == nil && r.Finish() == nil {
			accepted++
			whatever(t, s, &prev)
		}
	}
	if accepted < 50 {
		t.Errorf("only %d damaged deltas got anywhere", accepted)
	}
}

// A short patch does not make the receiver work long (clause S9): neither by
// many splices of one slice nor by coming back to it.
func TestPatchIsOnePass(t *testing.T) {
	type big struct{ L []int64 }
	s := schemaOf[big](t)
	d := decoderOf(t, s, s.AppendTable(nil))
	const n = 500_000
	v := big{L: make([]int64, n)}
	var ops []any
	for i := range 100_000 {
		ops = append(ops, 4, 2*i, 0, []any{7})
	}
	apply(t, d, &v, raw(3, ops))
	if len(v.L) != n+100_000 || v.L[0] != 7 || v.L[1] != 0 || v.L[199_998] != 7 {
		t.Error("splices went wrong")
	}
}
