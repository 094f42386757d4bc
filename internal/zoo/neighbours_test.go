package zoo

import (
	"context"
	"flag"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	rounds    = flag.Int("zoo.rounds", 0, "how many rounds TestNeighbours has for each row; 0 leaves it out, 20 give an interval")
	roundTime = flag.Duration("zoo.round", time.Second, "how long a round of TestNeighbours lasts")
)

// settle is how long a round of TestNeighbours goes on before it counts: ten
// peers that come at once have ten TLS handshakes, which is work and no fault,
// and in so short a round more than one call in a hundred is beside them.
const settle = 200 * time.Millisecond

// The p99 of good clients beside a hostile peer, against the same beside
// somebody who takes as much processor time and attacks nobody: rounds of both
// in turn, and the 95 % interval of the ratio by bootstrap. It is a measurement,
// for a quiet machine.
func TestNeighbours(t *testing.T) {
	if *rounds == 0 {
		t.Skip("a measurement: ask for it with -zoo.rounds 20")
	}
	for _, r := range frameRows() {
		if !slices.Contains([]string{
			"flood of frames that are nothing", "flood of calls and cancels", "subscribing without end", "zstd as dense as may be", "peers that never read", "zstd bombs", "flood of datagrams",
		}, r.name) {
			continue
		}
		for _, wire := range []string{"websocket", "quic"} {
			if r.wires != nil && !slices.Contains(r.wires, wire) {
				continue
			}
			t.Run(r.name+"/"+wire, func(t *testing.T) {
				y := open(t, setting{Events: 20_000})
				h := y.graze(50) // a thousand calls in a round: of fewer the p99 is one call's
				var sent atomic.Int64
				// round returns the p99 of a round, and the processor time that this
				// process and the server have taken in it.
				round := func(f func(ctx context.Context)) (p99 float64, own, server time.Duration) {
					ctx, cancel := context.WithTimeout(t.Context(), settle+*roundTime)
					defer cancel()
					var wg sync.WaitGroup
					wg.Go(func() { f(ctx) })
					<-time.After(settle)
					h.take()
					before, began := usage(), y.figures(false).CPU
					<-ctx.Done()
					wg.Wait()
					_, worst, _, err := h.take()
					if err != nil {
						t.Fatal(err)
					}
					return float64(worst), time.Duration(usage() - before), time.Duration(y.figures(false).CPU - began)
				}
				_, ownIdle, serverIdle := round(func(context.Context) {})
				attack := func(ctx context.Context) {
					for ctx.Err() == nil { // the server may end a session before the round does
						_ = r.attack(ctx, y, wire, &sent)
					}
				}
				_, _, _ = round(attack)
				var with, without []float64
				for range *rounds {
					p99, own, server := round(attack)
					with = append(with, p99)
					p99, _, _ = round(func(ctx context.Context) {
						<-time.After(settle)
						y.burn(max(0, server-serverIdle), *roundTime)
						burn(ctx, max(0, own-ownIdle), *roundTime)
					})
					without = append(without, p99)
				}
				low, high := interval(with, without)
				t.Logf("p99 %v beside it, %v beside as much work: ratio %.2f, 95 %% interval %.2f to %.2f; %d B sent",
					time.Duration(median(with)).Round(10*time.Microsecond), time.Duration(median(without)).Round(10*time.Microsecond),
					median(with)/median(without), low, high, sent.Load())
				if low > 1.05 {
					t.Errorf("others notice: the ratio is above %.2f", low)
				}
			})
		}
	}
}

// burn takes so much processor time in this process, evenly until ctx is done
// or the time is over.
func burn(ctx context.Context, cpu, over time.Duration) {
	const slices = 100
	tick := time.NewTicker(over / slices)
	defer tick.Stop()
	// By two at once, as there may be two processors.
	share := cpu / slices / 2
	for range slices {
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for end := time.Now().Add(share); time.Now().Before(end); {
				}
			})
		}
		wg.Wait()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// interval returns the 95 % interval of the ratio of the medians of pairs.
func interval(with, without []float64) (low, high float64) {
	random := rand.New(rand.NewPCG(1, 2))
	ratios := make([]float64, 2000)
	a, b := make([]float64, len(with)), make([]float64, len(with))
	for i := range ratios {
		for j := range a {
			k := random.IntN(len(with))
			a[j], b[j] = with[k], without[k]
		}
		ratios[i] = median(a) / median(b)
	}
	slices.Sort(ratios)
	return ratios[len(ratios)*25/1000], ratios[len(ratios)*975/1000]
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
