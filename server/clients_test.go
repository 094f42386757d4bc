package server_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/auth"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/server"
)

// named takes a token as the name of a principal.
func named(_ context.Context, l *auth.Login) (*core.Principal, error) {
	return &core.Principal{ID: string(l.Credential)}, nil
}

func (e *env) try(principal, id string) (*core.Session, error) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), 10*time.Second)
	defer cancel()
	s, err := client.Dial(ctx, e.addr(), &client.Options{Pins: e.dev.Pins(), Hello: core.Hello{Client: id}, Credentials: client.Token(principal)})
	if err == nil {
		e.t.Cleanup(func() { _ = s.Close() })
		echo(e.t, s) // it has begun on both sides
	}
	return s, err
}

// Clause 15.9: what becomes of a second session with the id of the first.
func TestClientIDs(t *testing.T) {
	for _, w := range wires[:2] {
		t.Run(w.name, func(t *testing.T) {
			for policy, name := range map[server.ClientIDs]string{server.ShareClientIDs: "share", server.RefuseSecond: "refuse", server.TakeOver: "take over"} {
				t.Run(name, func(t *testing.T) {
					e := start(t, w.prefix, w.runsOn)
					e.srv.ClientIDs, e.srv.Authenticate = policy, named
					e.serve(service())
					first, err := e.try("ann", "phone")
					if err != nil {
						t.Fatal(err)
					}
					// Of somebody else, of another id, and without one.
					for _, other := range [][2]string{{"eve", "phone"}, {"ann", "desk"}, {"ann", ""}, {"ann", ""}, {"", "phone"}} {
						if _, err := e.try(other[0], other[1]); err != nil {
							t.Fatalf("%v: %v", other, err)
						}
					}
					if err := first.Err(); err != nil {
						t.Fatalf("the first has ended: %v", err)
					}
					_, err = e.try("ann", "phone")
					switch policy {
					case server.ShareClientIDs:
						if err != nil || first.Err() != nil {
							t.Errorf("the second: %v, the first: %v", err, first.Err())
						}
					case server.RefuseSecond:
						if !errors.Is(err, twinwire.AlreadyExists) || first.Err() != nil {
							t.Errorf("the second: %v, the first: %v", err, first.Err())
						}
						_ = first.Close()
						eventually(t, func() bool { _, err = e.try("ann", "phone"); return err == nil })
					case server.TakeOver:
						<-first.Done()
						if err != nil || !errors.Is(first.Err(), twinwire.TakenOver) {
							t.Errorf("the second: %v, the first: %v", err, first.Err())
						}
					}
				})
			}
		})
	}
}

// A session whose carrier is dead does not keep its id from its owner, whether
// the server has noticed that or not.
func TestDeadCarrierHoldsNoID(t *testing.T) {
	for _, noticed := range []bool{true, false} {
		name := map[bool]string{true: "detached", false: "silent"}[noticed]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t, "wss://", "websocket")
			e.srv.ClientIDs, e.srv.Authenticate = server.RefuseSecond, named
			e.serve(service())
			r := newRoad(t, e.ln.Addr())
			lost, err := client.Dial(t.Context(), "wss://"+r.addr(), &client.Options{
				Pins: e.dev.Pins(), Hello: core.Hello{Client: "phone"}, Credentials: client.Token("ann"),
				Reconnect: &client.Reconnect{Never: !noticed, First: time.Hour, Most: time.Hour},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = lost.Close() }()
			echo(t, lost)
			held := sessionsOf(e.srv, "phone")[0]
			if noticed {
				r.block(true, true)
				r.cut()
				eventually(t, func() bool { return phase(held) == core.Detached })
			} else {
				r.freeze()
				eventually(t, func() bool {
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
					defer cancel()
					return !held.Alive(ctx)
				})
			}
			if _, err := e.try("ann", "phone"); err != nil {
				t.Fatalf("the owner is kept out: %v", err)
			}
			eventually(t, func() bool { return errors.Is(held.Err(), twinwire.TakenOver) })
			if n := len(sessionsOf(e.srv, "phone")); n != 1 {
				eventually(t, func() bool { return len(sessionsOf(e.srv, "phone")) == 1 })
			}
		})
	}
}

func phase(s *core.Session) core.Phase {
	for c := range s.Lifecycle(context.Background()) {
		return c.Phase
	}
	return core.Ended
}

// Run does not take turns with who has taken over.
func TestRunEndsWhenTakenOver(t *testing.T) {
	e := start(t, "wss://", "websocket")
	e.srv.ClientIDs = server.TakeOver
	e.serve(service())
	began := make(chan struct{}, 10)
	ended := make(chan error, 1)
	go func() {
		ended <- client.Run(t.Context(), e.addr(), &client.Options{Pins: e.dev.Pins(), Hello: core.Hello{Client: "phone"}}, func(ctx context.Context, s *core.Session) error {
			echo(t, s)
			began <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	<-began
	second := e.dial(&client.Options{Hello: core.Hello{Client: "phone"}})
	if err := <-ended; !errors.Is(err, twinwire.TakenOver) {
		t.Errorf("Run = %v", err)
	}
	if len(began) > 0 || second.Err() != nil {
		t.Errorf("Run has come back, the second: %v", second.Err())
	}
}
