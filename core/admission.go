package core

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/twinwire/twinwire"
)

// Admission bounds who gets in. It is of use to a server only. In every field
// zero means the default and a negative number no bound, unless the field says
// otherwise.
//
// Clients are counted by where they come from: an IPv4 address by itself, one
// of IPv6 with all of its /64.
type Admission struct {
	// Sessions is how many sessions there may be at once, those that wait for
	// another carrier included. Default 100,000.
	Sessions int
	// ClientSessions bounds those of one client: of one principal, or of one
	// Hello.Client as Admit left it where nobody is authenticated; clients
	// without a name are not counted. Default 64.
	ClientSessions int
	// AddressSessions bounds those that began at one address. Default 240,
	// which is below AddressConnections so that whoever comes too many can be
	// told so.
	AddressSessions int
	// ParkedSessions is how many sessions of one client may wait for another
	// carrier; of more, the one that waits longest ends. Clients without a name
	// are not told apart, and not counted. Default 16; a negative number means
	// that none waits.
	ParkedSessions int
	// ParkedBytes bounds what those that wait keep for their clients, all
	// together; beyond it sessions end with their carrier. Default 256 MiB; a
	// negative number means that none waits that keeps anything.
	ParkedBytes int
	// AddressConnections is how many connections there may be from one
	// address, before TLS: what is beyond is closed at once. Default 256.
	AddressConnections int
	// ConnectRate is how many connections a second are let in from one
	// address, before TLS, and ConnectBurst how many at once. An address that
	// has sessions here may have as many more under way, so that they can be
	// resumed, and a resumption is not counted. Default 20 and 40.
	ConnectRate, ConnectBurst int
	// RetryAbove is the number of QUIC handshakes under way with clients that
	// have not proven their address from which on others must do so first.
	// Default 256.
	RetryAbove int
	// HeaderTime and HeaderBytes bound the header of an HTTP request. Default
	// 5 s and 16 KiB; so with a negative value.
	HeaderTime  time.Duration
	HeaderBytes int
	// RetryAfter is how long a client that finds no room is asked to stay
	// away; it is told a random time between this and twice as long. Default
	// 5 s; so with a negative value.
	RetryAfter time.Duration
	// Memory is how many bytes the program may hold before sessions are shed:
	// at 90 % new ones are refused, at 95 % those that wait for another
	// carrier end, the longest first, and at 98 % those for which most waits to
	// be sent. It has to leave room for what comes in the meantime: three
	// quarters of what ends the program. Zero means the limit of the Go runtime
	// (GOMEMLIMIT) if there is one, and no bound if not.
	Memory int64
}

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
var errShort = twinwire.Errorf(twinwire.ResourceExhausted, "server is short of memory")

// Limits returns the acceptor's limits, with every field set.
func (a *Acceptor) Limits() Limits { return a.limits }

// Counts returns where the acceptor counts what limits were reached, for who
// keeps limits in front of it.
func (a *Acceptor) Counts() *Counts { return &a.counts }

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
