package core_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/mem"
)

// A gate is a carrier at which what arrives, or what is sent, can be held.
type gate struct {
	transport.Carrier

	mu       sync.Mutex
	in, out  chan struct{} // closed when what is held goes on; nil if nothing is
	caught   []arrived     // what is held
	instead  *arrived      // what is delivered in place of that
	returned error         // by what it was delivered to
	ended    chan error    // what Receive has returned
}

// An arrived is what a carrier delivers.
type arrived struct {
	pipe   int
	frames []byte
}

func newGate(c transport.Carrier) *gate { return &gate{Carrier: c, ended: make(chan error, 1)} }

func (g *gate) Receive(deliver func(pipe int, frames []byte) error) error {
	err := g.Carrier.Receive(func(pipe int, frames []byte) error {
		g.mu.Lock()
		in := g.in
		if in != nil {
			g.caught = append(g.caught, arrived{pipe, append([]byte(nil), frames...)})
		}
		g.mu.Unlock()
		if in == nil {
			return deliver(pipe, frames)
		}
		<-in
		g.mu.Lock()
		if g.instead != nil {
			pipe, frames = g.instead.pipe, g.instead.frames
		}
		g.mu.Unlock()
		err := deliver(pipe, frames)
		g.mu.Lock()
		defer g.mu.Unlock()
		g.returned = err
		return err
	})
	g.ended <- err
	return err
}

func (g *gate) Send(pipe int, batch []byte) error {
	g.mu.Lock()
	out := g.out
	g.mu.Unlock()
	if out != nil {
		<-out
	}
	return g.Carrier.Send(pipe, batch)
}

// holdIn and holdOut hold what arrives and what is sent until the function is
// called.
func (g *gate) holdIn() (release func())  { return g.hold(&g.in) }
func (g *gate) holdOut() (release func()) { return g.hold(&g.out) }

func (g *gate) hold(what *chan struct{}) (release func()) {
	c := make(chan struct{})
	g.mu.Lock()
	defer g.mu.Unlock()
	*what = c
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		*what = nil
		close(c)
	}
}

// dialOf is dial of a carrier of one pipe, or of lanes.
func (w *roaming) dialOf(onePipe bool) *mem.Carrier {
	w.attempts.Store(0)
	if onePipe {
		w.attempts.Store(1) // dial takes turns
	}
	return w.dial()
}

// moved has the session go on with another carrier and returns both ends of
// that.
func (w *roaming) moved(onePipe bool) (client, server *gate) {
	w.t.Helper()
	w.wrap = func(c *mem.Carrier) transport.Carrier {
		server = newGate(c)
		return server
	}
	client = newGate(w.dialOf(onePipe))
	offer, err := core.GreetAgain(w.t.Context(), client, w.client)
	if err == nil {
		err = offer.Resume()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
	return client, server
}

// Notes are the messages that arrived, in their order.
type notes struct {
	mu  sync.Mutex
	all []string
}

func (n *notes) service() map[string]core.Handler {
	return map[string]core.Handler{"test.Note": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
		var v codec.Value[string]
		err := r.Decode(&v)
		n.mu.Lock()
		defer n.mu.Unlock()
		n.all = append(n.all, v.V)
		return nil, err
	}}
}

// want fails unless these have arrived when the bubble is at rest.
func (n *notes) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	if fmt.Sprint(n.all) != fmt.Sprint(want) {
		t.Errorf("the messages %v have arrived, want %v", n.all, want)
	}
}

// bindings runs a test at both ends of a session on carriers of both kinds: of
// far, which sends, and near, to which it sends.
func bindings(t *testing.T, test func(t *testing.T, w *roaming, far, near *core.Session, got *notes, onePipe bool, log *recorder)) {
	for _, onePipe := range []bool{true, false} {
		for _, toServer := range []bool{true, false} {
			t.Run(fmt.Sprintf("OnePipe=%v,ToServer=%v", onePipe, toServer), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					got := new(notes)
					server, log := serving(got.service())
					client := &core.Config{Services: server.Services, Logger: server.Logger}
					w := roam(t, server, client)
					far, near := w.client, w.server
					if !toServer {
						far, near = near, far
					}
					test(t, w, far, near, got, onePipe, log)
				})
			})
		}
	}
}

// pick returns the gate of the end that near is.
func (w *roaming) pick(near *core.Session, client, server *gate) *gate {
	if near == w.client {
		return client
	}
	return server
}

// From the ATTACH of the next generation on the carrier before delivers
// nothing, even if it has begun to: a frame that is right but for the carrier
// that it comes by is not taken, and both sides close that with Replaced
// (clauses 4.5 and 14.2).
func TestOldCarrierDeliversNothing(t *testing.T) {
	bindings(t, func(t *testing.T, w *roaming, far, near *core.Session, got *notes, onePipe bool, log *recorder) {
		send := func(text string) {
			t.Helper()
			if err := far.Send(t.Context(), "test.Note", str(text)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		oldClient, oldServer := w.moved(onePipe)
		old := w.pick(near, oldClient, oldServer)
		letOld := old.holdIn()
		send("1")
		got.want(t)
		newClient, newServer := w.moved(onePipe)
		newer := w.pick(near, newClient, newServer)
		got.want(t, "1") // sent again
		other := oldClient
		if old == oldClient {
			other = oldServer
		}
		if err := must(t, other.ended); twinwire.CodeOf(err) != twinwire.Replaced {
			t.Errorf("the old carrier ended with %v, want Replaced", err)
		}
		letNew := newer.holdIn()
		send("2")
		got.want(t, "1")
		newer.mu.Lock()
		if len(newer.caught) != 1 {
			t.Fatalf("%d batches are held", len(newer.caught))
		}
		late := newer.caught[0]
		newer.mu.Unlock()
		old.mu.Lock()
		if len(old.caught) != 1 {
			t.Fatalf("%d batches are held by the old carrier", len(old.caught))
		}
		old.instead = &late
		old.mu.Unlock()
		letOld()
		got.want(t, "1")
		old.mu.Lock()
		if err := old.returned; twinwire.CodeOf(err) != twinwire.Replaced {
			t.Errorf("what the old carrier delivers is answered by %v, want Replaced", err)
		}
		old.mu.Unlock()
		letNew()
		got.want(t, "1", "2")
		send("3")
		got.want(t, "1", "2", "3")
		if log.has("broke the protocol") || w.client.Err() != nil || w.server.Err() != nil {
			t.Errorf("the session took offense: %v, %v, %q", w.client.Err(), w.server.Err(), log.lines)
		}
	})
}

// A goroutine that was about to write to the carrier before takes nothing any
// more of what waits for the next one.
func TestOldWriterTakesNothing(t *testing.T) {
	bindings(t, func(t *testing.T, w *roaming, far, near *core.Session, got *notes, onePipe bool, _ *recorder) {
		w.moved(onePipe)
		old := core.BindingOf(far)
		client, server := w.moved(onePipe)
		newer := w.pick(far, client, server)
		if err := far.Send(t.Context(), "test.Note", str("0")); err != nil { // binds the lane
			t.Fatal(err)
		}
		got.want(t, "0")
		let := newer.holdOut()
		var sending sync.WaitGroup
		for _, text := range []string{"1", "2"} {
			sending.Go(func() {
				if err := far.Send(context.Background(), "test.Note", str(text)); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		core.WriteLate(old)
		let()
		sending.Wait()
		got.want(t, "0", "1", "2")
	})
}

// What goes wrong on the carrier before is not said of the session, which goes
// on (clause 4.5).
func TestOldCarrierFailsAlone(t *testing.T) {
	bindings(t, func(t *testing.T, w *roaming, far, near *core.Session, got *notes, onePipe bool, _ *recorder) {
		oldClient, oldServer := w.moved(onePipe)
		let := w.pick(far, oldClient, oldServer).holdOut()
		var sending sync.WaitGroup
		sending.Go(func() {
			if err := far.Send(context.Background(), "test.Note", str("1")); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		w.moved(onePipe)
		let() // into a carrier that is closed
		sending.Wait()
		got.want(t, "1")
		for _, s := range []*core.Session{far, near} {
			if err := s.Err(); err != nil {
				t.Errorf("the session goes on, and has ended with %v", err)
			}
		}
	})
}
