package server_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/codec"
)

// UDP is swallowed in mid-session far away from the server: no call waits longer
// than 1 s and eight round trips, which is what finding out and connecting by
// WebSocket take, beyond what the machine makes of it.
func TestRoamBlockedUDPFar(t *testing.T) {
	for _, trip := range []time.Duration{100 * time.Millisecond, 300 * time.Millisecond} {
		t.Run(trip.String(), func(t *testing.T) {
			t.Parallel()
			tr := &traffic{t: t, ran: map[int64]int{}}
			tr.e = start(t, "", "").serve(tr.service())
			r := newRoad(t, tr.e.ln.Addr())
			r.delay.Store(int64(trip / 2))
			s, err := client.Dial(t.Context(), r.addr(), &client.Options{Pins: tr.e.dev.Pins(), Memory: new(client.Memory), HeadStart: 10 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if w := s.Transport().Wire; w != "quic" {
				t.Fatalf("began on %s", w)
			}
			changes := follow(s)
			var slowest, calls atomic.Int64
			var calling sync.WaitGroup
			ctx, stop := context.WithCancel(t.Context())
			for range 4 {
				calling.Go(func() {
					for ctx.Err() == nil {
						began := time.Now()
						if err := s.Call(context.Background(), "traffic.Count", codec.Value[int64]{V: tr.next.Add(1)}, nil); err != nil {
							t.Error(err)
							return
						}
						took := int64(time.Since(began))
						for most := slowest.Load(); took > most && !slowest.CompareAndSwap(most, took); most = slowest.Load() {
						}
						calls.Add(1)
					}
				})
			}
			eventually(t, func() bool { return calls.Load() > 12 })
			others := tr.others()
			blocked := time.Now()
			r.block(true, false)
			eventually(t, func() bool { return s.Transport().Wire == "websocket" })
			moved, before := time.Since(blocked), calls.Load()
			eventually(t, func() bool { return calls.Load() > before+12 })
			stop()
			calling.Wait()
			waited, other := time.Duration(slowest.Load()), others()
			t.Logf("moved after %v, a call waited for %v, while others connected and called within %v", moved, waited, other)
			if waited > time.Second+8*trip+3*other && !raceEnabled {
				t.Errorf("a call waited for %v", waited)
				for len(changes) > 0 {
					c := <-changes
					t.Logf("%v after UDP was swallowed: %v", c.At.Sub(blocked), c)
				}
			}
			tr.mu.Lock()
			defer tr.mu.Unlock()
			for n, ran := range tr.ran {
				if ran != 1 {
					t.Errorf("call %d ran %d times", n, ran)
				}
			}
		})
	}
}
