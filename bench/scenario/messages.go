package scenario

import (
	"context"
	"errors"
	"time"

	"github.com/twinwire/twinwire/bench/child"
	"github.com/twinwire/twinwire/bench/load"
	"github.com/twinwire/twinwire/bench/peer"
)

const (
	// smallCalls is how many small calls a second there are, waitingCalls how many
	// of them may wait, and largeMessages how many one-way messages a second of
	// messageSize bytes.
	smallCalls    = 50
	waitingCalls  = 512
	largeMessages = 5
	messageSize   = 64 << 10
)

// MeasureMessages measures small calls beside large messages on one connection,
// after start. The times count from when each call was due.
func MeasureMessages(ctx context.Context, p peer.Peer, n Network, start, measure time.Duration) (l load.Latency, err error) {
	s, err := Start(ctx, p, n.config(), 0)
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.smallCalls(); err != nil {
		return l, err
	}
	if _, err := s.Client.Do(child.Request{Do: child.Send, Size: messageSize, Rate: largeMessages}); err != nil {
		return l, err
	}
	if err := wait(ctx, start); err != nil {
		return l, err
	}
	if _, err := mark(s.Client); err != nil {
		return l, err
	}
	if err := wait(ctx, measure); err != nil {
		return l, err
	}
	m, err := mark(s.Client)
	return m.Latency, errors.Join(err, s.overrun())
}

// smallCalls begins to make calls on a schedule.
func (s *Stage) smallCalls() error {
	_, err := s.Client.Do(child.Request{Do: child.Call, PerConn: waitingCalls, Rate: smallCalls})
	return err
}
