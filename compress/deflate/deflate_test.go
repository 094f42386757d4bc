package deflate_test

import (
	"testing"

	"github.com/twinwire/twinwire/compress/compresstest"
	"github.com/twinwire/twinwire/compress/deflate"
	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func bombs() map[string][]byte {
	c := deflate.New()
	return map[string][]byte{
		"16 MiB of zeros": c.Compress(nil, make([]byte, 16<<20)),
		"a frame and one": c.Compress(nil, make([]byte, 16<<10+1)),
		"something after": append(c.Compress(nil, make([]byte, 100)), 0),
	}
}

func TestSuite(t *testing.T)      { compresstest.Run(t, deflate.New(), bombs()) }
func FuzzInflate(f *testing.F)    { compresstest.Fuzz(f, deflate.New(), bombs()) }
func BenchmarkSuite(b *testing.B) { compresstest.Bench(b, deflate.New()) }
