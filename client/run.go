package client

import (
	"context"
	"errors"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport"
)

// Run keeps a program in touch with the server at addr: it dials, as Dial does,
// and calls f with the session; when the session has ended, because the server
// said goodbye, was restarted or could not be found again in time, it dials
// anew and calls f again. So what f sets up (typed clients, states, streams of
// events) is set up afresh with each session, and it is plain to see that there
// was a break; losses of the wire that a session survives are not among these.
//
// The context that f gets is done when the session has ended or ctx is; f must
// return then. It is fit for calls: one that is under way when the session ends
// says what is known of it, as any other does, and not that it was canceled.
// Run returns the error of f, which may be nil, if f returns while
// its session is there; the error of ctx when that is done; the refusal of a
// server that says that trying again, or trying again unchanged, is of no use;
// and the end of a session in whose place the client has begun another one,
// with TakenOver: two that took turns would never end.
//
// It waits between tries as Options.Reconnect says, and as long as a server
// asks to be left alone. Where addr has several addresses it goes to another one
// when one fails or its server has ended the session, and need not wait for what
// that has asked.
//
// Where a server announces that it is about to stop (core.Leaving) and addr has
// other addresses, Run begins the next session there at once, while f goes on in
// the present one, at which the server answers calls for a while yet. As soon as
// none is under way Run closes the present session; the context of f ends right
// before, so that no call fails that f begins before its context has ended, and
// f is called with the next session when it has returned. If there always is a
// call under way that goes on until the server ends the session. With one address
// f has the session until its server ends it.
func Run(ctx context.Context, addr string, opts *Options, f func(ctx context.Context, s *core.Session) error) error {
	if opts == nil {
		opts = new(Options)
	}
	if err := opts.check(addr); err != nil {
		return err
	}
	r := &succession{round: round{places: places(addr)}, opts: opts, f: f, life: life{changed: opts.Changed, many: true}}
	err := r.run(ctx)
	if r.next != nil {
		_ = r.next.Close()
	}
	r.life.ended(err)
	return err
}

// A succession is one call of Run: sessions that take each other's place.
type succession struct {
	round round
	opts  *Options
	f     func(ctx context.Context, s *core.Session) error
	life  life
	next  *core.Session // that was begun elsewhere while the one before was left; nil if there is none
}

func (r *succession) run(ctx context.Context) error {
	policy := r.opts.Reconnect
	var last error // of the try before
	for search := policy.search(); ctx.Err() == nil; {
		if r.next == nil {
			r.life.tell(core.Change{Phase: core.Connecting, Try: search.tries + 1, Cause: last})
		}
		s, err := r.begin(ctx)
		last = err
		var asked time.Duration
		refused, isRefused := errors.AsType[*core.RefusedError](err)
		switch {
		case err == nil:
			over, err := r.session(ctx, s)
			if over || errors.Is(err, twinwire.TakenOver) {
				return err
			}
			search.ended(time.Since(s.Began()))
			if closed, ok := errors.AsType[*transport.CloseError](err); ok {
				if closed.Remote && policy != nil && policy.AfterClose != nil && !policy.AfterClose(closed) {
					return err
				}
				asked = closed.RetryAfter
			}
			last = err
			if r.next != nil {
				search = policy.search() // elsewhere takes its time, if need be
				continue
			}
		case ctx.Err() != nil:
		case isRefused:
			if refused.Never || refused.Authenticate {
				return err
			}
			asked = refused.RetryAfter
		case final(err):
			return err
		}
		if ctx.Err() != nil {
			break
		}
		wait, again := search.failed(r.round.next(asked, time.Now()))
		if !again {
			return last
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
	return &runError{context.Cause(ctx), twinwire.CodeOf(ctx.Err())}
}

// begin begins the next session, unless that has been done.
func (r *succession) begin(ctx context.Context) (*core.Session, error) {
	if s := r.next; s != nil {
		r.next = nil
		if !s.Ending() {
			return s, nil
		}
	}
	return r.opts.dial(ctx, r.round.place().addr, len(r.round.places) > 1)
}

// session runs f with one session. over says that it returned by itself; if not
// the error is why the session ended.
func (r *succession) session(ctx context.Context, s *core.Session) (over bool, err error) {
	followed := r.life.follow(s)
	defer func() { <-followed }()
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	// A hook runs when calls know what has become of them, the context of the
	// session ends before.
	defer s.OnEnd(func(err error) { stop(err) })()
	elsewhere := r.watch(running, stop, s)
	err = r.f(running, s)
	left := context.Cause(running) == errLeft
	stop(nil)
	r.next = <-elsewhere
	switch {
	case ctx.Err() != nil:
		_ = s.Close()
		return false, ctx.Err()
	case !left && s.Context().Err() == nil && (err == nil || !s.Ending()):
		_ = s.Close()
		return true, err
	}
	<-s.Done() // soon: one of both sides has said goodbye, and calls failed for that
	return false, s.Err()
}

// check reports what no further try can mend.
func (o *Options) check(addr string) error {
	var err error
	for _, p := range places(addr) {
		var t *target
		if t, err = parse(p.addr); err == nil {
			err = t.configure(o)
		}
		if err != nil {
			break
		}
	}
	if err == nil {
		_, err = core.NewMux(o.Services, o.Interceptors)
	}
	if err != nil {
		return &DialError{Addr: addr, Causes: []error{err}}
	}
	return nil
}

// A runError is the end of Run's context.
type runError struct {
	cause error
	code  twinwire.Code
}

func (e *runError) Error() string   { return "client: run ended: " + e.cause.Error() }
func (e *runError) Unwrap() []error { return []error{e.code, e.cause} }
