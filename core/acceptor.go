//go:build !js

package core

import "github.com/twinwire/twinwire"

// AcceptorStats are figures of an acceptor.
type AcceptorStats struct {
	// Sessions is how many sessions there are, those of which the hello has come
	// and that have not begun yet included; Parked is how many of them wait for
	// another carrier, and ParkedBytes what those keep.
	Sessions, Parked int
	ParkedBytes      int64
	// Reached says how often each limit was reached.
	Reached map[Limit]uint64
}

// Stats returns the figures of this moment.
func (a *Acceptor) Stats() AcceptorStats {
	st := AcceptorStats{Reached: a.counts.All()}
	a.ledger.mu.Lock()
	st.Sessions = a.ledger.seats
	a.ledger.mu.Unlock()
	a.parking.mu.Lock()
	st.Parked, st.ParkedBytes = len(a.parking.since), a.parking.taken
	a.parking.mu.Unlock()
	return st
}

// RefuseNew says whether new sessions are refused, because memory is
// short. Sessions that are here go on, and can be resumed.
func (a *Acceptor) RefuseNew(refuse bool) { a.short.Store(refuse) }

// Refuse has hellos of new sessions refused from now on, with what why returns
// for each, before Admit is asked. Sessions that are here go on, and can be
// resumed (clause 8.4).
func (a *Acceptor) Refuse(why func() error) { a.refuse.Store(&why) }

// EndParked ends one in share of the sessions that wait for another carrier, at
// least one if there is any: those that have waited longest. It returns how
// many.
func (a *Acceptor) EndParked(share int) int {
	list := a.parking.longest(share)
	for _, s := range list {
		a.counts.Add(LimitMemory)
		s.GiveUp(errShort)
	}
	return len(list)
}

// errShort is why a session ends that had to be shed.
var errShort = twinwire.NewError(twinwire.ResourceExhausted, "server is short of memory")

// Limits returns the acceptor's limits, with every field set.
func (a *Acceptor) Limits() Limits { return a.limits }

// Counts returns where the acceptor counts what limits were reached, for who
// keeps limits in front of it.
func (a *Acceptor) Counts() *Counts { return &a.counts }
