package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/examples/counter/counter"
)

// A story is two clients that use one counter.
type story struct {
	*printer
	app  *app
	addr string
	pins []certs.Pin
}

// play plays the story once and returns what did not happen as it should.
func (s *story) play(ctx context.Context, wire string) error {
	s.printf("\n== %s ==", wire)
	topics, stop := iter.Pull(s.app.hub.Notify(ctx))
	defer stop()

	alice, aliceSession, err := s.connect(ctx, "alice")
	if err != nil {
		return err
	}
	defer aliceSession.Close()
	if _, err := alice.Increment(ctx, 1); !errors.Is(err, twinwire.FailedPrecondition) {
		return fmt.Errorf("increment without a counter: got error %v, want one with FailedPrecondition", err)
	} else {
		s.printf("alice:  too early: %v", err)
	}
	if err := alice.Create(ctx); err != nil {
		return err
	}
	n, _ := topics()
	s.printf("server: topic %q created", n.Topic)
	// The state is here before the reply is: nothing to wait for.
	st, _ := alice.State().Load()
	if st.Topic != n.Topic || n.Kind != events.Created {
		return fmt.Errorf("after Create the state names topic %q and the hub said %v", st.Topic, n)
	}
	s.printf("alice:  state came before the reply: count %d, topic %q", st.Count, st.Topic)

	bob, bobSession, err := s.connect(ctx, "bob")
	if err != nil {
		return err
	}
	defer bobSession.Close()
	if err := bob.Join(ctx, st.Topic); err != nil {
		return err
	}
	if err := s.count(ctx, alice, bob); err != nil {
		return err
	}
	if err := s.watch(ctx, alice, bob); err != nil {
		return err
	}
	if err := alice.Note(ctx, "that was all"); err != nil {
		return err
	}

	bobSession.Close()
	aliceSession.Close()
	n, _ = topics()
	if n.Kind != events.Removed || n.Topic != st.Topic {
		return fmt.Errorf("after the last subscriber left the hub said %v", n)
	}
	s.printf("server: topic %q removed, its last subscriber is gone", n.Topic)
	return nil
}

// count has both clients increment, and looks at what each of them sees.
func (s *story) count(ctx context.Context, alice, bob *counter.CounterClient) error {
	for _, by := range []uint32{1, 41} {
		sum, err := alice.Increment(ctx, by)
		if err != nil {
			return err
		}
		st, _ := alice.State().Load()
		if st.Count != sum {
			return fmt.Errorf("the reply says %d and the state says %d", sum, st.Count)
		}
		s.printf("alice:  +%d = %d, and the state says %d already", by, sum, st.Count)
	}
	if _, err := bob.Increment(ctx, 58); err != nil {
		return err
	}
	want := []counter.Incremented{{From: 0, To: 1}, {From: 1, To: 42}, {From: 42, To: 100}}
	for _, c := range []struct {
		name string
		*counter.CounterClient
	}{{"alice", alice}, {"bob", bob}} {
		var got []string
		for ev := range c.Events(ctx) {
			if ev.Event != want[len(got)] || ev.Missed != 0 {
				return fmt.Errorf("%s received %+v, want %+v", c.name, ev, want[len(got)])
			}
			got = append(got, fmt.Sprintf("%d->%d", want[len(got)].From, want[len(got)].To))
			if len(got) == len(want) {
				break
			}
		}
		if len(got) < len(want) {
			return fmt.Errorf("%s received events %v and no more: %w", c.name, got, context.Cause(ctx))
		}
		s.printf("%-7s received events %s", c.name+":", strings.Join(got, ", "))
	}
	return nil
}

// watch has one client watch while the other increments. Leaving the loop ends
// the call, and the handler's loop with it.
func (s *story) watch(ctx context.Context, alice, bob *counter.CounterClient) error {
	var got []uint32
	for n, err := range alice.Watch(ctx, time.Millisecond) {
		if err != nil {
			return err
		}
		if got = append(got, n); len(got) == 3 {
			break
		}
		if _, err := bob.Increment(ctx, 1); err != nil {
			return err
		}
	}
	if want := []uint32{100, 101, 102}; !slices.Equal(got, want) {
		return fmt.Errorf("alice watched %v, want %v", got, want)
	}
	s.printf("alice:  watched %v", got)
	return nil
}

// connect dials and tells over what.
func (s *story) connect(ctx context.Context, name string) (*counter.CounterClient, *core.Session, error) {
	session, err := client.Dial(ctx, s.addr, &client.Options{Pins: s.pins})
	if err != nil {
		return nil, nil, err
	}
	c, err := counter.NewClient(session)
	if err != nil {
		session.Close()
		return nil, nil, err
	}
	s.printf("%-7s connected over %s", name+":", session.Transport().Wire)
	return c, session, nil
}

// A printer prints lines of several goroutines one after another.
type printer struct {
	mu  sync.Mutex
	out io.Writer
}

func (p *printer) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(p, format+"\n", args...)
}

func (p *printer) Write(line []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(line)
}
