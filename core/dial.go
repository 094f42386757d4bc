package core

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
)

// lanes is how many lanes this package has a use for (clause 4.3).
const lanes = 5

// An Offer is a carrier whose server has welcomed the client, and on which no
// session has begun yet: the client decides (clauses 3.2 and 3.6). Exactly one
// of Accept and Decline is to be called.
type Offer struct {
	cfg     *Config
	mux     *Mux
	carrier transport.Carrier
	own     *hello
	welcome *hello
	session atomic.Pointer[Session]
	ended   chan error // what Receive returned
}

// Greet sends the hello of cfg on a carrier that the client has dialed, and
// waits for the server's answer, at most Limits.HandshakeTime. The attempt is
// the same for all carriers of one dial. It owns the carrier: after an error,
// which is a *RefusedError if the server refused, the carrier is closed.
func Greet(ctx context.Context, carrier transport.Carrier, cfg *Config, mux *Mux, attempt ID) (*Offer, error) {
	limits := cfg.Limits.withDefaults()
	o := &Offer{cfg: cfg, mux: mux, carrier: carrier, ended: make(chan error, 1)}
	o.own = &hello{Hello: cfg.Hello, version: ProtocolVersion, attempt: attempt, lanes: lanes, window: limits.window()}
	payload := o.own.appendTo(nil, false)
	if len(cfg.Hello.Client) > maxClient {
		carrier.Close(twinwire.TooLarge, "")
		return nil, twinwire.Errorf(twinwire.TooLarge, "client id of %d bytes is over the limit of %d", len(cfg.Hello.Client), maxClient)
	}
	if len(payload) > maxHello {
		carrier.Close(twinwire.TooLarge, "hello is too large")
		return nil, twinwire.Errorf(twinwire.TooLarge, "hello of %d bytes is over the limit", len(payload))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limits.HandshakeTime,
		fmt.Errorf("%w: server did not answer the hello within %v", twinwire.DeadlineExceeded, limits.HandshakeTime))
	defer cancel()
	// A peer that does not read must not hold up the dial.
	stop := context.AfterFunc(ctx, func() { carrier.Close(twinwire.Canceled, "") })
	defer stop()
	answer := make(chan error, 1)
	answered := false // owned by the reader
	// Reads until the carrier ends, and ends the session if there is one.
	go func() {
		returned := false
		defer func() {
			if s := o.session.Load(); !returned && s != nil { // a callback ended this goroutine
				o.ended <- s.exited()
			}
		}()
		err := carrier.Receive(func(pipe int, frames []byte) error {
			if s := o.session.Load(); s != nil {
				return s.deliver(pipe, frames)
			}
			if answered {
				return &transport.CloseError{Code: twinwire.ProtocolError, Reason: "frame before the session has begun"}
			}
			answered = true
			err := o.receiveAnswer(frames)
			answer <- err
			switch {
			case err == nil:
				return nil
			case as(err, new(*RefusedError)):
				return &transport.CloseError{}
			}
			return &transport.CloseError{Code: twinwire.CodeOf(err), Reason: reason(err)}
		})
		if s := o.session.Load(); s != nil {
			err = s.finalError(err)
		}
		returned = true
		o.ended <- err
	}()
	err := carrier.Send(0, frame.Append(nil, &frame.Frame{Kind: frame.Hello, Payload: payload}))
	if err == nil {
		select {
		case err = <-answer:
		case err = <-o.ended:
			o.ended <- err
			select {
			case err = <-answer: // says more
			default:
				err = carrierError(err)
			}
		case <-ctx.Done():
			err = contextCause(ctx)
		}
	} else if ctx.Err() != nil {
		err = contextCause(ctx)
	}
	if err != nil {
		carrier.Close(twinwire.CodeOf(err), "")
		<-o.ended
		return nil, err
	}
	return o, nil
}

// contextCause returns why ctx is done, with a code.
func contextCause(ctx context.Context) error {
	return &canceledError{what: "handshake given up", cause: context.Cause(ctx), code: twinwire.CodeOf(ctx.Err())}
}

// receiveAnswer takes the server's answer to the hello.
func (o *Offer) receiveAnswer(frames []byte) error {
	var f frame.Frame
	n, err := f.Parse(frames)
	switch {
	case err != nil:
		return twinwire.Errorf(twinwire.ProtocolError, "%v", err)
	case f.Kind == frame.Refuse:
		return refusedError(&f)
	case f.Kind == frame.Challenge:
		return twinwire.Errorf(twinwire.NotImplemented, "server wants an authentication that this client does not have")
	case f.Kind != frame.Welcome || n != len(frames):
		return twinwire.Errorf(twinwire.ProtocolError, "server did not answer the hello with a welcome")
	}
	o.welcome, err = parseHello(f.Payload)
	if err != nil {
		return err
	}
	if o.welcome.version != ProtocolVersion || o.welcome.heartbeat < minHeartbeat || o.welcome.generation == 0 || o.welcome.generation > frame.MaxVarint {
		return twinwire.Errorf(twinwire.ProtocolError, "server sent a welcome that makes no sense")
	}
	return nil
}

// minHeartbeat is the shortest interval that a server may ask for.
const minHeartbeat = 10 * time.Millisecond

// Wire describes the carrier of the offer.
func (o *Offer) Wire() transport.Info { return o.carrier.Info() }

// Accept begins the session on this carrier.
func (o *Offer) Accept() *Session {
	s := newSession(o.cfg, o.mux, o.carrier, o.own, o.welcome, true)
	o.session.Store(s)
	// Ends the session when the carrier has ended, and with it itself.
	go func() { s.end(<-o.ended) }()
	s.begin()
	s.mu.Lock()
	s.arm(s.now())
	s.kick(true)
	return s
}

// Decline closes the carrier: the session begins on another, or not at all.
func (o *Offer) Decline() {
	o.carrier.Close(twinwire.Replaced, "another wire was faster")
	<-o.ended
}
