package core

import (
	"context"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/internal/machine"
	"github.com/twinwire/twinwire/internal/plain"
)

// A renewing is a renewal of the session's credentials that is under way
// (clause 15.8).
type renewing struct {
	// A client's.
	credential *Credential
	answer     chan error // has room for one

	// A server's.
	dialogue *dialogue
}

// WithCredential returns a context whose Greet and GreetAgain show a credential
// to the server; nil for none.
func WithCredential(ctx context.Context, c *Credential) context.Context {
	return context.WithValue(ctx, credentialKey{}, c)
}

type credentialKey struct{}

// credentialFrom returns what WithCredential was given, or nil.
func credentialFrom(ctx context.Context) *Credential {
	c, _ := ctx.Value(credentialKey{}).(*Credential)
	return c
}

// appendCredential appends the keys of clause 3.3 that stand for a credential.
func appendCredential(b []byte, method string, data []byte) []byte {
	return appendBinary(appendText(b, "auth", method), "cred", data)
}

// appendExpires appends the key of clause 3.4, unless at is zero.
func appendExpires(b []byte, at time.Time) []byte {
	if at.IsZero() {
		return b
	}
	return appendNumber(b, "expires", max(0, time.Until(at).Milliseconds()))
}

// maxExpires bounds what a server says of the end; later counts as this.
const maxExpires = 1 << 40 // ms, which is 34 years

func readExpires(r *codec.Reader) time.Time {
	return time.Now().Add(time.Duration(min(r.Uint64(), maxExpires)) * time.Millisecond)
}

// parseRenewal reads the payload of a HELLO or WELCOME in a session. Unknown
// keys are skipped.
func parseRenewal(payload []byte) (*hello, error) {
	h := new(hello)
	r := codec.NewReader(payload, nil)
	for n := r.MapHeader(); n > 0 && r.Err() == nil; n-- {
		switch key := r.MapKey(); string(key) {
		case "auth":
			h.auth = r.Str()
		case "cred":
			h.credential = r.Bytes()
		case "expires":
			h.expires = readExpires(r)
		default:
			r.Skip()
		}
	}
	r.Leave()
	if r.Finish() != nil || len(h.auth) > maxAuthMethod {
		return nil, twinwire.NewError(twinwire.ProtocolError, "malformed hello")
	}
	return h, nil
}

// Renew shows the server new credentials of the principal that the session
// belongs to, so that it goes on beyond their end: Expires says to when. It
// waits for the server's answer, which is a *RefusedError if it does not take
// them; the session is then what it was. The error has Unavailable if the
// session has no carrier, or loses it meanwhile: who goes on with another shows
// credentials there. It is for clients, and one at a time.
func (s *Session) Renew(ctx context.Context, c *Credential) error {
	if c == nil || !s.isClient() {
		return twinwire.NewError(twinwire.FailedPrecondition, "nothing to renew")
	}
	payload := appendCredential(codec.AppendMapHeader(nil, 2), c.Method, c.Data)
	if err := c.check(); err != nil {
		return err
	}
	if len(payload) > maxHello {
		return tooLarge("credential", len(c.Data), maxHello)
	}
	n := &renewing{credential: c, answer: make(chan error, 1)}
	s.mu.Lock()
	switch {
	case s.renews != nil:
		s.mu.Unlock()
		return twinwire.NewError(twinwire.FailedPrecondition, "another renewal is under way")
	case !s.m.Renew(payload):
		err := s.err
		s.mu.Unlock()
		if err != nil {
			return endedError(err)
		}
		return errNoCarrier
	}
	s.renews = n
	s.kick(caller)
	select {
	case err := <-n.answer:
		return err
	case <-ctx.Done():
		return contextCause(ctx)
	}
}

var errNoCarrier = twinwire.NewError(twinwire.Unavailable, "session has no carrier")

// renewalEndedLocked gives up the renewal that is under way, if there is one,
// because its carrier is not the session's any more. mu is held.
func (s *Session) renewalEndedLocked(err error) {
	n := s.renews
	if n == nil {
		return
	}
	s.renews = nil
	if n.dialogue != nil {
		n.dialogue.cancel()
		return
	}
	if err == nil {
		err = endedError(s.err)
	}
	n.answer <- err
}

// renewal takes a frame of a renewal. recvMu is held, mu is not.
func (s *Session) renewal(in *machine.RenewalIn) {
	s.mu.Lock()
	n := s.renews
	s.mu.Unlock()
	switch in.Kind { // what a client sends comes to no client
	case frame.Hello:
		if !s.isClient() {
			s.host.renew(s, in.Payload)
		}
	case frame.Proof:
		if !s.isClient() && n != nil && len(in.Payload) <= maxHello && n.dialogue.wants.CompareAndSwap(true, false) {
			n.dialogue.proofs <- in.Payload
		}
	case frame.Challenge:
		if n != nil {
			go s.prove(n, in.Payload) // ends with the credential's Prove
		}
	case frame.Welcome:
		h, err := parseRenewal(in.Payload)
		s.answered(n, h, err)
	case frame.Refuse:
		s.answered(n, nil, refusedError(&frame.Frame{Code: in.Code, Flags: in.Flags, Name: in.Reason, Millis: in.Millis}))
	}
}

// prove answers a challenge of the server.
func (s *Session) prove(n *renewing, challenge []byte) {
	proof, err := n.credential.prove(s.Context(), s.id, challenge)
	if err != nil {
		s.log.Warn("twinwire: credential cannot be proved", "session", s.id.String(), "error", err)
		proof = nil // which the server refuses
	}
	s.mu.Lock()
	if s.renews != n {
		s.mu.Unlock()
		return
	}
	s.m.Prove(proof)
	s.kick(caller)
}

// prove answers a challenge. A panic is an error.
func (c *Credential) prove(ctx context.Context, attempt ID, challenge []byte) (proof []byte, err error) {
	if c == nil || c.Prove == nil {
		return nil, twinwire.NewError(twinwire.Unauthorized, "server wants a proof that this client does not have")
	}
	defer func() {
		if v := recover(); v != nil {
			err = twinwire.NewError(twinwire.Internal, "panic of a credential: "+plain.Text(v))
		}
	}()
	proof, err = c.Prove(ctx, attempt, append([]byte(nil), challenge...))
	if err == nil && len(proof) > frame.MaxPayload {
		err = tooLarge("proof", len(proof), frame.MaxPayload)
	}
	return proof, err
}

// answered takes the server's answer to a renewal.
func (s *Session) answered(n *renewing, h *hello, err error) {
	if n == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.renews != n {
		return
	}
	s.renews = nil
	if err == nil {
		s.expiresLocked(h.expires)
	}
	n.answer <- err
}

// expiresLocked sets the session's end; zero for none. mu is held.
func (s *Session) expiresLocked(at time.Time) {
	s.expiry = at
	if s.expirer != nil {
		s.expirer.Stop()
		s.expirer = nil
	}
	if !s.isClient() && !s.ended && !at.IsZero() {
		s.expirer = time.AfterFunc(time.Until(at), s.expire)
	}
}

// expire ends a session whose credentials were not renewed. One without a
// carrier waits on: it cannot go on without new ones (clause 15.7).
func (s *Session) expire() {
	s.mu.Lock()
	over := s.bind != nil && !s.expiry.IsZero() && !time.Now().Before(s.expiry)
	s.mu.Unlock()
	if over {
		s.CloseWith(twinwire.Expired, "credentials were not renewed", 0)
	}
}
