//go:build !js

package core

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/internal/machine"
	"github.com/twinwire/twinwire/transport"
)

// An Acceptor is the server's side of the handshake: it turns carriers into
// sessions.
type Acceptor struct {
	cfg    *Config
	mux    *Mux
	limits Limits
	// Admit, unless nil, decides about a hello before anything else is done
	// for it. It may set h.Client to who the client really is. An error refuses
	// the client with its code and text; a *RefusedError gives advice as well.
	// h must not be kept.
	Admit func(h *Hello, info transport.Info) error
	// Authenticate, unless nil, decides who the client is, after Admit and
	// before anything else, and again for each renewal. The error refuses the
	// client as that of Admit does. It is called in a goroutine of its own; ctx
	// ends with the time of the handshake and with the carrier.
	Authenticate func(ctx context.Context, l *Login) (*Principal, error)
	// Began, unless nil, is told of each session when it has begun.
	Began func(s *Session)

	parking *parking
	ledger  *ledger
	packers []*packer
	rules   *machine.Rules // of all sessions
	counts  Counts
	short   atomic.Bool                  // of memory
	refuse  atomic.Pointer[func() error] // new sessions, with what it returns; nil for none

	mu       sync.Mutex
	attempts map[ID]*attempt
	sessions map[ID]*resumable
	resting  []*attempt            // nobody waits for them, in the order in which that began
	arrivals map[*arrival]struct{} // that are nobody's carriers yet
}

// NewAcceptor returns an acceptor. It fails as NewMux does.
func NewAcceptor(cfg *Config) (*Acceptor, error) {
	mux, err := NewMux(cfg.Services, cfg.Interceptors)
	if err != nil {
		return nil, err
	}
	a := &Acceptor{
		cfg: cfg, mux: mux, limits: cfg.Limits.withDefaults(),
		attempts: make(map[ID]*attempt), sessions: make(map[ID]*resumable), arrivals: make(map[*arrival]struct{}),
	}
	a.limits.Admission = a.limits.Admission.withDefaults()
	a.packers = newPackers(cfg, &a.counts)
	a.rules = newRules(mux, &a.limits, &a.counts)
	a.parking = newParking(&a.limits.Admission, &a.counts)
	a.ledger = newLedger(a.limits.Admission, &a.counts)
	return a, nil
}

// heartbeat returns the interval for a wire.
func (a *Acceptor) heartbeat(wire string) time.Duration {
	switch {
	case a.cfg.Heartbeat > 0:
		return min(max(a.cfg.Heartbeat, minHeartbeat), maxHeartbeat)
	case wire == "websocket":
		return 15 * time.Second
	}
	return 10 * time.Second
}

// An arrival is a carrier on its way to a session.
type arrival struct {
	a       *Acceptor
	carrier transport.Carrier
	timer   *time.Timer // of the handshake; nil once it was stopped; guarded by the acceptor's mu

	peer any // for Authenticate

	// Owned by the reader of lane 0, but while dialogue is under way by that.
	own, client *hello
	attempt     *attempt
	principal   *Principal
	packer      *packer     // of the session; nil for none
	resume      *resumption // of a session that goes on; nil for a new one
	refused     bool

	welcomed atomic.Bool // WELCOME was sent: other lanes may be used

	// Owned by the reader of lane 0.
	dialogue *dialogue     // with the client about who it is; nil if there is none
	decided  chan struct{} // closed when that has ended
	size     int           // of what it has said there

	begun   chan struct{} // closed when bound is set, or will not be; then nil; guarded by the acceptor's mu
	binding *binding      // owned by the reader of lane 0, as is all above
	lulls   bool          // the carrier calls the lull of bound; immutable once it receives
	bound   atomic.Pointer[binding]
}

// stopLocked stops the time of the handshake and reports whether it was not up,
// nor stopped before. The acceptor's mu is held.
func (v *arrival) stopLocked() bool {
	t := v.timer
	v.timer = nil
	return t != nil && t.Stop()
}

func (v *arrival) stop() bool {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	return v.stopLocked()
}

// giveUp has those wait no more that wait for the session.
func (v *arrival) giveUp() {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	if v.begun != nil {
		close(v.begun)
		v.begun = nil
		delete(v.a.arrivals, v)
	}
}

// becomes notes that the carrier is a session's. What was needed until then is
// let go of: a session lasts longer than its handshake.
func (v *arrival) becomes(b *binding) {
	b.lead.lulls = v.lulls
	v.bound.Store(b)
	v.giveUp()
	v.own, v.client, v.attempt, v.principal, v.packer, v.resume, v.dialogue, v.decided = nil, nil, nil, nil, nil, nil, nil, nil
}

// wait waits for the session and returns the binding, nil if there will be none.
// Lanes of their own may be faster than the one that begins it.
func (v *arrival) wait() *binding {
	v.a.mu.Lock()
	begun := v.begun
	v.a.mu.Unlock()
	if begun != nil {
		<-begun
	}
	return v.bound.Load()
}

// Serve runs one carrier, from its hello to its end. It returns why its session
// ended, and nil if that goes on with another carrier or waits for one. It
// closes the carrier.
func (a *Acceptor) Serve(carrier transport.Carrier) error { return a.ServeFrom(carrier, nil) }

// ServeFrom is Serve with what else is known of the peer, for Authenticate. It
// is not kept beyond that.
func (a *Acceptor) ServeFrom(carrier transport.Carrier, peer any) error {
	v := &arrival{a: a, carrier: carrier, peer: peer, begun: make(chan struct{})}
	a.mu.Lock()
	v.timer = time.AfterFunc(a.limits.HandshakeTime, func() {
		a.counts.Add(LimitHandshakeTime)
		code := twinwire.DeadlineExceeded
		if v.welcomed.Load() {
			// The client has a session, or thinks so: it is to try another carrier,
			// and not to give that up (clause 14.1).
			code = twinwire.PeerDead
		}
		carrier.Close(code, "handshake took too long")
		v.giveUp()
	})
	a.arrivals[v] = struct{}{} // with its timer, which Dismiss stops
	a.mu.Unlock()
	v.lulls = onLull(carrier, &v.bound)
	returned := false
	defer func() {
		if !returned { // a handler or a callback ended this goroutine
			v.exited()
		}
	}()
	err := carrier.Receive(func(pipe int, frames []byte) error {
		b := v.bound.Load()
		switch {
		case b != nil:
		case pipe == 0:
			rest, err := v.receive(frames)
			if err != nil {
				v.giveUp()
				return err
			}
			if b = v.binding; b == nil {
				return nil
			}
			v.becomes(b)
			frames = rest
		case !v.welcomed.Load():
			// Nothing is kept for a peer before its hello has been read.
			v.giveUp()
			return &transport.CloseError{Code: twinwire.ProtocolError, Reason: "carrier does not begin with a hello"}
		default:
			if b = v.wait(); b == nil {
				return &transport.CloseError{Code: twinwire.DeadlineExceeded, Reason: "handshake took too long"}
			}
		}
		return b.deliver(pipe, frames)
	})
	returned = true
	return v.ended(err)
}

// Settle waits, at most until ctx is over, for the carriers whose clients were
// welcomed: each becomes a session's or ends, at the latest with the time of its
// handshake. Those clients may have sent calls already, behind their ATTACH, and
// could not know what has become of them.
func (a *Acceptor) Settle(ctx context.Context) {
	for {
		begun := a.promised()
		if begun == nil {
			return
		}
		select {
		case <-begun:
		case <-ctx.Done():
			return
		}
	}
}

// promised returns what is closed when one of the carriers whose clients were
// welcomed has become a session's, or will not; nil if there is none.
func (a *Acceptor) promised() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	for v := range a.arrivals {
		if v.welcomed.Load() {
			return v.begun
		}
	}
	return nil
}

// Dismiss closes all carriers that have not become a session's, with a code.
func (a *Acceptor) Dismiss(code twinwire.Code, reason string) {
	a.mu.Lock()
	var list []*arrival
	for v := range a.arrivals {
		if v.stopLocked() { // unless it has just begun, or is being closed
			list = append(list, v)
		}
	}
	a.mu.Unlock()
	for _, v := range list {
		v.carrier.Close(code, reason)
		v.giveUp()
	}
}

// ended ends what has become of the carrier, which has ended with err.
func (v *arrival) ended(err error) error {
	v.stop()
	v.giveUp()
	if v.binding == nil {
		v.a.counts.violated(err)
		v.carrier.Close(twinwire.Accepted, "")
		v.leave()
		v.a.forget(v)
		v.a.logger().Debug("twinwire: no session", "peer", v.carrier.Info().RemoteAddr, "error", err)
		return carrierError(err)
	}
	v.binding.ended(err)
	return v.binding.s.Err()
}

// exited does what Serve would have, had its goroutine not been ended.
func (v *arrival) exited() {
	v.giveUp()
	err := errExited
	if v.binding != nil {
		err = v.binding.exited()
	}
	_ = v.ended(err)
}

func (a *Acceptor) logger() Logger {
	if a.cfg.Logger != nil {
		return a.cfg.Logger
	}
	return DefaultLogger()
}

// receive takes frames of lane 0 before the session has begun. It returns what
// belongs to the session, when it has.
func (v *arrival) receive(frames []byte) (rest []byte, err error) {
	var f frame.Frame
	n, err := f.Parse(frames)
	switch {
	case err != nil:
		return nil, &transport.CloseError{Code: twinwire.ProtocolError, Reason: err.Error()}
	case v.deciding():
		return nil, v.prove(&f, n == len(frames))
	case v.refused:
		return nil, &transport.CloseError{Code: twinwire.ProtocolError, Reason: "frame after a refusal"}
	case v.client != nil:
		if f.Kind != frame.Attach {
			return nil, &transport.CloseError{Code: twinwire.ProtocolError, Reason: "session was not begun by ATTACH"}
		}
		if v.resume != nil {
			return frames, v.goOn(&f)
		}
		return frames, v.begin()
	case f.Kind != frame.Hello || n != len(frames):
		return nil, &transport.CloseError{Code: twinwire.ProtocolError, Reason: "carrier does not begin with a hello"}
	}
	h, err := v.hello(f.Payload)
	if err == nil && v.a.Authenticate != nil {
		v.size = len(f.Payload)
		v.logIn(h)
		return nil, nil
	}
	if err == nil {
		err = v.welcome(h)
	}
	return nil, v.carrier.Send(0, frame.Append(nil, v.answer(err)))
}

// hello decides about a hello as far as the client need not be known for it.
func (v *arrival) hello(payload []byte) (*hello, error) {
	a := v.a
	h, err := parseHello(payload)
	if err != nil {
		return nil, err
	}
	if h.version, err = h.agree(&a.cfg.Hello); err != nil {
		return nil, err
	}
	if h.attempt == (ID{}) {
		return nil, twinwire.NewError(twinwire.ProtocolError, "hello without an attempt id")
	}
	if why := a.refuse.Load(); why != nil && !h.resumes {
		return nil, (*why)()
	}
	return h, a.admit(&h.Hello, v.carrier.Info())
}

// welcome makes what is to be said to a client that is known, or need not be.
func (v *arrival) welcome(h *hello) (err error) {
	a := v.a
	if len(h.Client) > maxClient {
		return fmt.Errorf("client id of %d bytes is over the limit of %d", len(h.Client), maxClient)
	}
	v.own = &hello{
		Hello: a.cfg.Hello, version: h.version, generation: 1,
		lanes: lanes, window: a.limits.window(), heartbeat: a.heartbeat(v.carrier.Info().Wire), expires: v.principal.expires(),
	}
	h.credential = nil // of no use any more
	if h.resumes {
		if err := v.resumes(h); err != nil {
			return err
		}
		v.client = h
		return nil
	}
	if v.attempt, err = a.attempt(h, v.principal.id(), v.carrier, time.Now()); err != nil {
		return err
	}
	v.client = h
	v.own.session = v.attempt.session
	if v.packer = choose(a.packers, h.features); v.packer != nil {
		v.own.features = []string{v.packer.c.Name()}
	}
	for _, feature := range []string{featureLatest, featureEarly} {
		if slices.Contains(h.features, feature) {
			v.own.features = append(v.own.features, feature)
		}
	}
	if v.own.keep = min(a.limits.ResumeTime, h.keep); v.own.keep > 0 {
		v.own.token = &v.attempt.token
	}
	return nil
}

// admit asks Admit. A panic of it refuses.
func (a *Acceptor) admit(h *Hello, info transport.Info) (err error) {
	if a.Admit == nil {
		return nil
	}
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return a.Admit(h, info)
}

// answer returns WELCOME, or REFUSE if err is not nil (clause 3.7). The client
// closes the carrier then, or the end of the handshake's time does: closing at
// once could overtake the refusal on its way.
func (v *arrival) answer(err error) *frame.Frame {
	v.peer = nil
	if err == nil {
		v.welcomed.Store(true)
		// Once more: either this sees Refuse, or Settle behind that sees the welcome.
		why := v.a.refuse.Load()
		if why == nil || v.resume != nil {
			return &frame.Frame{Kind: frame.Welcome, Payload: v.own.appendTo(nil, true)}
		}
		v.welcomed.Store(false)
		err = (*why)()
	}
	v.refused = true
	v.a.logRefusal(v.carrier.Info(), err)
	return refusal(err)
}

// begin begins the session, unless another carrier of the attempt has.
func (v *arrival) begin() error {
	a := v.a
	a.mu.Lock()
	first := !v.attempt.begun
	// The carrier is closed already if its time is up; another may begin then.
	inTime := first && v.stopLocked()
	var others []transport.Carrier
	var taken *seat
	if inTime {
		v.attempt.begun = true
		taken, v.attempt.seat = v.attempt.seat, nil
		others, v.attempt.others = v.attempt.others, nil
		a.restLocked(v.attempt)
	}
	a.mu.Unlock()
	for _, c := range others {
		if c != v.carrier {
			c.Close(twinwire.Replaced, replaced)
		}
	}
	switch {
	case !first:
		return &transport.CloseError{Code: twinwire.Replaced, Reason: replaced}
	case !inTime:
		return &transport.CloseError{Code: twinwire.DeadlineExceeded, Reason: "handshake took too long"}
	}
	s := newSession(a.cfg, a.mux, &a.limits, a.rules, v.carrier, v.own, v.client, 0, v.packer, &a.counts)
	s.host = a
	s.principal.Store(v.principal)
	v.binding = s.bind
	a.keep(s, v.own)
	s.OnEnd(func(error) { taken.leave() })
	if a.Began != nil {
		s.guardApart("began", func() { a.Began(s) })
	}
	s.begin()
	s.mu.Lock()
	s.expiresLocked(v.principal.expires())
	s.arm(s.now())
	s.mu.Unlock()
	return nil
}

// keep remembers a session that may be resumed, until it ends.
func (a *Acceptor) keep(s *Session, welcome *hello) {
	if s.keep == nil {
		return
	}
	r := &resumable{s, machine.NewTokens(*welcome.token, welcome.generation)}
	a.mu.Lock()
	a.sessions[s.id] = r
	a.mu.Unlock()
	s.OnEnd(func(error) {
		a.mu.Lock()
		delete(a.sessions, s.id)
		a.mu.Unlock()
	})
}

// resumes decides about the hello of a client that wants to go on (clause
// 14.3).
func (v *arrival) resumes(h *hello) error {
	a := v.a
	a.mu.Lock()
	s := a.sessions[h.session]
	a.mu.Unlock()
	switch {
	case s == nil || h.token == nil:
		return twinwire.NewError(twinwire.NotFound, "session is not known")
	case s.Principal().id() != v.principal.id():
		return errOther // whatever the token: nothing changes (clause 15.6)
	}
	var err error
	if v.resume, err = s.prepare(h); err != nil {
		return err
	}
	v.own.session, v.own.generation = s.id, v.resume.Generation
	v.own.keep, v.own.token = s.keep.time, &v.resume.Token
	v.own.resumes, v.own.nexts = true, v.resume.told
	return nil
}

// goOn has a session go on with this carrier.
func (v *arrival) goOn(attach *frame.Frame) error {
	if !v.stop() {
		return &transport.CloseError{Code: twinwire.DeadlineExceeded, Reason: "handshake took too long"}
	}
	if attach.ID != v.resume.Generation {
		return &transport.CloseError{Code: twinwire.ProtocolError, Reason: "ATTACH of another generation"}
	}
	b, err := v.resume.attach(v.carrier, v.own.heartbeat, v.principal)
	if err != nil {
		return &transport.CloseError{Code: twinwire.CodeOf(err), Reason: reason(err)}
	}
	v.binding = b
	return nil
}
