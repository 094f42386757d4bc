package client

import (
	"context"
	"errors"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/internal/plain"
)

// Credentials is where a client has its credentials from. It is asked at each
// try: when a session begins, goes on with another carrier, and before its
// credentials expire; and once more when the server refuses them and says that
// others may help. A nil credential is none.
//
// It must heed ctx, which is done after 30 s at the latest, and earlier with the
// dial; one that does not holds up later tries, and nothing else. An error is
// that of the try. One with the code Unauthorized or PermissionDenied says that
// there will be no others: the client then does not try again.
type Credentials func(ctx context.Context) (*core.Credential, error)

// Token is a token that does not change. What can be had anew is for
// TokenSource.
func Token(token string) Credentials {
	c := core.TokenCredential(token)
	return func(context.Context) (*core.Credential, error) { return c, nil }
}

// TokenSource is a source of tokens, such as a request to a login service. It
// should not keep one that is about to expire.
func TokenSource(token func(ctx context.Context) (string, error)) Credentials {
	return func(ctx context.Context) (*core.Credential, error) {
		t, err := token(ctx)
		if err != nil {
			return nil, err
		}
		return core.TokenCredential(t), nil
	}
}

// Secret is a shared secret of at least 32 bytes that the server knows by this
// name (auth.Secrets). It is proved and does not travel.
func Secret(name string, secret []byte) Credentials {
	c, err := core.SecretCredential(name, secret)
	return func(context.Context) (*core.Credential, error) { return c, err }
}

// credentialTime bounds how long a source may take.
const credentialTime = 30 * time.Second

// An asker asks a source, one question at a time.
type asker struct {
	source Credentials   // nil for none
	busy   chan struct{} // holds one while the source is being asked

	mu   sync.Mutex
	last *core.Credential // that the server has taken
}

func newAsker(source Credentials) *asker {
	return &asker{source: source, busy: make(chan struct{}, 1)}
}

// A credentialError is a source that had no credentials to give.
type credentialError struct{ cause error }

func (e *credentialError) Error() string { return "no credentials: " + e.cause.Error() }
func (e *credentialError) Unwrap() error { return e.cause }

// final reports whether an error says that there will be no other credentials.
func final(err error) bool {
	e, ok := errors.AsType[*credentialError](err)
	if !ok {
		return false
	}
	code := twinwire.CodeOf(e.cause)
	return code == twinwire.Unauthorized || code == twinwire.PermissionDenied
}

// ask returns new credentials. A source that ignores ctx is left to itself.
func (a *asker) ask(ctx context.Context) (*core.Credential, error) {
	if a.source == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, credentialTime, twinwire.NewError(twinwire.DeadlineExceeded, "source did not answer within "+credentialTime.String()))
	late := func() error { return &credentialError{context.Cause(ctx)} }
	select {
	case a.busy <- struct{}{}:
	case <-ctx.Done():
		cancel()
		return nil, late()
	}
	type answer struct {
		credential *core.Credential
		err        error
	}
	answered := make(chan answer, 1)
	go func() { // ends with the source
		defer cancel()
		defer func() { <-a.busy }()
		v := answer{err: errors.New("source ended its goroutine")}
		defer func() {
			if p := recover(); p != nil {
				v.err = errors.New("source panicked: " + plain.Text(p))
			}
			answered <- v
		}()
		v.credential, v.err = a.source(ctx)
	}()
	var v answer
	select {
	case v = <-answered:
	case <-ctx.Done():
		select {
		case v = <-answered: // the goroutine has answered, and then ended ctx
		default:
			return nil, late()
		}
	}
	if v.err != nil {
		return nil, &credentialError{v.err}
	}
	return v.credential, nil
}

// took remembers what the server has taken.
func (a *asker) took(c *core.Credential) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = c
}

// stale reports whether credentials are those that the server has taken
// already, and can do nothing for a session that they began.
func (a *asker) stale(c *core.Credential) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return c == nil || c.Prove == nil && c.Equal(a.last)
}

// wantsOthers reports whether a server has refused credentials, and others may
// help.
func wantsOthers(err error) bool {
	refused, ok := errors.AsType[*core.RefusedError](err)
	return ok && refused.Authenticate
}

// show calls f with credentials, and once more with others if the server wants
// some and the source has them.
func (a *asker) show(ctx context.Context, f func(c *core.Credential) error) error {
	c, err := a.ask(ctx)
	if err != nil {
		return err
	}
	err = f(c)
	if wantsOthers(err) && a.source != nil {
		again, askErr := a.ask(ctx)
		if askErr != nil || again.Equal(c) {
			return err
		}
		c, err = again, f(again)
	}
	if err == nil {
		a.took(c)
	}
	return err
}

// A renewer has a session's credentials renewed before they expire, on each
// carrier anew: to go on with one is to renew them.
type renewer struct {
	asker  *asker
	policy *Reconnect
	log    core.Logger
}

// watch renews while the session is there. Its goroutine ends with it.
func (r *renewer) watch(s *core.Session) {
	go func() {
		stop := context.CancelFunc(func() {})
		for c := range s.Lifecycle(context.Background()) {
			if c.Phase == core.Leaving {
				continue // the carrier is the same
			}
			stop()
			if c.Phase == core.Connected || c.Phase == core.Resumed {
				var ctx context.Context
				ctx, stop = context.WithCancel(s.Context())
				go r.run(ctx, s)
			}
		}
		stop()
	}()
}

// leastLeft is when renewing is given up: the session is about to end.
const leastLeft = 100 * time.Millisecond

// run renews until ctx is done, the session does not expire, or the server
// wants no more.
func (r *renewer) run(ctx context.Context, s *core.Session) {
	failures := 0
	for {
		end := s.Expires()
		left := time.Until(end)
		if end.IsZero() || left < leastLeft {
			return
		}
		wait := left/8*5 + time.Duration(mathrand.Int64N(int64(left/8))) // around two thirds
		if failures > 0 {
			wait = min(max(r.policy.wait(failures, 0, mostWait), leastLeft), left/2)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		err := r.renew(ctx, s)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			failures = 0
			continue
		}
		failures++
		log := r.log.Debug
		if failures == 1 {
			log = r.log.Warn
		}
		log("twinwire: credentials were not renewed", "session", s.ID().String(), "expires", end, "error", err)
		if _, refused := errors.AsType[*core.RefusedError](err); refused || final(err) {
			return // others were asked for
		}
	}
}

var errStale = errors.New("source has no other credentials yet")

// renew renews once.
func (r *renewer) renew(ctx context.Context, s *core.Session) error {
	ctx, cancel := context.WithTimeout(ctx, credentialTime)
	defer cancel()
	return r.asker.show(ctx, func(c *core.Credential) error {
		if r.asker.stale(c) {
			return errStale
		}
		return s.Renew(ctx, c)
	})
}
