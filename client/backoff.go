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

	// short is how many sessions in a row the server has ended at once.
	short int
}

func (r *Reconnect) search() *search { return &search{policy: r, began: time.Now()} }

// steady is how long a session must have lasted for its server to be one that
// serves: one that ends each at once is not to be dialed ever faster.
const steady = time.Second

// ended takes note that a session that was found has ended, and begins anew:
// the server was there, so that what was waited for before does not count. The
// first wait is longer the more sessions were short.
func (b *search) ended(lasted time.Duration) {
	short := b.short + 1
	if lasted > steady {
		short = 0
	}
	*b = search{policy: b.policy, began: time.Now(), tries: short, short: short}
}

// failed takes note of a try that has failed, and returns how long to wait
// before the next: at least as long as the server asked for, and up to a quarter
// longer, since it may have asked many for the same. It reports whether there
// is to be another.
func (b *search) failed(asked time.Duration) (wait time.Duration, again bool) {
	b.tries++
	asked += time.Duration(mathrand.Int64N(int64(asked)/4 + 1))
	wait = max(b.policy.wait(b.tries, b.short, time.Since(b.began)), asked)
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
// twice the outage. A server that ends sessions at once counts as away for
// longer with each of them.
func (r *Reconnect) wait(tries, short int, away time.Duration) time.Duration {
	first, most := firstWait, mostWait
	if r != nil && r.First > 0 {
		first = r.First
	}
	if r != nil && r.Most > 0 {
		most = r.Most
	}
	doubled := func(n int) time.Duration { return first << min(n, 20) }
	limit := min(most, doubled(max(tries, 1)-1), max(away, doubled(short)))
	return time.Duration(mathrand.Int64N(int64(limit) + 1))
}
