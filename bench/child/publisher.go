package child

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/twinwire/twinwire/bench/load"
	"github.com/twinwire/twinwire/bench/peer"
)

// drainTime is how long the last events may take to arrive: a slow peer with
// many subscribers on a busy machine needs it.
const drainTime = 30 * time.Second

// publisher publishes numbered events, at most a window ahead of what has
// reached every subscriber.
type publisher struct {
	received io.ReadCloser
	running  sync.WaitGroup // the goroutine of start

	mu        sync.Mutex
	changed   chan struct{} // closed and replaced when what follows changes
	window    uint64
	published uint64
	arrived   uint64
	stop      chan struct{} // closed when publishing is to end; nil when it has
	err       error
}

// newPublisher starts the goroutine that reads the counts of events that have
// arrived. It ends when the client's end of the pipe is closed, at the latest
// with the client's process, which the parent ends before this one.
func newPublisher(received io.ReadCloser) *publisher {
	p := &publisher{received: received, changed: make(chan struct{})}
	go p.readArrived()
	return p
}

func (p *publisher) readArrived() {
	var b [8]byte
	for {
		if _, err := io.ReadFull(p.received, b[:]); err != nil {
			p.fail(errors.New("publisher: the subscribers have gone"))
			return
		}
		p.mu.Lock()
		p.arrived = max(p.arrived, binary.BigEndian.Uint64(b[:]))
		p.changedLocked()
		p.mu.Unlock()
	}
}

func (p *publisher) changedLocked() {
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *publisher) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = err
	}
	p.changedLocked()
}

// start begins to publish, one event each interval or without pause, at most
// window ahead, or load.Window where that is 0 or larger.
func (p *publisher) start(s peer.Publisher, interval time.Duration, window int) error {
	if window < 0 {
		return fmt.Errorf("publisher: a window of %d", window)
	}
	if window == 0 {
		window = load.Window
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stop != nil {
		return errors.New("publisher: publishes already")
	}
	stop := make(chan struct{})
	p.stop, p.window = stop, uint64(min(window, load.Window))
	p.running.Go(func() {
		if err := p.run(s, interval, stop); err != nil {
			p.fail(err)
		}
	})
	return nil
}

// run publishes until stop is closed. An event that had to wait for the window
// keeps the time at which it was due, so a peer that falls behind is charged
// for it.
func (p *publisher) run(s peer.Publisher, interval time.Duration, stop <-chan struct{}) error {
	pace := time.NewTimer(0)
	defer pace.Stop()
	payload := make([]byte, 0, load.PayloadSize)
	due := time.Now()
	for {
		if interval == 0 {
			due = time.Now()
		} else if early := time.Until(due); early > 0 {
			pace.Reset(early)
			select {
			case <-pace.C:
			case <-stop:
				return nil
			}
		}
		number, ok := p.next(stop)
		if !ok {
			return nil
		}
		payload = load.Event{Number: number, Due: due}.Append(payload[:0])
		if err := s.Publish(payload); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		due = due.Add(interval)
	}
}

// next waits for the window and takes the next number. It reports false if
// publishing is to end.
func (p *publisher) next(stop <-chan struct{}) (uint64, bool) {
	for {
		p.mu.Lock()
		if p.err != nil {
			p.mu.Unlock()
			return 0, false
		}
		if p.published < p.arrived+p.window {
			number := p.published
			select {
			case <-stop:
				p.mu.Unlock()
				return 0, false
			default:
			}
			p.published++
			p.mu.Unlock()
			return number, true
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-stop:
			return 0, false
		}
	}
}

// quiet ends publishing and waits until every event has arrived.
func (p *publisher) quiet(ctx context.Context) error {
	p.end()
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	for {
		p.mu.Lock()
		changed, left, err := p.changed, p.published-p.arrived, p.err
		p.mu.Unlock()
		if err != nil || left == 0 {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("publisher: the last %d events did not reach every subscriber: %w", left, ctx.Err())
		}
	}
}

// end stops the goroutine of start and waits for it.
func (p *publisher) end() {
	p.mu.Lock()
	if p.stop != nil {
		close(p.stop)
		p.stop = nil
	}
	p.mu.Unlock()
	p.running.Wait()
}

func (p *publisher) close() { p.end() }
