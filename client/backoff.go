package client

import (
	mathrand "math/rand/v2"
	"time"
)

const (
	firstWait = 250 * time.Millisecond
	mostWait  = 20 * time.Second
)

// A search is what happens from the loss of a server until it is there again:
// tries, and waits between them.
type search struct {
	policy *Reconnect
	began  time.Time
	tries  int // that have failed
}

func (r *Reconnect) search() *search { return &search{policy: r, began: time.Now()} }

// failed takes note of a try that has failed, and returns how long to wait
// before the next: at least as long as the server asked for, and up to a quarter
// longer, since it may have asked many for the same. It reports whether there
// is to be another.
func (b *search) failed(asked time.Duration) (wait time.Duration, again bool) {
	b.tries++
	asked += time.Duration(mathrand.Int64N(int64(asked)/4 + 1))
	wait = max(b.policy.wait(b.tries, time.Since(b.began)), asked)
	if p := b.policy; p != nil && (p.Tries > 0 && b.tries >= p.Tries || p.For > 0 && time.Since(b.began)+wait > p.For) {
		return 0, false
	}
	return wait, true
}

// wait returns a random time up to a limit, so that the clients of a server
// that was restarted do not come back all at once. The limit doubles with each
// try that has failed, but is not above the time for which the server has been
// away. Of a thousand clients whose tries are refused at once, some have so
// many in two seconds that they would wait for 16 more; so all are back after
// twice the outage.
func (r *Reconnect) wait(tries int, away time.Duration) time.Duration {
	first, most := firstWait, mostWait
	if r != nil && r.First > 0 {
		first = r.First
	}
	if r != nil && r.Most > 0 {
		most = r.Most
	}
	limit := most
	if n := max(tries, 1); n < 32 {
		limit = min(most, first<<(n-1), max(first, away))
	}
	return time.Duration(mathrand.Int64N(int64(limit) + 1))
}
