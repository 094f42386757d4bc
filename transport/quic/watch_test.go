package quic

import (
	"testing"
	"testing/synctest"
	"time"
)

// Only what is under way for the whole timeout expires, to the moment, however
// much came before.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expired := make(chan time.Time, 1)
		w := newWatch(10*time.Second, func() { expired <- time.Now() })
		for range 100 {
			w.begin()
			time.Sleep(900 * time.Millisecond)
			w.end()
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		w.begin()
		time.Sleep(9 * time.Second)
		w.end()
		if len(expired) > 0 {
			t.Error("expired although nothing took so long")
		}
		time.Sleep(2 * time.Second)
		w.begin()
		begin := time.Now()
		if d := (<-expired).Sub(begin); d != 10*time.Second {
			t.Errorf("expired after %v, want 10s", d)
		}
		w.stop()
	})
}

// A stopped watch leaves nothing behind: the bubble could not end.
func TestWatchStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(time.Second, func() { t.Error("expired") })
		w.begin()
		w.stop()
		time.Sleep(time.Minute)
	})
	var none *watch
	none.begin()
	none.end()
	none.stop()
}
