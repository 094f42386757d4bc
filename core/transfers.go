package core

import (
	"context"
	"sync"
)

// transfers are the conversations about files of one session that receive
// (Limits.Files). What is beyond waits for its turn.
type transfers struct {
	mu      sync.Mutex
	open    int
	waiting []chan struct{} // closed when it is their turn, the first first
}

// BeginFiles waits until files of the peer may be received, as Limits.Files
// says, and returns what has to be called, once, when they have been. The error
// is the cause of ctx's end, or Unavailable if the session has ended. It is for
// package files.
func (s *Session) BeginFiles(ctx context.Context) (end func(), err error) {
	t := s.transfersOf()
	t.mu.Lock()
	if t.open < s.limits.Files {
		t.open++
		t.mu.Unlock()
		return t.end, nil
	}
	turn := make(chan struct{})
	t.waiting = append(t.waiting, turn)
	t.mu.Unlock()
	s.counts.Add(LimitFiles)
	select {
	case <-turn:
		return t.end, nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-s.Done():
		err = endedError(s.Err())
	}
	if !t.forget(turn) {
		t.end() // it was its turn after all
	}
	return nil, err
}

func (s *Session) transfersOf() *transfers {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.transfers == nil {
		s.transfers = new(transfers)
	}
	return s.transfers
}

// end gives a place to who has waited longest.
func (t *transfers) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		t.open--
		return
	}
	close(t.waiting[0])
	t.waiting = append(t.waiting[:0], t.waiting[1:]...)
}

// forget takes one out that waits no longer, and reports whether it waited.
func (t *transfers) forget(turn chan struct{}) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.waiting {
		if t.waiting[i] == turn {
			t.waiting = append(t.waiting[:i], t.waiting[i+1:]...)
			return true
		}
	}
	return false
}
