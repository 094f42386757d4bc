package server_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport"
)

// A diary is what Options.Changed was told, without the tries but the first of
// several in a row.
type diary struct {
	mu  sync.Mutex
	all []core.Change
}

func (d *diary) changed(c core.Change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.all); c.Phase == core.Connecting && n > 0 && d.all[n-1].Phase == core.Connecting {
		return
	}
	d.all = append(d.all, c)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var s []string
	for _, c := range d.all {
		s = append(s, c.Phase.String())
	}
	return strings.Join(s, " ")
}

// newest returns the newest change of a phase.
func (d *diary) newest(p core.Phase) (c core.Change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, v := range d.all {
		if v.Phase == p {
			c = v
		}
	}
	return c
}

// The life of what is dialed is told in order: of a session that loses its
// wire, of one that the server closes, of those that Run begins in their place,
// and of calls that were left.
func TestChanged(t *testing.T) {
	e := start(t, "wss://", "websocket").serve(service())
	r := newRoad(t, e.ln.Addr())
	var d diary
	opts := &client.Options{Pins: e.dev.Pins(), Changed: d.changed, Reconnect: &client.Reconnect{
		AfterClose: func(c *transport.CloseError) bool { return c.Code != twinwire.PermissionDenied },
	}}
	sessions := make(chan *core.Session)
	done := make(chan error, 1)
	go func() {
		done <- client.Run(t.Context(), "wss://"+r.addr(), opts, func(ctx context.Context, s *core.Session) error {
			sessions <- s
			return s.Call(ctx, "test.Wait", nil, nil)
		})
	}()
	s := <-sessions
	echo(t, s)
	r.cut()
	eventually(t, func() bool { return strings.HasSuffix(d.String(), "resumed") })
	echo(t, s)
	e.srv.Session(s.ID()).CloseWith(twinwire.Unavailable, "later", time.Millisecond)
	s = <-sessions
	echo(t, s)
	eventually(t, func() bool { return strings.HasSuffix(d.String(), "reset") }) // told a moment later
	if c := d.newest(core.Closed); c.Cause == nil || !errors.Is(c.Cause, twinwire.Unavailable) {
		t.Errorf("closed: %v", c)
	}
	if c := d.newest(core.Reset); c.Pending != 1 || !errors.Is(c.Cause, twinwire.Unavailable) || c.Wire.Wire != "websocket" {
		t.Errorf("reset: %v, %d pending", c, c.Pending)
	}
	e.srv.Session(s.ID()).CloseWith(twinwire.PermissionDenied, "go away", 0)
	if err := <-done; !errors.Is(err, twinwire.PermissionDenied) {
		t.Errorf("Run = %v", err)
	}
	const want = "connecting connected detached connecting resumed closed connecting reset closed ended"
	if d.String() != want {
		t.Errorf("life is\n%v, want\n%v", &d, want)
	}
	var closed *transport.CloseError
	if c := d.newest(core.Ended); c.Pending != 1 || !errors.As(c.Cause, &closed) || !closed.Remote || closed.Reason != "go away" {
		t.Errorf("ended: %v", c)
	}

	// What Dial begins, and what it does not.
	d = diary{}
	s, err := client.Dial(t.Context(), "wss://"+r.addr(), opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	eventually(t, func() bool { return d.String() == "connecting connected closed ended" })
	if c := d.newest(core.Closed); !errors.As(c.Cause, &closed) || closed.Remote {
		t.Errorf("closed by this side: %v", c)
	}
	d = diary{}
	if _, err := client.Dial(t.Context(), "nowhere://", opts); err == nil || d.String() != "connecting ended" || d.newest(core.Ended).Cause == nil {
		t.Errorf("a dial that fails: %v, %v", &d, err)
	}
}

// A policy bounds how often, and how long, is tried.
func TestReconnectPolicy(t *testing.T) {
	e := start(t, "wss://", "websocket").serve(service())
	for name, policy := range map[string]*client.Reconnect{
		"tries": {Tries: 3, First: time.Millisecond},
		"time":  {For: 100 * time.Millisecond, First: 10 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoad(t, e.ln.Addr())
			tries := 0
			var cause error
			ended := make(chan struct{}, 1)
			opts := &client.Options{Pins: e.dev.Pins(), Reconnect: policy, Changed: func(c core.Change) {
				switch c.Phase {
				case core.Connecting:
					tries, cause = max(tries, c.Try), c.Cause
				case core.Ended:
					ended <- struct{}{}
				}
			}}
			s, err := client.Dial(t.Context(), "wss://"+r.addr(), opts)
			if err != nil {
				t.Fatal(err)
			}
			r.block(false, true)
			began := time.Now()
			r.cut()
			<-ended
			if !errors.Is(s.Err(), twinwire.Unavailable) || time.Since(began) > 10*time.Second {
				t.Errorf("session ended with %v after %v", s.Err(), time.Since(began))
			}
			if err := client.Run(t.Context(), "wss://"+r.addr(), opts, nil); !errors.Is(err, twinwire.Unavailable) {
				t.Errorf("Run = %v", err)
			}
			<-ended
			if policy.Tries > 0 && tries != policy.Tries || tries < 2 || cause == nil {
				t.Errorf("tried %d times, the last one because of %v", tries, cause)
			}
		})
	}
}

// Calls that use the context which Run gives say what has become of them when
// their session ends, and not that they were canceled.
func TestRunContext(t *testing.T) {
	running := make(chan *core.Session)
	e := start(t, "wss://", "websocket").serve(&core.Service{Name: "wait", Methods: map[string]core.Method{
		"wait.Call": func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			running <- r.Session()
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}})
	for i := range 20 {
		var err error
		rounds := 0
		end := errors.New("enough")
		got := client.Run(t.Context(), e.addr(), &client.Options{Pins: e.dev.Pins(), Reconnect: &client.Reconnect{First: time.Millisecond}},
			func(ctx context.Context, s *core.Session) error {
				if rounds++; rounds > 1 {
					return end
				}
				go func() { (<-running).CloseWith(twinwire.Unavailable, fmt.Sprint(i), 0) }()
				err = s.Call(ctx, "wait.Call", nil, nil)
				return err
			})
		if got != end || errors.Is(err, twinwire.Canceled) || err == nil {
			t.Fatalf("Run = %v, the call ended with %v", got, err)
		}
	}
}
