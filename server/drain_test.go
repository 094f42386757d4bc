package server_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
)

// A server that shuts down lets calls finish and serves new ones meanwhile for
// clients that have another address; they are there as soon as nothing is under
// way. A second Shutdown waits for the first.
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
		go func() { down <- e.srv.Shutdown(t.Context()) }()
		eventually(t, func() bool { // the next session is there already
			echo(t, s)
			return len(slices.Collect(other.srv.Sessions())) == 1
		})
		select {
		case err := <-down:
			t.Fatalf("a Shutdown returned while a call was running: %v", err)
		case <-s.Done():
			t.Fatalf("the session ended while a call was running: %v", s.Err())
		default:
		}
		began := time.Now()
		close(finish)
		if err := <-slow; err != nil {
			t.Errorf("the running call ended with %v", err)
		}
		echo(t, <-sessions)
		for range 2 {
			if err := <-down; err != nil {
				t.Errorf("Shutdown = %v", err)
			}
		}
		if took := time.Since(began); took > 1500*time.Millisecond && !raceEnabled {
			t.Errorf("elsewhere after %v", took)
		}
		// The session is there a moment before that is told.
		eventually(t, func() bool { return d.newest(core.Reset).Phase == core.Reset })
		if c := d.newest(core.Reset); !errors.Is(c.Cause, twinwire.Unavailable) || c.Pending != 0 {
			t.Errorf("reset: %v, %d pending", c, c.Pending)
		}
		if got := d.String(); got != "connecting connected leaving closed reset" {
			t.Errorf("told %s", got)
		}
	})
}

// Clients that call without a pause are all on the second server before the
// time of the first is over, and no call fails that was begun before its
// session was given up.
func TestShutdownBusy(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		other := start(t, e.prefix, e.runsOn).serve(service())
		e.serve(service())
		opts := &client.Options{Pins: append(e.dev.Pins(), other.dev.Pins()...)}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		const clients = 10
		var busy sync.WaitGroup
		begun := make(chan struct{}, 2*clients)
		var calls atomic.Int64
		for range clients {
			busy.Go(func() {
				_ = client.Run(ctx, e.addr()+","+other.addr(), opts, func(ctx context.Context, s *core.Session) error {
					begun <- struct{}{}
					for ctx.Err() == nil {
						var got codec.Value[string]
						err := s.Call(ctx, "test.Echo", text("x"), &got)
						if err != nil && ctx.Err() == nil {
							t.Errorf("call failed: %v", err)
						}
						if errors.Is(err, twinwire.OutcomeUnknown) {
							t.Errorf("call was lost: %v", err)
						}
						calls.Add(1)
					}
					return nil
				})
			})
		}
		for range clients {
			<-begun
		}
		limit, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		began := time.Now()
		if err := e.srv.Shutdown(limit); err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		if took := time.Since(began); took > 4500*time.Millisecond && !raceEnabled {
			t.Errorf("Shutdown took %v: clients did not go by themselves", took)
		}
		for range clients {
			<-begun
		}
		// Where they begin a moment later than here.
		eventually(t, func() bool { return len(slices.Collect(other.srv.Sessions())) == clients })
		before := calls.Load()
		eventually(t, func() bool { return calls.Load() > before+clients })
		stop()
		busy.Wait()
	})
}

// A client that was welcomed before the Shutdown loses nothing that it sends
// with its first frames: its session begins, and is told to leave.
func TestShutdownWelcomed(t *testing.T) {
	for _, wire := range carriers {
		t.Run(wire.name, func(t *testing.T) {
			e := start(t, "", "").serve(service())
			greet := func() (*core.Offer, error) {
				c, err := wire.dial(t.Context(), e)
				if err != nil {
					return nil, err
				}
				return core.Greet(t.Context(), c, &core.Config{Leaves: true, Logger: slog.New(slog.DiscardHandler)}, nil, core.NewAttempt())
			}
			offer, err := greet()
			if err != nil {
				t.Fatal(err)
			}
			down := make(chan error, 1)
			go func() { down <- e.srv.Shutdown(t.Context()) }()
			eventually(t, func() bool {
				other, err := greet()
				if err == nil {
					other.Decline()
				}
				return err != nil
			})
			s := offer.Accept()
			echo(t, s)
			_ = s.Close()
			if err := <-down; err != nil {
				t.Errorf("Shutdown = %v", err)
			}
		})
	}
}

// A client whose calls always overlap stays until its server serves no more. The
// calls that it begins then have not run, none is lost, and it goes elsewhere.
func TestShutdownOverlapping(t *testing.T) {
	other := start(t, "", "").serve(service())
	e := start(t, "", "")
	var ran sync.Map
	next := make(chan struct{}) // hands over from one call to another that runs
	e.serve(service(), &core.Service{Name: "slow", Methods: map[string]core.Method{
		"slow.Call": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			var n codec.Value[int64]
			err := r.Decode(&n)
			ran.Store(n.V, true)
			select {
			case next <- struct{}{}: // the one before may end
			default: // the first
			}
			select {
			case <-next:
			case <-time.After(500 * time.Millisecond): // no more come
			}
			return nil, err
		},
	}})
	opts := &client.Options{Pins: append(e.dev.Pins(), other.dev.Pins()...)}
	var last, refused atomic.Int64
	first := make(chan struct{})
	end := errors.New("elsewhere")
	done := make(chan error, 1)
	go func() {
		sessions := 0
		done <- client.Run(t.Context(), e.addr()+","+other.addr(), opts, func(ctx context.Context, s *core.Session) error {
			if sessions++; sessions == 2 {
				echo(t, s)
				return end
			}
			var calling sync.WaitGroup
			for range 4 {
				calling.Go(func() {
					for ctx.Err() == nil {
						n := last.Add(1)
						err := s.Call(ctx, "slow.Call", codec.Value[int64]{V: n}, nil)
						_, there := ran.Load(n)
						switch {
						case err == nil:
						case errors.Is(err, twinwire.Unavailable) && !errors.Is(err, twinwire.OutcomeUnknown) && !there:
							refused.Add(1)
							<-time.After(10 * time.Millisecond) // as a program should
						default:
							t.Errorf("call %d: %v; it ran: %v", n, err, there)
						}
						if n == 20 {
							close(first)
						}
					}
				})
			}
			calling.Wait()
			return nil
		})
	}()
	<-first
	limit, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	began := time.Now()
	if err := e.srv.Shutdown(limit); err != nil {
		t.Errorf("Shutdown = %v", err)
	}
	if took := time.Since(began); took < 1400*time.Millisecond || took > 2800*time.Millisecond {
		t.Errorf("Shutdown took %v, want half of 3 s and what the last calls take", took)
	}
	if err := <-done; err != end {
		t.Errorf("Run = %v", err)
	}
	t.Logf("%d of %d calls were refused", refused.Load(), last.Load())
}

// A client whose other server is not there stays until its session is ended, and
// comes back.
func TestDrainElsewhereIsDown(t *testing.T) {
	e := start(t, "wss://", "websocket").serve(service())
	down, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = down.Close()
	sessions := 0
	end := errors.New("enough")
	err = client.Run(t.Context(), e.addr()+",wss://"+down.Addr().String(), &client.Options{Pins: e.dev.Pins()}, func(ctx context.Context, s *core.Session) error {
		if sessions++; sessions == 2 {
			echo(t, s)
			return end
		}
		echo(t, s) // the server has it
		limit, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		drained := make(chan error, 1)
		go func() {
			drained <- e.srv.Session(s.ID()).Drain(limit, twinwire.Unavailable, "later", 100*time.Millisecond)
		}()
		for began := time.Now(); time.Since(began) < 1200*time.Millisecond; {
			echo(t, s)
		}
		<-ctx.Done()
		if err := <-drained; err != nil {
			t.Errorf("Drain = %v", err)
		}
		if c := s.Err(); !errors.Is(c, twinwire.Unavailable) {
			t.Errorf("the session ended with %v", c)
		}
		return nil
	})
	if err != end {
		t.Errorf("Run = %v", err)
	}
}

// A client that has no other address finishes its calls, and comes back when it
// was asked to.
func TestDrainAlone(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		running, finish := make(chan struct{}), make(chan struct{})
		e.serve(service(), &core.Service{Name: "slow", Methods: map[string]core.Method{
			"slow.Call": func(context.Context, any, *core.Request) (codec.Marshaler, error) {
				close(running)
				<-finish
				return nil, nil
			},
		}})
		const asked = 300 * time.Millisecond
		var d diary
		var closed time.Time
		sessions := 0
		end := errors.New("enough")
		err := client.Run(t.Context(), e.addr(), &client.Options{Pins: e.dev.Pins(), Changed: d.changed}, func(ctx context.Context, s *core.Session) error {
			if sessions++; sessions == 2 {
				if took := time.Since(closed); took < asked {
					t.Errorf("back after %v", took)
				}
				echo(t, s)
				return end
			}
			slow := make(chan error, 1)
			go func() { slow <- s.Call(ctx, "slow.Call", nil, nil) }()
			<-running
			drained := make(chan error, 1)
			go func() { drained <- e.srv.Session(s.ID()).Drain(t.Context(), twinwire.Unavailable, "later", asked) }()
			eventually(t, func() bool { // new calls are refused
				return errors.Is(s.Call(t.Context(), "test.Echo", text("x"), nil), twinwire.Unavailable)
			})
			if ctx.Err() != nil {
				t.Error("the session has ended while a call was running")
			}
			close(finish)
			if err := <-slow; err != nil {
				t.Errorf("the running call ended with %v", err)
			}
			<-ctx.Done()
			closed = time.Now()
			if err := <-drained; err != nil {
				t.Errorf("Drain = %v", err)
			}
			return nil
		})
		if err != end {
			t.Errorf("Run = %v", err)
		}
		if c := d.newest(core.Leaving); c.RetryAfter != asked {
			t.Errorf("told %v, retry after %v", c, c.RetryAfter)
		}
		if got := d.String(); got != "connecting connected leaving closed connecting reset ended" && got != "connecting connected leaving closed connecting reset closed ended" {
			t.Errorf("told %s", got)
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
