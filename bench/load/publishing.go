package load

import (
	"sync"
	"sync/atomic"
	"time"
)

// PublishOptions say what is published.
type PublishOptions struct {
	Topics int // that take turns
	Rate   int // events a second on all topics together, at times that are fixed in advance

	clock clock // of the schedule; nil for a precise one
}

// Publishing publishes to topics on a schedule until it is stopped. What waits,
// because the peer makes it wait, keeps the time at which it was due.
type Publishing struct {
	stop      func()
	done      sync.WaitGroup
	published atomic.Uint64
	failure   failure
}

// StartPublishing starts two goroutines, which end with Stop, or with the first
// failure of publish.
func StartPublishing(publish func(topic int, event []byte) error, o PublishOptions) (*Publishing, error) {
	p := new(Publishing)
	dues, stop, err := startSchedule(&p.done, o.clock, o.Rate, 1, p.failure.set)
	if err != nil {
		return nil, err
	}
	p.stop = stop
	p.done.Go(func() {
		if err := p.run(publish, o.Topics, dues); err != nil {
			p.failure.set(err)
			p.stop()
		}
	})
	return p, nil
}

func (p *Publishing) run(publish func(topic int, event []byte) error, topics int, dues <-chan time.Time) error {
	payload := make([]byte, 0, PayloadSize)
	for due := range dues {
		n := p.published.Load()
		topic := int(n % uint64(topics))
		payload = TopicEvent{topic, Event{n / uint64(topics), due}}.Append(payload[:0])
		if err := publish(topic, payload); err != nil {
			return err
		}
		p.published.Store(n + 1)
	}
	return nil
}

// Published returns how many events were published.
func (p *Publishing) Published() uint64 { return p.published.Load() }

// Err returns the first failure, or nil.
func (p *Publishing) Err() error { return p.failure.get() }

// Stop ends the schedule, waits for the event that is being published, and
// returns the first failure. What makes that wait ends with the server.
func (p *Publishing) Stop() error {
	p.stop()
	p.done.Wait()
	return p.Err()
}
