package core_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/mem"
)

// from is a carrier that comes from an address.
type from struct {
	transport.Carrier
	address string
}

func (c from) Info() transport.Info {
	info := c.Carrier.Info()
	info.RemoteAddr = c.address
	return info
}

// enter begins a session of a client at an address, which ends with the test.
func enter(t testing.TB, a *core.Acceptor, attempt int, client, address string) (*core.Session, error) {
	t.Helper()
	near, far := mem.Pipe(&mem.Options{OnePipe: true})
	serve(t, a, from{far, address})
	o, err := greet(t, near, &core.Config{Hello: core.Hello{Client: client}}, core.ID{1, byte(attempt), byte(attempt >> 8)})
	if err != nil {
		return nil, err
	}
	s := o.Accept()
	t.Cleanup(func() { _ = s.Close() })
	synctest.Wait()
	return s, nil
}

// Of every limit on sessions as many as it says are let in, the next is
// refused with advice, and when one has gone one more is let in.
func TestSessionsOverLimit(t *testing.T) {
	for _, test := range []struct {
		name   string
		limit  core.Limit
		set    func(a *core.Admission, n int)
		client func(i int) (client, address string)
		other  [2]string // who is let in all the same; empty for nobody
	}{
		{"all", core.LimitSessions, func(a *core.Admission, n int) { a.Sessions = n },
			func(i int) (string, string) { return fmt.Sprint(i), fmt.Sprintf("192.0.2.%d:1", i) }, [2]string{}},
		{"client", core.LimitClientSessions, func(a *core.Admission, n int) { a.ClientSessions = n },
			func(i int) (string, string) { return "ann", fmt.Sprintf("192.0.2.%d:1", i) }, [2]string{"bob", "192.0.2.1:1"}},
		{"address", core.LimitAddressSessions, func(a *core.Admission, n int) { a.AddressSessions = n },
			func(i int) (string, string) { return fmt.Sprint(i), fmt.Sprintf("192.0.2.1:%d", i+1) }, [2]string{"1", "192.0.2.2:1"}},
		{"network", core.LimitAddressSessions, func(a *core.Admission, n int) { a.AddressSessions = n },
			func(i int) (string, string) { return "", fmt.Sprintf("[2001:db8::%x]:1", i+1) }, [2]string{"", "[2001:db8:0:1::1]:1"}},
	} {
		for _, n := range []int{1, 2, 10} {
			t.Run(fmt.Sprint(test.name, n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					limits := new(core.Limits)
					test.set(&limits.Admission, n)
					a := acceptor(t, &core.Config{Limits: limits})
					var first *core.Session
					for i := range n {
						client, address := test.client(i)
						s, err := enter(t, a, i, client, address)
						if err != nil {
							t.Fatalf("session %d of %d: %v", i+1, n, err)
						}
						first = s
					}
					client, address := test.client(n)
					_, err := enter(t, a, n, client, address)
					var refused *core.RefusedError
					if !errors.As(err, &refused) || refused.Code != twinwire.ResourceExhausted || refused.Never || refused.Authenticate {
						t.Fatalf("session %d: %v", n+1, err)
					}
					if refused.RetryAfter < 5*time.Second || refused.RetryAfter >= 10*time.Second {
						t.Errorf("asked to stay away for %v", refused.RetryAfter)
					}
					if st := a.Stats(); st.Reached[test.limit] != 1 || len(st.Reached) != 1 || st.Sessions != n {
						t.Errorf("%+v", st)
					}
					if test.other != [2]string{} {
						s, err := enter(t, a, 100, test.other[0], test.other[1])
						if err != nil {
							t.Fatalf("another: %v", err)
						}
						_ = s.Close()
					}
					_ = first.Close()
					synctest.Wait()
					if _, err := enter(t, a, n+1, client, address); err != nil {
						t.Errorf("after one has gone: %v", err)
					}
				})
			})
		}
	}
}

// A hello that no session follows holds its seat for as long as its carrier
// lives, and several hellos of one attempt hold one.
func TestSeatOfHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := acceptor(t, &core.Config{Limits: &core.Limits{Admission: core.Admission{Sessions: 1}}})
		say := func(attempt byte) error {
			near, far := mem.Pipe(nil)
			serve(t, a, far)
			o, err := greet(t, near, new(core.Config), core.ID{attempt})
			if err == nil {
				t.Cleanup(o.Decline)
			}
			return err
		}
		if err := errors.Join(say(1), say(1)); err != nil {
			t.Fatal(err)
		}
		if err := say(2); twinwire.CodeOf(err) != twinwire.ResourceExhausted {
			t.Fatalf("another attempt: %v", err)
		}
		time.Sleep(6 * time.Second) // of the handshake's time, in a bubble
		if st := a.Stats(); st.Sessions != 0 || st.Reached[core.LimitHandshakeTime] < 2 {
			t.Errorf("%+v", st)
		}
		if err := say(2); err != nil {
			t.Errorf("after the handshake's time: %v", err)
		}
	})
}

// What is beyond the rate is refused, or ends the session, as the limits say.
func TestRate(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		handled := 0
		cfg, _ := serving(map[string]core.Handler{"test.Echo": echo, "test.Note": func(context.Context, *core.Request) (codec.Marshaler, error) {
			handled++
			return nil, nil
		}})
		cfg.Limits = &core.Limits{Rate: 10, RateBurst: 3}
		p := connect(t, o, cfg, new(core.Config))
		try := func() (served int) {
			for range 5 {
				switch _, err := call(t.Context(), p.client, "test.Echo", "x"); {
				case err == nil:
					served++
				case !errors.Is(err, twinwire.ResourceExhausted):
					t.Fatal(err)
				}
			}
			return served
		}
		if n := try(); n != 3 {
			t.Errorf("%d calls at once were served, want 3", n)
		}
		time.Sleep(200 * time.Millisecond)
		if n := try(); n != 2 {
			t.Errorf("%d calls were served after 200 ms, want 2", n)
		}
		time.Sleep(time.Second)
		for range 5 {
			if err := p.client.Send(t.Context(), "test.Note", str("x")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if handled != 3 {
			t.Errorf("%d messages were handled, want 3", handled)
		}
		if n := p.server.Stats().MessagesServing; n != 0 {
			t.Errorf("%d messages that were refused hold a place in the window", n)
		}
	})
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(map[string]core.Handler{"test.Echo": echo})
		cfg.Limits = &core.Limits{Rate: 10, RateBurst: 3, RateCloses: true}
		p := connect(t, o, cfg, new(core.Config))
		for range 3 {
			if _, err := call(t.Context(), p.client, "test.Echo", "x"); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = call(t.Context(), p.client, "test.Echo", "x")
		<-p.client.Done()
		if err := p.client.Err(); !errors.Is(err, twinwire.ResourceExhausted) {
			t.Errorf("the session ended with %v", err)
		}
	})
}
