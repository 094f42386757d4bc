package core

import (
	"context"
	"time"
)

// recently is how long ago the peer may have been heard of to be there still.
const recently = time.Second

// Alive reports whether the peer is there: it asks, unless something has
// arrived within the last second, and waits for an answer, which comes at once
// whatever handlers do (clause 14.5), until ctx is done. A session without a
// carrier is not alive.
func (s *Session) Alive(ctx context.Context) bool {
	s.mu.Lock()
	if s.ended || s.bind == nil {
		s.mu.Unlock()
		return false
	}
	now := s.now()
	if now-s.m.Heard() < recently {
		s.mu.Unlock()
		return true
	}
	if s.heard == nil {
		s.heard = make(chan struct{})
	}
	heard := s.heard
	s.m.Doubt(now)
	s.kick(caller)
	select {
	case <-heard:
		return true
	case <-s.Done():
	case <-ctx.Done():
	}
	return false
}

// heardLocked tells those who have asked that something has arrived. mu is
// held.
func (s *Session) heardLocked() {
	if s.heard != nil {
		close(s.heard)
		s.heard = nil
	}
}
