package core

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/internal/machine"
	"github.com/twinwire/twinwire/transport"
)

// A binding is a carrier that a session runs on, or has run on. What comes of
// one that is not the session's any more is not delivered (clause 4.5).
type binding struct {
	s       *Session
	carrier transport.Carrier
	prompt  transport.Prompt // nil if it cannot tell
	sent    transport.Sent   // nil if it cannot tell
	writing uint32           // pipes that somebody is writing to; guarded by the session's mu
	claimed int              // the pipe that only the reader writes to, at the next lull; -1 for none; guarded likewise
	lead    leader

	// deferred counts the deliveries for which nothing was sent yet, and given the
	// answers in them: the next lull sends. early says that some was sent before
	// it. They are the reader's, where there is one.
	deferred, given int
	early           bool
	changes         atomic.Int32 // of the network that no other path was looked for yet (roam.go)

	datagrams transport.Datagrams // nil if it has none
	reading   bool                // they are delivered; guarded by the session's mu
	loss      *loss               // nil if it cannot tell

	// ending is waited for until the carrier has ended and the session has taken
	// note of it.
	ending sync.WaitGroup
	over   bool // that has begun; guarded by the session's mu
}

func newBinding(s *Session, carrier transport.Carrier) *binding {
	b := &binding{s: s, carrier: carrier}
	b.claimed = -1
	b.ending.Add(1)
	b.prompt, _ = carrier.(transport.Prompt)
	if leading { // no carrier of a page can tell
		b.sent, _ = carrier.(transport.Sent)
	}
	b.datagrams, _ = carrier.(transport.Datagrams)
	b.loss = b.newLoss()
	b.lead.init(carrier, carrier.Info())
	return b
}

// takes reports whether the carrier takes a batch without waiting.
func (b *binding) takes(pipe int) bool { return b.prompt != nil && b.prompt.Prompt(pipe) }

// await waits until the carrier takes a batch without waiting, if it can tell.
// Before a part of a large message it waits until most of the batches before have
// left: nothing else bounds how many of those are in the kernel, as it is with
// streams, and on a slow path calls would wait for them.
func (b *binding) await(pipe int) {
	switch {
	case leading && b.sent != nil && b.s.largeWaits():
		b.sent.AwaitSent(pipe)
	case b.prompt != nil:
		b.prompt.Await(pipe)
	}
}

// close ends the carrier. It is safe for a session without one.
func (b *binding) close(code twinwire.Code, reason string) {
	if b != nil {
		b.carrier.Close(code, reason)
	}
}

// ended is called with what Receive returned, when nothing more will come.
func (b *binding) ended(err error) {
	if errors.Is(err, transport.ErrHandedOver) {
		b.ending.Wait() // by the goroutine that goes on
		return
	}
	s := b.s
	s.mu.Lock()
	if b.over {
		s.mu.Unlock()
		return
	}
	b.over = true
	s.unclaimLocked(b) // there will be no lull
	if s.bind == b {
		s.mu.Unlock()
	} else {
		s.kick(background) // the answers that were left for it: they have another carrier
	}
	s.counts.violated(err)
	b.carrier.Close(twinwire.Accepted, "")
	if s.endsWith(b, err) {
		s.end(err)
	}
	b.ending.Done()
}

// lost reports whether err is a carrier that broke, which another may replace,
// and not one that was closed on purpose.
func lost(err error) bool {
	var closed *transport.CloseError
	var own *twinwire.Error
	switch {
	case as(err, &closed):
		// The peer moves, and its ATTACH is on its way; or it has lost us.
		return closed.Code == twinwire.Replaced || closed.Code == twinwire.PeerDead
	case as(err, &own):
		return own.Code == twinwire.PeerDead
	}
	return true
}

// endsWith reports whether the session ends with a carrier that has ended. If
// the carrier was its own and it may go on with another, it waits for that.
func (s *Session) endsWith(b *binding, err error) bool {
	s.recvMu.Lock()
	defer s.recvMu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		err = s.err
	}
	switch {
	case s.bind != b || s.ended:
		return false
	case s.ending || s.keep == nil || !lost(err) || !s.m.Resumable() || !s.keep.parkLocked():
		return true
	}
	s.m.Detach()
	s.renewalEndedLocked(errNoCarrier)
	s.bind, s.err = nil, nil
	s.armed = 0
	if s.timer != nil {
		s.timer.Stop()
	}
	s.steppedLocked(Change{Phase: Detached, Cause: carrierError(err)})
	s.keep.detachedLocked(carrierError(err))
	return false
}

// rebind has the session go on with another carrier. The one before it, if it
// still lives, is closed. It fails if the session has ended or cannot go on.
func (s *Session) rebind(b *binding, to *machine.Binding) error {
	s.recvMu.Lock()
	defer s.recvMu.Unlock()
	s.mu.Lock()
	if s.ended || s.ending {
		s.mu.Unlock()
		return endedError(s.err)
	}
	now := s.now()
	to.Datagram, to.Copies = b.sizes()
	var eff machine.Effects
	if err := s.m.Rebind(to, now, &eff); err != nil {
		s.mu.Unlock()
		return err
	}
	s.renewalEndedLocked(errNoCarrier)
	before := s.bind
	s.bind, s.err = b, nil
	s.expiresLocked(s.expiry) // a timer that fired without a carrier has done nothing
	s.leads.Store(b.lead.carrier != nil)
	s.steppedLocked(Change{Phase: Resumed})
	s.armed = 0
	s.arm(now)
	if s.keep != nil {
		s.keep.reboundLocked()
	}
	s.kick(caller)
	s.carryOut(nil, &eff)
	if before != nil {
		before.carrier.Close(twinwire.Replaced, replaced)
	}
	return nil
}
