package client

import (
	"strings"
	"time"
)

// A place is one of the addresses of a list.
type place struct {
	addr string
	// free is until when its server has asked to be left alone.
	free time.Time
}

// places takes a list of addresses apart.
func places(list string) []*place {
	var all []*place
	for addr := range strings.SplitSeq(list, ",") {
		all = append(all, &place{addr: strings.TrimSpace(addr)})
	}
	return all
}

// A round is the order in which the places of a list are tried.
type round struct {
	places []*place
	at     int // the one that is tried, or has the session
}

// place returns the one to try.
func (r *round) place() *place { return r.places[r.at] }

// next goes on to another place, if there is any, because this one has failed
// and has asked to be left alone for a while: to the first one in the order of
// the list that is free, or else to the one that is free first. It returns how
// long that is away.
func (r *round) next(asked time.Duration, now time.Time) (wait time.Duration) {
	r.place().free = now.Add(asked)
	best := -1
	for i := 1; i <= len(r.places); i++ {
		n := (r.at + i) % len(r.places)
		if best < 0 || r.places[best].free.After(now) && r.places[n].free.Before(r.places[best].free) {
			best = n
		}
	}
	r.at = best
	return max(0, r.place().free.Sub(now))
}
