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
		quick := &fake{change: func(b []byte) ([]byte, error) { return b, nil }}
		c, err := StartCallers([]peer.Conn{quick, quick}, CallOptions{PerConn: 3, Rate: 1000})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(99*time.Millisecond + time.Microsecond)
		synctest.Wait()
		if got := c.Calls(); got != 100 {
			t.Errorf("%d calls after 99 ms, want 100", got)
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
		c, err := StartCallers([]peer.Conn{slow}, CallOptions{PerConn: 1, Rate: 1000})
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

func TestCallOptions(t *testing.T) {
	for _, o := range []CallOptions{{}, {PerConn: -1}, {PerConn: 1, Size: leastPayload - 1}, {PerConn: 1, Rate: -1}} {
		if _, err := StartCallers([]peer.Conn{new(fake)}, o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}
