package server_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport"
)

// listener is what a client serves: it passes on what it is told.
func listener(heard chan<- string) *core.Service {
	return &core.Service{Name: "listener", Methods: map[string]core.Method{
		"listener.Tell": func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			var v codec.Value[string]
			err := r.Decode(&v)
			select {
			case heard <- v.V:
			case <-ctx.Done():
			}
			return nil, err
		},
	}}
}

// dialAs dials as a client with an id, which hears what it is told.
func (e *env) dialAs(id string) (*core.Session, <-chan string) {
	heard := make(chan string, 100)
	s := e.dial(&client.Options{Hello: core.Hello{Client: id}, Services: []*core.Service{listener(heard)}})
	echo(e.t, s) // the server's session has begun
	return s, heard
}

func tell(t *testing.T, what string) *core.Prepared {
	t.Helper()
	m, err := core.Prepare("listener.Tell", text(what))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A session is found by its id and by that of its client, says who it is and
// what it has done, and can be ended with a code and a reason.
func TestSessions(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		e.srv.Admit = func(h *core.Hello, _ transport.Info) error {
			if h.Client == "eve" {
				h.Client = "mallory" // whom the server knows better
			}
			return nil
		}
		gone := make(chan error, 10)
		e.srv.Disconnected = func(_ *core.Session, cause error) { gone <- cause }
		if e.srv.Session(core.ID{1}) != nil || slices.Collect(e.srv.SessionsOf("ann")) != nil {
			t.Error("there are sessions before there is a server")
		}
		e.serve(service())
		began := time.Now()
		ids := map[string]int{"ann": 2, "bob": 1, "": 2, "eve": 1}
		sessions := make(map[string][]*core.Session)
		for id, n := range ids {
			for range n {
				s, _ := e.dialAs(id)
				sessions[id] = append(sessions[id], s)
			}
		}
		if n := len(slices.Collect(e.srv.Sessions())); n != 6 {
			t.Errorf("%d sessions, want 6", n)
		}
		for id, n := range map[string]int{"ann": 2, "bob": 1, "": 0, "eve": 0, "mallory": 1, "carol": 0} {
			if got := len(slices.Collect(e.srv.SessionsOf(id))); got != n {
				t.Errorf("%d sessions of %q, want %d", got, id, n)
			}
		}
		bob := sessions["bob"][0]
		s := e.srv.Session(bob.ID())
		if s == nil || s.ID() != bob.ID() || s.Peer().Client != "bob" {
			t.Fatalf("session of bob is %v", s)
		}
		st := s.Stats()
		if info := s.Transport(); info.Wire != e.runsOn || info.RemoteAddr == "" || s.Began().Before(began) || time.Since(s.Began()) < 0 {
			t.Errorf("runs on %v since %v", info, s.Began())
		}
		if st.CallsServed != 1 || st.BytesReceived == 0 || st.BytesSent == 0 || st.CallsServing != 0 || st.CallsWaiting != 0 {
			t.Errorf("figures are %+v", st)
		}
		if e.srv.Session(core.ID{1}) != nil {
			t.Error("a session that nobody has was found")
		}
		s.CloseWith(twinwire.FirstApplicationCode, "not before noon", 0)
		<-bob.Done()
		var closed *transport.CloseError
		if !errors.As(bob.Err(), &closed) || closed.Code != twinwire.FirstApplicationCode || closed.Reason != "not before noon" || !closed.Remote {
			t.Errorf("bob was told %v", bob.Err())
		}
		<-gone
		if e.srv.Session(bob.ID()) != nil || slices.Collect(e.srv.SessionsOf("bob")) != nil {
			t.Error("the session is there after its end")
		}
		_ = sessions["ann"][0].Close()
		<-gone
		if left := slices.Collect(e.srv.SessionsOf("ann")); len(left) != 1 || left[0].ID() != sessions["ann"][1].ID() {
			t.Errorf("ann has %v left", left)
		}
	})
}

// A broadcast reaches those whom the filter lets through, and the filter may
// use the server.
func TestBroadcast(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		e.serve(service())
		_, ann := e.dialAs("ann")
		_, bob := e.dialAs("bob")
		_, nobody := e.dialAs("")
		if n, err := e.srv.Broadcast(t.Context(), tell(t, "all"), nil); n != 3 || err != nil {
			t.Errorf("sent to %d, %v", n, err)
		}
		for _, c := range []<-chan string{ann, bob, nobody} {
			if got := <-c; got != "all" {
				t.Errorf("heard %q", got)
			}
		}
		n, err := e.srv.Broadcast(t.Context(), tell(t, "some"), func(s *core.Session) bool {
			return e.srv.Session(s.ID()) == s && s.Peer().Client != "bob"
		})
		if n != 2 || err != nil || <-ann != "some" || <-nobody != "some" {
			t.Errorf("sent to %d, %v", n, err)
		}
		for s := range e.srv.SessionsOf("bob") { // to one
			if err := tell(t, "you").Send(t.Context(), s); err != nil {
				t.Error(err)
			}
		}
		if got := <-bob; got != "you" {
			t.Errorf("bob heard %q", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if n, err := e.srv.Broadcast(ctx, tell(t, "late"), nil); n != 0 || !errors.Is(err, context.Canceled) {
			t.Errorf("sent to %d, %v", n, err)
		}
		if _, err := e.srv.Broadcast(t.Context(), tell(t, "text").With(text("no map")), nil); !errors.Is(err, twinwire.BadRequest) {
			t.Errorf("what cannot be encoded: %v", err)
		}
	})
}

// Sessions come and go, and the server shuts down, while others look at them
// and send to all.
func TestSessionsDuringShutdown(t *testing.T) {
	e := start(t, "wss://", "websocket").serve(service())
	var sent atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				n, err := e.srv.Broadcast(t.Context(), tell(t, "x"), nil)
				if err != nil {
					t.Error(err)
				}
				sent.Add(int64(n))
				for s := range e.srv.SessionsOf("ann") {
					_ = s.Stats()
				}
			}
		})
	}
	for range 10 {
		s, heard := e.dialAs("ann")
		<-heard
		_ = s.Close()
		e.dialAs("ann")
	}
	if err := e.srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	close(stop)
	wg.Wait()
	if n := len(slices.Collect(e.srv.Sessions())) + len(slices.Collect(e.srv.SessionsOf("ann"))); n != 0 || sent.Load() == 0 {
		t.Errorf("%d sessions after the shutdown, %d messages sent", n, sent.Load())
	}
}
