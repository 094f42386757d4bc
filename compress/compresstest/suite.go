// Package compresstest says what a core.Compression has to do, as tests.
package compresstest

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/frame"
)

// Payloads are some that compress, and some that do not.
func Payloads() map[string][]byte {
	random := make([]byte, frame.MaxPayload)
	rand.NewChaCha8([32]byte{1}).Read(random)
	return map[string][]byte{
		"empty": {}, "one byte": {7}, "text": []byte(strings.Repeat("the quick brown fox jumps over the lazy dog; ", 100)),
		"zeros": make([]byte, frame.MaxPayload), "random": random, "half": append(make([]byte, 8<<10), random[:8<<10]...),
	}
}

// Run runs the suite. Bombs are data that would inflate to more than a frame
// may hold, or say that they would.
func Run(t *testing.T, c core.Compression, bombs map[string][]byte) {
	for name, payload := range Payloads() {
		t.Run(name, func(t *testing.T) {
			prefix := []byte("prefix")
			packed := c.Compress(bytes.Clone(prefix), payload)
			if !bytes.HasPrefix(packed, prefix) {
				t.Fatal("Compress does not append")
			}
			packed = packed[len(prefix):]
			if len(packed)*100 < len(payload) {
				t.Errorf("%d bytes become %d: a receiver would refuse them", len(payload), len(packed))
			}
			for _, room := range []int{0, 1, len(payload) + 100} {
				dst := append(make([]byte, 0, len(prefix)+room), prefix...)
				out, err := c.Inflate(dst, packed, len(payload))
				if err != nil || !bytes.Equal(out, append(bytes.Clone(prefix), payload...)) {
					t.Fatalf("room for %d: %d bytes come back as %d, %v", room, len(payload), len(out)-len(prefix), err)
				}
			}
			if len(payload) > 0 {
				if _, err := c.Inflate(nil, packed, len(payload)-1); err == nil {
					t.Error("more was inflated than may be")
				}
			}
			for n := range min(len(packed), 200) {
				// What is missing may be what made it longer.
				if out, err := c.Inflate(nil, packed[:n], frame.MaxPayload); err == nil && n > 0 && len(out) != len(payload) {
					t.Errorf("the first %d of %d bytes were inflated to %d", n, len(packed), len(out))
				}
			}
		})
	}
	for name, bomb := range bombs {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			dst := make([]byte, 0, frame.MaxPayload)
			for range 10 {
				if out, err := c.Inflate(dst, bomb, frame.MaxPayload); err == nil {
					t.Fatalf("was inflated to %d bytes", len(out))
				}
			}
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 10<<20 {
				t.Errorf("%d bytes were allocated for 10 bombs", n)
			}
		})
	}
	t.Run("together", func(t *testing.T) {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				payload := bytes.Repeat([]byte{byte(i), 1, 2}, 1000)
				for range 100 {
					out, err := c.Inflate(nil, c.Compress(nil, payload), len(payload))
					if err != nil || !bytes.Equal(out, payload) {
						t.Errorf("%v", err)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

// Fuzz is the target of a compression: whatever is inflated is not more than
// it may be, and what is compressed comes back.
func Fuzz(f *testing.F, c core.Compression, bombs map[string][]byte) {
	for _, payload := range Payloads() {
		f.Add(c.Compress(nil, payload), 100)
	}
	for _, bomb := range bombs {
		f.Add(bomb[:min(len(bomb), 64<<10)], frame.MaxPayload)
	}
	f.Fuzz(func(t *testing.T, in []byte, most int) {
		most = min(max(most, 0), frame.MaxPayload)
		if out, err := c.Inflate(nil, in, most); err == nil && len(out) > most {
			t.Fatalf("%d bytes were inflated, %d may be", len(out), most)
		}
		part := in[:min(len(in), frame.MaxPayload)]
		out, err := c.Inflate(nil, c.Compress(nil, part), len(part))
		if err != nil || !bytes.Equal(out, part) {
			t.Fatalf("%d bytes come back as %d, %v", len(part), len(out), err)
		}
	})
}
