package core_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

func TestRoomSizes(t *testing.T) {
	for _, n := range []int{0, 1, 64<<10 + 1024, 64<<10 + 1025, 1<<20 + 5, 1<<20 + 1025, 4 << 20, 4<<20 + 1024} {
		b := core.NewRoom(n)
		if len(b) != 0 || cap(b) < n || n > 64<<10+1024 && cap(b) > 2*n {
			t.Errorf("room for %d bytes has %d, and %d in it", n, cap(b), len(b))
		}
		core.FreeRoom(b[:cap(b)])
	}
	if b := core.NewRoom(5 << 20); cap(b) < 5<<20 {
		t.Errorf("room for 5 MiB has %d bytes", cap(b))
	}
	// What was not taken from here is not given to others.
	mine := make([]byte, 100<<10)
	core.FreeRoom(mine)
	for range 10 {
		if b := core.NewRoom(64 << 10)[:1]; &b[0] == &mine[0] {
			t.Fatal("a foreign slice became a room")
		}
	}
}

// Messages of all sizes beside each other, whose buffers are used again and
// again: none gets what another has written.
func TestLargeCallsBesideEachOther(t *testing.T) {
	cfg, _ := serving(map[string]core.Handler{
		"test.Echo": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
			var v codec.Value[[]byte]
			err := r.Decode(&v)
			return v, err
		},
	})
	s := connect(t, &mem.Options{OnePipe: true}, cfg, &core.Config{}).client
	sizes := []int{0, 100, 16 << 10, 33 << 10, 64 << 10, 65 << 10, 256<<10 + 3, 1 << 20}
	var callers sync.WaitGroup
	for i := range 4 {
		callers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			payload := make([]byte, sizes[len(sizes)-1])
			for j := range payload {
				payload[j] = byte(random.Uint32())
			}
			for range 30 {
				n := sizes[random.IntN(len(sizes))]
				from := random.IntN(len(payload) - n + 1)
				var got codec.Value[[]byte]
				if err := s.Call(t.Context(), "test.Echo", codec.Value[[]byte]{V: payload[from : from+n]}, &got); err != nil {
					t.Error(err)
					return
				}
				if !bytes.Equal(got.V, payload[from:from+n]) {
					t.Errorf("%d bytes came back as %d others", n, len(got.V))
					return
				}
			}
		})
	}
	callers.Wait()
}
