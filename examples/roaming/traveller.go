package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/examples/roaming/traffic"
)

// A traveller is the client's side.
type traveller struct {
	*printer
	ledger *ledger
	// enough is closed when the journey is over: what is under way comes to its
	// end then, and nothing new is begun.
	enough chan struct{}
	// whole takes what ends the upload that is under way; the next one begins.
	whole chan struct{}
	lives sync.WaitGroup // goroutines that follow the lives of sessions
}

// session keeps one session busy. It is what client.Run calls for each.
func (t *traveller) session(ctx context.Context, s *core.Session) error {
	t.ledger.write(func() { t.ledger.sessions++ })
	t.lives.Go(func() { t.live(s) }) // ends with the session
	c, err := traffic.NewClient(s)
	if err != nil {
		return err
	}
	after, err := c.Follow(ctx)
	if err != nil {
		return err
	}
	t.ledger.follow(after)

	// What is under way when it is enough is finished: nothing but the end of the
	// session ends it.
	patient := context.WithoutCancel(ctx)
	following, stop := context.WithCancel(patient)
	var work, events sync.WaitGroup
	events.Go(func() {
		for ev := range c.Events(following) {
			if tick, ok := ev.Event.(traffic.Tick); ok {
				t.ledger.receive(tick.N)
			}
		}
	})
	var failures errorList
	for i := range 8 { // some in haste, some not
		work.Go(func() { failures.add(t.count(patient, c, time.Millisecond<<i)) })
	}
	work.Go(func() { failures.add(t.uploads(patient, c)) })
	work.Wait()
	if ctx.Err() == nil {
		// All events have been emitted before enough was closed.
		failures.add(t.ledger.until(ctx, "the last events", func() bool { return t.ledger.next > t.ledger.emitted }))
	}
	stop()
	events.Wait()
	return failures.join()
}

// count makes calls until it is enough or the session has ended.
func (t *traveller) count(ctx context.Context, c *traffic.TrafficClient, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-t.enough:
			return nil
		}
		err := t.ledger.call(func(n uint64) error {
			got, err := c.Count(ctx, n)
			if err == nil && got != n {
				err = errors.New("this is the answer to another call")
			}
			return err
		})
		if err != nil {
			return unlessEnded(err)
		}
	}
}

// uploads sends one upload after the other until it is enough or the session
// has ended.
func (t *traveller) uploads(ctx context.Context, c *traffic.TrafficClient) error {
	for {
		if err := t.upload(ctx, c); err != nil {
			return unlessEnded(err)
		}
		select {
		case <-t.enough:
			return nil
		default:
		}
	}
}

// upload sends bytes until they are told to be whole.
func (t *traveller) upload(ctx context.Context, c *traffic.TrafficClient) error {
	b := newBody(t.enough, t.whole)
	defer b.tick.Stop()
	got, err := c.Upload(ctx, b)
	t.ledger.write(func() {
		switch {
		case err != nil:
			t.ledger.brokenOff += b.size
		case bytes.Equal(got, b.sum.Sum(nil)):
			t.ledger.uploaded += b.size
			t.ledger.hashes++
		default:
			t.ledger.wrong++
		}
	})
	return err
}

// unlessEnded returns nil for the errors of calls that ended with their
// session: the ledger knows of these, and client.Run goes on.
func unlessEnded(err error) error {
	if errors.Is(err, twinwire.OutcomeUnknown) || errors.Is(err, twinwire.Unavailable) {
		return nil
	}
	return err
}

// live tells of the life of a session until it has ended.
func (t *traveller) live(s *core.Session) {
	var lost time.Time // zero while there is a wire
	for c := range s.Lifecycle(context.Background()) {
		l, wire := t.ledger, c.Wire.Wire
		switch c.Phase {
		case core.Connected:
			t.printf("  session %s begins on %s", s.ID().String()[:8], wire)
			l.write(func() { l.wire = wire })
		case core.Detached:
			lost = c.At
			t.printf("  %s is lost: %v", wire, c.Cause)
			l.write(func() { l.wire = "" })
		case core.Resumed:
			if lost.IsZero() {
				t.printf("  moved to %s, never without a wire", wire)
				l.write(func() { l.wire = wire; l.moved++ })
				break
			}
			t.printf("  goes on over %s, after %v without a wire", wire, c.At.Sub(lost).Round(time.Millisecond/10))
			lost = time.Time{}
			l.write(func() { l.wire = wire; l.resumed++ })
		case core.Ended:
			t.printf("  session %s has ended: %v", s.ID().String()[:8], c.Cause)
			l.write(func() { l.wire = "" })
		}
	}
}

// A body is random bytes, some every few milliseconds until it is whole.
type body struct {
	enough, whole <-chan struct{}
	tick          *time.Ticker
	random        *rand.ChaCha8
	sum           hash.Hash
	size          int64
}

func newBody(enough, whole <-chan struct{}) *body {
	return &body{
		enough: enough, whole: whole, tick: time.NewTicker(5 * time.Millisecond),
		random: rand.NewChaCha8([32]byte{1}), sum: sha256.New(),
	}
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	select {
	case <-b.tick.C:
	case <-b.whole:
		return 0, io.EOF
	case <-b.enough:
		return 0, io.EOF
	}
	p = p[:min(len(p), 32<<10)]
	_, _ = b.random.Read(p) // never fails
	b.sum.Write(p)
	b.size += int64(len(p))
	return len(p), nil
}

// An errorList takes the errors of several goroutines.
type errorList struct {
	mu   sync.Mutex
	list []error
}

func (e *errorList) add(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, err)
}

func (e *errorList) join() error { return errors.Join(e.list...) }
