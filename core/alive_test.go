package core_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// A peer that answers is alive, one that has gone or fallen silent is not.
func TestAlive(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		p := connect(t, o, &core.Config{}, &core.Config{})
		alive := func(d time.Duration) bool {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			return p.server.Alive(ctx)
		}
		if !alive(time.Nanosecond) {
			t.Error("a peer that was just heard of is not alive")
		}
		for range 3 {
			time.Sleep(2 * time.Second)
			within(t, time.Second, func() {
				if !alive(5 * time.Second) {
					t.Error("a peer that answers is not alive")
				}
			})
		}
		time.Sleep(2 * time.Second)
		p.cc.Stall(0)
		within(t, 3*time.Second, func() {
			if alive(3 * time.Second) {
				t.Error("a peer that says nothing is alive")
			}
		})
		p.cc.Cut()
		synctest.Wait()
		if alive(time.Second) {
			t.Error("a session that has ended is alive")
		}
	})
}
