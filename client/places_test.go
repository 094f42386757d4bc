package client

import (
	"testing"
	"time"
)

// The places of a list are tried in turn, those whose servers want to be left
// alone last.
func TestRound(t *testing.T) {
	now := time.Now()
	alone := round{places: places("a")}
	if wait := alone.next(time.Second, now); alone.place().addr != "a" || wait != time.Second {
		t.Errorf("alone: %s after %v", alone.place().addr, wait)
	}
	r := round{places: places("a, b,c")}
	for i, step := range []struct {
		asked time.Duration
		want  string
		wait  time.Duration
	}{
		{0, "b", 0},
		{5 * time.Second, "c", 0},
		{2 * time.Second, "a", 0},
		{9 * time.Second, "c", 2 * time.Second},
		{3 * time.Second, "c", 3 * time.Second},
		{6 * time.Second, "b", 5 * time.Second},
	} {
		if wait := r.next(step.asked, now); r.place().addr != step.want || wait != step.wait {
			t.Errorf("%d: %s after %v, want %s after %v", i, r.place().addr, wait, step.want, step.wait)
		}
	}
}
