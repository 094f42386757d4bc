package core_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/mem"
)

// phase returns where a session is in its life.
func phase(s *core.Session) (p core.Phase) {
	synctest.Wait()
	for c := range s.Lifecycle(context.Background()) {
		p = c.Phase
		break
	}
	return p
}

// A session waits for as long as was agreed each time that it has lost its
// carrier (clause 14.1).
func TestResumeWaitsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _ := serving(map[string]core.Handler{"test.Echo": echo})
		server.Limits = &core.Limits{ResumeTime: 30 * time.Second}
		w := roam(t, server, &core.Config{})
		w.offline.Store(true)
		for i := range 4 {
			w.cut()
			time.Sleep(20 * time.Second)
			if p := phase(w.server); p != core.Detached {
				t.Fatalf("after %d losses the session is %v", i+1, p)
			}
			if err := w.again(w.client); err != nil {
				t.Fatalf("after %d losses: %v", i+1, err)
			}
			if got, err := call(t.Context(), w.client, "test.Echo", "x"); got != "x" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		}
	})
}

// A carrier that the peer has closed for good ends the session, whatever could
// be had in its place (clause 14.1).
func TestResumeNotAfterClose(t *testing.T) {
	for _, code := range []twinwire.Code{twinwire.Replaced, twinwire.PeerDead, twinwire.Unavailable, twinwire.ProtocolError, twinwire.Accepted} {
		t.Run(code.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, _ := serving(map[string]core.Handler{"test.Echo": echo})
				w := roam(t, server, &core.Config{})
				var far *mem.Carrier
				w.wrap = func(c *mem.Carrier) transport.Carrier {
					far = c
					return c
				}
				if err := w.again(w.client); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				dialed := w.attempts.Load()
				far.Close(code, "test")
				synctest.Wait()
				goesOn := code == twinwire.Replaced || code == twinwire.PeerDead
				if again := w.attempts.Load() > dialed; again != goesOn || goesOn != (w.client.Err() == nil) {
					t.Errorf("another carrier: %v; the session has ended with %v", again, w.client.Err())
				}
			})
		})
	}
}

// A session that goes on gives back the room that it took when it waited.
func TestParkedBytesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _ := serving(map[string]core.Handler{"test.Note": func(context.Context, *core.Request) (codec.Marshaler, error) { return nil, nil }})
		server.Limits = &core.Limits{Admission: core.Admission{ParkedBytes: 10_000}}
		w := roam(t, server, &core.Config{Services: server.Services})
		w.offline.Store(true)
		for i := range 5 {
			if err := w.server.Send(t.Context(), "test.Note", str("")); err != nil { // binds the lane
				t.Fatal(err)
			}
			synctest.Wait()
			w.mu.Lock()
			w.cc.Stall(1) // no acknowledgement leaves the client
			w.cc.Stall(0)
			w.mu.Unlock()
			for range 6 {
				if err := w.server.Send(t.Context(), "test.Note", str(strings.Repeat("x", 1000))); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			w.cut()
			if p := phase(w.server); p != core.Detached {
				t.Fatalf("after %d losses the session is %v", i+1, p)
			}
			if err := w.again(w.client); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
	})
}

// A session that drains waits for a client that it has just lost, for 2 s, and
// not for one that has been away for longer.
func TestDrainDetached(t *testing.T) {
	for away, waits := range map[time.Duration]time.Duration{0: time.Second, time.Second: 500 * time.Millisecond, 3 * time.Second: 0} {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			server, _ := serving(map[string]core.Handler{
				"test.Wait": func(context.Context, *core.Request) (codec.Marshaler, error) { <-release; return nil, nil },
			})
			w := roam(t, server, &core.Config{})
			w.offline.Store(true)
			running := async(t.Context(), w.client, "test.Wait")
			synctest.Wait()
			w.cut()
			synctest.Wait()
			close(release)
			time.Sleep(away)
			began := time.Now()
			drained := make(chan error, 1)
			go func() { drained <- w.server.Drain(t.Context(), twinwire.Unavailable, "", 0) }()
			if waits == 0 {
				if err := <-drained; err != nil || time.Since(began) > 0 {
					t.Errorf("a session without its client: Drain = %v after %v", err, time.Since(began))
				}
				return
			}
			time.Sleep(waits)
			if err := w.again(w.client); err != nil {
				t.Fatal(err)
			}
			if err := <-running; err != nil {
				t.Errorf("the call ended with %v", err)
			}
			if err := <-drained; err != nil {
				t.Errorf("Drain = %v", err)
			}
		})
	}
}

// A session that drains does not take it that what it has sent has arrived: a
// client whose wire has vanished, which the server does not know of, comes back
// for its answer.
func TestDrainVanished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		server, _ := serving(map[string]core.Handler{
			"test.Wait": func(context.Context, *core.Request) (codec.Marshaler, error) { <-release; return nil, nil },
		})
		w := roam(t, server, &core.Config{})
		var far *mem.Carrier
		w.wrap = func(c *mem.Carrier) transport.Carrier {
			far = c
			return c
		}
		if err := w.again(w.client); err != nil {
			t.Fatal(err)
		}
		running := async(t.Context(), w.client, "test.Wait")
		far.Stall(mem.AllLanes)
		close(release)
		synctest.Wait()
		drained := make(chan error, 1)
		go func() { drained <- w.server.Drain(t.Context(), twinwire.Unavailable, "", 0) }()
		if err := <-running; err != nil {
			t.Errorf("the call ended with %v", err)
		}
		if err := <-drained; err != nil {
			t.Errorf("Drain = %v", err)
		}
	})
}

// A counter is a carrier that counts what is sent.
type counter struct {
	transport.Carrier
	sent atomic.Int64 // bytes
}

func (c *counter) Send(pipe int, batch []byte) error {
	c.sent.Add(int64(len(batch)))
	return c.Carrier.Send(pipe, batch)
}

// What has arrived is not sent again, although no acknowledgement came before
// the carrier broke: hello and welcome tell (clause 14.4).
func TestResumeSendsLittle(t *testing.T) {
	for name, toServer := range map[string]bool{"to the server": true, "to the client": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := new(notes)
				server, _ := serving(got.service())
				w := roam(t, server, &core.Config{Services: server.Services})
				w.offline.Store(true)
				from := w.client
				if !toServer {
					from = w.server
				}
				if err := from.Send(t.Context(), "test.Note", str("")); err != nil { // binds the lane
					t.Fatal(err)
				}
				synctest.Wait()
				w.mu.Lock()
				ends := w.cc
				w.mu.Unlock()
				if err := from.Send(t.Context(), "test.Note", str(strings.Repeat("x", 10_000))); err != nil {
					t.Fatal(err)
				}
				synctest.Wait() // it has arrived, and its acknowledgement waits for 25 ms
				ends.Cut()
				synctest.Wait()
				var far, near *counter
				w.wrap = func(c *mem.Carrier) transport.Carrier {
					far = &counter{Carrier: c}
					return far
				}
				near = &counter{Carrier: w.dial()}
				offer, err := core.GreetAgain(t.Context(), near, w.client)
				if err == nil {
					err = offer.Resume()
				}
				if err != nil {
					t.Fatal(err)
				}
				got.want(t, "", strings.Repeat("x", 10_000))
				if n, m := near.sent.Load(), far.sent.Load(); n > 2000 || m > 2000 {
					t.Errorf("the client sent %d bytes, and the server %d", n, m)
				}
			})
		})
	}
}
