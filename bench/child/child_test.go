package child

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire/bench/echo"
	"github.com/twinwire/twinwire/internal/leak"
)

// parentRole makes this program start a pair, print the server's address and
// wait to be killed.
const parentRole = "TWINWIRE_BENCH_TEST_PARENT"

func TestMain(m *testing.M) {
	if code, isChild := Main(os.Args[1:], echo.Peers()); isChild {
		os.Exit(code)
	}
	if os.Getenv(parentRole) != "" {
		beParent()
	}
	leak.Main(m)
}

func startPair(t *testing.T, ctx context.Context, peer string) *Pair {
	t.Helper()
	p, err := StartPair(ctx, peer, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func do(t *testing.T, p *Process, r Request) Reply {
	t.Helper()
	reply, err := p.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func TestPair(t *testing.T) {
	p := startPair(t, t.Context(), "floor-tls")
	l := do(t, p.Server, Request{Do: Listen})
	do(t, p.Client, Request{Do: Dial, Addr: l.Addr, Certificate: l.Certificate, Conns: 2})
	do(t, p.Client, Request{Do: Call, PerConn: 4})
	poll(t, "calls are answered", func() bool {
		return do(t, p.Client, Request{Do: Mark}).Mark.Count > 100
	})
	if m := do(t, p.Server, Request{Do: Mark}).Mark; m.Uptime == 0 || m.CPU == 0 || m.Mallocs == 0 {
		t.Errorf("server's mark %+v, want all of it", m)
	}
	if m := do(t, p.Server, Request{Do: Memory}).Memory; m.Resident == 0 || m.Heap == 0 || m.Goroutines == 0 {
		t.Errorf("server's memory %+v, want all of it", m)
	}
	do(t, p.Client, Request{Do: Stop})
	if err := p.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// Streams run beside calls, down and up.
func TestPairTransfers(t *testing.T) {
	for _, down := range []bool{false, true} {
		p := startPair(t, t.Context(), "bare-gorilla")
		l := do(t, p.Server, Request{Do: Listen})
		do(t, p.Client, Request{Do: Dial, Addr: l.Addr, Certificate: l.Certificate, Conns: 1, Streams: true})
		do(t, p.Client, Request{Do: Transfer, Parallel: 2, Size: 100_000, Down: down})
		do(t, p.Client, Request{Do: Call, PerConn: 1})
		receiver := p.Server
		if down {
			receiver = p.Client
		}
		poll(t, "bytes and answers arrive", func() bool {
			m := do(t, p.Client, Request{Do: Mark}).Mark
			return m.Count > 10 && do(t, receiver, Request{Do: Mark}).Mark.Bytes > 1_000_000
		})
		do(t, p.Client, Request{Do: Stop})
		if n := do(t, receiver, Request{Do: Mark}).Mark.Bytes; n%100_000 != 0 {
			t.Errorf("%d bytes received, want whole streams", n)
		}
		if err := p.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}

func TestPairSends(t *testing.T) {
	p := startPair(t, t.Context(), "floor-quic")
	l := do(t, p.Server, Request{Do: Listen})
	do(t, p.Client, Request{Do: Dial, Addr: l.Addr, Certificate: l.Certificate, Conns: 1})
	for _, values := range []bool{true, false} {
		before := do(t, p.Server, Request{Do: Mark}).Mark.Items
		do(t, p.Client, Request{Do: Send, Values: values})
		poll(t, "they arrive", func() bool {
			return do(t, p.Server, Request{Do: Mark}).Mark.Items > before+1000
		})
		do(t, p.Client, Request{Do: Stop})
		sent, got := do(t, p.Client, Request{Do: Mark}).Mark.Items, do(t, p.Server, Request{Do: Mark}).Mark.Items
		if sent != got {
			t.Errorf("%d sent and %d handled", sent, got)
		}
	}
	if err := p.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestPairPublishes(t *testing.T) {
	p := startPair(t, t.Context(), "floor-quic")
	l := do(t, p.Server, Request{Do: Listen})
	do(t, p.Client, Request{Do: Dial, Addr: l.Addr, Certificate: l.Certificate, Conns: 5, Subscribe: true})
	for _, interval := range []time.Duration{time.Millisecond, 0} {
		do(t, p.Server, Request{Do: Publish, Interval: interval})
		before := do(t, p.Client, Request{Do: Mark}).Mark.Count
		poll(t, "events arrive", func() bool {
			return do(t, p.Client, Request{Do: Mark}).Mark.Count > before+50
		})
		do(t, p.Server, Request{Do: Quiet})
		if n := do(t, p.Client, Request{Do: Mark}).Mark.Count; n%5 != 0 {
			t.Errorf("%d deliveries to 5 subscribers after all have arrived", n)
		}
	}
	if err := p.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// Errors come back in words, and the child goes on.
func TestErrors(t *testing.T) {
	p := startPair(t, t.Context(), "floor-tls")
	l := do(t, p.Server, Request{Do: Listen})
	nobody := Request{Do: Dial, Addr: "127.0.0.1:1", Certificate: l.Certificate, Conns: 1}
	for _, tt := range []struct {
		process *Process
		request Request
		want    string
	}{
		{p.Server, Request{Do: Listen}, "floor-tls's server: listen: server: cannot listen now"},
		{p.Server, Request{Do: Dial}, "cannot dial now"},
		{p.Client, Request{Do: Stop}, "cannot stop now"},
		{p.Client, nobody, "connection 1 of 1"},
		{p.Client, Request{Do: Transfer}, "cannot transfer now"},
		{p.Client, Request{Do: Send}, "cannot send now"},
	} {
		_, err := tt.process.Do(tt.request)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.request.Do, err, tt.want)
		}
	}
	do(t, p.Client, Request{Do: Mark})
	if err := p.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestUnknownPeer(t *testing.T) {
	p := startPair(t, t.Context(), "nobody")
	if _, err := p.Server.Do(Request{Do: Listen}); err == nil {
		t.Error("a peer that does not exist listens")
	}
	if err := p.Close(); err == nil || !strings.Contains(err.Error(), `no peer "nobody"`) {
		t.Errorf("close: %v, want what the child said", err)
	}
}

// The end of the context unblocks what waits for a child, and ends both.
func TestContextEndsChildren(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := startPair(t, ctx, "floor-tls")
	l := do(t, p.Server, Request{Do: Listen})
	do(t, p.Client, Request{Do: Dial, Addr: l.Addr, Certificate: l.Certificate, Conns: 1})
	do(t, p.Client, Request{Do: Call, PerConn: 1})
	cancel()
	if err := p.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if _, err := p.Client.Do(Request{Do: Mark}); err == nil {
		t.Error("a child answers after the end of its context")
	}
}

// A parent that is killed cannot tell its children, and they end all the same.
func TestNoOrphans(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentRole+"=1")
	in, err := parent.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var addr string
	if _, err := fmt.Fscanln(out, &addr); err != nil {
		t.Fatal(err)
	}
	if !listens(addr) {
		t.Fatalf("nothing listens at %s", addr)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // it was killed
	poll(t, "the server ends", func() bool { return !listens(addr) })
}

// beParent does not return.
func beParent() {
	p, err := StartPair(context.Background(), "floor-tls", nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	l, err := p.Server.Do(Request{Do: Listen})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(l.Addr)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test is over
	os.Exit(0)
}

func listens(addr string) bool {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// poll asks until it is so; other processes have no channel to wait on.
func poll(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}
