package core_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport/mem"
)

// attach returns the ATTACH that begins a generation.
func attach(generation uint64, onePipe bool) []byte {
	f := frame.Frame{Kind: frame.Attach, ID: generation}
	if onePipe {
		f.Flags = frame.AllLanes
	}
	return frame.Append(nil, &f)
}

// Of two carriers that go on with a session by one attempt the first ATTACH
// counts, and the second is answered with Replaced (clauses 3.6 and 14.2).
func TestAttachTwice(t *testing.T) {
	for _, onePipe := range []bool{true, false} {
		t.Run(fmt.Sprintf("OnePipe=%v", onePipe), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := new(notes)
				server, _ := serving(got.service())
				w := roam(t, server, &core.Config{})
				var carriers [2]*gate
				var offers [2]*core.Offer
				for i := range carriers {
					carriers[i] = newGate(w.dialOf(onePipe))
					var err error
					if offers[i], err = core.GreetAgain(t.Context(), carriers[i], w.client); err != nil {
						t.Fatal(err)
					}
				}
				if err := offers[0].Resume(); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if err := carriers[1].Send(0, attach(2, onePipe)); err != nil {
					t.Fatal(err)
				}
				if err := must(t, carriers[1].ended); twinwire.CodeOf(err) != twinwire.Replaced {
					t.Errorf("the second carrier ended with %v, want Replaced", err)
				}
				offers[1].Decline()
				none(t, carriers[0].ended)
				if err := w.client.Send(t.Context(), "test.Note", str("1")); err != nil {
					t.Error(err)
				}
				got.want(t, "1")
				if w.server.Err() != nil {
					t.Errorf("the session ended with %v", w.server.Err())
				}
			})
		})
	}
}

// An attempt begins one session, even if the ATTACH of a second carrier is
// being delivered when the first one's arrives (clause 3.6).
func TestAttemptBeginsOnce(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		server, _ := serving(nil)
		a := acceptor(t, server)
		began := make(chan *core.Session, 2)
		a.Began = func(s *core.Session) { began <- s }
		var offers [2]*core.Offer
		var clients [2]*mem.Carrier
		var servers [2]*gate
		for i := range offers {
			var sc *mem.Carrier
			clients[i], sc = mem.Pipe(o)
			servers[i] = newGate(sc)
			serve(t, a, servers[i])
			var err error
			if offers[i], err = greet(t, clients[i], &core.Config{}, core.ID{1}); err != nil {
				t.Fatal(err)
			}
		}
		let := servers[1].holdIn()
		if err := clients[1].Send(0, attach(1, o.OnePipe)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s := offers[0].Accept()
		must(t, began)
		let()
		none(t, began)
		servers[1].mu.Lock()
		if err := servers[1].returned; twinwire.CodeOf(err) != twinwire.Replaced {
			t.Errorf("the second ATTACH is answered by %v, want Replaced", err)
		}
		servers[1].mu.Unlock()
		offers[1].Decline()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// An ATTACH of another generation than the WELCOME had begins nothing: its
// carrier is closed, and the session goes on with the one that it has (clauses
// 4.5 and 14.2).
func TestAttachOfAnotherGeneration(t *testing.T) {
	for _, generation := range []uint64{0, 1, 3, frame.MaxVarint} { // 2 is its turn
		for _, onePipe := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d,OnePipe=%v", generation, onePipe), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					got := new(notes)
					server, _ := serving(got.service())
					w := roam(t, server, &core.Config{})
					carrier := newGate(w.dialOf(onePipe))
					offer, err := core.GreetAgain(t.Context(), carrier, w.client)
					if err != nil {
						t.Fatal(err)
					}
					if err := carrier.Send(0, attach(generation, onePipe)); err != nil {
						t.Fatal(err)
					}
					if err := must(t, carrier.ended); twinwire.CodeOf(err) != twinwire.ProtocolError {
						t.Errorf("the carrier ended with %v, want ProtocolError", err)
					}
					offer.Decline()
					if err := w.client.Send(t.Context(), "test.Note", str("1")); err != nil {
						t.Error(err)
					}
					got.want(t, "1")
					if len(w.lost) != 0 || w.server.Err() != nil {
						t.Errorf("the session has lost its carrier: %v, %v", w.lost, w.server.Err())
					}
				})
			})
		}
	}
}
