package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twinwire/twinwire/bench/child"
	"github.com/twinwire/twinwire/bench/link"
	"github.com/twinwire/twinwire/bench/peer"
)

// Move is what calls notice of a network that swallows UDP for a while.
type Move struct {
	// Away is the time from when UDP is swallowed to the first answer over
	// WebSocket, and Longest the longest that a call took.
	Away, Longest time.Duration
	// Back is the time from UDP's return until the client is on QUIC again, and
	// BackLongest the longest that a call took meanwhile.
	Back, BackLongest time.Duration
	// Calls is how many were answered, which are all of them.
	Calls uint64
}

// MeasureMove has a client that has both wires move from QUIC to WebSocket and
// back, while calls go on. It fails unless all calls are answered.
func MeasureMove(ctx context.Context, p peer.Peer, n Network) (m Move, err error) {
	s, err := Start(ctx, p, n.config(), 0)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	w, err := s.watch(ctx, false)
	if err != nil {
		return m, err
	}
	first, err := w.look()
	if err != nil {
		return m, err
	}
	if first.Wire != peer.QUIC {
		return m, fmt.Errorf("scenario: the client begins on %s", first.Wire)
	}
	answered := first.Count
	if err := s.swallow(true); err != nil {
		return m, err
	}
	m.Away, err = w.until(ctx, func(r child.MarkReply) bool {
		if r.Wire == peer.QUIC {
			answered = r.Count // what was on the way
		}
		return r.Wire == peer.TLS && r.Count > answered
	})
	if err != nil {
		return m, err
	}
	if err := wait(ctx, settle); err != nil {
		return m, err
	}
	if _, err := w.look(); err != nil {
		return m, err
	}
	m.Longest, w.longest = w.longest, 0
	if err := s.swallow(false); err != nil {
		return m, err
	}
	m.Back, err = w.until(ctx, func(r child.MarkReply) bool { return r.Wire == peer.QUIC })
	if err != nil {
		return m, err
	}
	end, err := w.end(ctx)
	m.BackLongest, m.Calls = w.longest, end.Count
	return m, errors.Join(err, s.overrun())
}

// swallow has both directions swallow UDP, or not.
func (s *Stage) swallow(udp bool) error {
	for _, end := range []*link.End{s.Link.A, s.Link.B} {
		p := end.Path()
		p.NoUDP = udp
		if err := end.SetPath(p); err != nil {
			return err
		}
	}
	return nil
}
