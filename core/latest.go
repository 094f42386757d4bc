package core

import (
	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/internal/machine"
	"github.com/twinwire/twinwire/transport"
)

// featureLatest is the feature of clause 7.6.
const featureLatest = "latest"

// datagramWriter is the bit of binding.writing for the writer of datagrams; no
// pipe has it.
const datagramWriter = 1 << 31

// sizes returns how many bytes a datagram may have, and one of what lanes carry as
// well.
func (b *binding) sizes() (datagram, copies int32) {
	if b.datagrams == nil {
		return 0, 0
	}
	n := int32(b.datagrams.DatagramSize())
	if v, ok := b.datagrams.(transport.Beside); leading && ok && v.Beside() {
		return 0, n
	}
	return n, n
}

// datagramsWaitLocked reports whether datagrams wait that nobody writes. mu is
// held.
func (s *Session) datagramsWaitLocked() bool {
	b := s.bind
	return b != nil && b.datagrams != nil && b.writing&datagramWriter == 0 && s.m.DatagramsReady()
}

// kickDatagramsLocked has datagrams written that wait: by a goroutine, because
// the carrier may have others wait to leave. mu is held.
func (s *Session) kickDatagramsLocked() {
	if !s.ended && s.datagramsWaitLocked() {
		s.bind.writing |= datagramWriter
		s.writers.Add(1)
		go s.writeDatagrams(s.bind)
	}
}

// writeDatagrams writes datagrams until none waits.
func (s *Session) writeDatagrams(b *binding) {
	defer s.writers.Done()
	var buf [transport.MaxDatagram]byte
	for {
		s.mu.Lock()
		if s.bind != b || s.ended || !s.m.DatagramsReady() {
			b.writing &^= datagramWriter
			s.mu.Unlock()
			return
		}
		now := s.now()
		d := s.m.Datagram(now, buf[:0])
		s.arm(now) // for the repair
		s.mu.Unlock()
		if len(d) > 0 {
			// One that is lost is repaired, and the end of the carrier is told
			// by Receive.
			_ = b.datagrams.SendDatagram(d)
		}
	}
}

// readDatagramsLocked has datagrams of the peer delivered once it has shown
// that there may be some: who does not need them has no goroutine for them. It
// is called by who receives, with mu held.
func (s *Session) readDatagramsLocked(b *binding) {
	if b.datagrams == nil || b.reading || !s.m.ExpectsDatagrams() {
		return
	}
	b.reading = true
	b.datagrams.DeliverDatagrams(func(d []byte) error { return s.receiveDatagram(b, d) })
}

// receiveDatagram takes a datagram that arrived.
func (s *Session) receiveDatagram(b *binding, d []byte) error {
	s.recvMu.Lock()
	defer s.recvMu.Unlock()
	eff := effects.Get().(*machine.Effects)
	defer releaseEffects(eff)
	s.mu.Lock()
	if s.bind != b {
		s.mu.Unlock()
		return &transport.CloseError{Code: twinwire.Replaced, Reason: replaced}
	}
	s.heardLocked()
	now := s.now()
	err := s.m.ReceiveDatagram(d, now, eff)
	s.arm(now)
	s.kick(promptly)
	s.carryOut(nil, eff) // who reads datagrams serves nothing
	if err != nil {
		s.log.Warn("twinwire: peer broke the protocol", "session", s.id.String(), "peer", b.carrier.Info().RemoteAddr, "error", err)
		return &transport.CloseError{Code: twinwire.CodeOf(err), Reason: reason(err)}
	}
	return nil
}
