package server

import (
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/twinwire/twinwire/core"
)

// enterLocked takes note of a session, and leaveLocked of its end.
func (s *Server) enterLocked(session *core.Session) {
	s.sessions[session.ID()] = session
	client := session.Peer().Client
	if client == "" {
		return
	}
	if s.clients[client] == nil {
		s.clients[client] = make(map[core.ID]*core.Session, 1)
	}
	s.clients[client][session.ID()] = session
}

func (s *Server) leaveLocked(session *core.Session) {
	delete(s.sessions, session.ID())
	client := session.Peer().Client
	if delete(s.clients[client], session.ID()); len(s.clients[client]) == 0 {
		delete(s.clients, client)
	}
}

// Sessions returns the sessions that there are when the iteration begins, in no
// order. What there is to know of one, its Session says: Stats, Transport,
// Peer, Began. One that has ended meanwhile is yielded all the same; nothing
// is locked while the loop runs, and it may use the server in any way.
func (s *Server) Sessions() iter.Seq[*core.Session] {
	return func(yield func(*core.Session) bool) {
		s.mu.Lock()
		list := slices.AppendSeq(make([]*core.Session, 0, len(s.sessions)), maps.Values(s.sessions))
		s.mu.Unlock()
		for _, session := range list {
			if !yield(session) {
				return
			}
		}
	}
}

// Session returns the session with this id, nil if there is none. To end it, use
// CloseWith, which tells the client a code and a reason.
func (s *Server) Session(id core.ID) *core.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[id]
}

// SessionsOf returns the sessions of the client with this id (core.Hello), as
// Sessions does. There may be several, of devices or of tabs. Clients without
// an id, which is "", are not found by it.
func (s *Server) SessionsOf(client string) iter.Seq[*core.Session] {
	return func(yield func(*core.Session) bool) {
		s.mu.Lock()
		list := slices.Collect(maps.Values(s.clients[client]))
		s.mu.Unlock()
		for _, session := range list {
			if !yield(session) {
				return
			}
		}
	}
}

// Broadcast sends a one-way message, which is encoded once, to all sessions for
// which to returns true; a nil to means all of them. It does not wait for any of
// them: a session that has ended, or in which too much waits already
// (core.Limits), is left out. It returns how many it was sent to, and an error
// if the message cannot be encoded or ctx was done before the last of them. What
// ctx says of a message holds for each, but it must have no status.
func (s *Server) Broadcast(ctx context.Context, message *core.Prepared, to func(*core.Session) bool) (sent int, err error) {
	message, err = message.Encode()
	if err != nil {
		return 0, err
	}
	ctx = core.NoWait(ctx)
	for session := range s.Sessions() {
		if to != nil && !to(session) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return sent, err
		}
		if message.Send(ctx, session) == nil {
			sent++
		}
	}
	return sent, nil
}
