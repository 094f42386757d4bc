package transporttest

import (
	"errors"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/internal/leak"
	"github.com/twinwire/twinwire/transport"
)

// A peer that vanishes is seen as an error, and not as a close on purpose.
func testVanish(t *testing.T, pair MakePair) {
	p := start(t, pair, Options{Loss: time.Second})
	_, server := open(t, p, 0)
	p.Vanish()
	err := server.end(t)
	var e *transport.CloseError
	if errors.As(err, &e) {
		t.Errorf("server ended with %v, which nobody said", err)
	}
	if got := p.Server.Send(0, message(nil, 0, 0, nil)); got == nil {
		t.Error("Send after the end returned nil")
	}
}

// flood sends until that fails, and counts the batches.
func flood(c transport.Carrier) error {
	b := batchOf(frame.MaxBatch)
	for {
		if err := c.Send(0, b); err != nil {
			return err
		}
	}
}

// A peer that never reads: Send ends with the send timeout, and the carrier
// with it.
func testSendTimeout(t *testing.T, pair MakePair) {
	p := start(t, pair, Options{SendTimeout: 300 * time.Millisecond})
	client := receive(p.Client)
	mustSend(t, p.Client, 0, opening(0))
	begin := time.Now()
	err := flood(p.Client)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Send = %v, want a timeout", err)
	}
	if d := time.Since(begin); d < 200*time.Millisecond {
		t.Errorf("Send timed out after %v, before its time", d)
	}
	if err := client.end(t); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Receive = %v, want the timeout that ended the carrier", err)
	}
	if err := p.Client.Send(0, message(nil, 0, 0, nil)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("next Send = %v, want the timeout that ended the carrier", err)
	}
}

// Close unblocks a Send whose peer does not read.
func testCloseUnblocksSend(t *testing.T, pair MakePair) {
	p := start(t, pair, Options{SendTimeout: time.Hour})
	client := receive(p.Client)
	mustSend(t, p.Client, 0, opening(0))
	sender := make(chan error, 1)
	go func() { sender <- flood(p.Client) }()
	// Whether or not the sender is stuck by now, it must come back.
	select {
	case err := <-sender:
		t.Fatalf("Send to a peer that does not read failed with %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	p.Client.Close(twinwire.Unavailable, "enough")
	closedHere(t, <-sender, twinwire.Unavailable, "enough")
	closedHere(t, client.end(t), twinwire.Unavailable, "enough")
}

// After 1,000 connections nothing is left of them: no goroutines, no file
// descriptors. They end in every way there is.
func testLeaks(t *testing.T, pair MakePair) {
	connections := 1000
	if testing.Short() {
		connections = 100
	}
	leak.Check(t)
	before := descriptors(t)
	for i := range connections {
		p := pair(t, Options{Loss: time.Second})
		client, server := open(t, p, lanesOf(p.Client)...)
		b := message(nil, 0, 0, nil)
		mustSend(t, p.Server, 0, b)
		client.wait(t, 0, len(b))
		switch i % 4 {
		case 0:
			p.Client.Close(0, "")
		case 1:
			p.Server.Close(twinwire.Unavailable, "")
		case 2:
			p.Client.Close(0, "")
			p.Server.Close(0, "")
		case 3: // Stop ends it
		}
		p.Stop()
		client.end(t)
		server.end(t)
	}
	// Goroutines are checked by leak when the test has ended. A descriptor
	// goes with the connection that Stop has closed.
	deadline := time.Now().Add(10 * time.Second)
	for after := descriptors(t); after > before+5; after = descriptors(t) {
		if time.Now().After(deadline) {
			t.Fatalf("%d file descriptors before %d connections, %d after", before, connections, after)
		}
		runtime.Gosched()
	}
}

// descriptors counts the open file descriptors of the process; 0 where the
// system does not tell.
func descriptors(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		if runtime.GOOS == "linux" {
			t.Fatal(err)
		}
		return 0
	}
	return len(entries)
}
