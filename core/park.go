//go:build !js

package core

import (
	"cmp"
	"maps"
	"slices"
	"sync"
)

// A parking bounds what the sessions of a server that wait for a carrier keep,
// all together, and how many of one client there are: somebody who begins
// sessions and loses them must not be able to fill it.
type parking struct {
	// Immutable.
	most   int64 // bytes
	each   int   // sessions of one client
	counts *Counts

	mu    sync.Mutex
	taken int64
	since map[*Session]uint64 // those that wait, in the order in which that began
	last  uint64
	// waiting are the sessions of each client that wait, in the order in which
	// that began. Clients that nobody knows are not told apart, and not counted.
	waiting map[string][]*Session
}

func newParking(most *Admission, counts *Counts) *parking {
	return &parking{most: int64(most.ParkedBytes), each: most.ParkedSessions, counts: counts, waiting: make(map[string][]*Session), since: make(map[*Session]uint64)}
}

// enter takes room for n bytes of a session. It reports whether there is any,
// and which session has to make room for this one, if one does. It is called
// with the session's mu, and calls nothing.
func (p *parking) enter(s *Session, n int) (oldest *Session, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken+int64(n) > p.most || p.each < 0 {
		p.counts.Add(LimitParkedBytes)
		return nil, false
	}
	p.taken += int64(n)
	p.last++
	p.since[s] = p.last
	client := s.owner()
	if client == "" {
		return nil, true
	}
	list := append(p.waiting[client], s)
	if len(list) > p.each {
		p.counts.Add(LimitParked)
		oldest = list[0]
		list = slices.Delete(list, 0, 1)
	}
	p.waiting[client] = list
	return oldest, true
}

// longest returns one in share of those that wait, at least one if there is
// any: those that have waited longest.
func (p *parking) longest(share int) []*Session {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := slices.SortedFunc(maps.Keys(p.since), func(a, b *Session) int { return cmp.Compare(p.since[a], p.since[b]) })
	return list[:(len(list)+share-1)/share]
}

// leave gives the room back. A session that had to make room for another is
// not among those that wait any more.
func (p *parking) leave(s *Session, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken -= int64(n)
	delete(p.since, s)
	client := s.owner()
	list := slices.DeleteFunc(p.waiting[client], func(other *Session) bool { return other == s })
	if len(list) == 0 {
		delete(p.waiting, client)
	} else {
		p.waiting[client] = list
	}
}

// owner is whom a session counts for: who the client has proven to be or, where
// that is not asked for, who it says.
func (s *Session) owner() string { return ownerOf(s.Principal().id(), s.peer.Client) }

// ownerOf returns whom a session counts for, "" for nobody: nobody counts for
// somebody else by calling himself so.
func ownerOf(principal, client string) string {
	switch {
	case principal != "":
		return "principal " + principal
	case client != "":
		return "client " + client
	}
	return ""
}

func (a *Acceptor) park(s *Session, n int) (oldest *Session, ok bool) { return a.parking.enter(s, n) }
func (a *Acceptor) unpark(s *Session, n int)                          { a.parking.leave(s, n) }
