package server_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/core"
)

// Over every wire as many sessions are let in as may be, the next is told
// when to come back, and is let in when one has gone.
func TestFullServer(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		for _, n := range []int{1, 2, 10} {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				e := start(t, e.prefix, e.runsOn)
				e.srv.Limits = &core.Limits{Admission: core.Admission{Sessions: n}}
				e.serve(service())
				sessions := make([]*core.Session, n)
				for i := range sessions {
					sessions[i] = e.dial(nil)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				opts := &client.Options{Pins: e.dev.Pins()}
				_, err := client.Dial(ctx, e.addr(), opts)
				var refused *core.RefusedError
				if !errors.As(err, &refused) || refused.Code != twinwire.ResourceExhausted || refused.RetryAfter <= 0 {
					t.Fatalf("session %d of %d: %v", n+1, n, err)
				}
				if st := e.srv.Stats(); st.Sessions != n || st.Reached[core.LimitSessions] == 0 {
					t.Errorf("%+v", st)
				}
				_ = sessions[0].Close()
				eventually(t, func() bool { return e.srv.Stats().Sessions == n-1 })
				e.dial(nil)
			})
		}
	})
}

// Honest clients do not storm a full server: each stays away for as long as it
// is asked to, and not all come back at the same time.
func TestFullServerIsLeftAlone(t *testing.T) {
	clients, asked := 200, 500*time.Millisecond
	if raceEnabled {
		clients = 40
	}
	for _, w := range wires[:2] {
		t.Run(w.name, func(t *testing.T) {
			e := start(t, w.prefix, w.runsOn)
			e.srv.Limits = &core.Limits{Admission: core.Admission{
				Sessions: 1, RetryAfter: asked, ConnectRate: -1, ConnectBurst: -1, AddressSessions: -1, AddressConnections: -1, RetryAbove: -1,
			}}
			e.serve(service()).dial(nil)
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			begin := time.Now()
			for range clients {
				wg.Go(func() {
					_ = client.Run(ctx, e.addr(), &client.Options{Pins: e.dev.Pins()}, func(context.Context, *core.Session) error { return nil })
				})
			}
			tries := func() uint64 { return e.srv.Stats().Reached[core.LimitSessions] }
			eventually(t, func() bool { return tries() >= 2*uint64(clients) })
			n, took := tries(), time.Since(begin)
			cancel()
			wg.Wait()
			// Each is asked for one to two times that, and adds up to a quarter.
			if most := uint64(clients) * uint64(1+took/asked); n > most || took < asked {
				t.Errorf("%d clients tried %d times in %v, want at most %d", clients, n, took, most)
			}
			t.Logf("%d clients tried %d times in %v", clients, n, took.Round(time.Millisecond))
		})
	}
}
