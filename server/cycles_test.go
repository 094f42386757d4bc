package server_test

import (
	"context"
	"flag"
	"log/slog"
	"net"
	"os"
	"runtime"
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

var cycles = flag.Int("cycles", 0, "how often TestCycles connects and disconnects over each wire; by default a few hundred times")

// A visitor connects, calls, and goes: with a goodbye, or as if its machine had
// been switched off.
type visitor struct {
	t    *testing.T
	addr string
	pins []certs.Pin
	wire string
}

// carrier dials the server, and returns what breaks the connection: by a reset,
// or in silence where there is nothing to reset.
func (v *visitor) carrier(ctx context.Context) (_ transport.Carrier, breaks func(), err error) {
	cfg := certs.ClientTLS(v.pins...)
	cfg.ServerName = "localhost"
	if v.wire == "quic" {
		var socket net.PacketConn
		c, err := quic.Dial(ctx, v.addr, &quic.DialOptions{TLS: cfg, ListenPacket: func(ctx context.Context, network, addr string) (net.PacketConn, error) {
			var err error
			socket, err = new(net.ListenConfig).ListenPacket(ctx, network, addr)
			return socket, err
		}})
		if err != nil {
			return nil, nil, err
		}
		return c, func() { socket.Close() }, nil
	}
	var conn net.Conn
	c, err := ws.Dial(ctx, "wss://"+v.addr+ws.Path, &ws.Options{TLS: cfg, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		var err error
		conn, err = new(net.Dialer).DialContext(ctx, network, addr)
		return conn, err
	}})
	if err != nil {
		return nil, nil, err
	}
	return c, func() {
		_ = conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}, nil
}

// visit is one cycle.
func (v *visitor) visit(ctx context.Context, goodbye bool) error {
	c, breaks, err := v.carrier(ctx)
	if err != nil {
		return err
	}
	// A session that could go on: the server has to keep it for a while.
	cfg := &core.Config{Logger: slog.New(slog.DiscardHandler), Reconnect: func(s *core.Session, cause error) { s.GiveUp(cause) }}
	offer, err := core.Greet(ctx, c, cfg, nil, core.NewAttempt())
	if err != nil {
		return err
	}
	s := offer.Accept()
	var got codec.Value[string]
	if err := s.Call(ctx, "test.Echo", text("hello"), &got); err != nil {
		return err
	}
	if goodbye {
		return s.Close()
	}
	breaks()
	<-s.Done()
	return nil
}

// manyDials lets one address dial as often as it likes.
var manyDials = core.Admission{ConnectRate: -1, ConnectBurst: -1}

// A footprint is what a process holds.
type footprint struct {
	goroutines, descriptors int
	heap                    int64
}

func measure(t *testing.T) (f footprint) {
	t.Helper()
	runtime.GC()
	runtime.GC() // pools give up in two
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f.heap, f.goroutines = int64(m.HeapAlloc), runtime.NumGoroutine()
	if entries, err := os.ReadDir("/proc/self/fd"); err == nil {
		f.descriptors = len(entries)
	}
	return f
}

// Clients come and go, half of them without a goodbye; what they leave behind
// is nothing but the ids of their attempts, for half a minute.
//
//	go test ./server -run TestCycles -cycles 10000 -v
func TestCycles(t *testing.T) {
	const perAttempt = 512 // bytes that the server remembers of each (clause 3.6)
	count := *cycles
	if count == 0 {
		if count = 200; raceEnabled {
			count = 100
		}
	}
	for _, wire := range []string{"websocket", "quic"} {
		t.Run(wire, func(t *testing.T) {
			e := start(t, "", "")
			e.srv.Limits = &core.Limits{ResumeTime: 50 * time.Millisecond, Admission: manyDials}
			e.srv.Limits.Admission.AddressSessions = -1 // who was switched off holds one for two heartbeats
			e.srv.Heartbeat = 500 * time.Millisecond    // a machine that was switched off says nothing
			var begun, ended atomic.Int64
			e.srv.Connected = func(*core.Session) { begun.Add(1) }
			e.srv.Disconnected = func(*core.Session, error) { ended.Add(1) }
			e.serve(service())
			v := &visitor{t: t, addr: e.ln.Addr(), pins: e.dev.Pins(), wire: wire}
			visits := func(n int) {
				var next atomic.Int64
				var wg sync.WaitGroup
				for range 8 {
					wg.Go(func() {
						for i := next.Add(1); i <= int64(n) && !t.Failed(); i = next.Add(1) {
							ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
							if err := v.visit(ctx, i%2 == 0); err != nil {
								t.Errorf("visit %d: %v", i, err)
							}
							cancel()
						}
					})
				}
				wg.Wait()
				eventually(t, func() bool { return ended.Load() == begun.Load() })
			}
			visits(50) // what is made once
			var before, after footprint
			// What has been told to end may take a moment.
			settled := func(f *footprint, most int) func() bool {
				return func() bool { *f = measure(t); return f.goroutines <= most }
			}
			within(500*time.Millisecond, settled(&before, 0))
			began := time.Now()
			visits(count)
			took := time.Since(began)
			within(10*time.Second, settled(&after, before.goroutines))
			t.Logf("%d cycles in %v: %+v before, %+v after", count, took.Round(time.Millisecond), before, after)
			if after.goroutines > before.goroutines || after.descriptors > before.descriptors {
				t.Errorf("%+v is left, was %+v", after, before)
			}
			if grown := after.heap - before.heap; grown > int64(1<<20+count*perAttempt) {
				t.Errorf("the heap has grown by %d bytes", grown)
			}
		})
	}
}
