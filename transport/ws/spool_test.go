package ws_test

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport/ws"
)

// bothWays runs a test with a new pair of carriers, with TLS and without, from
// the client and from the server.
func bothWays(t *testing.T, timeout time.Duration, test func(t *testing.T, sender, receiver *ws.Carrier)) {
	for name, secure := range map[string]bool{"TLS": true, "Plain": false} {
		t.Run(name+"/Client", func(t *testing.T) {
			client, server, _ := listen(t, secure).pair(t, timeout)
			test(t, client, server)
		})
		t.Run(name+"/Server", func(t *testing.T) {
			client, server, _ := listen(t, secure).pair(t, timeout)
			test(t, server, client)
		})
	}
}

// fill sends until a Send would wait, and returns what was sent. While nobody
// reads, a Send that did wait would fail.
func fill(t *testing.T, c *ws.Carrier) (sent []byte) {
	t.Helper()
	b := append(message(frame.MaxPayload), message(frame.MaxPayload)...)
	for c.Prompt(0) {
		if err := c.Send(0, b); err != nil {
			t.Fatalf("Send after %d bytes: %v", len(sent), err)
		}
		sent = append(sent, b...)
	}
	return sent
}

// A carrier whose peer does not read says so before a Send waits, and loses
// nothing of what it has taken.
func TestPrompt(t *testing.T) {
	bothWays(t, 10*time.Second, func(t *testing.T, sender, receiver *ws.Carrier) {
		want := fill(t, sender)
		sent := make(chan error, 1)
		last := message(1)
		go func() { sent <- sender.Send(0, last) }() // behind the rest, when there is room
		want = append(want, last...)
		var got bytes.Buffer
		err := receiver.Receive(func(_ int, frames []byte) error {
			if got.Write(frames); got.Len() >= len(want) {
				return errors.New("enough")
			}
			return nil
		})
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%d bytes arrived, want %d: %v", got.Len(), len(want), err)
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
		sender.Close(0, "")
	})
}

// What a peer does not read ends the carrier in time, although no Send waits.
func TestPromptTimeout(t *testing.T) {
	bothWays(t, 200*time.Millisecond, func(t *testing.T, sender, receiver *ws.Carrier) {
		ended := make(chan error, 1)
		go func() { ended <- sender.Receive(func(int, []byte) error { return nil }) }()
		again := time.NewTicker(10 * time.Millisecond)
		defer again.Stop()
		for {
			select {
			case err := <-ended:
				if !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("Receive returned %v", err)
				}
				if err := sender.Send(0, message(1)); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("Send returned %v", err)
				}
				receiver.Close(0, "")
				return
			case <-again.C:
				// The kernel may take more than it first said.
				if sender.Prompt(0) {
					_ = sender.Send(0, message(frame.MaxPayload)) // it may have ended now
				}
			}
		}
	})
}

// Who awaits the carrier goes on when the kernel has taken what is behind, or
// when the carrier has ended, and at once where nothing is behind.
func TestAwait(t *testing.T) {
	bothWays(t, 10*time.Second, func(t *testing.T, sender, receiver *ws.Carrier) {
		sender.Await(0)
		want := len(fill(t, sender))
		awaited := make(chan bool, 1)
		go func() {
			sender.Await(0)
			awaited <- sender.Prompt(0)
		}()
		select {
		case <-awaited:
			t.Fatal("nothing is behind although nobody reads")
		case <-time.After(10 * time.Millisecond):
		}
		got := 0
		_ = receiver.Receive(func(_ int, frames []byte) error {
			if got += len(frames); got >= want {
				return errors.New("enough")
			}
			return nil
		})
		if !<-awaited {
			t.Error("a Send would still wait")
		}
		sender.Close(0, "")
		sender.Await(0)
	})
	bothWays(t, 200*time.Millisecond, func(t *testing.T, sender, receiver *ws.Carrier) {
		for sender.Send(0, message(frame.MaxPayload)) == nil { // until it has ended, which nobody's reading brings about
			sender.Await(0)
		}
		receiver.Close(0, "")
	})
}

// A ping of a peer that does not read for a while does not keep the carrier from
// delivering what comes behind it, and is answered when the peer reads.
func TestPingWhileBehind(t *testing.T) {
	p := rawPeer(t)
	pong := make(chan string, 1)
	p.SetPongHandler(func(data string) error {
		pong <- data
		return nil
	})
	fill(t, p.server)
	if err := p.WriteControl(websocket.PingMessage, []byte("?"), time.Now().Add(10*time.Second)); err != nil {
		t.Fatal(err)
	}
	msg := message(3)
	if err := p.WriteMessage(websocket.BinaryMessage, msg); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-p.got:
		if !bytes.Equal(got, msg) {
			t.Errorf("delivered %x, want %x", got, msg)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("what comes behind a ping is not delivered while the peer does not read")
	}
	for len(pong) == 0 {
		if _, _, err := p.ReadMessage(); err != nil {
			t.Fatalf("the ping was not answered: %v", err)
		}
		if p.server.Prompt(0) { // the pong is on its way: something behind it has ReadMessage return
			if err := p.server.Send(0, msg); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := <-pong; got != "?" {
		t.Errorf("the ping was answered with %q", got)
	}
}
