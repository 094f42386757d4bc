package held

import (
	"fmt"
	"testing"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/state"
)

const many = 10_000

func key(i int) string { return fmt.Sprintf("player%05d", i*7919%many) }

// BenchmarkUpdate does what an Update does with a value: it changes it, makes
// the delta and applies that to what the clients have.
func BenchmarkUpdate(b *testing.B) {
	var plain PlainHall
	plain.Scores = make(map[string]int64)
	for i := range many {
		plain.Scores[key(i)] = int64(i)
		plain.Log = append(plain.Log, fmt.Sprintf("line %05d", i))
	}
	full := Hall{Scores: state.MapOf(plain.Scores), Log: state.SliceOf(plain.Log...)}

	b.Run("field-of-20", func(b *testing.B) {
		update(b, TwentySchema(), Twenty{}, func(t *Twenty, i int) { t.A7 = int64(i % 100) })
	})
	b.Run("entry-of-10000/plain", func(b *testing.B) {
		update(b, PlainHallSchema(), PlainHall{Scores: plain.Scores}, func(h *PlainHall, i int) { h.Scores[key(i)] = int64(many + i%100) })
	})
	b.Run("entry-of-10000/Map", func(b *testing.B) {
		update(b, HallSchema(), Hall{Scores: full.Scores}, func(h *Hall, i int) { h.Scores.Set(key(i), int64(many+i%100)) })
	})
	b.Run("append-to-10000/plain", func(b *testing.B) {
		update(b, PlainHallSchema(), PlainHall{Log: plain.Log}, func(h *PlainHall, i int) {
			if len(h.Log) > many+1000 {
				h.Log = h.Log[:many]
				return
			}
			h.Log = append(h.Log, "line x")
		})
	})
	b.Run("append-to-10000/Slice", func(b *testing.B) {
		update(b, HallSchema(), Hall{Log: full.Log}, func(h *Hall, i int) {
			if h.Log.Len() > many+1000 {
				h.Log.Truncate(many)
				return
			}
			h.Log.Append("line x")
		})
	})
	b.Run("rotate-10000/plain", func(b *testing.B) {
		update(b, PlainHallSchema(), PlainHall{Log: plain.Log}, func(h *PlainHall, i int) { h.Log = append(h.Log[1:], "line x") })
	})
	b.Run("rotate-10000/Slice", func(b *testing.B) {
		update(b, HallSchema(), Hall{Log: full.Log}, func(h *Hall, i int) {
			h.Log.Delete(0, 1)
			h.Log.Append("line x")
		})
	})
}

func update[T any](b *testing.B, schema state.Schema[T], value T, change func(v *T, i int)) {
	value = schema.Clone(&value)
	sent := schema.Clone(&value)
	decoder, err := schema.ReadTable(codec.NewReader(schema.AppendTable(nil), nil))
	if err != nil {
		b.Fatal(err)
	}
	r := codec.NewReader(nil, nil)
	var delta []byte
	wire := 0
	b.ReportAllocs()
	for i := 1; b.Loop(); i++ {
		change(&value, i)
		if delta, err = schema.AppendDelta(delta[:0], &sent, &value); err != nil {
			b.Fatal(err)
		}
		r.Reset(delta)
		if err := decoder.ApplyDelta(r, &sent); err != nil {
			b.Fatal(err)
		}
		wire = len(delta)
	}
	full := frame.Append(nil, &frame.Frame{Kind: frame.State, Lane: 1, Seq: many, ID: 1, Payload: delta[:wire]})
	b.ReportMetric(float64(len(full)), "wire-bytes")
}

// BenchmarkClone is what a copy costs that a reader keeps.
func BenchmarkClone(b *testing.B) {
	plain := PlainHall{Scores: make(map[string]int64)}
	for i := range many {
		plain.Scores[key(i)] = int64(i)
	}
	full := Hall{Scores: state.MapOf(plain.Scores)}
	b.Run("plain", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			PlainHallSchema().Clone(&plain)
		}
	})
	b.Run("Map", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			HallSchema().Clone(&full)
		}
	})
}
