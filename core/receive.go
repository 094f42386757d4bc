package core

import (
	"sync"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/internal/machine"
	"github.com/twinwire/twinwire/transport"
)

// effects are what several sessions use one after another: an idle one keeps
// nothing of what it has received.
var effects = sync.Pool{New: func() any { return new(machine.Effects) }}

func releaseEffects(eff *machine.Effects) {
	eff.Reset()
	effects.Put(eff)
}

// deliver takes frames that arrived. It is called by the carrier.
func (b *binding) deliver(pipe int, frames []byte) error {
	led, err := b.s.receive(b, pipe, frames)
	switch {
	case !leading:
	case led && err == nil:
		return b.serveHere(pipe)
	case led:
		w := &b.s.work
		w.mu.Lock()
		b.passOnLocked()
		w.mu.Unlock()
		w.wg.Done()
	}
	return err
}

// maxDeferred is after how many deliveries, and maxGiven after how many answers in
// them, what is to be sent is sent although more has arrived. Without maxGiven all
// of 1,024 calls are soon at one end or all at the other, and one end waits: with it
// there are 1.14 times as many.
const (
	maxDeferred = 16
	maxGiven    = 128
)

// receive takes frames that arrived. It reports whether there are requests that
// the caller is to serve.
func (s *Session) receive(b *binding, pipe int, frames []byte) (led bool, err error) {
	s.recvMu.Lock()
	defer s.recvMu.Unlock()
	eff := effects.Get().(*machine.Effects)
	defer releaseEffects(eff)
	b.lead.led = false
	exited := true
	if leading {
		defer func() {
			if exited && b.lead.led { // a callback has ended this goroutine: it will serve nothing
				s.work.wg.Done()
			}
		}()
	}
	s.mu.Lock()
	if s.bind != b {
		s.mu.Unlock()
		return false, &transport.CloseError{Code: twinwire.Replaced, Reason: replaced}
	}
	now := s.now()
	s.heardLocked()
	err = s.m.Receive(pipe, frames, now, eff)
	if err == nil {
		s.leaveLocked(eff)
		s.readDatagramsLocked(b)
	}
	s.arm(now)
	answers := len(eff.Done) > 1 && len(eff.Start) == 0
	// A handler may wait for who was given an answer.
	requests := len(eff.Start) > 1 && b.claimed < 0
	over := false // this counts as a lull
	if leading && b.lead.lulls && (answers || requests) && b.deferred < maxDeferred {
		b.deferred++
		if answers {
			s.claimLocked(b, pipe)
			b.given += len(eff.Done)
			over = b.given >= maxGiven
		}
		s.mu.Unlock()
	} else {
		s.unclaimLocked(b)
		if b.lead.lulls {
			b.deferred, b.given = 0, 0
		}
		over = leading && !b.lead.lulls && answers && s.m.Calls() <= claimCalls && s.claimLocked(b, pipe)
		s.kick(promptly)
	}
	s.carryOut(b, eff)
	exited = false
	if over {
		b.sendDeferred()
		b.early = true
	}
	switch {
	case err != nil:
		s.log.Warn("twinwire: peer broke the protocol", "session", s.id.String(), "peer", b.carrier.Info().RemoteAddr, "error", err)
		return b.lead.led, &transport.CloseError{Code: twinwire.CodeOf(err), Reason: reason(err)}
	case eff.Closed:
		s.mu.Lock()
		code, why, retry, _ := s.m.Goodbye()
		s.mu.Unlock()
		s.flushAcks(b)
		return b.lead.led, &transport.CloseError{Code: code, Reason: printable([]byte(why)), Remote: true, RetryAfter: retry}
	}
	return b.lead.led, nil
}

// carryOut does what the machine decided. recvMu is held, mu is not.
func (s *Session) carryOut(b *binding, eff *machine.Effects) {
	answered := false
	if leading {
		defer func() {
			if !answered { // a callback has ended this goroutine: those who wait must not wait for ever
				s.finishAll(eff.Done)
			}
		}()
	}
	for i := range eff.States {
		s.inbox.state(s, &eff.States[i])
	}
	for i := range eff.Events {
		s.inbox.event(s, &eff.Events[i])
	}
	for i := range eff.Data {
		eff.Data[i].Stream.Owner.(*StreamReader).arrived(&eff.Data[i])
	}
	for _, c := range eff.Received {
		c.Owner.(*pending).status.reach(Received, nil)
	}
	answered = true
	s.finishAll(eff.Done)
	if len(eff.Start) > 0 {
		s.dispatch(b, eff.Start)
	}
	for _, in := range eff.Dropped {
		in.Owner.(*StreamReader).discard()
	}
	if eff.Leaving {
		s.leaving()
	}
	for i := range eff.Renewal {
		s.renewal(&eff.Renewal[i])
	}
	for _, v := range eff.Cancel {
		how := wasCanceled
		if v.Canceled == twinwire.DeadlineExceeded {
			how = wasLate
		}
		if r := v.Owner.(*inbound).request; r != nil { // nil if it was too much for the rate
			r.context().end(how)
		}
	}
}
