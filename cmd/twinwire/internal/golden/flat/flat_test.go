package flat

import (
	"testing"
	"time"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/codec/reflective"
	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func newFlat() Flat {
	return Flat{
		ID:     1 << 40,
		Name:   "Ada Lovelace",
		Tags:   []string{"maths3", "poetry", "engine"},
		Amount: 1234.5678,
		At:     time.Unix(1_700_000_000, 123_456_789).UTC(),
	}
}

func newOrder() Order {
	return Order{
		ID: 4_711_001,
		Customer: Customer{Name: "Grace", Email: "g@x.org",
			Address: Address{Street: "Row 1", City: "Arlington", Country: "US"}},
		Lines: []Line{
			{SKU: "NANO-11", Quantity: 3, Price: 1999, Weight: 0.25, Options: []string{"red"}},
			{SKU: "MOTH-01", Quantity: 1, Price: -250, Weight: 0.5},
			{SKU: "TAPE-80", Quantity: 300, Price: 70_000, Weight: 12},
		},
		Notes:  map[string]string{"gift": "wrap it!"},
		Coupon: &Coupon{Code: "COBOL", Percent: -10},
		Token:  [8]byte{0: 1, 7: 0xff},
		Paid:   true,
		Placed: time.Unix(1_700_000_000, 0).UTC(),
		Within: 48 * time.Hour,
	}
}

// The sizes and the allocations are those of the codecs written by hand.
func TestCost(t *testing.T) {
	flat, order := newFlat(), newOrder()
	b, err := flat.AppendMsgpack(nil)
	if err != nil || len(b) != 87 {
		t.Errorf("flat: %d bytes, %v, want 87", len(b), err)
	}
	o, err := order.AppendMsgpack(nil)
	if err != nil || len(o) != 366 {
		t.Errorf("order: %d bytes, %v, want 366", len(o), err)
	}
	buf := make([]byte, 0, 512)
	if n := testing.AllocsPerRun(100, func() { buf, _ = order.AppendMsgpack(buf[:0]) }); n > 0 {
		t.Errorf("writing allocates %v times", n)
	}
	r := codec.NewReader(nil, nil)
	if n := testing.AllocsPerRun(100, func() {
		r.Reset(b)
		_ = new(Flat).ReadMsgpack(r)
	}); n > 6 {
		t.Errorf("reading flat allocates %v times, want at most 6", n)
	}
}

func BenchmarkCodec(b *testing.B) {
	flat, order := newFlat(), newOrder()
	flatBytes, _ := flat.AppendMsgpack(nil)
	orderBytes, _ := order.AppendMsgpack(nil)
	buf := make([]byte, 0, 512)
	r := codec.NewReader(nil, nil)
	for name, f := range map[string]func() error{
		"flat/encode":  func() (err error) { buf, err = flat.AppendMsgpack(buf[:0]); return err },
		"order/encode": func() (err error) { buf, err = order.AppendMsgpack(buf[:0]); return err },
		"flat/decode":  func() error { r.Reset(flatBytes); return new(Flat).ReadMsgpack(r) },
		"order/decode": func() error { r.Reset(orderBytes); return new(Order).ReadMsgpack(r) },
		"flat/decode/reflective": func() error {
			type plain Flat
			return reflective.Unmarshal(flatBytes, new(plain), nil)
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
