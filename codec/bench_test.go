package codec_test

import (
	"encoding/json"
	"testing"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/codec/internal/codectest"
)

// sink keeps decoded values on the heap, where those of a program are.
var sink any

func BenchmarkFlat(b *testing.B) {
	benchmark(b, codectest.NewFlat())
	message, _ := codectest.NewFlat().AppendMsgpack(nil)
	var r codec.Reader
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			v := new(codectest.Flat)
			r.Reset(message)
			if v.ReadMsgpack(&r) != nil || r.Finish() != nil {
				b.Fatal(r.Err())
			}
			sink = v
		}
	})
	b.Run("decode-reused", func(b *testing.B) {
		b.ReportAllocs()
		v := new(codectest.Flat)
		for b.Loop() {
			r.Reset(message)
			if v.ReadMsgpack(&r) != nil || r.Finish() != nil {
				b.Fatal(r.Err())
			}
		}
	})
	b.Run("json-decode", func(b *testing.B) {
		text, _ := json.Marshal(codectest.NewFlat())
		b.ReportAllocs()
		for b.Loop() {
			v := new(codectest.Flat)
			if err := json.Unmarshal(text, v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkOrder(b *testing.B) {
	benchmark(b, codectest.NewOrder())
	message, _ := codectest.NewOrder().AppendMsgpack(nil)
	var r codec.Reader
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			v := new(codectest.Order)
			r.Reset(message)
			if v.ReadMsgpack(&r) != nil || r.Finish() != nil {
				b.Fatal(r.Err())
			}
			sink = v
		}
	})
	b.Run("decode-reused", func(b *testing.B) {
		b.ReportAllocs()
		v := new(codectest.Order)
		for b.Loop() {
			r.Reset(message)
			if v.ReadMsgpack(&r) != nil || r.Finish() != nil {
				b.Fatal(r.Err())
			}
		}
	})
	b.Run("json-decode", func(b *testing.B) {
		text, _ := json.Marshal(codectest.NewOrder())
		b.ReportAllocs()
		for b.Loop() {
			v := new(codectest.Order)
			if err := json.Unmarshal(text, v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// benchmark runs what needs no concrete type.
func benchmark[T codec.Marshaler](b *testing.B, v T) {
	message, _ := v.AppendMsgpack(nil)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		buf := make([]byte, 0, 1024)
		for b.Loop() {
			buf, _ = v.AppendMsgpack(buf[:0])
		}
	})
	b.Run("check", func(b *testing.B) {
		b.SetBytes(int64(len(message)))
		b.ReportAllocs()
		for b.Loop() {
			if err := codec.Check(message, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("json-encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
