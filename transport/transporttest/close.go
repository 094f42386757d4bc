package transporttest

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
)

// anyReason is a reason that closedByPeer does not compare.
const anyReason = "\x00any"

// closedByPeer checks that a side was told why its peer closed.
func closedByPeer(t *testing.T, s *sink, code twinwire.Code, reason string) {
	t.Helper()
	err := s.end(t)
	var e *transport.CloseError
	if !errors.As(err, &e) {
		t.Errorf("peer ended with %v (%T), want a CloseError", err, err)
		return
	}
	if !e.Remote || e.Code != code || reason != anyReason && e.Reason != reason {
		t.Errorf("peer ended with %+v, want remote, code %d, reason %q", *e, code, reason)
	}
}

// closedHere checks that a side ended with its own close.
func closedHere(t *testing.T, err error, code twinwire.Code, reason string) {
	t.Helper()
	var e *transport.CloseError
	if !errors.As(err, &e) {
		t.Errorf("closing side ended with %v (%T), want a CloseError", err, err)
		return
	}
	if want := (transport.CloseError{Code: code, Reason: reason}); *e != want {
		t.Errorf("closing side ended with %+v, want %+v", *e, want)
	}
}

// The peer of Close is told code and reason, whoever closes; afterwards Send
// returns what ended the carrier.
func testClose(t *testing.T, pair MakePair) {
	long := strings.Repeat("é", 200)
	for _, test := range []struct {
		name, reason, want string
		code               twinwire.Code
	}{
		{name: "Accepted", code: twinwire.Accepted},
		{name: "Reason", code: twinwire.Unavailable, reason: "server is draining", want: "server is draining"},
		{name: "Replaced", code: twinwire.Replaced},
		{name: "Last999", code: 999},
		{name: "LongReason", code: twinwire.TooLarge, reason: long, want: long[:frame.MaxReason]},
		{name: "Control", code: twinwire.TooLarge, reason: "a\r\nb\x1b[1m", want: "a  b [1m"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Run("Client", func(t *testing.T) {
				p := start(t, pair, Options{})
				client, server := open(t, p, 0)
				p.Client.Close(test.code, test.reason)
				closedByPeer(t, server, test.code, test.want)
				ended(t, p.Client, client, test.code, test.want)
			})
			t.Run("Server", func(t *testing.T) {
				p := start(t, pair, Options{})
				client, server := open(t, p, 0)
				p.Server.Close(test.code, test.reason)
				closedByPeer(t, client, test.code, test.want)
				ended(t, p.Server, server, test.code, test.want)
				if err := p.Client.Send(0, message(nil, 0, 0, nil)); err != client.err {
					t.Errorf("Send of the closed side = %v, want what ended it: %v", err, client.err)
				}
			})
		})
	}
}

func ended(t *testing.T, c transport.Carrier, s *sink, code twinwire.Code, reason string) {
	t.Helper()
	closedHere(t, s.end(t), code, reason)
	closedHere(t, c.Send(0, message(nil, 0, 0, nil)), code, reason)
}

// Close before Receive is called ends it as soon as it is.
func testCloseBeforeReceive(t *testing.T, pair MakePair) {
	p := start(t, pair, Options{})
	p.Client.Close(twinwire.Canceled, "never mind")
	closedHere(t, receive(p.Client).end(t), twinwire.Canceled, "never mind")
	closedByPeer(t, receive(p.Server), twinwire.Canceled, "never mind")
}

// Only the first Close counts.
func testCloseOnce(t *testing.T, pair MakePair) {
	p := start(t, pair, Options{})
	client, server := open(t, p, 0)
	p.Client.Close(twinwire.NotFound, "first")
	p.Client.Close(twinwire.Internal, "second")
	closedByPeer(t, server, twinwire.NotFound, "first")
	p.Server.Close(twinwire.Internal, "third")
	ended(t, p.Client, client, twinwire.NotFound, "first")
	p.Client.Close(twinwire.Internal, "fourth")
	ended(t, p.Client, client, twinwire.NotFound, "first")
}

// Close runs beside Send, Receive and other Closes of both sides.
func testCloseStorm(t *testing.T, pair MakePair) {
	for range 20 {
		p := pair(t, Options{})
		client, server := open(t, p, lanesOf(p.Client)...)
		var all sync.WaitGroup
		for _, c := range []transport.Carrier{p.Client, p.Server} {
			for _, lane := range lanesOf(c) {
				for range 2 {
					all.Go(func() {
						for i := 0; c.Send(lane, message(nil, lane, i, nil)) == nil; i++ {
						}
					})
				}
			}
		}
		client.wait(t, 0, 100)
		server.wait(t, 0, 100)
		for _, c := range []transport.Carrier{p.Client, p.Server} {
			for range 3 {
				all.Go(func() { c.Close(twinwire.Unavailable, "storm") })
			}
		}
		all.Wait()
		for _, s := range []*sink{client, server} {
			if err := s.end(t); !errors.Is(err, twinwire.Unavailable) {
				t.Errorf("ended with %v, want unavailable", err)
			}
		}
		p.Stop()
	}
}

// An error of deliver ends the carrier: with the code and text of a
// CloseError, with ProtocolError otherwise.
func testDeliverFails(t *testing.T, pair MakePair) {
	plain := errors.New("a text that is not for the peer")
	for name, test := range map[string]struct {
		err    error
		code   twinwire.Code
		reason string
	}{
		"Plain":      {plain, twinwire.ProtocolError, ""},
		"CloseError": {&transport.CloseError{Code: twinwire.TooLarge, Reason: "hello over 16384 bytes"}, twinwire.TooLarge, "hello over 16384 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, pair, Options{})
			calls := 0
			client := receive(p.Client)
			server := receiveWith(p.Server, func(int, []byte) error {
				calls++
				return test.err
			})
			mustSend(t, p.Client, 0, opening(0))
			if err := server.end(t); !errors.Is(err, test.err) {
				t.Errorf("server ended with %v, want %v", err, test.err)
			}
			closedByPeer(t, client, test.code, test.reason)
			if calls != 1 {
				t.Errorf("deliver was called %d times, want no call after its error", calls)
			}
		})
	}
}

// Close and Send may be called from deliver.
func testCloseInDeliver(t *testing.T, pair MakePair) {
	p := start(t, pair, Options{})
	client := receive(p.Client)
	answer := message(nil, 0, 0, []byte("go away"))
	calls := 0
	server := receiveWith(p.Server, func(int, []byte) error {
		if calls++; calls == 1 {
			return p.Server.Send(0, answer)
		}
		p.Server.Close(twinwire.Unauthorized, "who are you")
		return nil
	})
	mustSend(t, p.Client, 0, opening(0))
	client.wait(t, 0, len(answer))
	mustSend(t, p.Client, 0, message(nil, 0, 0, nil))
	closedHere(t, server.end(t), twinwire.Unauthorized, "who are you")
	closedByPeer(t, client, twinwire.Unauthorized, "who are you")
	if calls != 2 {
		t.Errorf("deliver was called %d times, want no call after Close", calls)
	}
}

// Receive returns after all calls of deliver.
func testDeliverReturnsFirst(t *testing.T, pair MakePair) {
	p := start(t, pair, Options{})
	var entered, inside sync.WaitGroup
	lanes := lanesOf(p.Client)
	entered.Add(len(lanes))
	inside.Add(1)
	var returned atomic.Int32
	server := receiveWith(p.Server, func(int, []byte) error {
		entered.Done()
		inside.Wait()
		returned.Add(1)
		return nil
	})
	for _, lane := range lanes {
		mustSend(t, p.Client, lane, opening(lane))
	}
	entered.Wait()
	p.Server.Close(0, "")
	select {
	case <-server.done:
		t.Error("Receive returned while deliver was running")
	case <-time.After(20 * time.Millisecond): // time to make the mistake
	}
	inside.Done()
	server.end(t)
	if n := int(returned.Load()); n != len(lanes) {
		t.Errorf("Receive returned after %d of %d calls of deliver", n, len(lanes))
	}
}

// A second call of Receive is refused and does no harm.
func testReceiveTwice(t *testing.T, pair MakePair) {
	p := start(t, pair, Options{})
	_, server := open(t, p, 0)
	if err := p.Server.Receive(func(int, []byte) error { return nil }); err == nil {
		t.Error("second Receive returned nil")
	}
	b := message(nil, 0, 0, nil)
	mustSend(t, p.Client, 0, b)
	server.wait(t, 0, len(opening(0))+len(b))
}
