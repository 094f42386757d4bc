package core

import "time"

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
