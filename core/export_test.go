package core

import "github.com/twinwire/twinwire/internal/machine"

// A Ticket lets tests present other tokens, and in other attempts, than a
// session's own.
type Ticket = machine.Ticket

// A Token is what a ticket has.
type Token = machine.Token

func TicketOf(s *Session) Ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keep.ticket
}

func SetTicket(s *Session, t Ticket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep.ticket = t
}
