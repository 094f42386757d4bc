package core_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
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

// A roaming is a client that goes on with another carrier when it has lost the
// one that it had, and its server.
type roaming struct {
	t        *testing.T
	acceptor *core.Acceptor
	client   *core.Session
	server   *core.Session
	attempts atomic.Uint32
	offline  atomic.Bool
	// resume has the session go on, and wrap is what the server makes of its
	// end of a carrier; nil for what is usual.
	resume func(s *core.Session) error
	wrap   func(c *mem.Carrier) transport.Carrier

	mu     sync.Mutex
	cc     *mem.Carrier // the newest
	lost   []error
	served sync.WaitGroup
}

// roam begins a session that survives its carriers.
func roam(t *testing.T, server, client *core.Config) *roaming {
	t.Helper()
	w := &roaming{t: t, acceptor: acceptor(t, server)}
	began := make(chan *core.Session, 1)
	w.acceptor.Began = func(s *core.Session) { began <- s }
	client.Reconnect = func(s *core.Session, cause error) {
		w.mu.Lock()
		w.lost = append(w.lost, cause)
		w.mu.Unlock()
		for !w.offline.Load() {
			if w.again(s) == nil {
				return
			}
			select {
			case <-time.After(time.Second): // of the bubble
			case <-s.Done():
				return
			}
		}
	}
	mux, err := core.NewMux(client.Services, client.Interceptors)
	if err != nil {
		t.Fatal(err)
	}
	offer, err := core.Greet(t.Context(), w.dial(), client, mux, core.ID{1})
	if err != nil {
		t.Fatal(err)
	}
	w.client = offer.Accept()
	w.server = <-began
	t.Cleanup(func() {
		_ = w.client.Close()
		<-w.server.Done()
		w.served.Wait()
	})
	return w
}

// dial returns a new carrier to the server, now of one pipe, now of lanes.
func (w *roaming) dial() *mem.Carrier {
	n := w.attempts.Add(1)
	cc, sc := mem.Pipe(&mem.Options{OnePipe: n%2 == 0})
	w.mu.Lock()
	defer w.mu.Unlock()
	far, acceptor := transport.Carrier(sc), w.acceptor
	if w.wrap != nil {
		far = w.wrap(sc)
	}
	w.served.Go(func() { _ = acceptor.Serve(far) })
	w.cc = cc
	return cc
}

// again has the session go on with another carrier.
func (w *roaming) again(s *core.Session) error {
	if w.resume != nil {
		return w.resume(s)
	}
	offer, err := core.GreetAgain(context.Background(), w.dial(), s)
	if err != nil {
		return err
	}
	return offer.Resume()
}

func (w *roaming) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cc.Cut()
}

// A ledger counts how often each number was handled.
type ledger struct {
	mu  sync.Mutex
	ran map[int64]int
}

func (l *ledger) handler(_ context.Context, r *core.Request) (codec.Marshaler, error) {
	var n codec.Value[int64]
	if err := r.Decode(&n); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ran[n.V]++
	return n, nil
}

// Carriers break, and sessions move while theirs still works: every call runs
// once and is answered, messages keep their order, streams arrive whole.
func TestResume(t *testing.T) {
	for name, disturb := range map[string]func(w *roaming) error{
		"cut":  func(w *roaming) error { w.cut(); return nil },
		"move": func(w *roaming) error { return w.again(w.client) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := &ledger{ran: map[int64]int{}}
				var noted []int64
				handlers := map[string]core.Handler{
					"test.Count": calls.handler,
					"test.Back":  back,
					"test.Note": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
						var n codec.Value[int64]
						err := r.Decode(&n)
						noted = append(noted, n.V)
						return nil, err
					},
				}
				server, _ := serving(handlers)
				client, _ := serving(handlers)
				w := roam(t, server, client)
				var wg sync.WaitGroup
				var id atomic.Int64
				stop := make(chan struct{})
				for i := range 20 {
					s := w.client
					if i%2 == 0 {
						s = w.server
					}
					wg.Go(func() {
						for {
							select {
							case <-stop:
								return
							default:
							}
							n, got := codec.Value[int64]{V: id.Add(1)}, codec.Value[int64]{}
							if err := s.Call(context.Background(), "test.Count", n, &got); err != nil || got.V != n.V {
								t.Errorf("Count(%d) = %d, %v", n.V, got.V, err)
								return
							}
							time.Sleep(time.Millisecond)
						}
					})
				}
				wg.Go(func() {
					for n := int64(0); ; n++ {
						select {
						case <-stop:
							return
						default:
						}
						if err := w.client.Send(context.Background(), "test.Note", codec.Value[int64]{V: n}); err != nil {
							t.Errorf("Note: %v", err)
							return
						}
						time.Sleep(time.Millisecond)
					}
				})
				data := pattern(3 << 20)
				wg.Go(func() {
					x := begin(t, w.client, "test.Back")
					go func() {
						out := x.Writer(0, core.Bulk)
						for b := data; len(b) > 0; {
							n := min(len(b), 20_000)
							if _, err := out.Write(b[:n]); err != nil {
								t.Error(err)
								return
							}
							b = b[n:]
							time.Sleep(time.Millisecond)
						}
						_ = out.Close()
					}()
					got, err := io.ReadAll(x.Reader(0))
					if err != nil || !bytes.Equal(got, data) {
						t.Errorf("%d bytes came back, %v", len(got), err)
					}
					if err := x.Result(nil); err != nil {
						t.Error(err)
					}
				})
				for i := range 30 {
					time.Sleep(7 * time.Millisecond)
					if err := disturb(w); err != nil {
						t.Errorf("%d: %v", i, err)
					}
				}
				time.Sleep(time.Second)
				close(stop)
				wg.Wait()
				if err := w.client.Call(context.Background(), "test.Count", codec.Value[int64]{V: id.Add(1)}, nil); err != nil {
					t.Error(err)
				}
				for n := int64(1); n <= id.Load(); n++ {
					if calls.ran[n] != 1 {
						t.Errorf("call %d ran %d times", n, calls.ran[n])
					}
				}
				for i, n := range noted {
					if int64(i) != n {
						t.Fatalf("message %d came as number %d", n, i)
					}
				}
				if w.client.Err() != nil || w.server.Err() != nil {
					t.Errorf("ended: %v, %v", w.client.Err(), w.server.Err())
				}
				if name == "cut" && len(w.lost) < 20 {
					t.Errorf("lost its carrier %d times", len(w.lost))
				}
			})
		})
	}
}

// A session that nobody comes back to ends, at both ends, and what waited says
// what is known.
func TestResumeTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _ := serving(map[string]core.Handler{"test.Block": block})
		server.Limits = &core.Limits{ResumeTime: 30 * time.Second}
		w := roam(t, server, &core.Config{})
		ran := make(chan error, 2)
		go func() { ran <- w.client.Call(t.Context(), "test.Block", nil, nil) }()
		synctest.Wait()
		w.offline.Store(true)
		w.cut()
		synctest.Wait()
		began := time.Now()
		go func() { ran <- w.client.Call(t.Context(), "test.Block", nil, nil) }()
		var outcomes []error
		for range 2 {
			outcomes = append(outcomes, <-ran)
		}
		if d := time.Since(began); d != 30*time.Second {
			t.Errorf("ended after %v", d)
		}
		if !errors.Is(outcomes[0], twinwire.OutcomeUnknown) && !errors.Is(outcomes[1], twinwire.OutcomeUnknown) {
			t.Errorf("the call that ran ended with %v or %v", outcomes[0], outcomes[1])
		}
		if !errors.Is(outcomes[0], twinwire.Unavailable) && !errors.Is(outcomes[1], twinwire.Unavailable) {
			t.Errorf("the call that was not sent ended with %v or %v", outcomes[0], outcomes[1])
		}
		<-w.server.Done()
		if err := w.client.Err(); !errors.Is(err, twinwire.Unavailable) {
			t.Errorf("session ended with %v", err)
		}
	})
}

// A session that its server does not know any more is refused, so that its
// client can begin another.
func TestResumeUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _ := serving(map[string]core.Handler{"test.Echo": echo})
		w := roam(t, server, &core.Config{})
		w.offline.Store(true)
		w.acceptor = acceptor(t, server) // it was restarted
		w.cut()
		synctest.Wait()
		if err := w.again(w.client); !errors.Is(err, twinwire.NotFound) {
			t.Errorf("GreetAgain = %v", err)
		}
	})
}

// Of two that come with the same token one goes on; a token that was used
// before ends the session (clause 14.3).
func TestResumeToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _ := serving(map[string]core.Handler{"test.Echo": echo})
		w := roam(t, server, &core.Config{})
		var offers []*core.Offer
		ticket := core.TicketOf(w.client)
		for i := range 2 {
			core.SetTicket(w.client, core.Ticket{Token: ticket.Token, Attempt: [16]byte{3, byte(i)}})
			offer, err := core.GreetAgain(t.Context(), w.dial(), w.client)
			if err != nil {
				t.Fatal(err)
			}
			offers = append(offers, offer)
		}
		if err := offers[1].Resume(); err != nil {
			t.Errorf("the second one: %v", err)
		}
		if v, err := call(t.Context(), w.client, "test.Echo", "hello"); v != "hello" || err != nil {
			t.Errorf("Echo = %q, %v", v, err)
		}
		offers[0].Decline()
		good := core.TicketOf(w.client)
		core.SetTicket(w.client, core.Ticket{})
		if err := w.again(w.client); twinwire.CodeOf(err) != twinwire.ProtocolError {
			t.Errorf("without an attempt: %v", err)
		}
		core.SetTicket(w.client, core.Ticket{Attempt: good.Attempt})
		if err := w.again(w.client); !errors.Is(err, twinwire.Unauthorized) {
			t.Errorf("with a made-up token: %v", err)
		}
		core.SetTicket(w.client, good)
		if err := w.again(w.client); err != nil {
			t.Errorf("with the good token: %v", err)
		}
		synctest.Wait() // until the ATTACH has spent it
		core.SetTicket(w.client, core.Ticket{Token: good.Token, Attempt: [16]byte{4}})
		w.offline.Store(true)
		if err := w.again(w.client); !errors.Is(err, twinwire.Unauthorized) {
			t.Fatalf("with a token that was used: %v", err)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if fmt.Sprintf(verb, good.Token) != "redacted" {
				t.Errorf("tokens can be printed by %s", verb)
			}
		}
		if b, err := json.Marshal(good.Token); string(b) != `"redacted"` || err != nil {
			t.Errorf("tokens can be marshaled: %s, %v", b, err)
		}
		<-w.server.Done()
	})
}

// A hello that arrives when the session goes on with another carrier, of the
// same dial or of a later one, is no second use of the token: it is refused and
// the session goes on (clauses 14.2 and 14.3).
func TestResumeLateHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _ := serving(map[string]core.Handler{"test.Echo": echo})
		w := roam(t, server, &core.Config{})
		slow := w.dial()
		slow.Stall(mem.AllLanes) // as a network that was gone for a while
		ctx, cancel := context.WithCancel(t.Context())
		given := make(chan error)
		go func() {
			_, err := core.GreetAgain(ctx, slow, w.client)
			given <- err
		}()
		synctest.Wait()
		if err := w.again(w.client); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // until the ATTACH has spent it
		slow.Unstall(mem.AllLanes)
		if err := <-given; !errors.Is(err, twinwire.Replaced) {
			t.Errorf("the late hello: %v", err)
		}
		cancel()
		if err := w.again(w.client); err != nil {
			t.Errorf("once more: %v", err)
		}
		if v, err := call(t.Context(), w.client, "test.Echo", "hello"); v != "hello" || err != nil {
			t.Errorf("Echo = %q, %v", v, err)
		}
	})
}

// A handler that the reader runs itself, and that blocks, does not keep the
// session from noticing that the carrier is gone.
func TestEndWhileReaderServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var blocks atomic.Bool
		server, _ := serving(map[string]core.Handler{"test.Maybe": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			if blocks.Load() {
				<-ctx.Done()
			}
			return nil, nil
		}})
		p := connect(t, &mem.Options{OnePipe: true}, server, &core.Config{})
		for range 100 {
			if err := p.client.Call(t.Context(), "test.Maybe", nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		blocks.Store(true)
		done := make(chan error)
		go func() { done <- p.client.Call(t.Context(), "test.Maybe", nil, nil) }()
		time.Sleep(time.Second)
		p.cc.Cut()
		if err := <-done; !errors.Is(err, twinwire.OutcomeUnknown) {
			t.Errorf("Call = %v", err)
		}
		<-p.server.Done()
	})
}

// A peer that is silent while something is waited for is given up within a
// second, and the session goes on; a handler that takes long is no silence
// (clause 14.5).
func TestWatchdog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _ := serving(map[string]core.Handler{
			"test.Echo": echo,
			"test.Slow": func(context.Context, *core.Request) (codec.Marshaler, error) {
				time.Sleep(5 * time.Minute)
				return nil, nil
			},
		})
		w := roam(t, server, &core.Config{})
		if err := w.client.Call(t.Context(), "test.Slow", nil, nil); err != nil || len(w.lost) != 0 {
			t.Errorf("a call that takes 5 minutes: %v, lost %v", err, w.lost)
		}
		w.mu.Lock()
		for lane := range 3 {
			w.cc.Stall(lane) // what the client sends, as if the network swallowed it
		}
		w.mu.Unlock()
		began := time.Now()
		if v, err := call(t.Context(), w.client, "test.Echo", "hello"); v != "hello" || err != nil {
			t.Errorf("Echo = %q, %v", v, err)
		}
		if d := time.Since(began); d > time.Second || len(w.lost) != 1 || !errors.Is(w.lost[0], twinwire.PeerDead) {
			t.Errorf("took %v, lost %v", d, w.lost)
		}
	})
}

// The life of a session is told in order, to whoever asks and whenever, and
// ends with Ended, at both ends.
func TestLifecycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _ := serving(map[string]core.Handler{"test.Echo": echo})
		w := roam(t, server, &core.Config{})
		var lives [2][]string
		var wg sync.WaitGroup
		for i, s := range []*core.Session{w.client, w.server} {
			wg.Go(func() {
				for c := range s.Lifecycle(t.Context()) {
					lives[i] = append(lives[i], c.Phase.String())
					if (c.Phase == core.Detached || c.Phase >= core.Closed) != (c.Cause != nil) {
						t.Errorf("%v has the cause %v", c, c.Cause)
					}
				}
			})
		}
		synctest.Wait()
		w.cut()
		synctest.Wait()
		if err := w.again(w.client); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		w.client.CloseWith(twinwire.FirstApplicationCode, "enough", 0)
		wg.Wait()
		want := "[connected detached resumed resumed closed ended]"
		if got := fmt.Sprint(lives[0]); got != want {
			t.Errorf("the client's life is %v, want %v", got, want)
		}
		// The server may see the end of a carrier before the next one, or not.
		if got := fmt.Sprint(lives[1]); !regexp.MustCompile(`^\[connected( detached)? resumed( detached)? resumed ended\]$`).MatchString(got) {
			t.Errorf("the server's life is %v", got)
		}
		for c := range w.client.Lifecycle(t.Context()) {
			if c.Phase != core.Ended {
				t.Errorf("after the end: %v", c)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range w.client.Lifecycle(ctx) {
		}
	})
}

// Sessions that wait for a carrier share a bound on what they keep; one beyond
// it ends with its carrier.
func TestParkedBytes(t *testing.T) {
	for bytes, want := range map[int]core.Phase{0: core.Detached, 10_000: core.Ended, -1: core.Ended} {
		synctest.Test(t, func(t *testing.T) {
			server, _ := serving(map[string]core.Handler{"test.Note": func(context.Context, *core.Request) (codec.Marshaler, error) { return nil, nil }})
			server.Limits = &core.Limits{Admission: core.Admission{ParkedBytes: bytes}}
			w := roam(t, server, &core.Config{Services: server.Services})
			w.offline.Store(true)
			if err := w.server.Send(t.Context(), "test.Note", str("")); err != nil { // binds the lane
				t.Fatal(err)
			}
			synctest.Wait()
			w.mu.Lock()
			w.cc.Stall(1) // no acknowledgement leaves the client
			w.cc.Stall(0)
			w.mu.Unlock()
			for range 20 {
				if err := w.server.Send(t.Context(), "test.Note", str(strings.Repeat("x", 1000))); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			w.cut()
			synctest.Wait()
			for c := range w.server.Lifecycle(t.Context()) {
				if c.Phase != want {
					t.Errorf("with %d bytes the session is %v, want %v", bytes, c, want)
				}
				break
			}
		})
	}
}
