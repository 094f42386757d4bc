package core

import (
	"time"

	"github.com/twinwire/twinwire/internal/machine"
)

// A StateWriter sends a state of this side to the peer.
type StateWriter struct {
	session *Session
	state   *machine.OutState

	// Guarded by the session's mu.
	flush  func(wait bool) // nil unless something is held
	closed bool
}

// OpenState begins a state. Nothing is sent before its first snapshot.
func (s *Session) OpenState(name string) *StateWriter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &StateWriter{session: s, state: s.m.OpenState(name)}
}

// Interval returns how long the owner of a state waits from one change that it
// sends to the next (clause 5.7).
func (w *StateWriter) Interval() time.Duration {
	return time.Second / time.Duration(w.session.limits.StateRate)
}

// Hold says that the state has changed and that the owner will send that
// later. flush, which is to send it at once, is called before the next reply of
// the session is queued (clause 6.9), and before the session says goodbye;
// without wait, as then, it must not wait for anybody. What is sent, by
// Snapshot or Delta, is not held any more; a nil flush says that nothing is
// after all. The error is Unavailable if nothing can be sent any more.
func (w *StateWriter) Hold(flush func(wait bool)) error {
	s := w.session
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case flush == nil:
		w.sentLocked()
	case s.ended || s.m.Closing() || w.closed:
		return endedError(s.err)
	case w.flush == nil:
		s.counts.Add(LimitStateRate)
		w.flush = flush
		s.held = append(s.held, w)
		s.holds.Store(true)
	}
	return nil
}

// sentLocked says that nothing is held any more. The session's mu is held.
func (w *StateWriter) sentLocked() {
	if w.flush == nil {
		return
	}
	s := w.session
	w.flush = nil
	for i := range s.held {
		if s.held[i] == w {
			last := len(s.held) - 1
			s.held[i], s.held[last] = s.held[last], nil
			s.held = s.held[:last]
			break
		}
	}
	s.holds.Store(len(s.held) > 0)
}

// flushStates has what is held of states sent. It stays in the list until it
// is, so that of two replies neither overtakes what the other has flushed.
func (s *Session) flushStates(wait bool) {
	if !s.holds.Load() {
		return
	}
	s.mu.Lock()
	flushes := make([]func(bool), 0, len(s.held))
	for _, w := range s.held {
		flushes = append(flushes, w.flush)
	}
	s.mu.Unlock()
	for _, flush := range flushes {
		flush(wait)
	}
}

// Snapshot sends the whole value; what still waits of the state is left out.
// The payload is shared: nobody may change it any more. A reply that is
// queued after it does not overtake it. The error is Unavailable if the
// session has ended, or TooLarge.
func (w *StateWriter) Snapshot(version uint64, payload []byte) error {
	s := w.session
	packed := s.packer.packShared(payload)
	s.mu.Lock()
	err := s.m.Snapshot(w.state, version, payload, packed...)
	w.sentLocked()
	s.kick(background)
	return s.stateError(err)
}

// Delta sends a change, which makes the next version of the one before. It
// returns false if too much of the state waits already; the caller then sends a
// snapshot. Otherwise it is as Snapshot.
func (w *StateWriter) Delta(payload []byte) (ok bool, err error) {
	s := w.session
	packed := s.packer.packShared(payload)
	s.mu.Lock()
	ok, err = s.m.Delta(w.state, payload, packed...)
	if ok {
		w.sentLocked()
	}
	s.kick(background)
	return ok, s.stateError(err)
}

// Close tells the peer that no more will come.
func (w *StateWriter) Close() {
	s := w.session
	s.mu.Lock()
	w.closed = true
	s.m.EndState(w.state)
	w.sentLocked()
	s.kick(background)
}

func (s *Session) stateError(err error) error {
	if err == machine.ErrEnded {
		return endedError(s.Err())
	}
	return err
}
