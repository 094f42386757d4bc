package reflective_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/codec/internal/codectest"
	"github.com/twinwire/twinwire/codec/reflective"
)

// sink keeps decoded values on the heap, where those of a program are.
var sink any

// The same values without their codecs: a defined type has no methods, but the
// types of its fields have, so those of the order are defined anew too.
type (
	flatPlain     codectest.Flat
	addressPlain  codectest.Address
	customerPlain struct {
		Name    string
		Email   string
		Address addressPlain
	}
	linePlain   codectest.Line
	couponPlain codectest.Coupon
)

type orderPlain struct {
	ID       uint64
	Customer customerPlain
	Lines    []linePlain
	Notes    map[string]string
	Coupon   *couponPlain
	Token    [8]byte
	Paid     bool
	Placed   time.Time
	Within   time.Duration
}

func newOrderPlain() *orderPlain {
	o := codectest.NewOrder()
	v := &orderPlain{
		ID:       o.ID,
		Customer: customerPlain{o.Customer.Name, o.Customer.Email, addressPlain(o.Customer.Address)},
		Notes:    o.Notes,
		Coupon:   (*couponPlain)(o.Coupon),
		Token:    o.Token,
		Paid:     o.Paid,
		Placed:   o.Placed,
		Within:   o.Within,
	}
	for _, l := range o.Lines {
		v.Lines = append(v.Lines, linePlain(l))
	}
	return v
}

func BenchmarkFlat(b *testing.B) {
	v := flatPlain(codectest.NewFlat())
	benchmark(b, &v, func() any { return new(flatPlain) })
	message := must(codectest.NewFlat().AppendMsgpack(nil))
	var r codec.Reader
	b.Run("generated-encode", func(b *testing.B) {
		b.ReportAllocs()
		v, buf := codectest.NewFlat(), make([]byte, 0, 1024)
		for b.Loop() {
			buf, _ = v.AppendMsgpack(buf[:0])
		}
	})
	b.Run("generated-decode", func(b *testing.B) {
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
}

func BenchmarkOrder(b *testing.B) {
	benchmark(b, newOrderPlain(), func() any { return new(orderPlain) })
	message := must(codectest.NewOrder().AppendMsgpack(nil))
	var r codec.Reader
	b.Run("generated-encode", func(b *testing.B) {
		b.ReportAllocs()
		v, buf := codectest.NewOrder(), make([]byte, 0, 1024)
		for b.Loop() {
			buf, _ = v.AppendMsgpack(buf[:0])
		}
	})
	b.Run("generated-decode", func(b *testing.B) {
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
}

func benchmark(b *testing.B, v any, fresh func() any) {
	message, err := reflective.Append(nil, v)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("reflective-encode", func(b *testing.B) {
		b.ReportAllocs()
		buf := make([]byte, 0, 1024)
		for b.Loop() {
			if buf, err = reflective.Append(buf[:0], v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("reflective-decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			v := fresh()
			if err := reflective.Unmarshal(message, v, nil); err != nil {
				b.Fatal(err)
			}
			sink = v
		}
	})
	b.Run("library-encode", func(b *testing.B) {
		b.ReportAllocs()
		var buf bytes.Buffer
		e := msgpack.NewEncoder(&buf)
		for b.Loop() {
			buf.Reset()
			e.Reset(&buf)
			e.UseCompactInts(true)
			if err := e.Encode(v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library-decode", func(b *testing.B) {
		b.ReportAllocs()
		d := msgpack.NewDecoder(nil)
		for b.Loop() {
			v := fresh()
			d.Reset(bytes.NewReader(message))
			if err := d.Decode(v); err != nil {
				b.Fatal(err)
			}
			sink = v
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
	text, err := json.Marshal(v)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("json-decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			v := fresh()
			if err := json.Unmarshal(text, v); err != nil {
				b.Fatal(err)
			}
			sink = v
		}
	})
}
