package server_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
)

// A server that shuts down lets calls finish, and its clients go elsewhere at
// once if there is another address; a second Shutdown waits for the first.
func TestShutdownElsewhere(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		other := start(t, e.prefix, e.runsOn).serve(service())
		running, finish := make(chan struct{}), make(chan struct{})
		e.serve(service(), &core.Service{Name: "slow", Methods: map[string]core.Method{
			"slow.Call": func(context.Context, any, *core.Request) (codec.Marshaler, error) {
				close(running)
				<-finish
				return nil, nil
			},
		}})
		var d diary
		opts := &client.Options{Pins: append(e.dev.Pins(), other.dev.Pins()...), Changed: d.changed}
		ctx, stop := context.WithCancel(t.Context())
		sessions, slow := make(chan *core.Session), make(chan error, 1)
		var client1 sync.WaitGroup
		client1.Go(func() {
			first := true
			_ = client.Run(ctx, e.addr()+","+other.addr(), opts, func(ctx context.Context, s *core.Session) error {
				if first {
					first = false
					go func() { slow <- s.Call(ctx, "slow.Call", nil, nil) }()
				}
				sessions <- s
				<-ctx.Done()
				return nil
			})
		})
		defer client1.Wait()
		defer stop()
		s := <-sessions
		<-running
		down := make(chan error, 2)
		go func() { down <- e.srv.Shutdown(t.Context()) }()
		eventually(t, func() bool { // new calls are refused
			return errors.Is(s.Call(t.Context(), "test.Echo", text("x"), nil), twinwire.Unavailable)
		})
		go func() { down <- e.srv.Shutdown(t.Context()) }()
		select {
		case err := <-down:
			t.Fatalf("a Shutdown returned while a call was running: %v", err)
		case <-s.Done():
			t.Fatalf("the session ended while a call was running: %v", s.Err())
		case <-time.After(20 * time.Millisecond): // too early would be at once
		}
		began := time.Now()
		close(finish)
		if err := <-slow; err != nil {
			t.Errorf("the running call ended with %v", err)
		}
		for range 2 {
			if err := <-down; err != nil {
				t.Errorf("Shutdown = %v", err)
			}
		}
		echo(t, <-sessions)
		if took := time.Since(began); took > 1500*time.Millisecond && !raceEnabled {
			t.Errorf("elsewhere after %v", took)
		}
		if c := d.newest(core.Reset); !errors.Is(c.Cause, twinwire.Unavailable) || c.Pending != 0 {
			t.Errorf("reset: %v, %d pending", c, c.Pending)
		}
	})
}

// Who is asked to come back later does, where there is no other address.
func TestRetryAfter(t *testing.T) {
	e := start(t, "wss://", "websocket").serve(service())
	const asked = 300 * time.Millisecond
	var last time.Time
	sessions := 0
	end := errors.New("enough")
	err := client.Run(t.Context(), e.addr(), &client.Options{Pins: e.dev.Pins()}, func(ctx context.Context, s *core.Session) error {
		if sessions++; sessions == 2 {
			if d := time.Since(last); d < asked {
				t.Errorf("back after %v", d)
			}
			return end
		}
		echo(t, s)
		last = time.Now()
		e.srv.Session(s.ID()).CloseWith(twinwire.Unavailable, "later", asked)
		<-ctx.Done()
		return nil
	})
	if err != end {
		t.Errorf("Run = %v", err)
	}
}
