package load

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire/bench/peer"
)

// Calls are made when they are due, whichever caller makes them.
func TestPacedKeepsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		quick := &fake{change: func(b []byte) ([]byte, error) { return b, nil }}
		c, err := StartCallers([]peer.Conn{quick, quick}, CallOptions{PerConn: 3, Rate: 1000, clock: newSleeper()})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(99*time.Millisecond + time.Microsecond)
		synctest.Wait()
		if got := c.Calls(); got != 100 {
			t.Errorf("%d calls after 99 ms, want 100", got)
		}
		if first := c.First(); !first.Equal(begin) || !c.First().IsZero() {
			t.Errorf("the first answer was %v after the beginning, want at it, and told once", first.Sub(begin))
		}
		if l := c.Latency(); l.Count != 100 || l.Max > 0 {
			t.Errorf("%d times, the longest %v, want 100 without any wait", l.Count, l.Max)
		}
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
}

// A caller that is held up is charged for every call that was due meanwhile,
// as if each had been made at its time: nothing is omitted.
func TestPacedChargesForWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const takes = 10 * time.Millisecond
		slow := &fake{change: func(b []byte) ([]byte, error) {
			time.Sleep(takes)
			return b, nil
		}}
		c, err := StartCallers([]peer.Conn{slow}, CallOptions{PerConn: 1, Rate: 1000, clock: newSleeper()})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10*takes + time.Microsecond)
		synctest.Wait()
		l := c.Latency()
		// The tenth call was due after 9 ms and answered after 100.
		if want := 91 * time.Millisecond; l.Count != 10 || l.Max < want || l.Max > want*1001/1000 {
			t.Errorf("%d times, the longest %v, want 10 and %v", l.Count, l.Max, want)
		}
		if want := 5*takes - 4*time.Millisecond; l.P50 < want || l.P50 > want*1001/1000 {
			t.Errorf("p50 %v, want %v", l.P50, want)
		}
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
}

// Many calls a second are due in bursts, and no more often than a goroutine can
// be woken.
func TestSchedule(t *testing.T) {
	for _, rate := range []int{1, 1000, 9999, 10_000, 25_000, 100_000} {
		s := newSchedule(time.Unix(0, 0), rate)
		if tick := s.due(1).Sub(s.due(0)); tick < leastTick*999/1000 || rate <= 10_000 && s.perTick != 1 {
			t.Errorf("%d a second: %d every %v", rate, s.perTick, tick)
		}
		const ticks = 10_000
		got := float64(ticks*s.perTick) / s.due(ticks).Sub(s.begin).Seconds()
		if got < float64(rate)*0.999 || got > float64(rate)*1.001 {
			t.Errorf("%d a second: %v", rate, got)
		}
	}
}

// The precise clock is never early, and can be woken.
func TestClock(t *testing.T) {
	c, err := newClock()
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for range 3 {
		const d = 2 * time.Millisecond
		begin := time.Now()
		if err := c.sleep(d); err != nil || time.Since(begin) < d {
			t.Errorf("slept for %v of %v: %v", time.Since(begin), d, err)
		}
	}
	c.wake()
	if err := c.sleep(time.Hour); err != nil {
		t.Errorf("woken: %v", err)
	}
}

func TestCallOptions(t *testing.T) {
	for _, o := range []CallOptions{{}, {PerConn: -1}, {PerConn: 1, Size: leastPayload - 1}, {PerConn: 1, Rate: -1}} {
		if _, err := StartCallers([]peer.Conn{new(fake)}, o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}
