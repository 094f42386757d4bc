package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twinwire/twinwire/bench/child"
	"github.com/twinwire/twinwire/bench/peer"
)

const (
	// before is how long calls go on before anything happens to the link, and
	// settle how long after it is over.
	before = time.Second
	settle = time.Second
	// glance is the time between two looks at what a client has done.
	glance = 5 * time.Millisecond
	// patience is how long a client may take to go on.
	patience = 45 * time.Second
)

// Cut is what a client notices of a link that was cut for a while.
type Cut struct {
	// Back is the time from the link's return to the first answer, and Longest
	// the longest time that a call took, from when it was due.
	Back, Longest time.Duration
	// Calls is how many were answered, which are all of them. Of the events
	// that were Published, Lost have not arrived.
	Calls, Published, Lost uint64
}

// MeasureCut cuts the link for so long while calls and events go on, each on a
// schedule. It fails unless all calls are answered.
func MeasureCut(ctx context.Context, p peer.Peer, n Network, dark time.Duration) (c Cut, err error) {
	s, err := Start(ctx, p, n.config(), Topics)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	w, err := s.watch(ctx, true)
	if err != nil {
		return c, err
	}
	s.Link.Cut()
	if err := wait(ctx, dark); err != nil {
		return c, err
	}
	if _, err := w.look(); err != nil {
		return c, err
	}
	restored := time.Now()
	s.Link.Restore()
	// The client says when: this process sees it later, by as much as it has to
	// wait for a CPU.
	_, err = w.until(ctx, func(m child.MarkReply) bool {
		c.Back = m.First.Sub(restored)
		return m.First.After(restored)
	})
	if err != nil {
		return c, err
	}
	end, err := w.end(ctx)
	c.Longest, c.Calls = w.longest, end.Count
	if err != nil {
		return c, err
	}
	if c.Published, err = s.quiet(); err != nil {
		return c, err
	}
	d, err := s.drained(ctx, c.Published)
	c.Lost = c.Published - d.received
	return c, errors.Join(err, s.overrun())
}

// A watch looks at calls on a schedule.
type watch struct {
	stage   *Stage
	longest time.Duration // that a call took which was answered since the start
}

// watch begins to make calls, and to publish events if that is wanted.
func (s *Stage) watch(ctx context.Context, events bool) (*watch, error) {
	if err := s.smallCalls(); err != nil {
		return nil, err
	}
	if events {
		if err := s.publish(); err != nil {
			return nil, err
		}
	}
	if err := wait(ctx, before); err != nil {
		return nil, err
	}
	// What was slow in the beginning does not count.
	_, err := mark(s.Client)
	return &watch{stage: s}, err
}

func (w *watch) look() (child.MarkReply, error) {
	m, err := mark(w.stage.Client)
	w.longest = max(w.longest, m.Latency.Max)
	return m, err
}

// until looks until something is so, and returns how long that took.
func (w *watch) until(ctx context.Context, so func(child.MarkReply) bool) (time.Duration, error) {
	for began := time.Now(); ; {
		m, err := w.look()
		if err != nil {
			return 0, err
		}
		took := time.Since(began)
		if so(m) {
			return took, nil
		}
		if took > patience {
			return 0, fmt.Errorf("scenario: nothing has come of it after %v", patience)
		}
		if err := wait(ctx, glance); err != nil {
			return 0, err
		}
	}
}

// end lets calls go on for a while, and then waits for those that are left.
func (w *watch) end(ctx context.Context) (child.MarkReply, error) {
	if err := wait(ctx, settle); err != nil {
		return child.MarkReply{}, err
	}
	if _, err := w.look(); err != nil {
		return child.MarkReply{}, err
	}
	if _, err := w.stage.Client.Do(child.Request{Do: child.Stop}); err != nil {
		return child.MarkReply{}, err
	}
	return w.look()
}
