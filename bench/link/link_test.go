package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire/internal/leak"
)

// patience bounds every wait. It is the price of a failure only.
const patience = 20 * time.Second

// childFlag makes this program print the addresses it has.
const childFlag = "-test-print-addresses"

func TestMain(m *testing.M) {
	if slices.Contains(os.Args[1:], childFlag) {
		printAddresses()
		os.Exit(0)
	}
	leak.Main(m)
}

func printAddresses() {
	addrs, err := net.InterfaceAddrs()
	fmt.Println(addrs, err)
}

// newLink makes a link that the test closes.
func newLink(t testing.TB, c *Config) *Link {
	t.Helper()
	if err := Available(); err != nil {
		t.Skip(err)
	}
	l, err := New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil && !errors.Is(err, ErrClosed) {
			t.Errorf("close: %v", err)
		}
	})
	return l
}

// connect returns both ends of a TCP connection from a to b.
func connect(t testing.TB, a, b *End) (net.Conn, net.Conn) {
	t.Helper()
	listener, err := b.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	dialled, err := a.Dial(ctx, "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialled.Close() })
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { accepted.Close() })
	return dialled, accepted
}

// transfer sends so many bytes over TCP and returns how many arrived a second.
func transfer(t testing.TB, a, b *End, bytes int64) float64 {
	t.Helper()
	from, to := connect(t, a, b)
	for _, c := range []net.Conn{from, to} {
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
	}
	sent := make(chan error, 1)
	began := time.Now()
	go func() { // ends with the deadline at the latest
		block := make([]byte, 64<<10)
		var err error
		for left := bytes; left > 0 && err == nil; left -= int64(len(block)) {
			_, err = from.Write(block[:min(left, int64(len(block)))])
		}
		sent <- errors.Join(err, from.(*net.TCPConn).CloseWrite())
	}()
	n, err := io.Copy(io.Discard, to)
	took := time.Since(began)
	if err := errors.Join(err, <-sent); err != nil || n != bytes {
		t.Fatalf("%d of %d bytes arrived: %v", n, bytes, err)
	}
	return float64(n) / took.Seconds()
}

// echo answers every datagram on the end until the test is over.
func echo(t testing.TB, e *End) netip.AddrPort {
	t.Helper()
	c, err := e.ListenPacket("udp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // ends when c is closed
		defer close(done)
		buf := make([]byte, MTU)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			if _, err := c.WriteTo(buf[:n], from); err != nil && !errors.Is(err, net.ErrClosed) {
				t.Errorf("echo: %v", err)
				return
			}
		}
	}()
	t.Cleanup(func() {
		c.Close()
		<-done
	})
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// pinger sends datagrams to an echo.
func pinger(t testing.TB, e *End, to netip.AddrPort) net.Conn {
	t.Helper()
	c, err := e.Dial(t.Context(), "udp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ping returns how long one datagram took there and back.
func ping(c net.Conn, timeout time.Duration) (time.Duration, error) {
	var buf [64]byte
	if err := c.SetDeadline(time.Now().Add(timeout)); err != nil {
		return 0, err
	}
	began := time.Now()
	if _, err := c.Write(buf[:]); err != nil {
		return 0, err
	}
	_, err := c.Read(buf[:])
	return time.Since(began), err
}

// fastest returns the shortest of some round trips.
func fastest(t *testing.T, c net.Conn) time.Duration {
	t.Helper()
	best := time.Hour
	for range 20 {
		took, err := ping(c, patience)
		if err != nil {
			t.Fatal(err)
		}
		best = min(best, took)
	}
	return best
}

func TestThroughput(t *testing.T) {
	l := newLink(t, &Config{Path: Path{Rate: 10e6, Delay: 25 * time.Millisecond}})
	const rate = 10e6 / 8
	best := 0.0
	// A machine that is busy elsewhere gets another chance.
	for range 3 {
		best = max(best, transfer(t, l.A, l.B, 3*rate))
		if best >= 0.85*rate {
			break
		}
	}
	if best < 0.85*rate || best > rate {
		t.Errorf("%.2f Mbit/s of 10", best*8/1e6)
	}
	s := l.A.Stats()
	if s.MaxPacket > MTU || s.MaxQueue > 62_500 || s.MaxQueue < 30_000 || s.Overrun != 0 {
		t.Errorf("%+v, want packets of %d and a queue of 62500 at most", s, MTU)
	}
	if back := l.B.Stats(); back.DeliveredBytes == 0 || back.DeliveredBytes > s.DeliveredBytes/4 {
		t.Errorf("%+v came back, want acknowledgements", back)
	}
}

func TestRoundTrip(t *testing.T) {
	l := newLink(t, &Config{
		Path: Path{Delay: 20 * time.Millisecond},
		Back: &Path{Delay: 5 * time.Millisecond},
	})
	for _, ends := range [][2]*End{{l.A, l.B}, {l.B, l.A}} {
		c := pinger(t, ends[0], echo(t, ends[1]))
		if took := fastest(t, c); took < 25*time.Millisecond || took > 30*time.Millisecond {
			t.Errorf("round trip %v, want 25ms", took)
		}
	}
	c := pinger(t, l.A, echo(t, l.B))
	if err := l.A.SetPath(Path{Delay: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if took := fastest(t, c); took < 6*time.Millisecond || took > 11*time.Millisecond {
		t.Errorf("round trip %v after a change, want 6ms", took)
	}
	if got := l.A.Path().Delay; got != time.Millisecond {
		t.Errorf("delay %v after a change, want 1ms", got)
	}
}

func TestCutAndRestore(t *testing.T) {
	l := newLink(t, nil)
	c := pinger(t, l.A, echo(t, l.B))
	if _, err := ping(c, patience); err != nil {
		t.Fatal(err)
	}
	l.Cut()
	if _, err := ping(c, 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("over a link that is cut: %v, want a deadline exceeded", err)
	}
	if s := l.A.Stats(); s.DroppedCut != 1 {
		t.Errorf("%+v, want one packet cut", s)
	}
	l.Restore()
	if _, err := ping(c, patience); err != nil {
		t.Errorf("after restore: %v", err)
	}
}

// TCP is the one to complain if packets were damaged or super-sized.
func TestLossyTransfer(t *testing.T) {
	l := newLink(t, &Config{
		Path: Path{Delay: time.Millisecond, Loss: 0.01, Duplicate: 0.01, Reorder: 0.01, Jitter: time.Millisecond},
		Seed: 7,
	})
	transfer(t, l.A, l.B, 2<<20)
	s := l.A.Stats()
	if s.DroppedLoss == 0 || s.Duplicated == 0 || s.MaxPacket > MTU {
		t.Errorf("%+v, want losses, duplicates and packets of %d bytes", s, MTU)
	}
}

func TestStart(t *testing.T) {
	l := newLink(t, nil)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd := exec.CommandContext(t.Context(), self, childFlag)
	cmd.Stdout = &out
	if err := l.B.Start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.Contains(got, l.B.Addr().String()) || !strings.Contains(got, "127.0.0.1") || strings.Count(got, ".0.") != 2 {
		t.Errorf("a process at B has addresses %s", got)
	}
}

func TestEndsAreLiteral(t *testing.T) {
	l := newLink(t, nil)
	if _, err := l.A.Dial(t.Context(), "tcp", "localhost:1"); err == nil {
		t.Error("a name is dialled")
	}
	if _, err := l.A.Listen("tcp", "1"); err == nil {
		t.Error("an address without a port is listened at")
	}
	if err := l.A.SetPath(Path{Loss: 2}); err == nil {
		t.Error("a loss of 2 is accepted")
	}
}

// What a link leaves behind would be found in descriptors, in threads that are
// still elsewhere, and among the goroutines of TestMain.
func TestCloseLeavesNothing(t *testing.T) {
	if err := Available(); err != nil {
		t.Skip(err)
	}
	leak.Check(t)
	home := namespaces(t)
	before := descriptors(t)
	for range 5 {
		l, err := New(t.Context(), &Config{Path: Path{Rate: 1e6}})
		if err != nil {
			t.Fatal(err)
		}
		from, to := connect(t, l.A, l.B)
		if _, err := from.Write(make([]byte, 100<<10)); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(l.Close(), l.Close(), from.Close(), to.Close()); err != nil {
			t.Fatal(err)
		}
		if err := l.A.Do(func() error { return nil }); !errors.Is(err, ErrClosed) {
			t.Errorf("after close: %v, want ErrClosed", err)
		}
		if s := l.A.Stats(); s.Sent == 0 {
			t.Error("statistics are gone")
		}
		l.Cut()
	}
	if after := namespaces(t); !slices.Equal(home, after) {
		t.Errorf("threads were in %v, and are in %v", home, after)
	}
	if after := descriptors(t); !slices.Equal(before, after) {
		t.Errorf("descriptors were %v, and are %v", before, after)
	}
}

// namespaces returns where the threads of this process are.
func namespaces(t *testing.T) []string {
	t.Helper()
	return targets(t, "/proc/self/task/*/ns/net")
}

// descriptors returns what this process has open of namespaces and devices.
func descriptors(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(targets(t, "/proc/self/fd/*"), func(s string) bool {
		return !strings.HasPrefix(s, "net:") && s != "/dev/net/tun"
	})
}

// targets returns what symbolic links point to, each once.
func targets(t *testing.T, pattern string) []string {
	t.Helper()
	links, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, l := range links {
		// Threads and descriptors may end meanwhile.
		if to, err := os.Readlink(l); err == nil {
			all = append(all, to)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestContextCloses(t *testing.T) {
	if err := Available(); err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	l, err := New(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	deadline := time.Now().Add(patience)
	for l.A.Do(func() error { return nil }) == nil {
		if time.Now().After(deadline) {
			t.Fatal("the link is there after its context has ended")
		}
		time.Sleep(time.Millisecond)
	}
	if err := l.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if _, err := New(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a link with a context that has ended: %v", err)
	}
}

// Reported: how much later than it should a datagram comes back, and what the
// link carries at most.
func BenchmarkRoundTrip(b *testing.B) {
	const delay = time.Millisecond
	l := newLink(b, &Config{Path: Path{Delay: delay}})
	c := pinger(b, l.A, echo(b, l.B))
	var late []time.Duration
	for b.Loop() {
		took, err := ping(c, patience)
		if err != nil {
			b.Fatal(err)
		}
		late = append(late, took-2*delay)
	}
	s := l.A.Stats()
	b.ReportMetric(float64((s.Late / time.Duration(s.Delivered)).Microseconds()), "µs-delivery-late")
	b.ReportMetric(float64(s.MaxLate.Microseconds()), "µs-delivery-late-max")
	slices.Sort(late)
	b.ReportMetric(float64(late[len(late)/2].Microseconds()), "µs-late-p50")
	b.ReportMetric(float64(late[len(late)*99/100].Microseconds()), "µs-late-p99")
}

func BenchmarkTransfer(b *testing.B) {
	const bytes = 16 << 20
	for _, path := range []Path{{}, {Rate: 1e9, Delay: time.Millisecond}, {Rate: 100e6, Delay: 10 * time.Millisecond}} {
		b.Run(fmt.Sprintf("rate=%de6", path.Rate/1e6), func(b *testing.B) {
			l := newLink(b, &Config{Path: path})
			rate := 0.0
			for b.Loop() {
				rate = max(rate, transfer(b, l.A, l.B, bytes))
			}
			b.ReportMetric(rate*8/1e6, "Mbit/s")
			s := l.A.Stats()
			b.ReportMetric(float64((s.Late / time.Duration(s.Delivered)).Microseconds()), "µs-delivery-late")
			b.ReportMetric(float64(s.MaxLate.Microseconds()), "µs-delivery-late-max")
			b.ReportMetric(float64(s.Overrun), "overrun")
		})
	}
}
