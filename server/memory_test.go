package server

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// guestOf begins a session over memory. Its carrier is returned too.
func guestOf(t *testing.T, s *Server, attempt byte) (*core.Session, *mem.Carrier, error) {
	t.Helper()
	near, far := mem.Pipe(nil)
	go func() { _ = s.acceptor.Serve(far) }() // ends with the bubble's cleanup
	mux, err := core.NewMux(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &core.Config{Reconnect: func(*core.Session, error) {}, Logger: slog.New(slog.DiscardHandler)}
	o, err := core.Greet(context.Background(), near, cfg, mux, core.ID{attempt})
	if err != nil {
		return nil, nil, err
	}
	session := o.Accept()
	synctest.Wait()
	return session, near, nil
}

// As memory gets short new sessions are refused, then those that wait for their
// client end, then those that hold most; the others do not notice.
func TestShed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Logger: slog.New(slog.DiscardHandler)}
		s.Handle(&core.Service{Name: "test", Methods: map[string]core.Method{"test.Nothing": func(context.Context, any, *core.Request) (codec.Marshaler, error) { return nil, nil }}})
		if err := s.init(); err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var sessions []*core.Session
		var carriers []*mem.Carrier
		for i := range 5 {
			session, carrier, err := guestOf(t, s, byte(i+1))
			if err != nil {
				t.Fatal(err)
			}
			sessions, carriers = append(sessions, session), append(carriers, carrier)
			defer session.Close()
		}
		here := func() int { return s.Stats().Sessions }

		s.shed(89)
		if _, _, err := guestOf(t, s, 10); err != nil {
			t.Fatalf("at 89 %%: %v", err)
		}
		s.shed(90)
		_, _, err := guestOf(t, s, 11)
		var refused *core.RefusedError
		if !errors.As(err, &refused) || refused.Code != twinwire.ResourceExhausted || refused.RetryAfter == 0 {
			t.Fatalf("at 90 %%: %v", err)
		}
		if s.shed(90); here() != 6 {
			t.Errorf("at 90 %% %d of 6 sessions are left", here())
		}

		// Two lose their carrier; the first of them has waited longest.
		for _, i := range []int{3, 1} {
			carriers[i].Cut()
			synctest.Wait()
		}
		if st := s.Stats(); st.Parked != 2 {
			t.Fatalf("%d sessions wait", st.Parked)
		}
		s.shed(95)
		synctest.Wait()
		if s.Session(sessions[3].ID()) != nil || s.Session(sessions[1].ID()) == nil || here() != 5 {
			t.Errorf("at 95 %% %d sessions are left, or not the one that waited longest has ended", here())
		}
		s.shed(95)
		synctest.Wait()
		if here() != 4 {
			t.Errorf("at 95 %% again %d sessions are left", here())
		}

		// One does not read.
		carriers[2].Stall(1)
		slow := s.Session(sessions[2].ID())
		for range 10 {
			if err := slow.Send(t.Context(), "test.Note", codec.Value[string]{V: strings.Repeat("x", 5000)}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		s.shed(98)
		<-slow.Done()
		if err := slow.Err(); !errors.Is(err, twinwire.SlowConsumer) {
			t.Errorf("the slowest ended with %v", err)
		}
		if err := sessions[0].Call(t.Context(), "test.Nothing", nil, nil); err != nil {
			t.Errorf("another: %v", err)
		}
		if n := s.Stats().Reached[core.LimitMemory]; n != 4 {
			t.Errorf("%d were counted, want 4", n)
		}
		s.shed(50)
		if _, _, err := guestOf(t, s, 12); err != nil {
			t.Errorf("when there is memory again: %v", err)
		}
	})
}

// The gauge sees what is held and not what was.
func TestGauge(t *testing.T) {
	g := newGauge()
	look := func() uint64 {
		g.used(true) // takes note of collections in between
		g.fresh = time.Now().Add(-2 * freshTime)
		return g.used(true)
	}
	before := look()
	held := make([][]byte, 64)
	for i := range held {
		held[i] = make([]byte, 1<<20)
	}
	with := look()
	if with < before+60<<20 {
		t.Errorf("%d MiB are used with 64 MiB more than %d", with>>20, before>>20)
	}
	runtime.KeepAlive(held)
	if after := look(); after > with-60<<20 {
		t.Errorf("%d MiB are used without them, %d with", after>>20, with>>20)
	}
	if g.used(false) < g.used(true) {
		t.Error("a closer look finds more")
	}
}
