package server_test

import (
	"context"
	"errors"
	"flag"
	"sync"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/server"
)

var crowds = flag.Int("crowd", 0, "how many clients TestCrowdComesBack has; by default 60")

// A crowd is clients that call at all times, each call with a number of its
// own, and counts how often each ran, whichever server it was.
type crowd struct {
	t    *testing.T
	mu   sync.Mutex
	last int64
	ran  map[int64]int
	ends map[int64]error // of calls
	here map[int]core.ID // the session in which a client has had an answer last
}

func (c *crowd) service() *core.Service {
	return &core.Service{Name: "crowd", Methods: map[string]core.Method{
		"crowd.Count": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			var n codec.Value[int64]
			if err := r.Decode(&n); err != nil {
				return nil, err
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			c.ran[n.V]++
			return nil, nil
		},
	}}
}

// run is one client.
func (c *crowd) run(ctx context.Context, who int, addr string, opts *client.Options) {
	_ = client.Run(ctx, addr, opts, func(ctx context.Context, s *core.Session) error {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			c.mu.Lock()
			c.last++
			n := c.last
			c.mu.Unlock()
			err := s.Call(ctx, "crowd.Count", codec.Value[int64]{V: n}, nil)
			c.mu.Lock()
			if c.ends[n] = err; err == nil {
				c.here[who] = s.ID()
			}
			c.mu.Unlock()
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
		return nil
	})
}

// answered waits until every client has had an answer in a session that began
// after those.
func (c *crowd) answered(clients int, before map[int]core.ID) time.Duration {
	c.t.Helper()
	began := time.Now()
	if !within(4*time.Minute, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for who := range clients {
			if id, ok := c.here[who]; !ok || id == before[who] {
				return false
			}
		}
		return true
	}) {
		c.t.Fatal("some clients do not come back")
	}
	return time.Since(began)
}

func (c *crowd) sessions() map[int]core.ID {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[int]core.ID, len(c.here))
	for who, id := range c.here {
		all[who] = id
	}
	return all
}

// All clients of a server come back within 10 s after it was restarted, in peace
// or not; no call runs twice, and each ends as it ran. A thousand do so too:
//
//	go test ./server -run TestCrowdComesBack -crowd 1000 -v
func TestCrowdComesBack(t *testing.T) {
	const away = time.Second
	clients := *crowds
	if clients == 0 {
		if clients = 60; raceEnabled {
			clients = 30
		}
	}
	e := start(t, "", "")
	limits := &core.Limits{Admission: core.Admission{ConnectRate: -1, ConnectBurst: -1, AddressSessions: -1, AddressConnections: -1}}
	e.srv.Limits = limits // all are at one address
	c := &crowd{t: t, ran: map[int64]int{}, ends: map[int64]error{}, here: map[int]core.ID{}}
	e.serve(c.service())
	addr := e.ln.Addr()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for who := range clients {
		prefix := []string{"wss://", "quic://", ""}[who%3]
		running.Go(func() { c.run(ctx, who, prefix+addr, &client.Options{Pins: e.dev.Pins()}) })
	}
	// A machine that is slow to connect them at first is to bring them back.
	bar := max(10*time.Second, 3*c.answered(clients, nil))
	best := time.Hour // a machine that is busy with something else is slow
	for name, end := range map[string]func() error{
		"shutdown": func() error { return e.srv.Shutdown(ctx) },
		"close":    func() error { return e.srv.Close() },
	} {
		before := c.sessions()
		if err := end(); err != nil {
			t.Error(err)
		}
		if err := <-e.served; err != server.ErrClosed {
			t.Errorf("Serve returned %v, want ErrClosed", err)
		}
		<-time.After(away)
		e.srv = &server.Server{Certs: e.dev, Logger: e.srv.Logger, Limits: limits}
		e.srv.Handle(c.service())
		var err error
		if e.ln, err = server.Listen(addr); err != nil {
			t.Fatal(err)
		}
		go func() { e.served <- e.srv.Serve(e.ln) }()
		took := c.answered(clients, before)
		t.Logf("after %s all %d are back after %v", name, clients, took)
		best = min(best, took)
	}
	if best > bar {
		t.Errorf("the last is back after %v", best)
	}
	stop()
	running.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := int64(1); n <= c.last; n++ {
		ran, err := c.ran[n], c.ends[n]
		switch {
		case ran > 1, err == nil && ran != 1, errors.Is(err, twinwire.Unavailable) && ran != 0:
			t.Errorf("call %d ran %d times and ended with %v", n, ran, err)
		}
	}
}
