package events

import (
	"iter"
	"sync"
	"sync/atomic"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
)

// A member is a session that the hub knows.
type member struct {
	// Immutable.
	session *core.Session

	// mu is taken before that of a topic.
	mu   sync.Mutex
	subs map[Topic]*subscription
	gone bool // the session has ended

	dirty atomic.Bool // is queued in the flusher
	next  *member     // owned by who has set dirty, then by the flusher
}

type sessionShard struct {
	mu      sync.RWMutex
	members map[*core.Session]*member
}

func (h *Hub) sessionShard(s *core.Session) *sessionShard {
	id := s.ID()
	return &h.sessions[id[0]%shards]
}

// Add makes a session one of those that EmitAll emits to, until it ends. A
// server does so with each session when it begins; Subscribe does it as well.
// Adding twice is a no-op.
func (h *Hub) Add(s *core.Session) { h.member(s) }

// lookup returns the member of a session, nil if the hub does not know it.
func (h *Hub) lookup(s *core.Session) *member {
	shard := h.sessionShard(s)
	shard.mu.RLock()
	defer shard.mu.RUnlock()
	return shard.members[s]
}

// member returns the member of a session, which may be new.
func (h *Hub) member(s *core.Session) *member {
	if m := h.lookup(s); m != nil {
		return m
	}
	shard := h.sessionShard(s)
	shard.mu.Lock()
	m := shard.members[s]
	if m != nil {
		shard.mu.Unlock()
		return m
	}
	if shard.members == nil {
		shard.members = make(map[*core.Session]*member)
	}
	m = &member{session: s}
	shard.members[s] = m
	shard.mu.Unlock()
	// At once, in this goroutine, if the session has ended.
	s.OnEnd(func(error) { h.detach(m) })
	return m
}

// detach forgets a session that has ended.
func (h *Hub) detach(m *member) {
	m.mu.Lock()
	m.gone = true
	subs := m.subs
	m.subs = nil
	for _, sub := range subs {
		h.remove(sub)
	}
	m.mu.Unlock()
	shard := h.sessionShard(m.session)
	shard.mu.Lock()
	delete(shard.members, m.session)
	shard.mu.Unlock()
}

// Sessions yields the sessions that the hub knows, in no order: those that
// there are when the iteration comes to them.
func (h *Hub) Sessions() iter.Seq[*core.Session] {
	return func(yield func(*core.Session) bool) {
		var batch []*member
		for i := range h.sessions {
			batch = h.sessions[i].appendTo(batch[:0])
			for _, m := range batch {
				if !yield(m.session) {
					return
				}
			}
		}
	}
}

// appendTo appends the members of the shard.
func (shard *sessionShard) appendTo(to []*member) []*member {
	shard.mu.RLock()
	defer shard.mu.RUnlock()
	for _, m := range shard.members {
		to = append(to, m)
	}
	return to
}

// Topics yields the topics that a session is subscribed to at this moment, in
// no order.
func (h *Hub) Topics(s *core.Session) iter.Seq[Topic] {
	return func(yield func(Topic) bool) {
		m := h.lookup(s)
		if m == nil {
			return
		}
		m.mu.Lock()
		topics := make([]Topic, 0, len(m.subs))
		for t := range m.subs {
			topics = append(topics, t)
		}
		m.mu.Unlock()
		for _, t := range topics {
			if !yield(t) {
				return
			}
		}
	}
}

func endedError() error {
	return twinwire.NewError(twinwire.Unavailable, "session has ended")
}
