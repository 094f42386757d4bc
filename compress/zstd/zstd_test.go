package zstd_test

import (
	"encoding/binary"
	"testing"

	klauspost "github.com/klauspost/compress/zstd"

	"github.com/twinwire/twinwire/compress/compresstest"
	"github.com/twinwire/twinwire/compress/zstd"
	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func bombs(tb testing.TB) map[string][]byte {
	tb.Helper()
	// A frame that says it holds 60 GiB in one segment, and a block of one
	// repeated byte.
	declares := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xe0}
	declares = binary.LittleEndian.AppendUint64(declares, 60<<30)
	declares = append(declares, 0x03, 0x00, 0x10, 0x00, 0x00)
	// One with a window of 3.75 TB.
	window := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xff, 0x01, 0x00, 0x00}
	enc, err := klauspost.NewWriter(nil)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = enc.Close() }()
	one := enc.EncodeAll(make([]byte, 16<<20), nil)
	var many []byte
	for range 100 {
		many = append(many, enc.EncodeAll(make([]byte, 1000), nil)...)
	}
	return map[string][]byte{"declares 60 GiB": declares, "window": window, "16 MiB of zeros": one, "frame after frame": many}
}

func TestSuite(t *testing.T)      { compresstest.Run(t, zstd.New(), bombs(t)) }
func FuzzInflate(f *testing.F)    { compresstest.Fuzz(f, zstd.New(), bombs(f)) }
func BenchmarkSuite(b *testing.B) { compresstest.Bench(b, zstd.New()) }
