//go:build !js

package core

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
)

// A Login is a client that says who it is, for Acceptor.Authenticate to judge
// (clause 15). It must not be kept.
type Login struct {
	// Hello is what the client says about itself. Client, in it, may be set to
	// who it really is, except in a renewal.
	Hello *Hello
	// Method is the method of authentication, "" if the client names none, and
	// Credential what it shows.
	Method     string
	Credential []byte
	// Attempt is the attempt that a proof is bound to: that of the client's
	// dial, and the session's id in a renewal.
	Attempt ID
	// Resumes says that the client wants to go on with a session.
	Resumes bool
	// Session is the session whose credentials are renewed; nil otherwise.
	Session *Session
	// Info describes the carrier, and Peer is what Acceptor.ServeFrom was given
	// with it, nil in a renewal.
	Info transport.Info
	Peer any

	challenge func(ctx context.Context, challenge []byte) ([]byte, error)
}

// Challenge sends the client a challenge and returns its proof. It can be
// called once. The error is of use as that of Authenticate: the client has gone,
// or ctx is done.
func (l *Login) Challenge(ctx context.Context, challenge []byte) (proof []byte, err error) {
	if l.challenge == nil || len(challenge) > frame.MaxPayload {
		return nil, twinwire.NewError(twinwire.FailedPrecondition, "no challenge can be sent")
	}
	f := l.challenge
	l.challenge = nil
	return f(ctx, challenge)
}

// String names the method and the carrier, and nothing that is secret.
func (l *Login) String() string { return "login by " + quoted(l.Method) + " over " + l.Info.String() }

// MarshalText is String: a login may have cookies around it.
func (l *Login) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Format is String for all verbs.
func (l *Login) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(l.String())) }

// authenticate asks Authenticate. A panic of it, or its end, refuses.
func (a *Acceptor) authenticate(ctx context.Context, l *Login) (p *Principal, err error) {
	defer func() {
		if v := recover(); v != nil {
			p, err = nil, fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	p, err = a.Authenticate(ctx, l)
	if err == nil && p != nil && !p.Expires.IsZero() && !time.Now().Before(p.Expires) {
		return nil, errExpired
	}
	return p, err
}

var (
	errExpired = &RefusedError{Code: twinwire.Expired, Reason: "credentials have expired", Authenticate: true}
	// errOther refuses a principal where another one is wanted.
	errOther = &RefusedError{Code: twinwire.Unauthorized, Reason: "session belongs to somebody else", Never: true}
)

// logIn begins the authentication of a client that has sent its hello. What
// follows from it is done by a goroutine, which ends with its answer, or when
// the carrier does and Authenticate heeds its context.
func (v *arrival) logIn(h *hello) {
	d := newDialogue()
	var ctx context.Context
	ctx, d.cancel = context.WithTimeout(context.Background(), v.a.limits.HandshakeTime)
	decided := make(chan struct{})
	v.dialogue, v.decided = d, decided
	l := &Login{
		Hello: &h.Hello, Method: h.auth, Credential: h.credential, Attempt: h.attempt, Resumes: h.resumes,
		Info: v.carrier.Info(), Peer: v.peer,
	}
	l.challenge = d.challenge(func(challenge []byte) error {
		return v.carrier.Send(0, frame.Append(nil, &frame.Frame{Kind: frame.Challenge, Payload: challenge}))
	})
	go func() {
		defer d.cancel()
		settled := false
		settle := func(err error) {
			settled = true
			answer := frame.Append(nil, v.answer(err))
			close(decided)
			_ = v.carrier.Send(0, answer) // the reader sees why it failed
		}
		defer func() {
			if !settled { // the callback has ended this goroutine
				settle(errExited)
			}
		}()
		p, err := v.a.authenticate(ctx, l)
		if err == nil {
			v.principal = p
			err = v.welcome(h)
		}
		settle(err)
	}()
}

// prove takes what the client sends while it is being authenticated.
func (v *arrival) prove(f *frame.Frame, whole bool) error {
	switch {
	case f.Kind != frame.Proof || !whole || !v.dialogue.wants.CompareAndSwap(true, false):
		return &transport.CloseError{Code: twinwire.ProtocolError, Reason: "frame before the answer to the hello"}
	case v.size+len(f.Payload) > maxHello:
		return &transport.CloseError{Code: twinwire.TooLarge, Reason: "hello and proof are too large"}
	}
	v.dialogue.proofs <- append([]byte(nil), f.Payload...) // there is room: once for each challenge
	return nil
}

// leave ends an authentication whose carrier has ended.
func (v *arrival) leave() {
	if v.dialogue != nil {
		v.dialogue.cancel()
		<-v.decided
	}
}

// deciding reports whether the client is being authenticated.
func (v *arrival) deciding() bool {
	if v.dialogue == nil {
		return false
	}
	select {
	case <-v.decided:
		return false
	default:
		return true
	}
}

// logRefusal logs what the peer does not get to see.
func (a *Acceptor) logRefusal(info transport.Info, err error) {
	if twinwire.CodeOf(err) == twinwire.Internal && !errors.Is(err, twinwire.Internal) {
		a.logger().Error("twinwire: refused because of an error", "peer", quoted(info.RemoteAddr), "error", err)
		return
	}
	a.logger().Debug("twinwire: refused", "peer", quoted(info.RemoteAddr), "error", quoted(err.Error()))
}
