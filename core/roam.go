package core

import (
	"context"
	"time"

	"github.com/twinwire/twinwire/transport"
)

// moveTime bounds the search for another path after NetworkChanged.
const moveTime = 3 * time.Second

// NetworkChanged tells a client's session that this machine's network is not
// the one that it was: it has joined another Wi-Fi, has left one for the mobile
// network, or wakes up from sleep. A program that is told so by its platform
// should pass it on; without it the session finds out by itself, but later.
//
// A QUIC connection goes on from a new address, and nothing that is under way
// notices. A WebSocket cannot: the server is asked whether it can still be
// reached, and if there is no answer within 400 ms, or three round trips, the
// session goes on over another carrier (clause 14.5). A session that has none
// dials at once rather than at the end of its backoff.
//
// It does not wait for any of that, and may be called for any reason and at any
// time. It does nothing to a server's session.
func (s *Session) NetworkChanged() {
	if !s.isClient() {
		return
	}
	if s.cfg.NetworkChanged != nil {
		s.cfg.NetworkChanged(s)
	}
	s.mu.Lock()
	b := s.bind
	s.mu.Unlock()
	if b == nil {
		return
	}
	mover, ok := b.carrier.(transport.Mover)
	if !ok {
		s.doubt(b)
		return
	}
	if b.changes.Add(1) > 1 {
		return // to the goroutine that looks for its way now
	}
	go func() { // ends with the move, or the last of several, each of which has a bound
		for seen := int32(1); seen > 0; seen = b.changes.Add(-seen) {
			seen = b.changes.Load()
			ctx, cancel := context.WithTimeout(s.Context(), moveTime)
			// Where there is no other path, this one may still do.
			_ = mover.Move(ctx)
			cancel()
			s.doubt(b)
		}
	}()
}

// doubt has the peer asked whether it can be reached by the carrier of b.
func (s *Session) doubt(b *binding) {
	s.mu.Lock()
	if s.bind != b || s.ended {
		s.mu.Unlock()
		return
	}
	now := s.now()
	s.m.Doubt(now)
	s.arm(now)
	s.kick(background)
}
