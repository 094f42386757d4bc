package compresstest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/frame"
)

// orders returns about n bytes of what services send: a list of small structs
// with names, numbers and texts, as MessagePack.
func orders(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	var b []byte
	for len(b) < n {
		b = codec.AppendMapHeader(b, 4)
		b = codec.AppendString(b, "id")
		b = codec.AppendUint(b, random.Uint64()>>20)
		b = codec.AppendString(b, "customer")
		b = codec.AppendString(b, fmt.Sprintf("customer %d of %d", random.IntN(5000), random.IntN(20)))
		b = codec.AppendString(b, "amount")
		b = codec.AppendFloat64(b, float64(random.IntN(100000))/100)
		b = codec.AppendString(b, "tags")
		b = codec.AppendArrayHeader(b, 2)
		b = codec.AppendString(b, [...]string{"express", "gift", "returned"}[random.IntN(3)])
		b = codec.AppendString(b, [...]string{"north", "south"}[random.IntN(2)])
	}
	return b[:n]
}

// readings returns n bytes of numbers that hardly repeat, such as of sensors.
func readings(n int) []byte {
	random := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, 0, n+9)
	for v := 20.0; len(b) < n; v += random.NormFloat64() {
		b = append(b, 0xcb)
		b = binary.BigEndian.AppendUint64(b, uint64(v*1e6))
	}
	return b[:n]
}

// Bench measures both directions, and what is saved, on payloads of the kinds
// that services send.
func Bench(b *testing.B, c core.Compression) {
	for _, payload := range []struct {
		name string
		of   func(int) []byte
	}{{"orders", orders}, {"readings", readings}} {
		for _, n := range []int{512, 2 << 10, frame.MaxPayload} {
			in := payload.of(n)
			packed := c.Compress(nil, in)
			b.Run(fmt.Sprintf("%s/%d/compress", payload.name, n), func(b *testing.B) {
				b.SetBytes(int64(n))
				b.ReportAllocs()
				var out []byte
				for b.Loop() {
					out = c.Compress(out[:0], in)
				}
				b.ReportMetric(float64(len(packed))/float64(n), "ratio")
			})
			b.Run(fmt.Sprintf("%s/%d/inflate", payload.name, n), func(b *testing.B) {
				b.SetBytes(int64(n))
				b.ReportAllocs()
				out := make([]byte, 0, frame.MaxPayload)
				for b.Loop() {
					if _, err := c.Inflate(out, packed, frame.MaxPayload); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
