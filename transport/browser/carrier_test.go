//go:build js

package browser_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/internal/leak"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/browser"
	"github.com/twinwire/twinwire/transport/transporttest"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestWebSocket(t *testing.T) { transporttest.TestCarrier(t, overWebSocket) }

func TestWebTransport(t *testing.T) { transporttest.TestCarrier(t, overWebTransport) }

func overWebSocket(t *testing.T, o transporttest.Options) *transporttest.Pair {
	r, url := meet(t, "websocket", o)
	c, err := browser.DialWebSocket(context.Background(), url, &browser.Options{SendTimeout: o.SendTimeout})
	return paired(t, r, c, err)
}

func overWebTransport(t *testing.T, o transporttest.Options) *transporttest.Pair {
	r, where := meet(t, "webtransport", o)
	url, hash, _ := strings.Cut(where, " ")
	c, err := browser.DialWebTransport(context.Background(), url, &browser.Options{SendTimeout: o.SendTimeout, Hashes: trust(t, hash)})
	return paired(t, r, c, err)
}

// Close runs beside Sends of many goroutines, which it ends, and Receive.
func TestStorm(t *testing.T) {
	for name, pair := range map[string]transporttest.MakePair{"WebSocket": overWebSocket, "WebTransport": overWebTransport} {
		t.Run(name, func(t *testing.T) {
			for range 5 {
				p := pair(t, transporttest.Options{})
				received := make(chan error, 1)
				go func() { received <- p.Client.Receive(func(int, []byte) error { return nil }) }()
				hello := frame.Append(nil, &frame.Frame{Kind: frame.Hello, Payload: []byte{0x80}})
				if err := p.Client.Send(0, hello); err != nil {
					t.Fatal(err)
				}
				batch := frame.Append(nil, &frame.Frame{Kind: frame.Message, Ref: 2, Payload: make([]byte, 8<<10)})
				var senders, closers sync.WaitGroup
				for range 8 {
					senders.Go(func() {
						for {
							if err := p.Client.Send(0, batch); err != nil {
								if !errors.Is(err, twinwire.Unavailable) {
									t.Errorf("Send: %v", err)
								}
								return
							}
						}
					})
				}
				for range 3 {
					closers.Go(func() { p.Client.Close(twinwire.Unavailable, "storm") })
				}
				closers.Wait()
				senders.Wait()
				if err := <-received; !errors.Is(err, twinwire.Unavailable) {
					t.Errorf("Receive: %v", err)
				}
				p.Stop()
			}
		})
	}
}

// Datagrams go both ways, up to the size that the browser has for them, and their
// reader ends with the carrier.
func TestDatagrams(t *testing.T) {
	p := overWebTransport(t, transporttest.Options{})
	defer p.Stop()
	c := p.Client.(transport.Datagrams)
	size := c.DatagramSize()
	if size < 1000 || size > transport.MaxDatagram {
		t.Fatalf("datagrams may have %d bytes", size)
	}
	if err := c.SendDatagram(make([]byte, size+1)); !errors.Is(err, transport.ErrBatch) {
		t.Errorf("a datagram that is too large: %v", err)
	}
	reading, ended := make(chan struct{}), make(chan error, 1)
	back := make(chan []byte, 100)
	go func() {
		ended <- c.Receive(func(int, []byte) error {
			c.DeliverDatagrams(func(b []byte) error { back <- slices.Clone(b); return nil })
			close(reading)
			return nil
		})
		close(back) // a datagram after Receive has returned is a panic
	}()
	hello := frame.Append(nil, &frame.Frame{Kind: frame.Hello, Payload: []byte{0x80}})
	go func() { // ends with the carrier; only what has been opened can be answered
		_ = p.Server.Receive(func(int, []byte) error { return p.Server.Send(0, hello) })
	}()
	if err := c.Send(0, hello); err != nil {
		t.Fatal(err)
	}
	<-reading
	for _, n := range []int{1, 100, size} {
		want := bytes.Repeat([]byte{byte(n)}, n)
		// They may be lost, even here.
		tick := time.NewTicker(20 * time.Millisecond)
		for done := false; !done; {
			if err := c.SendDatagram(want); err != nil {
				t.Fatal(err)
			}
			select {
			case b := <-back:
				done = bytes.Equal(b, want)
			case <-tick.C:
			}
		}
		tick.Stop()
	}
	c.Close(twinwire.Accepted, "")
	<-ended
	if err := c.SendDatagram([]byte{1}); err == nil {
		t.Error("a datagram is sent after the end")
	}
}

// trust returns the hash of a certificate as Options have it.
func trust(t *testing.T, text string) [][sha256.Size]byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != sha256.Size {
		t.Fatalf("the host says %q for a hash: %v", text, err)
	}
	return [][sha256.Size]byte{[sha256.Size]byte(b)}
}

// paired returns the pair whose client was dialed.
func paired(t *testing.T, r *remote, c transport.Carrier, err error) *transporttest.Pair {
	t.Helper()
	if err == nil {
		err = r.ask('o', 0, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &transporttest.Pair{
		Client: c, Server: r,
		Vanish: func() { _ = r.ask('v', 0, nil) },
		Stop: func() {
			c.Close(twinwire.Accepted, "")
			r.stop()
		},
	}
}

// Where nobody is there, or the certificate is another, dialing fails; browsers
// do not tell why.
func TestDialFails(t *testing.T) {
	ctx := context.Background()
	if _, err := browser.DialWebSocket(ctx, "ws://127.0.0.1:1/twinwire", nil); !errors.Is(err, browser.ErrHandshake) || !errors.Is(err, twinwire.Unavailable) {
		t.Errorf("WebSocket with nobody: %v", err)
	}
	if _, err := browser.DialWebSocket(ctx, "gopher://127.0.0.1/", nil); !errors.Is(err, browser.ErrHandshake) {
		t.Errorf("WebSocket with a scheme that is none: %v", err)
	}
	r, where := meet(t, "webtransport", transporttest.Options{})
	defer r.stop()
	url, _, _ := strings.Cut(where, " ")
	if _, err := browser.DialWebTransport(ctx, url, &browser.Options{Hashes: [][sha256.Size]byte{{1}}}); !errors.Is(err, browser.ErrHandshake) {
		t.Errorf("WebTransport with another certificate: %v", err)
	}
}

// A dial ends with its context, and with its time.
func TestDialEnds(t *testing.T) {
	silent, url := meet(t, "silent", transporttest.Options{})
	defer silent.stop()
	for name, dial := range map[string]func(ctx context.Context, o *browser.Options) error{
		"WebSocket": func(ctx context.Context, o *browser.Options) error {
			_, err := browser.DialWebSocket(ctx, "ws://"+url, o)
			return err
		},
		"WebTransport": func(ctx context.Context, o *browser.Options) error {
			_, err := browser.DialWebTransport(ctx, "https://"+url, o)
			return err
		},
	} {
		ctx, cancel := context.WithCancelCause(context.Background())
		enough := errors.New("enough")
		cancel(enough)
		if err := dial(ctx, nil); !errors.Is(err, enough) {
			t.Errorf("%s: canceled: %v", name, err)
		}
		if err := dial(context.Background(), &browser.Options{HandshakeTimeout: 1e8}); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: with nobody's answer: %v", name, err)
		}
	}
}
