package server_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
)

// Sessions whose wire breaks while their server shuts down go on over another,
// also where a call has ended meanwhile; newcomers are refused, on every wire,
// and told when to come (clause 8.4).
func TestShutdownResume(t *testing.T) {
	for name, c := range map[string]struct {
		prefix string
		lose   func(r *road) // breaks the wire
		find   func(r *road) // after the call has ended; nil if the way is free
	}{
		"WebSocket, cut":            {"wss://", func(r *road) { r.cut() }, nil},
		"QUIC, then WebSocket":      {"", func(r *road) { r.block(true, false) }, nil},
		"WebSocket, away for a bit": {"wss://", func(r *road) { r.block(false, true); r.cut() }, func(r *road) { r.block(false, false) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t, "", "")
			running, finish := make(chan struct{}), make(chan struct{})
			e.srv.Handler = http.NotFoundHandler()
			e.serve(service(), &core.Service{Name: "slow", Methods: map[string]core.Method{
				"slow.Call": func(context.Context, any, *core.Request) (codec.Marshaler, error) {
					close(running)
					<-finish
					return nil, nil
				},
			}})
			r := newRoad(t, e.ln.Addr())
			var d diary
			s, err := client.Dial(t.Context(), c.prefix+r.addr(), &client.Options{
				Pins: e.dev.Pins(), Changed: d.changed, Memory: new(client.Memory), HeadStart: 2 * time.Second,
				Reconnect: &client.Reconnect{Most: 50 * time.Millisecond},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			slow := make(chan error, 1)
			go func() { slow <- s.Call(t.Context(), "slow.Call", nil, nil) }()
			<-running
			limit, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			down := make(chan error, 1)
			go func() { down <- e.srv.Shutdown(limit) }()
			eventually(t, func() bool { return d.newest(core.Leaving).Phase == core.Leaving })
			for _, prefix := range []string{"wss://", "quic://"} {
				var refused *core.RefusedError
				_, err := client.Dial(t.Context(), prefix+e.ln.Addr(), &client.Options{Pins: e.dev.Pins()})
				if !errors.As(err, &refused) || refused.Code != twinwire.Unavailable || refused.RetryAfter <= 0 || refused.Never {
					t.Errorf("a newcomer on %s: %v", prefix, err)
				}
			}
			c.lose(r)
			if c.find != nil {
				server := e.srv.Session(s.ID())
				for c := range server.Lifecycle(t.Context()) {
					if c.Phase == core.Detached {
						break
					}
				}
				close(finish) // its answer cannot leave
				eventually(t, func() bool { return r.refusals() > 1 })
				c.find(r)
			} else {
				for c := range e.srv.Session(s.ID()).Lifecycle(t.Context()) { // the client knows a moment before
					if c.Phase == core.Resumed {
						break
					}
				}
				close(finish)
			}
			if err := <-slow; err != nil {
				t.Errorf("the running call ended with %v\n%v", err, &d)
			}
			if err := <-down; err != nil {
				t.Errorf("Shutdown = %v", err)
			}
			<-s.Done()
			if err := s.Err(); !errors.Is(err, twinwire.Unavailable) {
				t.Errorf("the session ended with %v", err)
			}
		})
	}
}

// A session whose client has been away for long does not hold up a Shutdown.
func TestShutdownWithoutClient(t *testing.T) {
	e := start(t, "", "").serve(service())
	r := newRoad(t, e.ln.Addr())
	s, err := client.Dial(t.Context(), "wss://"+r.addr(), &client.Options{Pins: e.dev.Pins()})
	if err != nil {
		t.Fatal(err)
	}
	echo(t, s)
	r.block(false, true)
	r.cut()
	server := e.srv.Session(s.ID())
	for c := range server.Lifecycle(t.Context()) {
		if c.Phase == core.Detached {
			break
		}
	}
	limit, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began := time.Now()
	if err := e.srv.Shutdown(limit); err != nil {
		t.Errorf("Shutdown = %v", err)
	}
	if took := time.Since(began); took < 300*time.Millisecond || took > 900*time.Millisecond {
		t.Errorf("it took %v, want half of the second", took)
	}
	r.block(false, false)
	_ = s.Close()
}

// Nor do clients that are in the middle of a handshake: they are told.
func TestShutdownDuringHandshake(t *testing.T) {
	for _, wire := range carriers {
		t.Run(wire.name, func(t *testing.T) {
			t.Parallel()
			e := start(t, "", "").serve(service())
			c, err := wire.dial(t.Context(), e)
			if err == nil {
				err = c.Send(0, goodHello())
			}
			if err != nil {
				t.Fatal(err)
			}
			down := make(chan error, 1)
			began := time.Now()
			welcomed := false
			err = c.Receive(func(int, []byte) error { // the welcome
				if !welcomed {
					began, welcomed = time.Now(), true
					go func() { down <- e.srv.Shutdown(t.Context()) }()
				}
				return nil
			})
			if !welcomed || twinwire.CodeOf(err) != twinwire.Unavailable {
				t.Fatalf("welcomed: %v; the carrier ended with %v", welcomed, err)
			}
			if err := <-down; err != nil {
				t.Errorf("Shutdown = %v", err)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("Shutdown took %v", took)
			}
		})
	}
}
