package events

import (
	"iter"
	"sync"

	"github.com/twinwire/twinwire/core"
)

// A subscription is that of one session to one topic.
type subscription struct {
	// Immutable.
	member *member
	topic  *topic
	sub    *core.Subscription

	index int // in topic.subs; guarded by topic.mu
}

// A topic is one that has subscribers, or is about to have one.
type topic struct {
	name Topic // immutable

	// mu is held while an event is queued for all subscribers: that is what
	// gives the events of a topic one order. It is taken after that of a
	// member and before those of notifier and topicShard.
	mu   sync.Mutex
	subs []*subscription
	dead bool // is no longer in the hub

	announced bool // guarded by notifier.mu
}

type topicShard struct {
	mu     sync.RWMutex
	topics map[Topic]*topic
}

// lookup returns a topic, nil if there is none.
func (shard *topicShard) lookup(name Topic) *topic {
	shard.mu.RLock()
	defer shard.mu.RUnlock()
	return shard.topics[name]
}

// obtain returns a topic, which may be new.
func (shard *topicShard) obtain(name Topic) *topic {
	if t := shard.lookup(name); t != nil {
		return t
	}
	shard.mu.Lock()
	defer shard.mu.Unlock()
	t := shard.topics[name]
	if t == nil {
		if shard.topics == nil {
			shard.topics = make(map[Topic]*topic)
		}
		t = &topic{name: name}
		shard.topics[name] = t
	}
	return t
}

// locked returns the topic of this name with its lock held, or nil.
func (h *Hub) locked(name Topic) *topic {
	shard := h.topicShard(name)
	for {
		t := shard.lookup(name)
		if t == nil {
			return nil
		}
		t.mu.Lock()
		if !t.dead {
			return t
		}
		t.mu.Unlock()
	}
}

// Subscribe subscribes a session to a topic. The session sees every event that
// is emitted to the topic after Subscribe has returned. If it is subscribed
// already nothing happens. The error is Unavailable if the session has ended or
// is ending, ResourceExhausted if it has core.Limits.Topics subscriptions,
// BadRequest for an empty name, TooLarge for one over 255 bytes, SlowConsumer
// if so much waits for the session already that it is ended.
func (h *Hub) Subscribe(s *core.Session, name Topic) error {
	if err := h.closed(); err != nil {
		return err
	}
	if err := name.check(); err != nil {
		return err
	}
	m := h.member(s)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone {
		return endedError()
	}
	if m.subs[name] != nil {
		return nil
	}
	overflow := h.overflow(name)
	shard := h.topicShard(name)
	for {
		t := shard.obtain(name)
		t.mu.Lock()
		if t.dead {
			t.mu.Unlock()
			continue
		}
		sub, err := h.subscribeLocked(t, m, overflow)
		t.mu.Unlock()
		if err != nil {
			return err
		}
		if m.subs == nil {
			m.subs = make(map[Topic]*subscription)
		}
		m.subs[name] = sub
		return nil
	}
}

// subscribeLocked makes a member a subscriber of t.
func (h *Hub) subscribeLocked(t *topic, m *member, overflow core.Overflow) (*subscription, error) {
	sub, err := m.session.Subscribe(string(t.name), overflow)
	if err != nil {
		h.buryLocked(t)
		return nil, err
	}
	v := &subscription{member: m, topic: t, sub: sub, index: len(t.subs)}
	t.subs = append(t.subs, v)
	if len(t.subs) == 1 {
		h.notifier.announce(t, Created)
	}
	return v, nil
}

// Unsubscribe ends the subscription of a session to a topic. Events that were
// emitted before still arrive. If there is no such subscription nothing
// happens.
func (h *Hub) Unsubscribe(s *core.Session, name Topic) {
	m := h.lookup(s)
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if sub := m.subs[name]; sub != nil {
		delete(m.subs, name)
		h.remove(sub)
	}
}

// remove takes a subscription out of its topic, and ends it.
func (h *Hub) remove(sub *subscription) {
	t := sub.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	last := len(t.subs) - 1
	t.subs[sub.index] = t.subs[last]
	t.subs[sub.index].index = sub.index
	t.subs[last] = nil
	t.subs = t.subs[:last]
	if cap(t.subs) > 64 && last < cap(t.subs)/4 {
		t.subs = append(make([]*subscription, 0, cap(t.subs)/2), t.subs...)
	}
	sub.sub.Cancel()
	if last == 0 {
		h.notifier.announce(t, Removed)
	}
	h.buryLocked(t)
}

// buryLocked takes t out of the hub if it has no subscribers.
func (h *Hub) buryLocked(t *topic) {
	if len(t.subs) > 0 {
		return
	}
	t.dead = true
	shard := h.topicShard(t.name)
	shard.mu.Lock()
	delete(shard.topics, t.name)
	shard.mu.Unlock()
}

// Subscribers yields the sessions that are subscribed to a topic at this
// moment, in no order.
func (h *Hub) Subscribers(name Topic) iter.Seq[*core.Session] {
	return func(yield func(*core.Session) bool) {
		t := h.locked(name)
		if t == nil {
			return
		}
		sessions := make([]*core.Session, len(t.subs))
		for i, sub := range t.subs {
			sessions[i] = sub.member.session
		}
		t.mu.Unlock()
		for _, s := range sessions {
			if !yield(s) {
				return
			}
		}
	}
}

// Count returns how many sessions are subscribed to a topic.
func (h *Hub) Count(name Topic) int {
	t := h.locked(name)
	if t == nil {
		return 0
	}
	defer t.mu.Unlock()
	return len(t.subs)
}
