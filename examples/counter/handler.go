package main

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/examples/counter/counter"
)

// An app is the server's side: all counters that there are.
type app struct {
	hub events.Hub
	log *slog.Logger

	mu       sync.Mutex
	counters map[events.Topic]*tally
	made     int
}

// A tally is one counter, which any number of clients have joined.
type tally struct {
	topic events.Topic

	mu      sync.Mutex // held while members are told, so that they see one order
	count   uint32
	members map[*handler]struct{}
}

// A handler serves one client.
type handler struct {
	app *app
	s   *counter.Session

	mu    sync.Mutex
	tally *tally
}

var _ counter.Counter = (*handler)(nil)

func (a *app) newHandler(s *counter.Session) counter.Counter {
	h := &handler{app: a, s: s}
	s.OnEnd(func(error) { h.leave() })
	return h
}

func (h *handler) Create(context.Context) error {
	h.app.mu.Lock()
	h.app.made++
	t := &tally{topic: events.Topic(fmt.Sprintf("counter/%d", h.app.made)), members: make(map[*handler]struct{})}
	h.app.counters[t.topic] = t
	h.app.mu.Unlock()
	return h.enter(t)
}

func (h *handler) Join(_ context.Context, topic events.Topic) error {
	h.app.mu.Lock()
	t := h.app.counters[topic]
	h.app.mu.Unlock()
	if t == nil {
		return fmt.Errorf("counter %q: %w", topic, twinwire.NotFound)
	}
	return h.enter(t)
}

// enter makes the client a member of a counter, in place of the one before.
func (h *handler) enter(t *tally) error {
	h.leave()
	if err := h.s.Subscribe(t.topic); err != nil {
		return err
	}
	h.mu.Lock()
	h.tally = t
	h.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.members[h] = struct{}{}
	return h.s.State.Update(func(s *counter.State) { s.Count, s.Topic = t.count, t.topic })
}

// leave ends the membership. A counter without members is gone.
func (h *handler) leave() {
	h.mu.Lock()
	t := h.tally
	h.tally = nil
	h.mu.Unlock()
	if t == nil {
		return
	}
	h.s.Unsubscribe(t.topic)
	t.mu.Lock()
	delete(t.members, h)
	empty := len(t.members) == 0
	t.mu.Unlock()
	if empty {
		h.app.mu.Lock()
		delete(h.app.counters, t.topic)
		h.app.mu.Unlock()
	}
}

func (h *handler) Increment(ctx context.Context, by uint32) (uint32, error) {
	t, err := h.joined()
	if err != nil {
		return 0, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	from := t.count
	t.count += by
	for m := range t.members {
		// A member whose session has just ended leaves by itself.
		_ = m.s.State.Update(func(s *counter.State) { s.Count = t.count })
	}
	return t.count, h.s.Emit(ctx, t.topic, counter.Incremented{From: from, To: t.count})
}

func (h *handler) Watch(ctx context.Context, every time.Duration) iter.Seq2[uint32, error] {
	return func(yield func(uint32, error) bool) {
		t, err := h.joined()
		if err != nil {
			yield(0, err)
			return
		}
		tick := time.NewTicker(max(every, time.Millisecond))
		defer tick.Stop()
		for last, first := uint32(0), true; ; first = false {
			t.mu.Lock()
			n := t.count
			t.mu.Unlock()
			if (first || n != last) && !yield(n, nil) {
				return
			}
			last = n
			select {
			case <-tick.C:
			case <-ctx.Done(): // also when the caller has left its loop
				return
			}
		}
	}
}

// joined returns the counter that the client has created or joined.
func (h *handler) joined() (*tally, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tally == nil {
		return nil, fmt.Errorf("create or join a counter first: %w", twinwire.FailedPrecondition)
	}
	return h.tally, nil
}

func (h *handler) Note(_ context.Context, text string) error {
	h.app.log.Info("note", "session", h.s.ID().String()[:8], "text", text)
	return nil
}
