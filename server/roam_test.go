package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/server"
)

// A traffic is what goes on in a session while its network is disturbed: calls
// both ways, each counted where it runs, and streams.
type traffic struct {
	t    *testing.T
	e    *env
	s    *core.Session
	mu   sync.Mutex
	ran  map[int64]int
	next atomic.Int64
	stop chan struct{}
	wg   sync.WaitGroup
	// slowest is the longest that a call took.
	slowest atomic.Int64
}

func (tr *traffic) service() *core.Service {
	return &core.Service{Name: "traffic", Methods: map[string]core.Method{
		"traffic.Count": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			var n codec.Value[int64]
			if err := r.Decode(&n); err != nil {
				return nil, err
			}
			tr.mu.Lock()
			tr.ran[n.V]++
			tr.mu.Unlock()
			return n, nil
		},
		"traffic.Back": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			w := r.Writer(0, core.Bulk)
			_, err := io.Copy(w, r.Reader(0))
			return nil, err
		},
	}}
}

// begin begins callers and a stream that is repeated.
func (tr *traffic) begin(callers int) {
	tr.stop = make(chan struct{})
	for range callers {
		tr.wg.Go(func() {
			for !tr.stopped() {
				n, got := codec.Value[int64]{V: tr.next.Add(1)}, codec.Value[int64]{}
				began := time.Now()
				if err := tr.s.Call(context.Background(), "traffic.Count", n, &got); err != nil || got.V != n.V {
					tr.t.Errorf("Count(%d) = %d, %v", n.V, got.V, err)
					return
				}
				took := int64(time.Since(began))
				for was := tr.slowest.Load(); took > was && !tr.slowest.CompareAndSwap(was, took); was = tr.slowest.Load() {
				}
			}
		})
	}
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	tr.wg.Go(func() {
		for !tr.stopped() {
			x, err := tr.s.Begin(context.Background(), "traffic.Back", nil)
			if err != nil {
				tr.t.Error(err)
				return
			}
			var sending sync.WaitGroup
			sending.Go(func() {
				w := x.Writer(0, core.Bulk)
				_, _ = w.Write(data)
				_ = w.Close()
			})
			got, err := io.ReadAll(x.Reader(0))
			if err != nil || !bytes.Equal(got, data) {
				tr.t.Errorf("%d bytes came back, %v", len(got), err)
			}
			sending.Wait()
			if err := x.Result(nil); err != nil {
				tr.t.Error(err)
				return
			}
		}
	})
}

func (tr *traffic) stopped() bool {
	select {
	case <-tr.stop:
		return true
	default:
		return false
	}
}

// end ends the traffic and checks that every call ran once.
func (tr *traffic) end() {
	close(tr.stop)
	tr.wg.Wait()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for n := int64(1); n <= tr.next.Load(); n++ {
		if tr.ran[n] != 1 {
			tr.t.Errorf("call %d ran %d times", n, tr.ran[n])
		}
	}
}

// others has clients connect by WebSocket and call, one after another and by a
// road that nothing disturbs. The function that is returned ends that and tells
// how long it took at most: so slow is the machine at the time.
func (tr *traffic) others() (stop func() time.Duration) {
	over := make(chan struct{})
	slowest := make(chan time.Duration, 1)
	tr.wg.Go(func() {
		var most time.Duration
		defer func() { slowest <- most }()
		pace := time.NewTicker(50 * time.Millisecond)
		defer pace.Stop()
		for {
			began := time.Now()
			s, err := client.Dial(context.Background(), "wss://"+tr.e.ln.Addr(), &client.Options{Pins: tr.e.dev.Pins()})
			if err != nil {
				tr.t.Error(err)
				return
			}
			if err := s.Call(context.Background(), "traffic.Count", codec.Value[int64]{V: tr.next.Add(1)}, nil); err != nil {
				tr.t.Error(err)
			}
			most = max(most, time.Since(began))
			s.Close()
			select {
			case <-pace.C:
			case <-over:
				return
			}
		}
	})
	return func() time.Duration {
		close(over)
		return <-slowest
	}
}

// some waits until so many more calls have been answered.
func (tr *traffic) some(calls int64) {
	tr.t.Helper()
	want := tr.next.Load() + calls
	eventually(tr.t, func() bool { return tr.next.Load() >= want })
}

// eventually waits for a condition that nothing tells of.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	if !within(20*time.Second, ok) {
		t.Fatal("it never happens")
	}
}

// within reports whether a condition that nothing tells of holds in time.
func within(d time.Duration, ok func() bool) bool {
	deadline := time.After(d)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			return false
		}
	}
	return true
}

// disturbed returns traffic over a road to a server.
func disturbed(t *testing.T, prefix string) (*traffic, *road) {
	tr := &traffic{t: t, ran: map[int64]int{}}
	e := start(t, prefix, "")
	e.srv.Limits = &core.Limits{Admission: manyDials}
	e.serve(tr.service())
	tr.e = e
	r := newRoad(t, e.ln.Addr())
	s, err := client.Dial(t.Context(), prefix+r.addr(), &client.Options{Pins: e.dev.Pins()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	tr.s = s
	return tr, r
}

// TCP connections break under calls and streams; nobody notices.
func TestRoamCut(t *testing.T) {
	tr, r := disturbed(t, "wss://")
	tr.begin(8)
	for range 20 {
		tr.some(50)
		r.cut()
	}
	tr.some(100)
	tr.end()
}

// UDP is swallowed in mid-session: the session goes on over WebSocket, and no
// call waits longer than 1.5 s on a machine that has nothing else to do; when UDP
// is back, it moves back by itself.
func TestRoamBlockedUDP(t *testing.T) {
	tr, r := disturbed(t, "")
	if w := tr.s.Transport().Wire; w != "quic" {
		t.Fatalf("began on %s", w)
	}
	changes := follow(tr.s)
	tr.begin(4)
	tr.some(100)
	stop := tr.others()
	r.block(true, false)
	blocked := time.Now()
	eventually(t, func() bool { return tr.s.Transport().Wire == "websocket" })
	tr.some(100)
	// It is noticed within 0.8 s, and then the session does what the others do,
	// beside the callers and the stream.
	waited, other := time.Duration(tr.slowest.Load()), stop()
	t.Logf("a call waited for %v, while others connected and called within %v", waited, other)
	if waited > 1500*time.Millisecond+3*other && !raceEnabled {
		t.Errorf("a call waited for %v, while others connected and called within %v", waited, other)
		for len(changes) > 0 {
			c := <-changes
			t.Logf("%v after UDP was swallowed: %v", c.At.Sub(blocked), c)
		}
	}
	r.block(false, false)
	eventually(t, func() bool { return tr.s.Transport().Wire == "quic" })
	tr.some(100)
	tr.end()
}

// A session that has lost many WebSockets looks for QUIC once, not once for each:
// several that get there together would use one token twice, which ends it.
func TestRoamManyCutsThenQUIC(t *testing.T) {
	tr, r := disturbed(t, "")
	tr.begin(4)
	tr.some(20)
	r.block(true, false)
	eventually(t, func() bool { return tr.s.Transport().Wire == "websocket" })
	for range 20 {
		tr.some(20)
		r.cut()
	}
	tr.some(20)
	changes := make(chan []core.Change, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { // ends with ctx
		var all []core.Change
		for c := range tr.s.Lifecycle(ctx) {
			all = append(all, c)
		}
		changes <- all
	}()
	// Each would look within 3 s, and for 5 s.
	within(3*time.Second, func() bool { return r.looks() > 1 })
	r.block(false, false)
	eventually(t, func() bool { return tr.s.Transport().Wire == "quic" })
	tr.some(1000)
	cancel()
	if all := <-changes; len(all) != 2 { // with the one that is yielded first
		t.Errorf("the session changed more than once: %v", all)
	}
	tr.end()
}

// Run dials anew when the server was restarted, with all that a session needs
// set up again, and ends with its context, with f, and with a refusal for good.
func TestRun(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		e.serve(service())
		addr := e.ln.Addr()
		sessions := make(chan *core.Session)
		ctx, cancel := context.WithCancel(t.Context())
		opts := &client.Options{Pins: e.dev.Pins(), Reconnect: &client.Reconnect{Most: 20 * time.Millisecond}}
		done := make(chan error, 1)
		go func() {
			done <- client.Run(ctx, e.prefix+addr, opts, func(ctx context.Context, s *core.Session) error {
				sessions <- s
				<-ctx.Done()
				return errors.New("only because its session ended")
			})
		}()
		for restarts := range 2 {
			s := <-sessions
			var v codec.Value[string]
			if err := s.Call(t.Context(), "test.Echo", text("hello"), &v); err != nil || v.V != "hello" {
				t.Errorf("after %d restarts: %q, %v", restarts, v.V, err)
			}
			if err := e.srv.Close(); err != nil {
				t.Error(err)
			}
			<-s.Done()
			e.restart(addr)
		}
		s := <-sessions
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) || !errors.Is(err, twinwire.Canceled) {
			t.Errorf("Run = %v", err)
		}
		<-s.Done()
		enough := errors.New("enough")
		err := client.Run(t.Context(), e.prefix+addr, opts, func(context.Context, *core.Session) error { return enough })
		if err != enough {
			t.Errorf("Run = %v, want what f returned", err)
		}
		if err := client.Run(t.Context(), "nowhere://", opts, nil); err == nil {
			t.Error("Run of a malformed address went on")
		}
	})
}

// restart has another server serve at the address of one that was closed.
func (e *env) restart(addr string) {
	e.t.Helper()
	old := e.served
	if err := <-old; err != server.ErrClosed {
		e.t.Errorf("Serve returned %v, want ErrClosed", err)
	}
	was := e.srv
	e.srv = &server.Server{Certs: e.dev, Logger: was.Logger, ZeroRTT: was.ZeroRTT, Admit: was.Admit, Connected: was.Connected}
	e.srv.Handle(e.services...)
	var ln *server.Listener
	eventually(e.t, func() (ok bool) {
		var err error
		ln, err = server.Listen(addr)
		return err == nil
	})
	e.ln = ln
	go func() { e.served <- e.srv.Serve(ln) }()
}
