package core

import (
	"runtime"
	"sync"

	"github.com/twinwire/twinwire/frame"
)

// inlineBytes is how much may be unacknowledged in a pipe for a goroutine to
// write to it by itself: so little is in the kernel's buffers that the write
// does not block.
const inlineBytes = 16 << 10

// claimCalls is with how many calls under way a pipe is claimed where there are
// no lulls: quic-go has who writes more than a few packets wait.
const claimCalls = 128

// claimTurns is how often others are let run before a claimed pipe is written to.
const claimTurns = 4

// A by says who writes what waits.
type by int

const (
	// background: other goroutines.
	background by = iota
	// caller: the calling goroutine, one batch, if little is unacknowledged.
	caller
	// promptly: the calling goroutine, one batch, if the carrier takes it
	// without waiting.
	promptly
	// reader: as promptly, by a reader that has served a batch: who else may be
	// about to send is not waited for.
	reader
)

// kick sends what waits. It is called with mu held and returns without. What
// the calling goroutine does not write is written by goroutines that end when
// nothing waits.
func (s *Session) kick(who by) {
	own, b := s.kickLocked(who), s.bind
	if own < 0 {
		s.mu.Unlock()
		return
	}
	s.writers.Add(1)
	s.mu.Unlock()
	if s.writeBatch(b, own, who != reader) {
		go s.write(b, own)
		return
	}
	s.writers.Done()
}

// kickLocked has other goroutines send what waits, and returns the pipe that the
// calling one is to write to, -1 for none. It is called with mu held.
func (s *Session) kickLocked(who by) (own int) {
	s.mu.sent()
	own = -1
	s.wakeWritersLocked()
	b := s.bind
	if b == nil || s.ended {
		return own
	}
	if leading {
		s.aheadLocked(b)
	}
	s.kickDatagramsLocked()
	wake := s.wakeLocked(b, b.writing) // who writes looks again
	if wake == 0 {
		return own
	}
	b.writing |= wake
	for p := range s.m.Pipes() {
		if wake&(1<<p) == 0 {
			continue
		}
		if who != background && own < 0 && (s.m.Unacknowledged(p) < inlineBytes || who >= promptly && b.takes(p)) {
			own = p
			continue
		}
		s.writers.Add(1)
		go s.write(b, p)
	}
	return own
}

// claimLocked has nobody else write to a pipe until the next lull, and reports
// whether it does: who is about to be given answers may be about to call again,
// and what they send leaves together then.
func (s *Session) claimLocked(b *binding, pipe int) bool {
	if s.ended || b.claimed >= 0 || b.writing&(1<<pipe) != 0 || s.m.Unacknowledged(pipe) >= inlineBytes && !b.takes(pipe) {
		return false
	}
	b.writing |= 1 << pipe
	b.claimed = pipe
	s.writers.Add(1)
	return true
}

// unclaimLocked leaves a pipe that was claimed to others. mu is held.
func (s *Session) unclaimLocked(b *binding) {
	if leading && b.claimed >= 0 {
		b.writing &^= 1 << b.claimed
		b.claimed = -1
		s.writers.Done()
	}
}

// writeClaimed writes a batch of a pipe that was claimed.
func (s *Session) writeClaimed(b *binding, pipe int) {
	// One turn is not enough: where another thread has nothing to do it takes
	// this goroutine at once, long before all the others have had theirs.
	s.mu.Lock()
	for range claimTurns {
		before := s.m.Queued()
		s.mu.Unlock()
		runtime.Gosched()
		s.mu.Lock()
		if s.m.Queued() == before {
			break
		}
	}
	s.mu.Unlock()
	if s.writeBatch(b, pipe, false) {
		go s.write(b, pipe)
		return
	}
	s.writers.Done()
}

// write writes batches of a pipe until nothing waits. It is counted in
// writers, and its end is that nothing waits or that the carrier fails.
func (s *Session) write(b *binding, pipe int) {
	defer s.writers.Done()
	for {
		// What is in a batch can no longer be overtaken: so it is made when it
		// can leave.
		b.await(pipe)
		if !s.writeBatch(b, pipe, true) {
			return
		}
	}
}

// largeWaits reports whether parts of large messages wait to be sent.
func (s *Session) largeWaits() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.LargeWaits()
}

// batches are buffers for one batch each.
var batches = sync.Pool{New: func() any { return new(batch) }}

type batch [frame.MaxBatch]byte

// writeBatch writes one batch of a pipe and reports whether there is more. If
// not, the pipe is free for others. Yields says that others may be about to send.
func (s *Session) writeBatch(b *binding, pipe int, yields bool) bool {
	buf := batches.Get().(*batch)
	defer batches.Put(buf)

	s.mu.Lock()
	if yields && s.m.Crowded() {
		// Goroutines that are about to send do so first: what they queue
		// becomes part of this batch, instead of a write of its own. Measured
		// on calls with 64 in flight it doubles what a connection carries. A
		// call that is alone would pay for it with a thread woken up in vain.
		s.mu.Unlock()
		runtime.Gosched()
		s.mu.Lock()
	}
	if s.bind != b {
		b.writing &^= 1 << pipe
		s.mu.Unlock()
		return false
	}
	now := s.now()
	var frames []byte
	var sent []*Status
	if leading {
		s.copyLocked(b, now)
		frames, sent = b.loss.takeAhead(pipe, buf[:0])
	}
	if len(frames) == 0 {
		frames = s.m.Batch(pipe, now, buf[:0])
		sent = append(sent, s.releaseSent()...)
	}
	if s.watches || s.m.Regulated() {
		s.arm(now) // what is sent may be waited for, and what is not may follow
	}
	s.mu.Unlock()
	var err error
	if len(frames) > 0 {
		err = b.carrier.Send(pipe, frames)
	}
	if err == nil {
		for _, st := range sent {
			st.reach(Sent, nil)
		}
	}
	s.mu.Lock()
	var wake uint32
	if err == nil && !s.ended && s.bind == b {
		wake = s.wakeLocked(b, 0)
	}
	more := wake&(1<<pipe) != 0
	if !more {
		b.writing &^= 1 << pipe
	}
	// A batch may have freed what waits in other pipes.
	others := wake &^ b.writing &^ (1 << pipe)
	b.writing |= others
	for p := 0; others != 0; p, others = p+1, others>>1 {
		if others&1 != 0 {
			s.writers.Add(1)
			go s.write(b, p)
		}
	}
	s.mu.Unlock()
	if err != nil {
		// Receive fails as well, and the binding ends; this makes sure, and
		// says why.
		s.fail(b, carrierError(err))
	}
	return more
}

// releaseSent gives back the buffers of what was sent whole, and returns the
// statuses of what is tracked of it. mu is held.
func (s *Session) releaseSent() (sent []*Status) {
	replies, messages := s.m.Sent()
	for _, v := range replies {
		in := v.Owner.(*inbound)
		in.reply.release()
		in.reply, in.Answer = nil, nil
		in.release()
	}
	for _, c := range messages {
		s.release(c.Owner.(*pending))
	}
	clear(replies) // what an idle session has done last is not to be kept
	clear(messages)
	s.wakeWritersLocked()
	for _, c := range s.m.SentTracked() {
		sent = append(sent, c.Owner.(*pending).status)
	}
	return sent
}
