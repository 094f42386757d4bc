package zoo

import (
	"context"
	"encoding/binary"
	"flag"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
)

var subscribers = flag.Int("zoo.subscribers", 0, "how many sessions TestStalled has; 0 leaves it out, 1000 is what it is for")

// How long an event takes to all others when one session, and then a tenth of
// all, does not read: rounds with and without in turn, with the interval of the
// ratio. It is a measurement, for a quiet machine.
func TestStalled(t *testing.T) {
	if *subscribers == 0 {
		t.Skip("a measurement: ask for it with -zoo.subscribers 1000 -zoo.rounds 20")
	}
	y := open(t, setting{Events: 20_000, Silent: true})
	late := new(lateness)
	for i := range *subscribers {
		s := y.good([]string{"websocket", "quic"}[i%2])
		if err := s.ReceiveEvents("zoo", late); err != nil {
			t.Fatal(err)
		}
	}
	for _, stalled := range []int{1, *subscribers / 10} {
		var with, without []float64
		for range max(1, *rounds) {
			with = append(with, y.stall(stalled, late))
			without = append(without, y.stall(0, late))
		}
		low, high := interval(with, without)
		t.Logf("%d of %d stalled: p99 of an event %v, %v without: ratio %.2f, 95 %% interval %.2f to %.2f", stalled, *subscribers,
			time.Duration(median(with)).Round(10*time.Microsecond), time.Duration(median(without)).Round(10*time.Microsecond),
			median(with)/median(without), low, high)
		if low > 1.05 && *rounds >= 20 {
			t.Errorf("others notice: the ratio is above %.2f", low)
		}
	}
}

// stall has some peers read nothing for the time of a round, and returns the
// p99 of what events took to the others.
func (y *yard) stall(peers int, late *lateness) float64 {
	begin, cancel := context.WithTimeout(y.t.Context(), 2*time.Second+*roundTime)
	defer cancel()
	var sent atomic.Int64
	var wg sync.WaitGroup
	for i := range peers {
		wg.Go(func() { _ = deaf(begin, y, []string{"websocket", "quic"}[i%2], &sent, 40) })
	}
	if peers > 0 {
		<-time.After(2 * time.Second) // until they hold what they may
	}
	late.take()
	<-time.After(*roundTime)
	p99 := late.take()
	cancel()
	wg.Wait()
	return p99
}

// lateness is how long events took.
type lateness struct {
	mu    sync.Mutex
	times []float64
}

func (l *lateness) ReceiveEvent(ev core.Event) {
	r := codec.NewReader(ev.Payload, nil)
	b := r.Bytes()
	if r.Err() != nil || len(b) < 8 {
		return
	}
	took := time.Now().UnixNano() - int64(binary.BigEndian.Uint64(b))
	l.mu.Lock()
	l.times = append(l.times, float64(took))
	l.mu.Unlock()
}

func (l *lateness) EventsEnded(error) {}

// take returns the p99 since it was last asked.
func (l *lateness) take() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	times := l.times
	l.times = nil
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[len(times)*99/100]
}
