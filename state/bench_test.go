package state_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/state"
)

// twenty is the struct of 20 fields.
type twenty struct {
	A0, A1, A2, A3, A4, A5, A6, A7 int64
	B0, B1, B2, B3, B4, B5         string
	C0, C1, C2, C3                 float64
	D0, D1                         bool
}

type mapped struct {
	Title  string
	Scores map[string]int64
}

type listed struct {
	Title string
	Log   []string
}

const many = 10_000

func newMapped() mapped {
	v := mapped{Scores: make(map[string]int64, many)}
	for i := range int64(many) {
		v.Scores[fmt.Sprintf("player%05d", i)] = i
	}
	return v
}

func newListed() listed {
	v := listed{Log: make([]string, many)}
	for i := range v.Log {
		v.Log[i] = fmt.Sprintf("line %05d", i)
	}
	return v
}

func key(i int) string { return fmt.Sprintf("player%05d", i%many) }

// sink is a session that takes everything and remembers how long the last
// frame was, at a time when the lane and the value have seen 10,000 frames.
type sink struct {
	payload, wire int
	buf           []byte
}

func (s *sink) take(payload []byte) {
	s.payload = len(payload)
	s.buf = frame.Append(s.buf[:0], &frame.Frame{Kind: frame.State, Lane: 1, Seq: many, ID: 1, Payload: payload})
	s.wire = len(s.buf)
}

func (s *sink) Snapshot(uint64, []byte) error { return nil }
func (s *sink) Close()                        {}
func (s *sink) Interval() time.Duration       { return 0 }
func (s *sink) Hold(func(bool)) error         { return nil }
func (s *sink) Delta(payload []byte) (bool, error) {
	s.take(payload)
	return true, nil
}

// A small change costs seven bytes on the wire besides its key and value.
func TestWireBytes(t *testing.T) {
	wireBytes(t, "field of 20", twenty{}, func(v *twenty) { v.D1 = true }, codec.AppendBool(nil, true))
	wireBytes(t, "entry of 10,000", newMapped(), func(v *mapped) { v.Scores[key(5)] = 99999 },
		codec.AppendInt(codec.AppendString(nil, key(5)), 99999))
	wireBytes(t, "new entry", newMapped(), func(v *mapped) { v.Scores["x"] = 1 }, codec.AppendInt(codec.AppendString(nil, "x"), 1))
	wireBytes(t, "deleted entry", newMapped(), func(v *mapped) { delete(v.Scores, key(5)) }, codec.AppendString(nil, key(5)))
	wireBytes(t, "append to 10,000", newListed(), func(v *listed) { v.Log = append(v.Log, "line x") }, codec.AppendString(nil, "line x"))
	wireBytes(t, "element of 10,000", newListed(), func(v *listed) { v.Log[5000] = "line x" },
		codec.AppendString(codec.AppendUint(nil, 5000), "line x"))
}

func wireBytes[T any](t *testing.T, name string, initial T, change func(*T), keyAndValue []byte) {
	t.Helper()
	var s sink
	v, err := state.NewValueTo(&s, "v", schemaOf[T](t), initial, nil)
	if err != nil {
		t.Fatal(err)
	}
	update(t, v, change)
	if over := s.payload - len(keyAndValue); over != 1 {
		t.Errorf("%s: payload is %d bytes over", name, over)
	}
	if over := s.wire - len(keyAndValue); over > 7 {
		t.Errorf("%s: frame is %d bytes over", name, over)
	}
}

func benchUpdate[T any](b *testing.B, initial T, change func(v *T, i int)) {
	var s sink
	v, err := state.NewValueTo(&s, "v", schemaOf[T](b), initial, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		update(b, v, func(t *T) { change(t, i+1) })
	}
	b.ReportMetric(float64(s.wire), "wire-bytes")
}

func BenchmarkUpdate(b *testing.B) {
	b.Run("field-of-20", func(b *testing.B) {
		benchUpdate(b, twenty{}, func(v *twenty, i int) { v.A7 = int64(i % 100) })
	})
	b.Run("entry-of-10000", func(b *testing.B) {
		benchUpdate(b, newMapped(), func(v *mapped, i int) { v.Scores[key(i)] = int64(many + i%100) })
	})
	b.Run("append-to-10000", func(b *testing.B) {
		benchUpdate(b, newListed(), func(v *listed, i int) {
			if len(v.Log) > many+100 {
				v.Log = v.Log[:many] // costs what an append does
				return
			}
			v.Log = append(v.Log, "line x")
		})
	})
	b.Run("nothing-of-20", func(b *testing.B) { benchUpdate(b, twenty{}, func(*twenty, int) {}) })
}

// What a view spends on the same changes.
func BenchmarkReceive(b *testing.B) {
	b.Run("field-of-20", func(b *testing.B) {
		benchReceive(b, twenty{}, codec.AppendInt(state.AppendTag(nil, 7, state.OpSet), 5))
	})
	b.Run("entry-of-10000", func(b *testing.B) {
		benchReceive(b, newMapped(), codec.AppendInt(codec.AppendString(state.AppendTag(nil, 1, state.OpPut), key(7)), 5))
	})
	b.Run("element-of-10000", func(b *testing.B) {
		benchReceive(b, newListed(), codec.AppendString(codec.AppendInt(state.AppendTag(nil, 1, state.OpPut), 7), "line x"))
	})
}

func benchReceive[T any](b *testing.B, initial T, delta []byte) {
	v, view, _ := owned(b, initial, nil)
	_ = v
	b.ReportAllocs()
	for version := uint64(2); b.Loop(); version++ {
		if err := view.Receive(core.StateUpdate{Version: version, Payload: delta}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	b.Run("20-fields", func(b *testing.B) { benchLoad(b, twenty{}) })
	b.Run("10000-entries", func(b *testing.B) { benchLoad(b, newMapped()) })
	b.Run("10000-elements", func(b *testing.B) { benchLoad(b, newListed()) })
}

func benchLoad[T any](b *testing.B, initial T) {
	_, view, _ := owned(b, initial, nil)
	b.ReportAllocs()
	for b.Loop() {
		view.Load()
	}
}

// A shared value, an update of one field, and the sessions that see it.
func BenchmarkShared(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprintf("%d-sessions", n), func(b *testing.B) {
			v, err := state.NewShared("v", schemaOf[twenty](b), twenty{}, nil)
			if err != nil {
				b.Fatal(err)
			}
			sinks := make([]sink, n)
			for i := range sinks {
				if err := v.AttachTo(i, &sinks[i]); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				update(b, v, func(t *twenty) { t.A7 = int64(i % 100) })
			}
			b.ReportMetric(float64(sinks[0].wire), "wire-bytes")
		})
	}
}
