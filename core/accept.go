package core

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
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
	// Began, unless nil, is told of each session when it has begun.
	Began func(s *Session)

	parking *parking

	mu       sync.Mutex
	attempts map[ID]*attempt
	sessions map[ID]*Session // that may be resumed
	resting  []*attempt      // nobody waits for them, in the order in which that began
}

// An attempt is a dial of a client, which may come over several carriers
// (clause 3.6).
type attempt struct {
	id      ID
	session ID
	token   machine.Token // of the session that begins
	at      time.Time     // when it began to rest
	begun   bool
	resting bool // it is in Acceptor.resting
	// others are the carriers on which it may still begin.
	others []transport.Carrier
}

const (
	// attemptTime is how long an attempt is remembered (clause 3.6).
	attemptTime = 30 * time.Second
	replaced    = "session has begun on another carrier"

	// maxAttempts bounds what is remembered: beyond it those that have rested
	// longest are forgotten.
	maxAttempts = 1 << 16
)

// NewAcceptor returns an acceptor. It fails as NewMux does.
func NewAcceptor(cfg *Config) (*Acceptor, error) {
	mux, err := NewMux(cfg.Services, cfg.Interceptors)
	if err != nil {
		return nil, err
	}
	return &Acceptor{
		cfg: cfg, mux: mux, limits: cfg.Limits.withDefaults(), parking: newParking(cfg),
		attempts: make(map[ID]*attempt), sessions: make(map[ID]*Session),
	}, nil
}

// heartbeat returns the interval for a wire.
func (a *Acceptor) heartbeat(wire string) time.Duration {
	switch {
	case a.cfg.Heartbeat > 0:
		return max(a.cfg.Heartbeat, minHeartbeat)
	case wire == "websocket":
		return 15 * time.Second
	}
	return 10 * time.Second
}

// An arrival is a carrier on its way to a session.
type arrival struct {
	a       *Acceptor
	carrier transport.Carrier
	timer   *time.Timer

	// Owned by the reader of lane 0.
	own, client *hello
	attempt     *attempt
	resume      *resumption // of a session that goes on; nil for a new one
	refused     bool

	begun   chan struct{} // closed when binding is set, or will not be
	giveUp  func()        // closes it
	binding *binding
}

// Serve runs one carrier, from its hello to its end. It returns why its session
// ended, and nil if that goes on with another carrier or waits for one. It
// closes the carrier.
func (a *Acceptor) Serve(carrier transport.Carrier) error {
	v := &arrival{a: a, carrier: carrier, begun: make(chan struct{})}
	v.giveUp = sync.OnceFunc(func() { close(v.begun) })
	v.timer = time.AfterFunc(a.limits.HandshakeTime, func() {
		carrier.Close(twinwire.DeadlineExceeded, "handshake took too long")
		v.giveUp()
	})
	returned := false
	defer func() {
		if !returned { // a handler or a callback ended this goroutine
			v.exited()
		}
	}()
	err := carrier.Receive(func(pipe int, frames []byte) error {
		if pipe == 0 && v.binding == nil {
			rest, err := v.receive(frames)
			if err != nil {
				v.giveUp()
				return err
			}
			if v.binding == nil {
				return nil
			}
			v.giveUp()
			frames = rest
		}
		// Lanes of their own may be faster than the one that begins the
		// session.
		<-v.begun
		if v.binding == nil {
			return &transport.CloseError{Code: twinwire.DeadlineExceeded, Reason: "handshake took too long"}
		}
		return v.binding.deliver(pipe, frames)
	})
	returned = true
	return v.ended(err)
}

// ended ends what has become of the carrier, which has ended with err.
func (v *arrival) ended(err error) error {
	v.timer.Stop()
	if v.binding == nil {
		v.a.forget(v)
		v.carrier.Close(twinwire.Accepted, "")
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

func (a *Acceptor) logger() *slog.Logger {
	if a.cfg.Logger != nil {
		return a.cfg.Logger
	}
	return slog.Default()
}

// receive takes frames of lane 0 before the session has begun. It returns what
// belongs to the session, when it has.
func (v *arrival) receive(frames []byte) (rest []byte, err error) {
	var f frame.Frame
	n, err := f.Parse(frames)
	switch {
	case err != nil:
		return nil, &transport.CloseError{Code: twinwire.ProtocolError, Reason: err.Error()}
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
	if err := v.hello(f.Payload); err != nil {
		return nil, v.refuse(err)
	}
	return nil, v.carrier.Send(0, frame.Append(nil, &frame.Frame{Kind: frame.Welcome, Payload: v.own.appendTo(nil, true)}))
}

// hello decides about a hello.
func (v *arrival) hello(payload []byte) error {
	a := v.a
	h, err := parseHello(payload)
	if err != nil {
		return err
	}
	version, err := h.agree(&a.cfg.Hello)
	if err != nil {
		return err
	}
	if h.attempt == (ID{}) {
		return twinwire.Errorf(twinwire.ProtocolError, "hello without an attempt id")
	}
	info := v.carrier.Info()
	if err := a.admit(&h.Hello, info); err != nil {
		return err
	}
	if len(h.Client) > maxClient {
		return fmt.Errorf("client id of %d bytes is over the limit of %d", len(h.Client), maxClient)
	}
	v.own = &hello{
		Hello: a.cfg.Hello, version: version, generation: 1,
		lanes: lanes, window: a.limits.window(), heartbeat: a.heartbeat(info.Wire),
	}
	v.client = h
	if h.resumes {
		return v.resumes(h)
	}
	if v.attempt, err = a.attempt(h.attempt, v.carrier, time.Now()); err != nil {
		v.client = nil
		return err
	}
	v.own.session = v.attempt.session
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

// refuse tells the client why (clause 3.7). The client closes the carrier then,
// or the end of the handshake's time does: closing at once could overtake the
// refusal on its way.
func (v *arrival) refuse(err error) error {
	v.refused = true
	if twinwire.CodeOf(err) == twinwire.Internal {
		v.a.logger().Error("twinwire: refused because of an error", "peer", v.carrier.Info().RemoteAddr, "error", err)
	}
	return v.carrier.Send(0, frame.Append(nil, refusal(err)))
}

// attempt returns the attempt with this id, which may be new, with the carrier
// noted.
func (a *Acceptor) attempt(id ID, carrier transport.Carrier, now time.Time) (*attempt, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.evictLocked(now)
	if t := a.attempts[id]; t != nil {
		if t.begun {
			return nil, twinwire.Errorf(twinwire.Replaced, replaced)
		}
		t.others = append(t.others, carrier)
		return t, nil
	}
	if len(a.attempts) >= maxAttempts {
		return nil, &RefusedError{Code: twinwire.ResourceExhausted, Reason: "too many new sessions", RetryAfter: attemptTime}
	}
	t := &attempt{id: id, token: newToken(), others: []transport.Carrier{carrier}}
	_, _ = rand.Read(t.session[:]) // never fails
	a.attempts[id] = t
	return t, nil
}

// forget takes the carrier of an arrival that did not become a session off its
// attempt.
func (a *Acceptor) forget(v *arrival) {
	if v.attempt == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	t := v.attempt
	t.others = slices.DeleteFunc(t.others, func(c transport.Carrier) bool { return c == v.carrier })
	if len(t.others) == 0 {
		a.restLocked(t)
	}
}

// begin begins the session, unless another carrier of the attempt has.
func (v *arrival) begin() error {
	a := v.a
	a.mu.Lock()
	first := !v.attempt.begun
	// The carrier is closed already if its time is up; another may begin then.
	inTime := first && v.timer.Stop()
	var others []transport.Carrier
	if inTime {
		v.attempt.begun = true
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
	s := newSession(a.cfg, a.mux, v.carrier, v.own, v.client, 0, false)
	v.binding = s.bind
	a.keep(s)
	if a.Began != nil {
		s.guardApart("began", func() { a.Began(s) })
	}
	s.begin()
	s.mu.Lock()
	s.arm(s.now())
	s.mu.Unlock()
	return nil
}

// keep remembers a session that may be resumed, until it ends.
func (a *Acceptor) keep(s *Session) {
	if s.keep == nil {
		return
	}
	s.mu.Lock()
	s.keep.park = a.parking
	s.mu.Unlock()
	a.mu.Lock()
	a.sessions[s.id] = s
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
	err := error(twinwire.Errorf(twinwire.NotFound, "session is not known"))
	if s != nil && h.token != nil {
		v.resume, err = s.prepare(h)
	}
	if err != nil {
		v.client = nil
		return err
	}
	v.own.session, v.own.generation = s.id, v.resume.Generation
	v.own.keep, v.own.token = s.keep.time, &v.resume.Token
	v.own.resumes, v.own.nexts = true, v.resume.told
	return nil
}

// goOn has a session go on with this carrier.
func (v *arrival) goOn(attach *frame.Frame) error {
	if !v.timer.Stop() {
		return &transport.CloseError{Code: twinwire.DeadlineExceeded, Reason: "handshake took too long"}
	}
	if attach.ID != v.resume.Generation {
		return &transport.CloseError{Code: twinwire.ProtocolError, Reason: "ATTACH of another generation"}
	}
	b, err := v.resume.attach(v.carrier, v.own.heartbeat)
	if err != nil {
		return &transport.CloseError{Code: twinwire.CodeOf(err), Reason: reason(err)}
	}
	v.binding = b
	return nil
}
