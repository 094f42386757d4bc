//go:build !js

package core

import (
	"crypto/rand"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/internal/machine"
	"github.com/twinwire/twinwire/transport"
)

// newToken returns a token that nobody can guess.
func newToken() (t machine.Token) {
	_, _ = rand.Read(t[:]) // never fails
	return t
}

// A resumable is a session that its client may go on with.
type resumable struct {
	*Session
	tokens *machine.Tokens // guarded by the session's mu
}

// A resumption is a session that is about to go on with another carrier, at
// the server, from its HELLO to its ATTACH.
type resumption struct {
	machine.Resumption
	of    *resumable
	nexts [frame.MaxLanes]uint64 // that the client expects
	told  [frame.MaxLanes]uint64 // that it was told in turn
}

// prepare begins a resumption for a client that presents a token. The error
// refuses it. A token that was used by somebody else ends the session (clause
// 14.3).
func (s *resumable) prepare(h *hello) (*resumption, error) {
	gone := twinwire.NewError(twinwire.NotFound, "session is not known")
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.ending || !s.m.Resumable() {
		return nil, gone
	}
	r, claim := s.tokens.Present(*h.token, machine.Attempt(h.attempt), newToken())
	switch claim {
	case machine.Good:
		// Another carrier of the same attempt may know of more.
		return &resumption{Resumption: r, of: s, nexts: h.nexts, told: s.m.Nexts()}, nil
	case machine.Late:
		return nil, twinwire.NewError(twinwire.Replaced, replaced)
	case machine.Stolen:
		go s.CloseWith(twinwire.Unauthorized, "resume token was used twice", 0)
		return nil, &RefusedError{Code: twinwire.Unauthorized, Reason: "resume token was used before", Never: true}
	}
	return nil, &RefusedError{Code: twinwire.Unauthorized, Reason: "resume token is not valid", Never: true}
}

// attach has the session go on, if r is the newest resumption and has not been
// used.
func (r *resumption) attach(carrier transport.Carrier, heartbeat time.Duration, p *Principal) (*binding, error) {
	s := r.of
	s.mu.Lock()
	counts := s.tokens.Attach(r.Generation)
	if counts {
		s.ownedLocked(p)
	}
	s.mu.Unlock()
	if !counts {
		return nil, twinwire.NewError(twinwire.Replaced, replaced)
	}
	b := newBinding(s.Session, carrier)
	return b, s.rebind(b, &machine.Binding{
		Generation: r.Generation, Independent: b.carrier.Info().Independent, Heartbeat: heartbeat, Nexts: r.nexts, Told: r.told,
	})
}
