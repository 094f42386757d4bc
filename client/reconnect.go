package client

import (
	"context"
	"errors"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport"
)

// Reconnect says how a client goes on when it has lost its carrier. Nil means
// all defaults.
type Reconnect struct {
	// Never has sessions end with their carrier. Run begins others all the same.
	Never bool
	// AfterClose decides whether Run begins another session when the server has
	// closed one. Nil means always, but for TakenOver.
	AfterClose func(closed *transport.CloseError) bool
	// Tries bounds how often is tried after each loss, and For how long. Zero
	// means as often, and as long, as the session waits (core.Limits.ResumeTime);
	// Run goes on for ever then.
	Tries int
	For   time.Duration
	// First is the longest wait before the second try, and Most the longest of
	// all: the first try is at once, and then each waits for a random time up to
	// a limit that doubles with each try, but not above the time for which the
	// server has been away. Zero means 250 ms and 20 s.
	First, Most time.Duration
}

// A dialer dials one server, again and again if need be.
type dialer struct {
	target *target
	mux    *core.Mux
	cfg    *core.Config
	memory *Memory
	policy *Reconnect
	asker  *asker

	// changed is woken when the network is not what it was.
	changed bell

	// held is whether the session is on its second wire by choice, so that nobody
	// looks for the first.
	held atomic.Bool

	// resuming is held by who dials to have the session go on, because it was
	// lost or to move it. Two at a time would present one token, and the server
	// ends a session whose token is used twice (clause 14.3).
	resuming sync.Mutex
}

// dial begins a session, or has one go on. Every try passes here, whatever it
// is for. Credentials are asked for before there is a carrier: a server waits
// for a hello for 5 s, and a source may take longer.
func (d *dialer) dial(ctx context.Context, resume *core.Session, headStart time.Duration) (s *core.Session, err error) {
	err = d.asker.show(ctx, func(c *core.Credential) (err error) {
		s, err = d.race(core.WithCredential(ctx, c), resume, headStart)
		return err
	})
	if _, ok := errors.AsType[*credentialError](err); ok {
		err = &DialError{Addr: d.target.addr, Causes: []error{err}}
	}
	return s, err
}

// race has the wires race, with the credential of ctx.
func (d *dialer) race(ctx context.Context, resume *core.Session, headStart time.Duration) (*core.Session, error) {
	r := &race{target: d.target, mux: d.mux, cfg: d.cfg, attempt: core.NewAttempt(), headStart: headStart, resume: resume}
	s, err := r.run(ctx)
	if resume != nil && resume.Unheard() && refusedWith(err, twinwire.NotFound) {
		// The ATTACH was lost with the first carrier, perhaps.
		r = &race{target: d.target, mux: d.mux, cfg: d.cfg, resume: resume, afresh: true}
		s, err = r.run(ctx)
	}
	switch server := d.target.hostPort(); {
	case err != nil:
	case r.winner.overQUIC():
		d.memory.quicWon(server)
	case headStart > 0:
		// Only the loss of a head start is remembered: where both wires start
		// at once, WebSocket may win although QUIC could be had.
		d.memory.quicLost(server, time.Now())
	}
	return s, err
}

// first begins a session, with a head start for QUIC unless it lost last time.
func (d *dialer) first(ctx context.Context, start time.Duration) (*core.Session, error) {
	if start == 0 {
		start = headStart
	}
	if len(d.target.wires) < 2 || d.memory.slow(d.target.hostPort(), time.Now()) {
		start = 0
	}
	return d.dial(ctx, nil, start)
}

// refusedWith reports whether the server refused with a code.
func refusedWith(err error, code twinwire.Code) bool {
	refused, ok := errors.AsType[*core.RefusedError](err)
	return ok && refused.Code == code
}

// reconnect is core.Config.Reconnect. It returns when the session goes on, or
// has ended.
func (d *dialer) reconnect(s *core.Session, cause error) {
	d.resuming.Lock() // a look for QUIC gives way, and may have been lucky
	defer d.resuming.Unlock()
	ctx := s.Context()
	var last error
	for search := d.policy.search(); detached(s); {
		changed := d.changed.next()
		s.Connecting(search.tries+1, last)
		// The wires race from the start: one of them has just failed.
		_, err := d.dial(ctx, s, 0)
		last = err
		if err == nil || ctx.Err() != nil {
			return
		}
		var asked time.Duration
		if refused, ok := errors.AsType[*core.RefusedError](err); ok {
			if asked = refused.RetryAfter; asked == 0 || refused.Never {
				s.GiveUp(err)
				return
			}
		}
		wait, again := search.failed(asked)
		if !again || final(err) {
			s.GiveUp(&lostError{cause: cause, last: err})
			return
		}
		select {
		case <-time.After(wait):
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// A lostError is a session that did not find its server again.
type lostError struct{ cause, last error }

func (e *lostError) Error() string {
	return "connection lost: " + e.cause.Error() + "; and not found again: " + e.last.Error()
}
func (e *lostError) Unwrap() []error { return []error{twinwire.Unavailable, e.cause, e.last} }

const (
	// firstProbe is when a session on WebSocket looks for QUIC for the first
	// time, and mostProbe the longest time between two looks, each of which is
	// twice as long as the one before.
	firstProbe = 2 * time.Second
	mostProbe  = 5 * time.Minute
)

// watch has a session that races its wires look for the better one whenever it
// runs on the other. Its goroutine ends with the session.
func (d *dialer) watch(s *core.Session) {
	if len(d.target.wires) < 2 || d.cfg.Reconnect == nil {
		return
	}
	go func() {
		stop := context.CancelFunc(func() {})
		for c := range s.Lifecycle(context.Background()) {
			stop() // also when the server is leaving: moving is not worth it
			if onWebSocket(c) {
				var ctx context.Context
				ctx, stop = context.WithCancel(s.Context())
				go d.look(ctx, s)
			}
		}
		stop()
	}()
}

// The wires of a target that has two, by their places: the one that is better,
// and the one that is everywhere.
const (
	firstWire = iota
	secondWire
)

// look looks for QUIC until the session is there or ctx is done, which is when
// the session has lost the carrier that it had, or has another.
func (d *dialer) look(ctx context.Context, s *core.Session) {
	for wait := firstProbe; ; wait = min(2*wait, mostProbe) {
		select {
		case <-time.After(wait/2 + time.Duration(mathrand.Int64N(int64(wait)))):
		case <-d.changed.next():
			wait = firstProbe
		case <-ctx.Done():
			return
		}
		if !d.held.Load() && d.move(ctx, s, firstWire) {
			return
		}
	}
}

// move tries once to move a session to one of its wires, and reports whether
// there is nothing more to try: it is there, or has no wire that it could move
// from.
func (d *dialer) move(ctx context.Context, s *core.Session, to int) bool {
	d.resuming.Lock()
	defer d.resuming.Unlock()
	if c := now(s); ctx.Err() != nil || !attached(c) || onWebSocket(c) == (to == secondWire) {
		return true // who lost its carrier will look again if there is need
	}
	one := *d.target
	one.wires = d.target.wires[to : to+1]
	mover := &dialer{asker: d.asker, target: &one, mux: d.mux, cfg: d.cfg, memory: d.memory, policy: d.policy}
	dialing, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	_, err := mover.dial(dialing, s, 0)
	return err == nil
}

// now returns where a session is in its life.
func now(s *core.Session) (c core.Change) {
	for c = range s.Lifecycle(s.Context()) {
		break
	}
	return c
}

// detached reports whether a session has no carrier and may have another.
func detached(s *core.Session) bool {
	p := now(s).Phase
	return p == core.Detached || p == core.Connecting
}

// attached reports whether a session has a carrier, at a server that stays.
func attached(c core.Change) bool { return c.Phase == core.Connected || c.Phase == core.Resumed }

// onWebSocket reports whether a session runs on what may not be its best wire.
func onWebSocket(c core.Change) bool { return attached(c) && c.Wire.Wire == "websocket" }

// probeTime bounds one try to move.
const probeTime = 5 * time.Second
