package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/examples/chat/chat"
	"github.com/twinwire/twinwire/server"
)

// A world is a server, and what tests need to watch it.
type world struct {
	target
	hall   *hall
	server *server.Server
	ctx    context.Context
	// ended has the names of calls whose handlers have returned.
	ended chan string
}

// overWires runs a test over each wire with a server of its own.
func overWires(t *testing.T, f func(t *testing.T, w *world)) {
	for _, wire := range []string{"quic", "ws"} {
		t.Run(wire, func(t *testing.T) {
			w := newWorld(t)
			w.wire = wire
			f(t, w)
		})
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newPatientWorld(t, 100*time.Millisecond) // who is lost has left soon
}

// newPatientWorld returns a world whose server keeps sessions that have lost
// their wire.
func newPatientWorld(t *testing.T, resume time.Duration) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	h, err := newHall()
	if err != nil {
		t.Fatal(err)
	}
	development, err := certs.NewDevelopment(&certs.DevelopmentOptions{Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	l, err := server.Listen("localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{hall: h, ctx: ctx, ended: make(chan string, 1000)}
	w.target = target{addr: fmt.Sprintf("localhost:%d", l.Port()), wire: "auto", pins: development.Pins()}
	srv := newServer(h)
	srv.LoopbackAddr, w.server = "localhost:0", srv
	srv.Certs, srv.Logger = development, slog.New(slog.DiscardHandler)
	srv.Limits.ResumeTime, srv.Heartbeat = resume, 500*time.Millisecond
	srv.Interceptors = []core.Interceptor{
		func(ctx context.Context, r *core.Request, next core.Handler) (codec.Marshaler, error) {
			defer func() { w.ended <- r.Name() }()
			return next(ctx, r)
		},
	}
	serving, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- serve(serving, srv, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Errorf("server: %v", err)
		}
		if err := h.close(); err != nil {
			t.Errorf("hall: %v", err)
		}
		if _, err := os.Stat(h.dir); !os.IsNotExist(err) {
			t.Errorf("the hall left its directory: %v", err)
		}
	})
	return w
}

// connect connects a client that is in no room.
func (w *world) connect(t *testing.T) *chat.ChatClient {
	t.Helper()
	c, err := w.dial(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Session().Close() })
	return c
}

// join connects a client that is in the lobby.
func (w *world) join(t *testing.T, nick string) *chat.ChatClient {
	t.Helper()
	c := w.connect(t)
	if err := c.Join(w.ctx, nick, "lobby"); err != nil {
		t.Fatal(err)
	}
	return c
}

// await waits for an event, past all others.
func (w *world) await(t *testing.T, c *chat.ChatClient, want chat.Event) {
	t.Helper()
	for ev := range c.Events(w.ctx) {
		if reflect.DeepEqual(ev.Event, want) {
			return
		}
	}
	t.Fatalf("%T %+v has not come", want, want)
}

// handlerEnded waits until the handler of a call has returned.
func (w *world) handlerEnded(t *testing.T, name string) {
	t.Helper()
	for {
		select {
		case got := <-w.ended:
			if got == name {
				return
			}
		case <-w.ctx.Done():
			t.Fatalf("the handler of %s goes on", name)
		}
	}
}
