package zoo

import (
	"context"
	"errors"
	"flag"
	"net"
	"sync"
	"testing"
	"time"
)

var silent = flag.Int("zoo.silent", 500, "how many connections TestUnspoken opens")

// A TCP connection that sends no ClientHello holds little, and is gone when the
// handshake's time is over. The bounds for one address are off.
func TestUnspoken(t *testing.T) {
	t.Parallel()
	y := open(t, setting{Silent: true})
	before := y.figures(true)
	began := time.Now()
	conns := make([]net.Conn, *silent)
	for i := range conns {
		// Of many addresses: one has ports for 28,000.
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(i%4)+1)}}
		c, err := d.DialContext(context.Background(), "tcp", y.addr)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		defer c.Close()
		conns[i] = c
	}
	opened := time.Since(began)
	var with figures
	for with = y.figures(true); with.Connections < len(conns) && time.Since(began) < 4*time.Second; with = y.figures(true) {
		time.Sleep(10 * time.Millisecond)
	}
	if with.Connections < len(conns) {
		t.Skipf("only %d of %d connections were there at once: the machine is too slow for the time of a handshake", with.Connections, len(conns))
	}
	each := (with.Heap + with.Stack - before.Heap - before.Stack) / uint64(len(conns))
	resident := (with.RSS - min(before.RSS, with.RSS)) / uint64(len(conns))
	t.Logf("%d connections in %v: each holds %d B of heap and stack, %d B resident", len(conns), opened.Round(time.Millisecond), each, resident)
	if each > 20<<10 && !raceEnabled {
		t.Errorf("each connection holds %d B, more than 20 KiB", each)
	}
	var wg sync.WaitGroup
	for _, c := range conns {
		wg.Go(func() {
			_ = c.SetReadDeadline(began.Add(opened + 8*time.Second))
			if _, err := c.Read(make([]byte, 1)); err == nil || isTimeout(err) {
				t.Error(errors.New("a connection is still there"))
			}
		})
	}
	wg.Wait()
	t.Logf("all gone after %v", time.Since(began).Round(10*time.Millisecond))
}
