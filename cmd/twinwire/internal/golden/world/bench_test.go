package world

import (
	"fmt"
	"testing"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
)

// BenchmarkDelta makes and applies the delta of a small change of a large
// value, by generated code and by reflection.
func BenchmarkDelta(b *testing.B) {
	gen, ref := schemas(b)
	base := World{ByID: make(map[int32]Player), Title: "title"}
	for i := range int32(10_000) {
		base.ByID[i] = Player{Name: fmt.Sprint("player ", i), X: float32(i)}
		base.Log = append(base.Log, fmt.Sprint("line ", i))
	}
	for _, change := range []struct {
		name string
		do   func(w *World)
	}{
		{"field", func(w *World) { w.Title = "other" }},
		{"entry of 10000", func(w *World) { p := w.ByID[77]; p.X++; w.ByID[77] = p }},
		{"append to 10000", func(w *World) { w.Log = append(w.Log, "one more") }},
	} {
		next := gen.Clone(&base)
		change.do(&next)
		for _, s := range []struct {
			name   string
			schema state.Schema[World]
		}{{"generated", gen}, {"reflective", ref}} {
			b.Run(change.name+"/make/"+s.name, func(b *testing.B) {
				b.ReportAllocs()
				var buf []byte
				for b.Loop() {
					buf, _ = s.schema.AppendDelta(buf[:0], &base, &next)
				}
				b.ReportMetric(float64(len(buf)), "wire-bytes")
			})
		}
	}
	small := World{Title: "title", Players: map[string]*Player{"a": {Name: "A"}}}
	changed := gen.Clone(&small)
	changed.Players["a"].X = 5
	delta, _ := gen.AppendDelta(nil, &small, &changed)
	for _, s := range []struct {
		name   string
		schema state.Schema[World]
	}{{"generated", gen}, {"reflective", ref}} {
		d := decoder(b, s.schema, gen.AppendTable(nil))
		b.Run("apply/"+s.name, func(b *testing.B) {
			b.ReportAllocs()
			v := gen.Clone(&small)
			r := codec.NewReader(nil, nil)
			for b.Loop() {
				r.Reset(delta)
				if err := d.ApplyDelta(r, &v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
