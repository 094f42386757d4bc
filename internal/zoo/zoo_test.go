package zoo

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

const (
	// floodTime is how long a flood lasts.
	floodTime = 300 * time.Millisecond
	// mourning is how long the server may take to forget a peer that is gone.
	mourning = 8 * time.Second
	// slackMemory is how much more may be held afterwards than before, in pools;
	// of goroutines there may be one more for each good client, whose workers
	// wait for a while.
	slackMemory = 24 << 20
)

// TestZoo has each hostile peer do its worst, over each wire, to a server with
// little memory that good clients use.
func TestZoo(t *testing.T) {
	t.Parallel()
	clients := 100
	if raceEnabled {
		clients = 20
	}
	y := open(t, setting{Events: 20_000, Keys: publicKeys()})
	h := y.graze(clients)
	before := y.figures(true)
	for calls := 0; calls < 10*clients; time.Sleep(50 * time.Millisecond) {
		_, _, n, err := h.take()
		if err != nil {
			t.Fatal(err)
		}
		calls += n
		if f := y.figures(true); f.Goroutines > before.Goroutines {
			before = f
		}
	}
	for _, r := range rows() {
		wires := r.wires
		if wires == nil {
			wires = []string{"websocket", "quic", "webtransport"}
		}
		for _, wire := range wires {
			t.Run(fmt.Sprintf("%s/%s", r.name, wire), func(t *testing.T) {
				y.t = t
				y.row++
				begin := y.figures(false)
				h.take()
				var sent atomic.Int64
				ctx, cancel := context.WithTimeout(t.Context(), floodTime)
				err := r.attack(ctx, y, wire, &sent)
				cancel()
				during := y.figures(false)
				p50, p99, calls, failed := h.take()
				if err != nil {
					t.Error(err)
				}
				if failed != nil {
					t.Errorf("good clients failed: %v", failed)
				}
				after := y.patience(t, func(f figures) bool {
					return f.Sessions == clients && f.Goroutines <= before.Goroutines+clients && f.Heap <= before.Heap+slackMemory
				})
				if r.check != nil {
					if err := r.check(during); err != nil {
						t.Error(err)
					}
				}
				t.Logf("sent %d B; server: %d ms CPU, %.1f MiB resident (%.1f after), %d goroutines more; %d calls of good clients: p50 %v, p99 %v",
					sent.Load(), (during.CPU-begin.CPU)/1e6, mib(during.RSS), mib(after.RSS), during.Goroutines-begin.Goroutines,
					calls, p50.Round(10*time.Microsecond), p99.Round(10*time.Microsecond))
			})
			y.t = t
		}
	}
}

// rows are all hostile peers.
func rows() []row {
	return slices.Concat(frameRows(), stateRows(), loginRows(), socketRows(), pageRows())
}

// patience waits until the server is as it should be.
func (y *yard) patience(t *testing.T, ok func(figures) bool) (f figures) {
	t.Helper()
	// Collecting takes time that good clients notice: it is done now and then.
	for i, end := 1, time.Now().Add(mourning); time.Now().Before(end); i++ {
		if f = y.figures(i%16 == 0); ok(f) {
			return f
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("after %v there are %d sessions, %d connections, %d goroutines and %.1f MiB", mourning, f.Sessions, f.Connections, f.Goroutines, mib(f.Heap))
	return f
}
