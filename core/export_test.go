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

// A Binding is a carrier that a session runs on, or has run on.
type Binding = binding

func BindingOf(s *Session) *Binding {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bind
}

// WriteLate is a goroutine that began to write to b when that was its
// session's carrier, and gets there only now.
func WriteLate(b *Binding) {
	for pipe := range b.s.m.Pipes() {
		b.s.writers.Add(1)
		b.s.write(b, pipe)
	}
}

// NewRoom and FreeRoom are those of large messages.
var (
	NewRoom  = newRoom
	FreeRoom = freeRoom
)

// Hold holds the lock of a session until release is called.
func Hold(s *Session) (release func()) {
	s.mu.Lock()
	return s.mu.Unlock
}

// StatesOf returns how many names of the peer's states a session remembers.
func StatesOf(s *Session) int {
	s.inbox.mu.Lock()
	defer s.inbox.mu.Unlock()
	return len(s.inbox.states)
}
