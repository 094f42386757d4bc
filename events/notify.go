package events

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
)

// A Notification says that a topic got its first subscriber, or lost its last.
type Notification struct {
	Topic Topic
	Kind  NotificationKind
}

// NotificationKind is the kind of a Notification.
type NotificationKind uint8

const (
	// Created means that a topic got its first subscriber.
	Created NotificationKind = iota
	// Removed means that the last subscriber of a topic was unsubscribed, or
	// its session ended.
	Removed
)

// String returns "created" or "removed".
func (k NotificationKind) String() string {
	if k == Removed {
		return "removed"
	}
	return "created"
}

// maxNotifications is how many notifications wait before pairs that cancel
// each other out are left out.
const maxNotifications = 4096

// Notify yields what happens to the topics of the hub: first a Created for
// each that has subscribers when the iteration begins, then each Created and
// Removed as they happen, until ctx is done or the hub is closed. For one topic
// they alternate, in the order in which they happened.
//
// The hub never waits for a loop that is slow. When more than 4,096
// notifications wait for it, those of one topic that cancel each other out are
// left out together, so that what waits stays bounded by the number of topics
// that there are, and the last word on each topic is always right.
func (h *Hub) Notify(ctx context.Context) iter.Seq[Notification] {
	return h.notify(ctx, maxNotifications)
}

func (h *Hub) notify(ctx context.Context, most int) iter.Seq[Notification] {
	return func(yield func(Notification) bool) {
		l := &listener{most: most, threshold: most, ready: make(chan struct{}, 1)}
		h.listen(l)
		defer h.notifier.remove(l)
		for {
			n, ok, closed := l.pop()
			switch {
			case ctx.Err() != nil, closed:
				return
			case ok:
				if !yield(n) {
					return
				}
			default:
				select {
				case <-l.ready:
				case <-ctx.Done():
				}
			}
		}
	}
}

// A notifier tells listeners about topics. Every change of a topic between
// having subscribers and not passes through it.
type notifier struct {
	closed atomic.Bool

	mu        sync.Mutex // taken after that of a topic
	listeners []*listener
}

// announce tells of a topic that was created or removed. The caller holds the
// topic's lock.
func (n *notifier) announce(t *topic, kind NotificationKind) {
	n.mu.Lock()
	defer n.mu.Unlock()
	t.announced = kind == Created
	for _, l := range n.listeners {
		l.push(Notification{t.name, kind})
	}
}

// listen adds a listener and tells it of the topics that there are.
func (h *Hub) listen(l *listener) {
	n := &h.notifier
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed.Load() {
		l.close()
		return
	}
	n.listeners = append(n.listeners, l)
	for i := range h.topics {
		shard := &h.topics[i]
		shard.mu.RLock()
		for _, t := range shard.topics {
			if t.announced {
				l.push(Notification{t.name, Created})
			}
		}
		shard.mu.RUnlock()
	}
}

func (n *notifier) remove(l *listener) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range n.listeners {
		if n.listeners[i] == l {
			last := len(n.listeners) - 1
			n.listeners[i] = n.listeners[last]
			n.listeners[last] = nil
			n.listeners = n.listeners[:last]
			return
		}
	}
}

// close ends all listeners, and those to come.
func (n *notifier) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed.Store(true)
	for _, l := range n.listeners {
		l.close()
	}
}

// A listener is one iterator of Notify.
type listener struct {
	most  int
	ready chan struct{} // has a token when there may be something new

	mu        sync.Mutex // taken last
	q         []Notification
	head      int
	threshold int // compact when more wait
	closed    bool
}

func (l *listener) push(n Notification) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.q = append(l.q, n)
	if len(l.q)-l.head > l.threshold {
		l.compactLocked()
	}
	l.wake()
}

func (l *listener) wake() {
	select {
	case l.ready <- struct{}{}:
	default:
	}
}

// compactLocked leaves out the pairs that cancel each other out. What waits of
// a topic alternates, so of an even number nothing is left, and of an odd
// number the last.
func (l *listener) compactLocked() {
	type count struct{ all, left int }
	counts := make(map[Topic]count)
	for _, n := range l.q[l.head:] {
		c := counts[n.Topic]
		counts[n.Topic] = count{c.all + 1, c.left + 1}
	}
	kept := l.q[:0]
	for _, n := range l.q[l.head:] {
		c := counts[n.Topic]
		c.left--
		counts[n.Topic] = c
		if c.left == 0 && c.all%2 == 1 {
			kept = append(kept, n)
		}
	}
	clear(l.q[len(kept):])
	l.q, l.head = kept, 0
	l.threshold = max(l.most, 2*len(kept))
}

// pop takes the oldest notification, if there is one.
func (l *listener) pop() (n Notification, ok, closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.head == len(l.q) {
		return n, false, l.closed
	}
	n = l.q[l.head]
	l.q[l.head] = Notification{}
	l.head++
	if l.head == len(l.q) {
		l.q, l.head, l.threshold = l.q[:0], 0, l.most
		if cap(l.q) > maxNotifications {
			l.q = nil
		}
	}
	return n, true, false
}

func (l *listener) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.wake()
}
