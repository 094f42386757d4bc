package server

import "github.com/twinwire/twinwire/core"

// Stats are figures of a server.
type Stats struct {
	// Connections is how many connections there are, sessions or not; those of
	// QUIC whose address was not proven before their handshake are left out.
	Connections int
	// The sessions, and how often each limit was reached.
	core.AcceptorStats
}

// Stats returns the figures of this moment. It costs a few microseconds,
// however many sessions there are.
func (s *Server) Stats() Stats {
	if s.init() != nil {
		return Stats{} // it never serves
	}
	return Stats{Connections: s.door.connections(), AcceptorStats: s.acceptor.Stats()}
}
