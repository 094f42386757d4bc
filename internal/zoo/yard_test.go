package zoo

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/quic"
	"github.com/twinwire/twinwire/transport/ws"
)

// A yard is a server in a process of its own.
type yard struct {
	t    testing.TB
	addr string
	pin  certs.Pin
	row  int // counts rows and their wires

	mu  sync.Mutex
	in  io.WriteCloser
	out *bufio.Reader
}

// open starts the server, which ends with the test.
func open(t testing.TB, set setting) *yard {
	t.Helper()
	arg, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(arg))
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	y := &yard{t: t, in: in, out: bufio.NewReader(out)}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	var first []string
	line, err := y.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &first)
	}
	if err != nil {
		t.Fatalf("the server did not start: %v", err)
	}
	y.addr = first[0]
	if y.pin, err = certs.ParsePin(first[1]); err != nil {
		t.Fatal(err)
	}
	return y
}

// figures asks the server; with collect after it has collected its garbage.
func (y *yard) figures(collect bool) (f figures) {
	y.mu.Lock()
	defer y.mu.Unlock()
	ask := "figures\n"
	if collect {
		ask = "collect\n"
	}
	_, err := io.WriteString(y.in, ask)
	var line []byte
	if err == nil {
		line, err = y.out.ReadBytes('\n')
	}
	if err == nil {
		err = json.Unmarshal(line, &f)
	}
	if err != nil {
		y.t.Fatalf("the server is dead: %v", err)
	}
	return f
}

// burn has the server take so much processor time from now on, evenly.
func (y *yard) burn(cpu, over time.Duration) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if _, err := fmt.Fprintln(y.in, "burn", int64(cpu), int64(over)); err != nil {
		y.t.Fatal(err)
	}
}

// prefixes are the addresses' of the wires.
var prefixes = map[string]string{"websocket": "wss://", "quic": "quic://", "webtransport": "quic://"}

// good is a client that means well.
func (y *yard) good(wire string) *core.Session {
	y.t.Helper()
	ctx, cancel := context.WithTimeout(y.t.Context(), 20*time.Second)
	defer cancel()
	for {
		s, err := client.Dial(ctx, prefixes[wire]+y.addr, &client.Options{Pins: []certs.Pin{y.pin}})
		if err == nil {
			y.t.Cleanup(func() { _ = s.Close() })
			return s
		}
		if ctx.Err() != nil { // more than the server lets in at once
			y.t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// A herd is good clients that call at all times, and takes note of how long
// each call takes.
type herd struct {
	mu     sync.Mutex
	times  []time.Duration
	failed error
}

// graze has clients call, each 20 times a second, until the test ends.
func (y *yard) graze(clients int) *herd {
	h := new(herd)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i := range clients {
		s := y.good([]string{"websocket", "quic"}[i%2])
		wg.Go(func() {
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
				case <-ctx.Done():
					return
				}
				began := time.Now()
				err := s.Call(ctx, "zoo.Echo", codec.Value[string]{V: "still here"}, nil)
				h.mu.Lock()
				if h.times = append(h.times, time.Since(began)); err != nil && ctx.Err() == nil {
					h.failed = errors.Join(h.failed, err)
				}
				h.mu.Unlock()
			}
		})
	}
	y.t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	return h
}

// take returns what was noticed since it was last asked.
func (h *herd) take() (p50, p99 time.Duration, calls int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	times := h.times
	err, h.times, h.failed = h.failed, nil, nil
	if len(times) == 0 {
		return 0, 0, 0, err
	}
	slices.Sort(times)
	return times[len(times)/2], times[len(times)*99/100], len(times), err
}

// hostile returns where the hostile peers of the row come from: each row has an
// address of its own, so that the connections of those before do not count.
func (y *yard) hostile() net.IP { return net.IPv4(127, 0, 2, byte(y.row)) }

// patiently is for dialing: the floods are bounded in time, and not what comes
// before them.
func (y *yard) patiently() (context.Context, context.CancelFunc) {
	return context.WithTimeout(y.t.Context(), 10*time.Second)
}

// dialTCP connects from there.
func (y *yard) dialTCP(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: y.hostile()}}
	return d.DialContext(ctx, "tcp", y.addr)
}

// dial returns a carrier from there.
func (y *yard) dial(ctx context.Context, wire string) (transport.Carrier, error) {
	cfg := certs.ClientTLS(y.pin)
	if wire == "websocket" {
		return ws.Dial(ctx, "wss://"+y.addr+ws.Path, &ws.Options{
			TLS:         cfg,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return y.dialTCP(ctx) },
		})
	}
	if wire == "webtransport" {
		return y.dialPage(ctx, ws.Path, http.Header{"Origin": {"https://" + y.addr}})
	}
	return quic.Dial(ctx, y.addr, y.fromHostile(cfg))
}

func (y *yard) fromHostile(cfg *tls.Config) *quic.DialOptions {
	return &quic.DialOptions{
		TLS: cfg,
		ListenPacket: func(context.Context, string, string) (net.PacketConn, error) {
			return net.ListenUDP("udp4", &net.UDPAddr{IP: y.hostile()})
		},
	}
}

// dialPage dials over WebTransport, with the request of a page.
func (y *yard) dialPage(ctx context.Context, path string, header http.Header) (*quic.Carrier, error) {
	return quic.DialWebTransport(ctx, "https://"+y.addr+path, header, y.fromHostile(certs.ClientTLS(y.pin)))
}
