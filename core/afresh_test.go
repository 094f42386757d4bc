package core_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// A newborn is a session whose first carrier loses what its client sends behind
// the welcome, ATTACH and all, and a call that was made in it at once.
type newborn struct {
	t      *testing.T
	o      *mem.Options
	a      *core.Acceptor
	calls  ledger
	first  *mem.Carrier
	client *core.Session
	result chan error

	served sync.WaitGroup
	mu     sync.Mutex
	began  []*core.Session // at the server
}

// bear begins the session. reconnect is told of the end of each carrier.
func bear(t *testing.T, o *mem.Options, reconnect func(w *newborn, s *core.Session) error) *newborn {
	w := &newborn{t: t, o: o, calls: ledger{ran: map[int64]int{}}, result: make(chan error, 1)}
	w.restart()
	cfg := &core.Config{Reconnect: func(s *core.Session, _ error) {
		if err := reconnect(w, s); err != nil {
			s.GiveUp(err)
		}
	}}
	offer, err := core.Greet(t.Context(), w.dial(), cfg, new(core.Mux), core.ID{1})
	if err != nil {
		t.Fatal(err)
	}
	w.first.Stall(mem.AllLanes)
	w.client = offer.Accept()
	t.Cleanup(func() {
		_ = w.client.Close()
		w.first.Unstall(mem.AllLanes)
		w.served.Wait()
	})
	go func() {
		var got codec.Value[int64]
		w.result <- w.client.Call(context.Background(), "test.Count", codec.Value[int64]{V: 7}, &got)
	}()
	return w
}

// sessions returns what the server began, and ran how often the call ran.
func (w *newborn) sessions() []*core.Session {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.began
}

func (w *newborn) ran() int {
	w.calls.mu.Lock()
	defer w.calls.mu.Unlock()
	return w.calls.ran[7]
}

// restart has a server in place of the one before, which knows of nothing.
func (w *newborn) restart() {
	cfg, _ := serving(map[string]core.Handler{"test.Count": w.calls.handler})
	w.a = acceptor(w.t, cfg)
	w.a.Began = func(s *core.Session) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.began = append(w.began, s)
	}
}

func (w *newborn) dial() *mem.Carrier {
	cc, sc := mem.Pipe(w.o)
	a := w.a
	w.served.Go(func() { _ = a.Serve(sc) })
	if w.first == nil {
		w.first = cc
	}
	return cc
}

// afresh does what a client does when the server does not know the session.
func (w *newborn) afresh(s *core.Session) (*core.Offer, error) {
	if _, err := core.GreetAgain(context.Background(), w.dial(), s); !errors.Is(err, twinwire.NotFound) {
		w.t.Errorf("GreetAgain = %v", err)
	}
	if !s.Unheard() {
		w.t.Error("something was heard of the session")
	}
	return core.GreetFirst(context.Background(), w.dial(), s)
}

// The ATTACH is lost with the first carrier, and a call behind it: the session
// begins on another carrier all the same, and the call runs (clause 3.6).
func TestFirstAttachLost(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		w := bear(t, o, func(w *newborn, s *core.Session) error {
			offer, err := w.afresh(s)
			if err != nil {
				return err
			}
			return offer.Resume()
		})
		synctest.Wait()
		w.first.Cut()
		if err := <-w.result; err != nil || w.ran() != 1 {
			t.Errorf("the call ran %d times: %v", w.ran(), err)
		}
		if len(w.sessions()) != 1 || w.sessions()[0].ID() != w.client.ID() || w.client.Unheard() {
			t.Errorf("the server began %v, the client %v", w.sessions(), w.client)
		}
		if _, err := core.GreetFirst(t.Context(), w.dial(), w.client); !errors.Is(err, twinwire.FailedPrecondition) {
			t.Errorf("GreetFirst of a session that was heard of: %v", err)
		}
	})
}

// The ATTACH that seemed to be lost arrives after all, between the second
// welcome and the second ATTACH: the session has begun with it, and the call
// that came with it runs once.
func TestFirstAttachLate(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		losses := 0
		w := bear(t, o, func(w *newborn, s *core.Session) error {
			if losses++; losses > 1 {
				offer, err := core.GreetAgain(context.Background(), w.dial(), s)
				if err != nil {
					return err
				}
				return offer.Resume()
			}
			offer, err := w.afresh(s)
			if err != nil {
				return err
			}
			w.first.Unstall(0)
			for lane := range 3 {
				w.first.Unstall(lane)
			}
			time.Sleep(time.Millisecond) // of the bubble: until it has arrived
			return offer.Resume()
		})
		if err := <-w.result; err != nil || w.ran() != 1 {
			t.Errorf("the call ran %d times: %v", w.ran(), err)
		}
		if len(w.sessions()) != 1 || losses != 2 {
			t.Errorf("the server began %v, the client lost %d carriers", w.sessions(), losses)
		}
	})
}

// A server that was restarted cannot say whether the call ran: the session
// ends.
func TestFirstAttachForgotten(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		w := bear(t, o, func(w *newborn, s *core.Session) error {
			w.restart()
			_, err := w.afresh(s)
			if err == nil {
				t.Error("another server began the session")
			}
			return err
		})
		synctest.Wait()
		w.first.Cut()
		if err := <-w.result; !errors.Is(err, twinwire.OutcomeUnknown) {
			t.Errorf("Call = %v", err)
		}
		if err := w.client.Err(); !errors.Is(err, twinwire.NotFound) || len(w.sessions()) != 0 {
			t.Errorf("the session ended with %v, the server began %v", err, w.sessions())
		}
	})
}

// A server that has begun the session and forgotten it does not begin it once
// more: what came behind the ATTACH ran.
func TestFirstAttachArrived(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		w := bear(t, o, func(w *newborn, s *core.Session) error {
			for lane := range 3 {
				w.first.Unstall(lane)
			}
			time.Sleep(time.Millisecond)
			for _, s := range w.sessions() {
				s.CloseWith(twinwire.Internal, "forgotten", 0)
				<-s.Done()
			}
			_, err := w.afresh(s)
			if !errors.Is(err, twinwire.Replaced) {
				t.Errorf("GreetFirst = %v", err)
			}
			return err
		})
		if err := <-w.result; !errors.Is(err, twinwire.OutcomeUnknown) || w.ran() != 1 {
			t.Errorf("the call ran %d times: %v", w.ran(), err)
		}
	})
}
