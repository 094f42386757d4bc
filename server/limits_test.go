package server_test

import (
	"context"
	"errors"
	"fmt"
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
