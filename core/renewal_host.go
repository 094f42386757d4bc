//go:build !js

package core

import (
	"context"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/frame"
)

// renew begins to answer a client that renews its credentials. The goroutine
// ends with Authenticate, whose context ends with the carrier.
func (a *Acceptor) renew(s *Session, payload []byte) {
	n := &renewing{dialogue: newDialogue()}
	d := n.dialogue
	var ctx context.Context
	ctx, d.cancel = context.WithTimeout(s.Context(), s.limits.HandshakeTime)
	s.mu.Lock()
	s.renews = n
	info := s.step.Wire
	s.mu.Unlock()
	go func() {
		defer d.cancel()
		p, err := s.Principal(), errExited
		defer func() {
			if err != nil {
				a.logRefusal(info, err)
			}
			s.renewed(n, p, err)
		}()
		h, parseErr := parseRenewal(payload)
		if err = parseErr; err != nil || a.Authenticate == nil {
			return
		}
		err = errExited // what runtime.Goexit leaves behind
		peer := s.peer
		l := &Login{Hello: &peer, Method: h.auth, Credential: h.credential, Attempt: s.id, Session: s, Info: info}
		l.challenge = d.challenge(func(challenge []byte) error { return s.challenge(n, challenge) })
		if p, err = a.authenticate(ctx, l); err == nil && p.id() != s.Principal().id() {
			err = errOther
		}
	}()
}

// challenge sends the client a challenge in a renewal.
func (s *Session) challenge(n *renewing, challenge []byte) error {
	s.mu.Lock()
	if s.renews != n || !s.m.Challenge(append([]byte(nil), challenge...)) {
		s.mu.Unlock()
		return errNoCarrier
	}
	s.kick(caller)
	return nil
}

// renewed answers the client.
func (s *Session) renewed(n *renewing, p *Principal, err error) {
	s.mu.Lock()
	if s.renews != n {
		s.mu.Unlock()
		return
	}
	s.renews = nil
	if err != nil {
		f := refusal(err)
		s.m.Renewed(nil, f.Code, f.Flags&^frame.RetryAfter, string(f.Name))
	} else {
		s.ownedLocked(p)
		entries := 0
		if !p.expires().IsZero() {
			entries = 1
		}
		s.m.Renewed(appendExpires(codec.AppendMapHeader(nil, entries), p.expires()), 0, 0, "")
	}
	s.kick(caller)
}

// ownedLocked gives the session a principal, which has the id of the one
// before. mu is held.
func (s *Session) ownedLocked(p *Principal) {
	s.principal.Store(p)
	s.expiresLocked(p.expires())
}
