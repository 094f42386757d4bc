package core

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/internal/machine"
	"github.com/twinwire/twinwire/transport"
)

// lanes is how many lanes this package has a use for (clause 4.3).
const lanes = 5

// An Offer is a carrier whose server has welcomed the client, and on which no
// session has begun yet: the client decides (clauses 3.2 and 3.6). Exactly one
// of Accept or Resume and Decline is to be called.
type Offer struct {
	cfg     *Config
	mux     *Mux
	carrier transport.Carrier
	own     *hello
	welcome *hello
	packers []*packer     // that were offered
	packer  *packer       // that the server chose, or nil
	trip    time.Duration // from the hello to the answer
	resume  *Session      // that goes on; nil for a new one
	first   *Session      // that begins although it was begun before; then resume too
	told    [frame.MaxLanes]uint64
	binding atomic.Pointer[binding]
	lulls   bool       // the carrier calls its lull; immutable once it receives
	ended   chan error // what Receive returned
}

// Greet sends the hello of cfg on a carrier that the client has dialed, and
// waits for the server's answer, at most Limits.HandshakeTime. The attempt is
// the same for all carriers of one dial. It owns the carrier: after an error,
// which is a *RefusedError if the server refused, the carrier is closed. ctx may
// have a credential (WithCredential).
func Greet(ctx context.Context, carrier transport.Carrier, cfg *Config, mux *Mux, attempt ID) (*Offer, error) {
	o := newOffer(carrier, cfg, mux, attempt)
	if cfg.Reconnect != nil {
		o.own.keep = cfg.Limits.withDefaults().ResumeTime
	}
	return o.greet(ctx)
}

// GreetAgain is Greet for a session of this client that is to go on with the
// carrier (clause 14), because it has lost the one that it had, or because
// this one is better: Offer.Resume does it. The session must have been made by
// a configuration with Reconnect. The attempt is the session's, and the same
// for all carriers until it goes on with one (clause 14.2).
func GreetAgain(ctx context.Context, carrier transport.Carrier, s *Session) (*Offer, error) {
	o := newOffer(carrier, s.cfg, s.mux, ID{})
	if err := o.resumes(s); err != nil {
		carrier.Close(twinwire.Canceled, "")
		return nil, err
	}
	return o.greet(ctx)
}

func newOffer(carrier transport.Carrier, cfg *Config, mux *Mux, attempt ID) *Offer {
	limits := cfg.Limits.withDefaults()
	packers := newPackers(cfg, nil)
	return &Offer{
		cfg: cfg, mux: mux, carrier: carrier, packers: packers, ended: make(chan error, 1),
		own: &hello{
			Hello: cfg.Hello, version: ProtocolVersion, attempt: attempt, lanes: lanes, window: limits.window(), features: offered(packers), leaves: cfg.Leaves,
		},
	}
}

// offered returns the features that a client's hello names.
func offered(packers []*packer) []string {
	all := append(features(packers), featureLatest)
	if leading { // a page sends nothing twice
		all = append(all, featureEarly)
	}
	return all
}

// greet sends the hello and waits for the answer.
func (o *Offer) greet(ctx context.Context) (*Offer, error) {
	carrier, limits := o.carrier, o.cfg.Limits.withDefaults()
	credential := credentialFrom(ctx)
	if err := credential.check(); err != nil {
		carrier.Close(twinwire.Canceled, "")
		return nil, err
	}
	if credential != nil {
		o.own.auth, o.own.credential = credential.Method, credential.Data
	}
	payload := o.own.appendTo(nil, false)
	o.own.credential = nil
	if len(o.cfg.Hello.Client) > maxClient {
		carrier.Close(twinwire.TooLarge, "")
		return nil, tooLarge("client id", len(o.cfg.Hello.Client), maxClient)
	}
	if len(payload) > maxHello {
		carrier.Close(twinwire.TooLarge, "hello is too large")
		return nil, tooLarge("hello", len(payload), maxHello)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limits.HandshakeTime,
		twinwire.NewError(twinwire.DeadlineExceeded, "server did not answer the hello within "+limits.HandshakeTime.String()))
	defer cancel()
	// A peer that does not read must not hold up the dial.
	stop := context.AfterFunc(ctx, func() { carrier.Close(twinwire.Canceled, "") })
	defer stop()
	answer := make(chan error, 1)
	challenges := make(chan []byte, 1)
	answered, challenged := false, false // owned by the reader
	o.lulls = onLull(carrier, &o.binding)
	// Reads until the carrier ends, and ends the session if there is one.
	go func() {
		returned := false
		defer func() {
			if b := o.binding.Load(); !returned && b != nil { // a callback ended this goroutine
				o.ended <- b.exited()
			}
		}()
		err := carrier.Receive(func(pipe int, frames []byte) error {
			if b := o.binding.Load(); b != nil {
				return b.deliver(pipe, frames)
			}
			if answered {
				return &transport.CloseError{Code: twinwire.ProtocolError, Reason: "frame before the session has begun"}
			}
			if challenge, ok := isChallenge(frames); ok && !challenged {
				challenged = true
				challenges <- challenge
				return nil
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
		returned = true
		o.ended <- err
	}()
	began := time.Now()
	err := carrier.Send(0, frame.Append(nil, &frame.Frame{Kind: frame.Hello, Payload: payload}))
	if err == nil {
		err = o.awaitAnswer(ctx, answer, challenges, credential)
	} else if ctx.Err() != nil {
		err = contextCause(ctx)
	}
	if err != nil {
		carrier.Close(twinwire.CodeOf(err), "")
		<-o.ended
		return nil, err
	}
	o.trip = time.Since(began)
	return o, nil
}

// awaitAnswer waits for the server's answer, and answers its challenge.
func (o *Offer) awaitAnswer(ctx context.Context, answer <-chan error, challenges <-chan []byte, c *Credential) error {
	for {
		select {
		case err := <-answer:
			return err
		case challenge := <-challenges:
			proof, err := c.prove(ctx, o.own.attempt, challenge)
			if err != nil {
				return err
			}
			if err := o.carrier.Send(0, frame.Append(nil, &frame.Frame{Kind: frame.Proof, Payload: proof})); err != nil && ctx.Err() == nil {
				return carrierError(err)
			}
		case err := <-o.ended:
			o.ended <- err
			select {
			case err = <-answer: // says more
				return err
			default:
				return carrierError(err)
			}
		case <-ctx.Done():
			return contextCause(ctx)
		}
	}
}

// isChallenge returns the challenge, if the frames are one.
func isChallenge(frames []byte) (challenge []byte, ok bool) {
	var f frame.Frame
	n, err := f.Parse(frames)
	if err != nil || n != len(frames) || f.Kind != frame.Challenge {
		return nil, false
	}
	return append([]byte(nil), f.Payload...), true
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
		return twinwire.NewError(twinwire.ProtocolError, err.Error())
	case f.Kind == frame.Refuse:
		return refusedError(&f)
	case f.Kind != frame.Welcome || n != len(frames):
		return twinwire.NewError(twinwire.ProtocolError, "server did not answer the hello with a welcome")
	}
	o.welcome, err = parseHello(f.Payload)
	if err != nil {
		return err
	}
	if keeps := o.welcome.keep > 0; keeps != (o.welcome.token != nil) || o.welcome.keep > o.own.keep || o.welcome.resumes != (o.resume != nil) {
		return twinwire.NewError(twinwire.ProtocolError, "server sent a welcome that makes no sense")
	}
	if o.packer, err = agreed(o.packers, o.own, o.welcome); err != nil {
		return err
	}
	if o.welcome.version != ProtocolVersion || o.welcome.heartbeat < minHeartbeat || o.welcome.heartbeat > maxHeartbeat || o.welcome.generation == 0 || o.welcome.generation > frame.MaxVarint {
		return twinwire.NewError(twinwire.ProtocolError, "server sent a welcome that makes no sense")
	}
	return nil
}

// What intervals a server may ask for: timers of browsers have no more than 24
// days.
const (
	minHeartbeat = 10 * time.Millisecond
	maxHeartbeat = 24 * time.Hour
)

// Wire describes the carrier of the offer.
func (o *Offer) Wire() transport.Info { return o.carrier.Info() }

// Accept begins the session on this carrier. It is for offers of Greet.
func (o *Offer) Accept() *Session {
	limits := o.cfg.Limits.withDefaults()
	mux := o.mux
	if mux == nil {
		mux = new(Mux)
	}
	s := newSession(o.cfg, mux, &limits, newRules(mux, &limits, nil), o.carrier, o.own, o.welcome, o.trip, o.packer, nil)
	b := s.bind
	b.lead.lulls = o.lulls
	o.binding.Store(b)
	go func() { b.ended(<-o.ended) }() // ends with the carrier
	s.begin()
	s.mu.Lock()
	s.arm(s.now())
	s.kick(caller)
	return s
}

// resumes makes the hello one of a session that is to go on.
func (o *Offer) resumes(s *Session) error {
	if s.keep == nil {
		return twinwire.NewError(twinwire.FailedPrecondition, "session cannot be resumed")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.ending || !s.m.Resumable() {
		return endedError(s.err)
	}
	t := s.keep.ticket
	o.resume = s
	o.told = s.m.Nexts()
	o.own.attempt, o.own.token = ID(t.Attempt), &t.Token
	o.own.features, o.packers = nil, nil // the session has what it has
	o.own.resumes, o.own.session, o.own.nexts, o.own.keep = true, s.id, o.told, s.keep.time
	return nil
}

// Resume has the session go on with this carrier; the one that it had is
// closed. It is for offers of GreetAgain and GreetFirst. The error is that of a session that
// cannot go on; the carrier is closed then.
func (o *Offer) Resume() error {
	s := o.resume
	b := newBinding(s, o.carrier)
	b.lead.lulls = o.lulls
	o.binding.Store(b)
	var err error
	if o.first != nil {
		err = o.begins(b)
	} else {
		err = o.goesOn(b)
	}
	if err != nil {
		o.carrier.Close(twinwire.CodeOf(err), reason(err))
	}
	go func() { b.ended(<-o.ended) }() // ends with the carrier
	return err
}

// goesOn has a session go on with the carrier of an offer.
func (o *Offer) goesOn(b *binding) error {
	s := o.resume
	s.mu.Lock()
	s.keep.ticket.Adopt(*o.welcome.token, machine.Attempt(NewAttempt()))
	s.expiresLocked(o.welcome.expires)
	s.mu.Unlock()
	return s.rebind(b, &machine.Binding{
		Generation: o.welcome.generation, Independent: b.carrier.Info().Independent, Heartbeat: o.welcome.heartbeat, Trip: o.trip,
		Nexts: o.welcome.nexts, Told: o.told,
	})
}

// Decline closes the carrier: the session begins on another, or not at all.
func (o *Offer) Decline() {
	o.carrier.Close(twinwire.Replaced, "another wire was faster")
	<-o.ended
}
