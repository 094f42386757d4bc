package mem_test

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/mem"
)

// A log receives from a carrier and notes what came when.
type log struct {
	mu sync.Mutex
	view
}

type view struct {
	got   []byte
	last  time.Time
	calls int
	err   error
	ended bool
}

func receive(c *mem.Carrier) *log {
	l := new(log)
	go func() {
		err := c.Receive(func(_ int, frames []byte) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.got = append(l.got, frames...)
			l.calls++
			l.last = time.Now()
			return nil
		})
		l.mu.Lock()
		defer l.mu.Unlock()
		l.err, l.ended = err, true
	}()
	return l
}

// rest returns what has come once the bubble is at rest.
func (l *log) rest() view {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.view
}

// pipe runs test with a pair that is one pipe, in a bubble where nothing waits.
func pipe(t *testing.T, o mem.Options, test func(t *testing.T, client, server *mem.Carrier, fromServer, fromClient *log)) {
	t.Helper()
	o.OnePipe = true
	synctest.Test(t, func(t *testing.T) {
		client, server := mem.Pipe(&o)
		fromServer, fromClient := receive(client), receive(server)
		test(t, client, server, fromServer, fromClient)
		client.Cut()
		if !fromServer.rest().ended || !fromClient.rest().ended {
			t.Error("a side did not end with the cut")
		}
	})
}

// Whatever byte the cut falls on, the peer gets the whole frames before it and
// then an error that is no goodbye.
func TestCutAfter(t *testing.T) {
	one := message(5)
	sent := bytes.Repeat(one, 3)
	for n := range len(sent) + 1 {
		pipe(t, mem.Options{}, func(t *testing.T, client, server *mem.Carrier, fromServer, fromClient *log) {
			client.CutAfter(int64(n))
			if err := client.Send(0, sent); !errors.Is(err, mem.ErrCut) {
				t.Errorf("Send across the mark = %v, want ErrCut", err)
			}
			if want := sent[:n/len(one)*len(one)]; !bytes.Equal(fromClient.rest().got, want) {
				t.Errorf("cut after %d bytes: server got %d bytes, want %d", n, len(fromClient.rest().got), len(want))
			}
			if fromClient.rest().err != mem.ErrCut || fromServer.rest().err != mem.ErrCut {
				t.Errorf("ended with %v and %v, want ErrCut", fromClient.rest().err, fromServer.rest().err)
			}
			if err := server.Send(0, one); err != mem.ErrCut {
				t.Errorf("server: Send after the cut = %v, want ErrCut", err)
			}
		})
	}
}

// A mark that later batches cross counts what was sent before it.
func TestCutAfterSeveral(t *testing.T) {
	pipe(t, mem.Options{}, func(t *testing.T, client, server *mem.Carrier, fromServer, fromClient *log) {
		one := message(5)
		server.CutAfter(int64(2*len(one) + 1))
		for range 2 {
			if err := server.Send(0, one); err != nil {
				t.Fatal(err)
			}
		}
		if err := server.Send(0, one); err != mem.ErrCut {
			t.Errorf("third Send = %v, want ErrCut", err)
		}
		if len(fromServer.rest().got) != 2*len(one) || fromServer.rest().err != mem.ErrCut {
			t.Errorf("client got %d bytes and %v", len(fromServer.rest().got), fromServer.rest().err)
		}
	})
}

// A cut drops what is stalled.
func TestCut(t *testing.T) {
	pipe(t, mem.Options{}, func(t *testing.T, client, server *mem.Carrier, fromServer, fromClient *log) {
		client.Stall(mem.AllLanes)
		if err := client.Send(0, message(1)); err != nil {
			t.Fatal(err)
		}
		server.Cut()
		client.Unstall(mem.AllLanes)
		if len(fromClient.rest().got) != 0 || fromClient.rest().err != mem.ErrCut || fromServer.rest().err != mem.ErrCut {
			t.Errorf("got %d bytes, %v and %v", len(fromClient.rest().got), fromClient.rest().err, fromServer.rest().err)
		}
	})
}

// What is stalled arrives later, and a full buffer is the sender's end after
// its timeout, to the moment.
func TestStall(t *testing.T) {
	pipe(t, mem.Options{SendTimeout: 3 * time.Second}, func(t *testing.T, client, server *mem.Carrier, fromServer, fromClient *log) {
		b := message(frame.MaxPayload)
		client.Stall(0)
		for range 3 {
			if err := client.Send(0, b); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		if fromClient.rest().calls > 0 {
			t.Error("what is stalled arrived")
		}
		client.Unstall(0)
		if len(fromClient.rest().got) != 3*len(b) {
			t.Errorf("%d bytes arrived, want %d", len(fromClient.rest().got), 3*len(b))
		}
		client.Stall(0)
		begin := time.Now()
		var err error
		for err == nil {
			err = client.Send(0, b)
		}
		if d := time.Since(begin); !errors.Is(err, os.ErrDeadlineExceeded) || d != 3*time.Second {
			t.Errorf("Send = %v after %v, want a timeout after 3s", err, d)
		}
		if !errors.Is(fromClient.rest().err, twinwire.PeerDead) {
			t.Errorf("peer ended with %v, want slow consumer", fromClient.rest().err)
		}
	})
}

// A peer that has vanished, with both sides stalled, says no goodbye.
func TestVanished(t *testing.T) {
	pipe(t, mem.Options{}, func(t *testing.T, client, server *mem.Carrier, fromServer, fromClient *log) {
		client.Stall(mem.AllLanes)
		server.Stall(mem.AllLanes)
		client.Close(twinwire.Accepted, "")
		time.Sleep(time.Hour)
		if fromClient.rest().ended {
			t.Fatalf("server ended with %v", fromClient.rest().err)
		}
		client.Unstall(mem.AllLanes)
		if e := new(transport.CloseError); !errors.As(fromClient.rest().err, &e) || !e.Remote {
			t.Errorf("server ended with %v, want the goodbye", fromClient.rest().err)
		}
	})
}

func TestDuplicate(t *testing.T) {
	pipe(t, mem.Options{}, func(t *testing.T, client, server *mem.Carrier, fromServer, fromClient *log) {
		one, two := message(1), message(2)
		client.Duplicate(0)
		for _, b := range [][]byte{one, two} {
			if err := client.Send(0, b); err != nil {
				t.Fatal(err)
			}
		}
		if want := bytes.Join([][]byte{one, one, two}, nil); !bytes.Equal(fromClient.rest().got, want) {
			t.Errorf("got %x, want %x", fromClient.rest().got, want)
		}
	})
}

// Delay keeps the order, also where it shrinks, and does not delay the other
// direction.
func TestDelay(t *testing.T) {
	pipe(t, mem.Options{}, func(t *testing.T, client, server *mem.Carrier, fromServer, fromClient *log) {
		one, two, three := message(1), message(2), message(3)
		begin := time.Now()
		send := func(c *mem.Carrier, b []byte) {
			if err := c.Send(0, b); err != nil {
				t.Fatal(err)
			}
		}
		client.Delay(0, 40*time.Millisecond)
		send(client, one)
		time.Sleep(10 * time.Millisecond)
		client.Delay(0, time.Millisecond)
		send(client, two)
		client.Delay(0, 0)
		send(client, three)
		send(server, one)
		if fromServer.rest().calls != 1 || fromClient.rest().calls != 0 {
			t.Errorf("%d and %d deliveries at once, want 1 and 0", fromServer.rest().calls, fromClient.rest().calls)
		}
		time.Sleep(time.Second)
		if want := bytes.Join([][]byte{one, two, three}, nil); !bytes.Equal(fromClient.rest().got, want) {
			t.Errorf("got %x, want %x", fromClient.rest().got, want)
		}
		if d := fromClient.rest().last.Sub(begin); d != 40*time.Millisecond {
			t.Errorf("arrived after %v, want 40ms", d)
		}
		send(client, one)
		if d := time.Since(fromClient.rest().last); d != 0 {
			t.Errorf("without delay it took %v", d)
		}
	})
}

// In steady state a Send allocates nothing.
func TestAllocs(t *testing.T) {
	delivered := make(chan struct{}, 1)
	client, _ := opened(t, nil, func([]byte) {}, func([]byte) { delivered <- struct{}{} })
	b := message(100)
	if n := testing.AllocsPerRun(1000, func() {
		if err := client.Send(0, b); err != nil {
			t.Fatal(err)
		}
		<-delivered
	}); n > 0 {
		t.Errorf("Send and delivery allocate %v times", n)
	}
}
