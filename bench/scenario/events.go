package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twinwire/twinwire/bench/child"
	"github.com/twinwire/twinwire/bench/load"
	"github.com/twinwire/twinwire/bench/peer"
)

const (
	// Topics is how many topics the subscriber has, and EventRate how many
	// events a second the server publishes, on all of them together.
	Topics    = 50
	EventRate = 500

	// drainTime is how long the last events may take, and drainPause the time
	// between two looks.
	drainTime  = 30 * time.Second
	drainPause = 20 * time.Millisecond
)

// Events is what has become of events on their way to one subscriber.
type Events struct {
	// Latency is from when each event was due to its arrival: of all that
	// arrived after the start, also of those that did after the last one was
	// published.
	Latency load.Latency
	// Published were published and Lost of these have not arrived.
	Published, Lost uint64
}

// MeasureEvents publishes on topics at a fixed rate to a subscriber across a
// network, for start before it is measured. It fails if events of a topic
// arrive out of order or twice.
func MeasureEvents(ctx context.Context, p peer.Peer, n Network, start, measure time.Duration) (e Events, err error) {
	s, err := Start(ctx, p, n.config(), Topics)
	if err != nil {
		return e, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.publish(); err != nil {
		return e, err
	}
	if err := wait(ctx, start); err != nil {
		return e, err
	}
	if _, err := mark(s.Client); err != nil {
		return e, err
	}
	if err := wait(ctx, measure); err != nil {
		return e, err
	}
	if e.Published, err = s.quiet(); err != nil {
		return e, err
	}
	all, err := s.drained(ctx, e.Published)
	if err != nil {
		return e, err
	}
	e.Latency, e.Lost = all.latency, e.Published-all.received
	return e, s.overrun()
}

// publish begins to publish.
func (s *Stage) publish() error {
	_, err := s.Server.Do(child.Request{Do: child.PublishTopics, Topics: Topics, Rate: EventRate})
	return err
}

// quiet ends publishing, and returns how many events there were.
func (s *Stage) quiet() (published uint64, err error) {
	if _, err := s.Server.Do(child.Request{Do: child.Quiet}); err != nil {
		return 0, err
	}
	m, err := mark(s.Server)
	return m.Published, err
}

type drained struct {
	received uint64
	latency  load.Latency
}

// drained waits until all events have arrived or the patience is over.
func (s *Stage) drained(ctx context.Context, published uint64) (d drained, err error) {
	for end := time.Now().Add(drainTime); ; {
		r, err := s.Client.Do(child.Request{Do: child.Arrived})
		if err != nil {
			return d, err
		}
		if m := r.Mark; m.Received+m.Lost >= published || time.Now().After(end) {
			break
		}
		if err := wait(ctx, drainPause); err != nil {
			return d, err
		}
	}
	m, err := mark(s.Client)
	if err == nil && m.Received > published {
		err = fmt.Errorf("scenario: %d events of %d arrived", m.Received, published)
	}
	return drained{m.Received, m.TopicLatency}, err
}
