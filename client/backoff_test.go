//go:build !js

package client

import (
	"testing"
	"testing/synctest"
	"time"
)

// longest returns about the longest wait that may follow one try more.
func longest(s *search) (most time.Duration) {
	for range 300 {
		one := *s
		wait, _ := one.failed(0)
		most = max(most, wait)
	}
	return most
}

// Waits grow with the tries, but not above the time for which the server has
// been away; one that was there is looked for as if it had never been away, and
// one that ends each session at once ever less often.
func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want := func(what string, s *search, limit time.Duration) {
			t.Helper()
			if got := longest(s); got > limit || got < limit/2 {
				t.Errorf("%s: up to %v, want up to %v", what, got, limit)
			}
		}
		var policy *Reconnect
		s := policy.search()
		want("the second try", s, firstWait)
		for range 20 {
			s.failed(0)
			time.Sleep(100 * time.Millisecond)
		}
		want("refused for 2 s", s, 2*time.Second)
		time.Sleep(time.Hour)
		want("away for an hour", s, mostWait)
		s.ended(500 * time.Millisecond)
		want("back, and away again soon", s, 2*firstWait)
		s.ended(2 * time.Second)
		want("after a session", s, firstWait)
		for n := range 10 {
			s.ended(0)
			want("sessions that end at once", s, min(mostWait, firstWait<<(n+1)))
			time.Sleep(time.Second)
		}
		s.ended(2 * time.Second)
		want("after a session", s, firstWait)
		s = (&Reconnect{First: time.Millisecond, Most: 3 * time.Millisecond}).search()
		for range 5000 {
			s.failed(0)
		}
		time.Sleep(time.Hour)
		want("with bounds of its own", s, 3*time.Millisecond)
	})
}
