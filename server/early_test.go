package server_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport"
)

// An earlyEnv is a server with 0-RTT behind a path that takes its time, and a
// client that was there before.
type earlyEnv struct {
	*env
	path    *path
	tickets tls.ClientSessionCache

	ran      atomic.Int32 // calls
	hellos   atomic.Int32
	early    atomic.Int32 // hellos in first flights
	sessions atomic.Int32
}

const halfTrip = 20 * time.Millisecond

func startEarly(t *testing.T, on bool) *earlyEnv {
	t.Helper()
	e := &earlyEnv{env: start(t, "quic://", "quic"), tickets: tls.NewLRUClientSessionCache(0)}
	e.srv.ZeroRTT = on
	e.srv.Admit = func(_ *core.Hello, info transport.Info) error {
		e.hellos.Add(1)
		if info.Early {
			e.early.Add(1)
		}
		return nil
	}
	e.srv.Connected = func(*core.Session) { e.sessions.Add(1) }
	e.serve(&core.Service{Name: "early", Methods: map[string]core.Method{
		"early.Run": func(context.Context, any, *core.Request) (codec.Marshaler, error) {
			e.ran.Add(1)
			return nil, nil
		},
	}})
	e.path = newPath(t, e.ln.Addr(), halfTrip)
	return e
}

// call dials, calls once and closes; it returns how long it took until the
// call was answered.
func (e *earlyEnv) call(tickets tls.ClientSessionCache) time.Duration {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), 10*time.Second)
	defer cancel()
	began := time.Now()
	s, err := client.Dial(ctx, e.prefix+e.path.addr(), &client.Options{Pins: e.dev.Pins(), Tickets: tickets})
	if err != nil {
		e.t.Fatal(err)
	}
	defer s.Close()
	if err := s.Call(core.Idempotent(ctx), "early.Run", text(""), nil); err != nil {
		e.t.Fatal(err)
	}
	return time.Since(began)
}

// With a ticket the first reply is here a round trip earlier.
func TestZeroRTTSavesRoundTrip(t *testing.T) {
	e := startEarly(t, true)
	e.call(e.tickets)
	if e.early.Load() != 0 {
		t.Fatal("a hello without a ticket was early")
	}
	quickest := func(tickets tls.ClientSessionCache) time.Duration {
		least := time.Hour
		for range 5 {
			least = min(least, e.call(tickets))
		}
		return least
	}
	without, with := quickest(nil), quickest(e.tickets)
	t.Logf("to the first reply at a round trip of %v: %v, and %v with 0-RTT", 2*halfTrip, without, with)
	if saved := without - with; saved < halfTrip && !raceEnabled {
		t.Errorf("0-RTT saves %v, want a round trip of %v", saved, 2*halfTrip)
	}
	if e.early.Load() != 5 || e.hellos.Load() != 11 || e.sessions.Load() != 11 || e.ran.Load() != 11 {
		t.Errorf("%d hellos, %d of them early, %d sessions, %d calls; want 11, 5, 11, 11",
			e.hellos.Load(), e.early.Load(), e.sessions.Load(), e.ran.Load())
	}
}

// A server that does not want it gets no hello early.
func TestZeroRTTIsOff(t *testing.T) {
	e := startEarly(t, false)
	for range 3 {
		e.call(e.tickets)
	}
	if e.early.Load() != 0 || e.hellos.Load() != 3 {
		t.Errorf("%d hellos, %d of them early", e.hellos.Load(), e.early.Load())
	}
}

// All that a client sent is sent again from another address: its hello reaches
// the server, and nothing runs.
func TestZeroRTTReplay(t *testing.T) {
	e := startEarly(t, true)
	e.call(e.tickets)
	e.path.record(false)
	e.call(e.tickets)
	flight := e.path.recorded()
	if e.early.Load() != 1 || e.ran.Load() != 2 || e.sessions.Load() != 2 {
		t.Fatalf("%d early hellos, %d calls, %d sessions", e.early.Load(), e.ran.Load(), e.sessions.Load())
	}
	e.replay(flight)
	e.call(e.tickets) // whatever the flight causes is behind this
	if e.ran.Load() != 3 || e.sessions.Load() != 3 {
		t.Errorf("after a replay %d calls have run in %d sessions, want 3 in 3", e.ran.Load(), e.sessions.Load())
	}
}

// What a client sent is held back and comes from another address, so that the
// server knows nothing of the attempt: that begins no session either.
func TestZeroRTTHeldBack(t *testing.T) {
	e := startEarly(t, true)
	e.call(e.tickets)
	e.path.record(true)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if s, err := client.Dial(ctx, e.prefix+e.path.addr(), &client.Options{Pins: e.dev.Pins(), Tickets: e.tickets}); err == nil {
		s.Close()
		t.Fatal("dialed over a path that carries nothing")
	}
	e.replay(e.path.recorded())
	e.call(e.tickets)
	if e.ran.Load() != 2 || e.sessions.Load() != 2 {
		t.Errorf("after a replay %d calls have run in %d sessions, want 2 in 2", e.ran.Load(), e.sessions.Load())
	}
}

// replay sends a flight from another address, until the server sees its hello:
// as long as it remembers the connection that the flight was made for, it
// drops it.
func (e *earlyEnv) replay(flight [][]byte) {
	e.t.Helper()
	before := e.early.Load()
	for range 100 {
		c, err := net.Dial("udp", e.ln.Addr())
		if err != nil {
			e.t.Fatal(err)
		}
		defer c.Close()
		for _, b := range flight {
			if _, err := c.Write(b); err != nil {
				e.t.Fatal(err)
			}
		}
		if within(100*time.Millisecond, func() bool { return e.early.Load() > before }) {
			return
		}
	}
	e.t.Fatal("the replay does not reach the server")
}

// A restarted server does not know the tickets; the client does not notice.
func TestZeroRTTAfterRestart(t *testing.T) {
	e := startEarly(t, true)
	e.call(e.tickets)
	addr := e.ln.Addr()
	if err := e.srv.Close(); err != nil {
		t.Fatal(err)
	}
	e.restart(addr)
	for range 2 {
		e.call(e.tickets)
	}
	if e.early.Load() != 1 || e.ran.Load() != 3 {
		t.Errorf("%d early hellos, %d calls; want 1 with the new ticket, 3", e.early.Load(), e.ran.Load())
	}
}

// A path carries the datagrams of clients to a server, some time later.
type path struct {
	in     *net.UDPConn
	target string
	way    time.Duration
	wg     sync.WaitGroup

	mu    sync.Mutex
	flows map[netip.AddrPort]*net.UDPConn
	tape  [][]byte // what clients have sent since record
	taped bool
	held  bool // and does not arrive
	over  bool
}

func newPath(t *testing.T, target string, way time.Duration) *path {
	t.Helper()
	in, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	p := &path{in: in, target: target, way: way, flows: map[netip.AddrPort]*net.UDPConn{}}
	p.wg.Go(p.forth) // ends with the socket
	t.Cleanup(func() {
		in.Close()
		p.mu.Lock()
		p.over = true
		for _, c := range p.flows {
			c.Close()
		}
		p.mu.Unlock()
		p.wg.Wait()
	})
	return p
}

func (p *path) addr() string { return p.in.LocalAddr().String() }

// record begins to record what clients send, and to hold it back if so told;
// recorded ends it.
func (p *path) record(hold bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tape, p.taped, p.held = nil, true, hold
}

func (p *path) recorded() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taped, p.held = false, false
	return p.tape
}

func (p *path) forth() {
	b := make([]byte, 64<<10)
	for {
		n, from, err := p.in.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		p.mu.Lock()
		flow := p.flows[from]
		if flow == nil && !p.over {
			c, err := net.Dial("udp", p.target)
			if err != nil {
				p.mu.Unlock()
				return
			}
			flow = c.(*net.UDPConn)
			p.flows[from] = flow
			p.wg.Go(func() { p.back(flow, from) }) // ends with the flow
		}
		if p.taped {
			p.tape = append(p.tape, append([]byte(nil), b[:n]...))
		}
		held := p.held
		p.mu.Unlock()
		if held {
			continue
		}
		p.later(func(b []byte) { _, _ = flow.Write(b) }, b[:n])
	}
}

func (p *path) back(flow *net.UDPConn, to netip.AddrPort) {
	b := make([]byte, 64<<10)
	for {
		n, err := flow.Read(b)
		p.mu.Lock()
		over := p.over
		p.mu.Unlock()
		if over {
			return
		}
		if err == nil {
			p.later(func(b []byte) { _, _ = p.in.WriteToUDPAddrPort(b, to) }, b[:n])
		}
	}
}

// later sends a datagram when it has been under way for long enough.
func (p *path) later(send func(b []byte), b []byte) {
	kept := append([]byte(nil), b...)
	time.AfterFunc(p.way, func() { send(kept) })
}
