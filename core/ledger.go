//go:build !js

package core

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/twinwire/twinwire"
)

// withDefaults returns a with every field set; no bound is the largest number.
func (a Admission) withDefaults() Admission {
	const huge = 1<<31 - 1
	set := func(p *int, otherwise int) {
		switch {
		case *p == 0:
			*p = otherwise
		case *p < 0:
			*p = huge
		}
	}
	set(&a.Sessions, 100_000)
	set(&a.ClientSessions, 64)
	set(&a.AddressSessions, 240)
	if a.ParkedSessions == 0 {
		a.ParkedSessions = 16
	}
	if a.ParkedBytes == 0 {
		a.ParkedBytes = 256 << 20
	}
	set(&a.AddressConnections, 256)
	set(&a.ConnectRate, 20)
	set(&a.ConnectBurst, 40)
	if a.RetryAbove == 0 {
		a.RetryAbove = 256
	}
	if a.HeaderTime <= 0 {
		a.HeaderTime = 5 * time.Second
	}
	if a.HeaderBytes <= 0 {
		a.HeaderBytes = 16 << 10
	}
	if a.RetryAfter <= 0 {
		a.RetryAfter = 5 * time.Second
	}
	return a
}

// A ledger counts the sessions of a server. A session has a seat from its
// hello on, so that there is never one more than may be.
type ledger struct {
	// Immutable.
	most   Admission
	counts *Counts

	mu        sync.Mutex
	seats     int
	clients   map[string]int
	addresses map[netip.Prefix]int
}

// A seat is the place of one session. A nil seat is nobody's.
type seat struct {
	ledger  *ledger
	client  string
	network netip.Prefix
	left    bool // guarded by the ledger's mu
}

func newLedger(most Admission, counts *Counts) *ledger {
	return &ledger{most: most, counts: counts, clients: make(map[string]int), addresses: make(map[netip.Prefix]int)}
}

// take returns a seat, or refuses a client for which there is none.
func (l *ledger) take(client string, network netip.Prefix) (*seat, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.seats >= l.most.Sessions:
		return nil, l.full(LimitSessions, "server is full")
	case network.IsValid() && l.addresses[network] >= l.most.AddressSessions:
		return nil, l.full(LimitAddressSessions, "too many sessions from this address")
	case client != "" && l.clients[client] >= l.most.ClientSessions:
		return nil, l.full(LimitClientSessions, "too many sessions of this client")
	}
	l.seats++
	if network.IsValid() {
		l.addresses[network]++
	}
	if client != "" {
		l.clients[client]++
	}
	return &seat{ledger: l, client: client, network: network}, nil
}

// full is the refusal for a limit.
func (l *ledger) full(limit Limit, reason string) error {
	l.counts.Add(limit)
	return &RefusedError{Code: twinwire.ResourceExhausted, Reason: reason, RetryAfter: spread(l.most.RetryAfter)}
}

// spread returns a random time from d up to twice that.
func spread(d time.Duration) time.Duration { return d + rand.N(d) }

// leave gives the seat back, once.
func (s *seat) leave() {
	if s == nil {
		return
	}
	l := s.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.left {
		return
	}
	s.left = true
	l.seats--
	if s.network.IsValid() {
		if l.addresses[s.network]--; l.addresses[s.network] == 0 {
			delete(l.addresses, s.network)
		}
	}
	if s.client != "" {
		if l.clients[s.client]--; l.clients[s.client] == 0 {
			delete(l.clients, s.client)
		}
	}
}
