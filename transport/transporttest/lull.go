package transporttest

import (
	"testing"

	"github.com/twinwire/twinwire/transport"
)

// When all that has arrived is delivered there is a lull, in which the one who
// receives may send; and none goes before what was there already.
func testLull(t *testing.T, pair MakePair) {
	p := start(t, pair, Options{})
	server, ok := p.Server.(transport.Lull)
	lulls := make(chan int, 16) // how many bytes were delivered by then
	delivered := 0
	if !ok || !server.OnLull(func() bool { lulls <- delivered; return false }) {
		t.Log("this carrier does not tell of lulls")
		return
	}
	busy, release := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- server.Receive(func(_ int, frames []byte) error {
			if delivered == 0 {
				close(busy)
				<-release
			}
			delivered += len(frames)
			return nil
		})
	}()
	client := receive(p.Client)
	sent := 0
	send := func(b []byte) {
		t.Helper()
		mustSend(t, p.Client, 0, b)
		sent += len(b)
	}
	// follow waits for the lull behind what was sent.
	follow := func() {
		t.Helper()
		for n := range lulls {
			if n == sent {
				return
			}
			if n > sent {
				t.Fatalf("%d bytes were delivered of %d", n, sent)
			}
		}
	}
	send(opening(0))
	<-busy
	for seq := range 3 {
		send(message(nil, 0, seq, []byte("while it is busy")))
	}
	close(release)
	follow()
	send(message(nil, 0, 3, []byte("while it waits")))
	follow()
	b := message(nil, 0, 0, []byte("the other way"))
	mustSend(t, p.Server, 0, b)
	client.wait(t, 0, len(b))
	p.Client.Close(0, "")
	<-ended
}

// What is sent in a lull, by the goroutine that receives, arrives.
func testLullSends(t *testing.T, pair MakePair) {
	p := start(t, pair, Options{})
	server, ok := p.Server.(transport.Lull)
	answers := 0
	if !ok || !server.OnLull(func() bool {
		sent := answers > 0
		for ; answers > 0; answers-- {
			_ = p.Server.Send(0, message(nil, 0, 0, []byte("an answer"))) // the client sees whether it arrives
		}
		return sent
	}) {
		t.Log("this carrier does not tell of lulls")
		return
	}
	ended := make(chan error, 1)
	go func() {
		ended <- server.Receive(func(int, []byte) error { answers++; return nil })
	}()
	client := receive(p.Client)
	size := len(message(nil, 0, 0, []byte("an answer")))
	for n := range 20 {
		mustSend(t, p.Client, 0, opening(0))
		client.wait(t, 0, (n+1)*size)
	}
	p.Client.Close(0, "")
	<-ended
}
