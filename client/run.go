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
// return then. Run returns the error of f, which may be nil, if f returns while
// its session is there; the error of ctx when that is done; the refusal of a
// server that says that trying again, or trying again unchanged, is of no use;
// and the end of a session in whose place the client has begun another one,
// with TakenOver: two that took turns would never end.
// It waits between tries as Options.Reconnect says, and as long as a server
// asks to be left alone.
func Run(ctx context.Context, addr string, opts *Options, f func(ctx context.Context, s *core.Session) error) error {
	if opts == nil {
		opts = new(Options)
	}
	if err := opts.check(addr); err != nil {
		return err
	}
	for search := opts.Reconnect.search(); ; {
		s, err := Dial(ctx, addr, opts)
		var asked time.Duration
		var refused *core.RefusedError
		switch {
		case err == nil:
			var over bool
			if over, err = runOne(ctx, s, f); over {
				return err
			}
			if errors.Is(err, twinwire.TakenOver) {
				return err
			}
			if time.Since(s.Began()) > steady {
				search = opts.Reconnect.search()
			}
			var closed *transport.CloseError
			if errors.As(err, &closed) {
				asked = closed.RetryAfter
			}
		case ctx.Err() != nil:
		case errors.As(err, &refused):
			if refused.Never || refused.Authenticate {
				return err
			}
			asked = refused.RetryAfter
		case final(err):
			return err
		}
		wait, again := search.failed(asked)
		if !again && ctx.Err() == nil {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return &runError{context.Cause(ctx), twinwire.CodeOf(ctx.Err())}
		}
	}
}

// steady is how long a session must have lasted for the next search to begin
// anew: a server that ends each at once is not to be dialed ever faster.
const steady = time.Second

// runOne runs f with one session. over says that it returned by itself; if not
// the error is why the session ended.
func runOne(ctx context.Context, s *core.Session, f func(ctx context.Context, s *core.Session) error) (over bool, err error) {
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(s.Context(), func() { stop(s.Err()) })()
	err = f(running, s)
	if running.Err() == nil {
		_ = s.Close()
		return true, err
	}
	if ctx.Err() != nil {
		_ = s.Close()
		return false, ctx.Err()
	}
	return false, s.Err()
}

// check reports what no further try can mend.
func (o *Options) check(addr string) error {
	t, err := parse(addr)
	if err == nil {
		_, err = o.tlsConfig(t.host)
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
