//go:build !race

// The race detector empties pools at random.

package core_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// A large call uses the memory of the one before.
func TestLargeCallAllocates(t *testing.T) {
	cfg, _ := serving(map[string]core.Handler{
		"test.Length": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
			return codec.Value[int]{V: len(r.Raw())}, nil
		},
	})
	s := connect(t, &mem.Options{OnePipe: true}, cfg, &core.Config{}).client
	payload := codec.Value[[]byte]{V: make([]byte, 1<<20)}
	const calls = 50
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		var n codec.Value[int]
		if err := s.Call(t.Context(), "test.Length", payload, &n); err != nil || n.V < 1<<20 {
			t.Fatal(n.V, err)
		}
	}
	runtime.ReadMemStats(&after)
	// Made anew they would take 7 MiB at both ends.
	if got := (after.TotalAlloc - before.TotalAlloc) / calls; got > 1<<20 {
		t.Errorf("a call of 1 MiB allocates %d bytes", got)
	}
}
