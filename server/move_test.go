package server_test

import (
	"context"
	"flag"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/quic"
	"github.com/twinwire/twinwire/transport/ws"
)

var moves = flag.Int("moves", 0, "how often TestMoves moves its session, and that its latency counts; by default a few hundred times")

// notes are messages with ascending numbers, which are to arrive in that order
// and each once.
type notes struct {
	t    *testing.T
	name string
	sent int64 // owned by the sender
	mu   sync.Mutex
	more sync.Cond // got has grown
	got  int64
}

func newNotes(t *testing.T, name string) *notes {
	n := &notes{t: t, name: name}
	n.more.L = &n.mu
	return n
}

// all waits until all that was sent has arrived.
func (n *notes) all() {
	n.mu.Lock()
	defer n.mu.Unlock()
	timer := time.AfterFunc(30*time.Second, func() {
		n.t.Errorf("%s: not all of %d messages arrive", n.name, n.sent)
		n.mu.Lock()
		defer n.mu.Unlock()
		n.got = n.sent
		n.more.Broadcast()
	})
	defer timer.Stop()
	for n.got < n.sent {
		n.more.Wait()
	}
}

func (n *notes) service() *core.Service {
	return &core.Service{Name: "notes", Methods: map[string]core.Method{
		"notes.Take": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			var v codec.Value[int64]
			err := r.Decode(&v)
			n.mu.Lock()
			defer n.mu.Unlock()
			if n.got++; v.V != n.got {
				n.t.Errorf("%s: message %d came as number %d", n.name, v.V, n.got)
			}
			n.more.Broadcast()
			return nil, err
		},
	}}
}

// send sends notes until the channel is closed.
func (n *notes) send(s *core.Session, stop <-chan struct{}) {
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	for {
		select {
		case <-stop:
			return
		case <-pace.C:
		}
		if err := s.Send(context.Background(), "notes.Take", codec.Value[int64]{V: n.sent + 1}); err != nil {
			n.t.Errorf("%s: message %d: %v", n.name, n.sent+1, err)
			return
		}
		n.sent++
	}
}

// A mover is a client that moves its session from wire to wire.
type mover struct {
	t    *testing.T
	addr string
	pins []certs.Pin
	cfg  *core.Config
	s    *core.Session
}

// carrier dials the server by WebSocket or by QUIC.
func (m *mover) carrier(ctx context.Context, quicWire bool) transport.Carrier {
	m.t.Helper()
	cfg := certs.ClientTLS(m.pins...)
	cfg.ServerName = "localhost"
	if quicWire {
		c, err := quic.Dial(ctx, m.addr, &quic.DialOptions{TLS: cfg})
		if err != nil {
			m.t.Fatal(err)
		}
		return c
	}
	c, err := ws.Dial(ctx, "wss://"+m.addr+"/twinwire", &ws.Options{TLS: cfg})
	if err != nil {
		m.t.Fatal(err)
	}
	return c
}

// begin begins the session.
func (m *mover) begin() {
	mux, err := core.NewMux(m.cfg.Services, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	offer, err := core.Greet(m.t.Context(), m.carrier(m.t.Context(), false), m.cfg, mux, core.NewAttempt())
	if err != nil {
		m.t.Fatal(err)
	}
	m.s = offer.Accept()
	m.t.Cleanup(func() { m.s.Close() })
}

// move moves the session. It returns when that began and when the session had
// the carrier.
func (m *mover) move(quicWire bool) (began, done time.Time) {
	m.t.Helper()
	offer, err := core.GreetAgain(m.t.Context(), m.carrier(m.t.Context(), quicWire), m.s)
	if err != nil {
		m.t.Fatal(err)
	}
	began = time.Now()
	if err := offer.Resume(); err != nil {
		m.t.Fatal(err)
	}
	return began, time.Now()
}

// A span is what something took.
type span struct{ began, ended time.Time }

func (s span) took() time.Duration { return s.ended.Sub(s.began) }

// A session moves to and fro between WebSocket and QUIC, under load: no call
// fails or runs twice, no message is lost, repeated or overtaken, streams
// arrive whole, and calls that are under way meanwhile hardly notice.
//
//	go test ./server -run TestMoves -moves 10000 -v
func TestMoves(t *testing.T) {
	count := *moves
	if count == 0 {
		if count = 300; raceEnabled {
			count = 60
		}
	}
	tr := &traffic{t: t, ran: map[int64]int{}}
	up, down := newNotes(t, "to the server"), newNotes(t, "to the client")
	e := start(t, "", "")
	began := make(chan *core.Session, 1)
	e.srv.Limits = &core.Limits{Admission: manyDials}
	e.srv.Connected = func(s *core.Session) { began <- s }
	e.serve(tr.service(), up.service())
	var lost atomic.Int64
	m := &mover{t: t, addr: e.ln.Addr(), pins: e.dev.Pins(), cfg: &core.Config{
		Services: []*core.Service{down.service()}, Logger: slog.New(slog.DiscardHandler),
		Reconnect: func(*core.Session, error) { lost.Add(1) },
	}}
	m.begin()
	tr.s = m.s
	tr.begin(4)
	peer := <-began
	tr.wg.Go(func() { up.send(m.s, tr.stop) })
	tr.wg.Go(func() { down.send(peer, tr.stop) })
	var probes []span // owned by the prober
	tr.wg.Go(func() {
		for !tr.stopped() {
			n := codec.Value[int64]{V: tr.next.Add(1)}
			p := span{began: time.Now()}
			if err := m.s.Call(context.Background(), "traffic.Count", n, nil); err != nil {
				t.Errorf("Count(%d): %v", n.V, err)
				return
			}
			p.ended = time.Now()
			probes = append(probes, p)
		}
	})
	var moved []span
	for i := range count {
		began, done := m.move(i%2 == 0)
		moved = append(moved, span{began, done})
		tr.some(5)
		if t.Failed() {
			break
		}
	}
	tr.end()
	up.all()
	down.all()
	if n := lost.Load(); n != 0 {
		t.Errorf("the client lost its carrier %d times", n)
	}
	during, beside := meanwhile(probes, moved)
	added := quantile(during, 0.99) - quantile(beside, 0.5)
	t.Logf("%d moves, %d calls, %d messages; calls take %v, p99 %v; those during a move %v, p99 %v",
		len(moved), tr.next.Load(), up.sent+down.sent, quantile(beside, 0.5), quantile(beside, 0.99), quantile(during, 0.5), quantile(during, 0.99))
	// The bound is one round trip and 5 ms, where the machine has nothing else
	// to do.
	if bound := quantile(beside, 0.5) + 5*time.Millisecond; *moves > 0 && added > bound {
		t.Errorf("a move adds %v to a call, want %v at most", added, bound)
	} else if bound := 500 * time.Millisecond; added > bound && !raceEnabled {
		t.Errorf("a move adds %v to a call", added)
	}
}

// meanwhile returns how long the calls took that a move fell into, and the
// others.
func meanwhile(calls, moved []span) (during, beside []time.Duration) {
	for _, c := range calls {
		for len(moved) > 0 && moved[0].ended.Before(c.began) {
			moved = moved[1:]
		}
		if len(moved) > 0 && moved[0].began.Before(c.ended) {
			during = append(during, c.took())
		} else {
			beside = append(beside, c.took())
		}
	}
	slices.Sort(during)
	slices.Sort(beside)
	return during, beside
}

// quantile returns a quantile of sorted figures.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(q*float64(len(sorted)-1))]
}
