package server

import (
	"context"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
)

// ClientIDs says whether a client id (core.Hello) may have several sessions. An
// id belongs to the principal that has chosen it: others may have the same, and
// do not get into its way (docs/protocol.md, clause 15.9).
type ClientIDs int

const (
	// ShareClientIDs lets any number of sessions have the same id.
	ShareClientIDs ClientIDs = iota
	// RefuseSecond refuses a session whose id is in use, with AlreadyExists. One
	// that has lost its carrier, or does not answer within a second when it is
	// asked, does not keep its id: it ends with TakenOver.
	RefuseSecond
	// TakeOver has a new session end the one before, with TakenOver.
	TakeOver
)

// aliveTime is how long a session whose id another one wants may take to say
// that it is there.
const aliveTime = time.Second

// idKey is what may be there once.
type idKey struct{ principal, client string }

func keyOf(p *core.Principal, client string) idKey {
	k := idKey{client: client}
	if p != nil {
		k.principal = p.ID
	}
	return k
}

// holdersLocked returns the sessions that have a client id.
func (s *Server) holdersLocked(k idKey) (list []*core.Session) {
	for _, session := range s.clients[k.client] {
		if keyOf(session.Principal(), k.client) == k {
			list = append(list, session)
		}
	}
	return list
}

// mayEnter refuses a client whose id is in use. It is asked before the client is
// welcomed, so that it is told.
func (s *Server) mayEnter(ctx context.Context, p *core.Principal, client string) error {
	if s.ClientIDs != RefuseSecond || client == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, aliveTime)
	defer cancel()
	s.mu.Lock()
	holders := s.holdersLocked(keyOf(p, client))
	s.mu.Unlock()
	for _, session := range holders {
		if session.Alive(ctx) {
			return errInUse
		}
		// What is dead is not asked again when the new session begins.
		session.CloseWith(twinwire.TakenOver, takenOver, 0)
	}
	return nil
}

var errInUse = &core.RefusedError{Code: twinwire.AlreadyExists, Reason: "client id is in use"}

const takenOver = "client has begun another session"

// settle has one session have a client id. It is called when a session has
// begun, with those that had the id then: two may have been let in at once.
func (s *Server) settle(session *core.Session, holders []*core.Session) {
	switch s.ClientIDs {
	case RefuseSecond:
		for _, other := range holders {
			if other.Err() == nil {
				session.CloseWith(errInUse.Code, errInUse.Reason, 0)
				return
			}
		}
	case TakeOver:
		for _, other := range holders {
			other.CloseWith(twinwire.TakenOver, takenOver, 0)
		}
	}
}
