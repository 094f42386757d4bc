package state_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/state"
	"github.com/twinwire/twinwire/transport/mem"
)

// A hall is a server with a value for each session and one for all.
type hall struct {
	all      *state.Shared[room]
	acceptor *core.Acceptor
	pipe     *mem.Options
	attempts byte
}

// own is the instance of a session.
type own struct{ value *state.Value[room] }

func newHall(t testing.TB, pipe *mem.Options, limits *core.Limits) *hall {
	t.Helper()
	h := &hall{all: shared(t, room{Players: map[string]player{}}, &state.Options{Limit: 3 << 20}), pipe: pipe}
	service := &core.Service{
		Name: "hall",
		Open: func(s *core.Session) (any, error) {
			v, err := state.New(s, "own", schemaOf[room](t), room{Title: "hello"}, nil)
			return &own{v}, err
		},
		Methods: map[string]core.Method{
			// Say adds to the log of the caller.
			"hall.Say": func(_ context.Context, o any, r *core.Request) (codec.Marshaler, error) {
				var text codec.Value[string]
				if err := r.Decode(&text); err != nil {
					return nil, err
				}
				return nil, o.(*own).value.Update(func(r *room) { r.Log = append(r.Log, text.V) })
			},
			"hall.Enter": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
				return nil, h.all.Attach(r.Session())
			},
			"hall.Leave": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
				h.all.Detach(r.Session())
				return nil, nil
			},
			// Move changes what all see.
			"hall.Move": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
				var name codec.Value[string]
				if err := r.Decode(&name); err != nil {
					return nil, err
				}
				return nil, h.all.Update(func(r *room) {
					p := r.Players[name.V]
					p.X++
					r.Players[name.V] = p
				})
			},
		},
	}
	var err error
	h.acceptor, err = core.NewAcceptor(&core.Config{Services: []*core.Service{service}, Limits: limits, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// A client is a session with views of both values.
type client struct {
	*core.Session
	own, all *state.View[room]
	carrier  *mem.Carrier
	served   chan struct{}
}

func (h *hall) connect(t testing.TB) *client {
	t.Helper()
	mux, err := core.NewMux(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	near, far := mem.Pipe(h.pipe)
	h.attempts++
	c := &client{carrier: near, served: make(chan struct{})}
	go func() { // ends with the session, which the cleanup closes
		defer close(c.served)
		_ = h.acceptor.Serve(far)
	}()
	offer, err := core.Greet(t.Context(), near, &core.Config{Logger: slog.New(slog.DiscardHandler)}, mux, core.ID{h.attempts})
	if err != nil {
		t.Fatal(err)
	}
	c.Session = offer.Accept()
	t.Cleanup(func() {
		_ = c.Close()
		<-c.served
	})
	if c.own, err = state.NewView(c.Session, "own", schemaOf[room](t), nil); err != nil {
		t.Fatal(err)
	}
	if c.all, err = state.NewView(c.Session, "room", schemaOf[room](t), nil); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *client) call(t testing.TB, method, text string) {
	t.Helper()
	if err := c.Call(t.Context(), "hall."+method, codec.Value[string]{V: text}, nil); err != nil {
		t.Errorf("%s: %v", method, err)
	}
}

// overPipes runs a test over both kinds of carriers.
func overPipes(t *testing.T, limits *core.Limits, f func(t *testing.T, h *hall)) {
	for name, pipe := range map[string]*mem.Options{"lanes": nil, "one pipe": {OnePipe: true}, "narrow": {OnePipe: true, Buffer: 1}} {
		t.Run(name, func(t *testing.T) { f(t, newHall(t, pipe, limits)) })
	}
}

func TestReadYourWrites(t *testing.T) {
	overPipes(t, nil, func(t *testing.T, h *hall) {
		a, b := h.connect(t), h.connect(t)
		if _, err := a.own.Wait(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		if got, _ := a.own.Load(); got.Title != "hello" {
			t.Errorf("begins as %+v", got)
		}
		var wg sync.WaitGroup
		for i, c := range []*client{a, b} {
			c.call(t, "Enter", "")
			if _, version := c.all.Load(); version == 0 {
				t.Error("Enter returned before the value was there")
			}
			for j := range 4 {
				wg.Go(func() {
					name := fmt.Sprint(i, j)
					for k := range 50 {
						c.call(t, "Say", name)
						got, _ := c.own.Load()
						if n := strings.Count(strings.Join(got.Log, ","), name); n != k+1 {
							t.Errorf("%d of %d changes are there after the call", n, k+1)
						}
						c.call(t, "Move", name)
						if got, _ := c.all.Load(); got.Players[name].X != k+1 {
							t.Errorf("%d of %d changes to what is shared are there after the call", got.Players[name].X, k+1)
						}
					}
				})
			}
		}
		wg.Wait()
		// Both come to see all of it.
		for _, c := range []*client{a, b} {
			for got := range c.all.Changes(t.Context()) {
				if sum := total(got); sum == 400 {
					break
				}
			}
			same(t, h.all, c.all)
		}
	})
}

func total(r room) (sum int) {
	for _, p := range r.Players {
		sum += p.X
	}
	return sum
}

func TestSessionsDetachThemselves(t *testing.T) {
	overPipes(t, nil, func(t *testing.T, h *hall) {
		a, b := h.connect(t), h.connect(t)
		a.call(t, "Enter", "")
		b.call(t, "Enter", "")
		b.call(t, "Enter", "")
		if n := h.all.Sessions(); n != 2 {
			t.Errorf("%d sessions", n)
		}
		_ = a.Close()
		<-a.served
		if n := h.all.Sessions(); n != 1 {
			t.Errorf("%d sessions after one has ended", n)
		}
		if a.all.Err() == nil || a.own.Err() == nil {
			t.Errorf("views of an ended session say %v and %v", a.all.Err(), a.own.Err())
		}
		b.call(t, "Move", "x")
		b.call(t, "Leave", "")
		if n := h.all.Sessions(); n != 0 {
			t.Errorf("%d sessions after the other has left", n)
		}
		if b.all.Err() != state.ErrClosed {
			t.Errorf("view says %v", b.all.Err())
		}
		b.call(t, "Move", "x")
		b.call(t, "Enter", "")
		same(t, h.all, b.all)
		if b.all.Err() != nil {
			t.Error(b.all.Err())
		}
	})
}

func TestAttachEndedSession(t *testing.T) {
	h := newHall(t, nil, nil)
	c := h.connect(t)
	_ = c.Close()
	<-c.served
	if err := h.all.Attach(c.Session); !errors.Is(err, twinwire.Unavailable) {
		t.Errorf("Attach returns %v", err)
	}
	if _, err := state.New(c.Session, "x", schemaOf[room](t), room{}, nil); !errors.Is(err, twinwire.Unavailable) {
		t.Errorf("New returns %v", err)
	}
}

func TestOneViewOfAName(t *testing.T) {
	c := newHall(t, nil, nil).connect(t)
	if _, err := state.NewView(c.Session, "own", schemaOf[room](t), nil); !errors.Is(err, twinwire.AlreadyExists) {
		t.Errorf("NewView returns %v", err)
	}
}

// The other side may own values as well.
func TestClientOwns(t *testing.T) {
	h := newHall(t, nil, nil)
	sessions := make(chan *core.Session, 1)
	h.acceptor.Began = func(s *core.Session) { sessions <- s }
	c := h.connect(t)
	v, err := state.New(c.Session, "mine", schemaOf[room](t), room{Title: "client"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	update(t, v, func(r *room) { r.Title = "changed" })
	view, err := state.NewView(<-sessions, "mine", schemaOf[room](t), nil)
	if err != nil {
		t.Fatal(err)
	}
	for got := range view.Changes(t.Context()) {
		if got.Title == "changed" {
			break
		}
	}
}

// holdUp is a receiver that keeps its session from reading.
type holdUp chan struct{}

func (h holdUp) ReceiveState(core.StateUpdate) error { <-h; return nil }

// A client that does not read is sent the newest whole once it does, and holds
// up nobody.
func TestStalledClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, &mem.Options{SendTimeout: -1}, &core.Limits{StateBytes: 1 << 10})
		served := make(chan *core.Session, 2)
		h.acceptor.Began = func(s *core.Session) { served <- s }
		stalled, well := h.connect(t), h.connect(t)
		stalled.call(t, "Enter", "")
		well.call(t, "Enter", "")
		hold := make(holdUp)
		if err := stalled.ReceiveState("hold up", hold); err != nil {
			t.Fatal(err)
		}
		if err := (<-served).OpenState("hold up").Snapshot(1, nil); err != nil {
			t.Fatal(err)
		}
		text := strings.Repeat("x", 1000)
		for i := range 150 {
			update(t, h.all, func(r *room) { r.Log = append(r.Log, fmt.Sprint(i, text)) })
			time.Sleep(10 * time.Millisecond) // as often as changes are sent
		}
		well.call(t, "Move", "x")
		same(t, h.all, well.all)
		close(hold)
		for got := range stalled.all.Changes(t.Context()) {
			if len(got.Log) == 150 && got.Players["x"].X == 1 {
				break
			}
		}
		same(t, h.all, stalled.all)
		if s := stalled.all.Status(); s.Snapshots < 2 || s.Version >= 150 {
			t.Errorf("status of the stalled one is %+v", s)
		}
	})
}

// Changes that come faster than Limits.StateRate are sent together, and counted
// (clause 5.7); no reply overtakes one (6.9), nor does a goodbye.
func TestStateRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, nil, &core.Limits{StateRate: 50})
		served := make(chan *core.Session, 2)
		h.acceptor.Began = func(s *core.Session) { served <- s }
		a, b := h.connect(t), h.connect(t)
		a.call(t, "Enter", "")
		b.call(t, "Enter", "")
		time.Sleep(time.Second)
		_, seen := b.all.Load()
		for i := range 500 {
			a.call(t, "Move", "a")
			if got, _ := a.all.Load(); got.Players["a"].X != i+1 {
				t.Fatalf("a reply overtook its change: %+v after %d", got, i+1)
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(20 * time.Millisecond)
		synctest.Wait()
		same(t, h.all, b.all)
		if _, now := b.all.Load(); now-seen > 27 {
			t.Errorf("one that did nothing was sent %d changes in half a second", now-seen)
		}
		if n := h.acceptor.Stats().Reached[core.LimitStateRate]; n == 0 {
			t.Error("nothing was counted")
		}
		update(t, h.all, func(r *room) { r.Title = "first" })
		update(t, h.all, func(r *room) { r.Title = "last words" })
		(<-served).CloseWith(twinwire.Accepted, "", 0)
		<-a.Done()
		if got, _ := a.all.Load(); got.Title != "last words" {
			t.Errorf("the goodbye overtook a change: %q", got.Title)
		}
	})
}
