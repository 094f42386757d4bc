package client

import (
	"context"
	"errors"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
)

// errLeft is why the context of a function ends whose session was quiet while
// its server was leaving.
var errLeft = twinwire.NewError(twinwire.Unavailable, "server is leaving, and the next session has begun elsewhere")

// watch has Run go elsewhere when the server of a session announces that it is
// leaving and there is another address: the next session is begun at once, and
// this one closed, and its function's context ended by stop, as soon as nothing
// is under way in it. What is returned yields the next session, nil if there is
// none, when ctx is done or the session is closing.
func (r *succession) watch(ctx context.Context, stop context.CancelCauseFunc, s *core.Session) <-chan *core.Session {
	next := make(chan *core.Session, 1)
	if len(r.round.places) < 2 {
		next <- nil
		return next
	}
	go func() { // ends with ctx
		var n *core.Session
		for c := range s.Lifecycle(ctx) {
			if c.Phase != core.Leaving {
				continue
			}
			if n = r.elsewhere(ctx, s, c); n != nil {
				_ = s.CloseWhenQuiet(ctx, twinwire.Unavailable, "client has gone elsewhere", func() { stop(errLeft) })
			}
			break
		}
		next <- n
	}()
	return next
}

// elsewhere begins a session at another address, in place of s, whose server
// is leaving. It tries until ctx is done, or policy has it give up, and returns
// nil then.
func (r *succession) elsewhere(ctx context.Context, s *core.Session, c core.Change) *core.Session {
	// Servers that all say so at once are not to be dialed ever faster.
	if !pause(ctx, steady-time.Since(s.Began())) {
		return nil
	}
	home := r.round.at
	away := c.RetryAfter
	if !c.Until.IsZero() {
		away += max(0, time.Until(c.Until))
	}
	r.round.next(away, time.Now())
	for search := r.opts.Reconnect.search(); ; {
		var asked time.Duration
		if r.round.at != home {
			n, err := r.opts.dial(ctx, r.round.place().addr, true)
			if err == nil {
				return n
			}
			if refused, ok := errors.AsType[*core.RefusedError](err); ok {
				asked = refused.RetryAfter
			}
		} else {
			asked = away
		}
		wait, again := search.failed(r.round.next(asked, time.Now()))
		if !again || !pause(ctx, wait) {
			break
		}
	}
	r.round.at = home // which has the session still
	return nil
}

// pause waits for d, and reports whether it did: ctx may be done before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
