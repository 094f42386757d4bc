package core

import (
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/internal/machine"
	"github.com/twinwire/twinwire/transport"
)

type endHook struct{ f func(err error) }

// OnEnd has f called once when the session has ended, with the cause, in a
// goroutine of the session; at once, in this one, if it has ended already. f
// must not block. Stop takes f back and reports whether it had not been
// called.
func (s *Session) OnEnd(f func(err error)) (stop func() bool) {
	h := &endHook{f}
	s.mu.Lock()
	if s.ended {
		err := s.err
		s.mu.Unlock()
		f(err)
		return func() bool { return false }
	}
	s.onEnd = append(s.onEnd, h)
	s.mu.Unlock()
	return func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i := range s.onEnd {
			if s.onEnd[i] == h {
				s.onEnd = append(s.onEnd[:i], s.onEnd[i+1:]...)
				return true
			}
		}
		return false
	}
}

// Ending reports whether the session has ended, or is about to because one of
// both sides has said goodbye: nothing new can be begun in it.
func (s *Session) Ending() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended || s.ending || s.m.Closing()
}

// Close says goodbye with code Accepted and ends the session: what is queued
// is sent, the peer confirms, and calls still waiting for an answer end. It
// returns when the session has ended, at most Limits.CloseTime later. Closing
// a session that has ended does nothing. Close must not be called by a handler
// of the session, which would be waiting for itself: use go, or CloseWith.
func (s *Session) Close() error {
	s.CloseWith(twinwire.Accepted, "", 0)
	<-s.Done()
	return nil
}

// CloseWith begins to end the session with a code and a reason, of at most 120
// bytes, that the peer sees; retryAfter, unless 0, tells it when to come back.
// It does not wait.
func (s *Session) CloseWith(code twinwire.Code, reason string, retryAfter time.Duration) {
	if code > twinwire.MaxCode {
		code = twinwire.Internal
	}
	s.flushStates(false)
	s.mu.Lock()
	s.closeLocked(code, reason, retryAfter)
}

// closeLocked is CloseWith. It is called with mu held, and returns without.
func (s *Session) closeLocked(code twinwire.Code, reason string, retryAfter time.Duration) {
	if s.ending || s.ended {
		s.mu.Unlock()
		return
	}
	var eff machine.Effects
	s.sayGoodbyeLocked(code, reason, retryAfter, &eff)
	if s.bind == nil {
		// Nobody is there to agree.
		s.mu.Unlock()
		go s.end(nil)
		return
	}
	s.kick(background)
	s.carryOut(nil, &eff) // calls that end; recvMu is for what arrives
}

// sayGoodbyeLocked has the session say goodbye. mu is held, and eff to be
// carried out.
func (s *Session) sayGoodbyeLocked(code twinwire.Code, reason string, retryAfter time.Duration, eff *machine.Effects) {
	s.ending = true
	s.err = &transport.CloseError{Code: code, Reason: reason}
	s.m.Close(code, reason, retryAfter, eff)
	if b := s.bind; b != nil {
		// Ends with the session, or closes the carrier of a peer that does not
		// confirm.
		timer := time.AfterFunc(s.limits.CloseTime, func() { b.close(code, reason) })
		s.onEnd = append(s.onEnd, &endHook{func(error) { timer.Stop() }})
	}
}

// flushAcks sends what is acknowledged before the carrier is closed, so that
// the peer knows what was received (clause 8.3). Best effort.
func (s *Session) flushAcks(b *binding) {
	buf := batches.Get().(*batch)
	defer batches.Put(buf)
	s.mu.Lock()
	s.unclaimLocked(b)
	if b.writing&1 != 0 || s.ended || s.bind != b {
		s.mu.Unlock()
		return
	}
	b.writing |= 1 // to the end: nothing follows
	acks := s.m.Batch(0, s.now(), buf[:0])
	s.releaseSent()
	s.mu.Unlock()
	if len(acks) > 0 {
		_ = b.carrier.Send(0, acks)
	}
}

// end is the end of the session: every wait ends, every handler's context
// ends, hooks run. Then it waits for the goroutines that write and that serve,
// which a handler that ignores its context can delay, but nobody else waits
// for that.
func (s *Session) end(err error) { s.endIf(err, false) }

// endDetached is end for a session that has no carrier; one that has is left as
// it is.
func (s *Session) endDetached(err error) { s.endIf(err, true) }

func (s *Session) endIf(err error, detached bool) {
	s.recvMu.Lock() // somebody may be about to give it a carrier
	var eff machine.Effects
	s.mu.Lock()
	if s.ended || detached && s.bind != nil {
		s.mu.Unlock()
		s.recvMu.Unlock()
		return
	}
	s.ended = true
	if s.err == nil {
		s.err = carrierError(err)
	}
	b := s.bind
	err = s.err
	s.endedLocked()
	s.m.End(&eff)
	s.roomLocked()
	if s.timer != nil {
		s.timer.Stop()
	}
	s.expiresLocked(time.Time{})
	s.renewalEndedLocked(nil)
	if s.keep != nil {
		s.keep.reboundLocked()
	}
	s.over.Store(true)
	cancel, hooks := s.cancel, s.onEnd
	s.onEnd, s.held = nil, nil
	s.holds.Store(false)
	s.mu.Unlock()
	b.close(twinwire.CodeOf(err), reason(err))
	if cancel != nil {
		cancel(err)
	}
	s.carryOut(nil, &eff)
	s.inbox.end(s, err)
	s.recvMu.Unlock()
	for _, h := range hooks {
		s.guardApart("end hook", func() { h.f(err) })
	}
	s.mu.Lock()
	s.gone = true
	if s.done != nil {
		close(s.done)
	}
	s.mu.Unlock()
	s.writers.Wait()
	s.work.wait()
	if leading {
		s.mux.lookout.forget()
	}
	s.closeInstances(err)
}
