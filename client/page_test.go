//go:build js

package client_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall/js"
	"testing"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/internal/leak"
	"github.com/twinwire/twinwire/ts/testserver/page"
)

func TestMain(m *testing.M) { leak.Main(m) }

// places asks the host where the server is: its URL for WebSocket without TLS,
// its address, and the pins of its certificate and its key.
func places(t *testing.T) (plain, addr string, certificate, key certs.Pin) {
	t.Helper()
	told := make(chan string, 1)
	request := js.Global().Get("XMLHttpRequest").New()
	loaded := js.FuncOf(func(js.Value, []js.Value) any {
		told <- request.Get("responseText").String()
		return nil
	})
	defer loaded.Release()
	request.Set("onloadend", loaded)
	request.Call("open", "GET", os.Getenv("TWINWIRE_TEST_HOST")+"/")
	request.Call("send")
	words := strings.Fields(<-told)
	if len(words) != 4 {
		t.Fatalf("the host says %q", words)
	}
	var err1, err2 error
	certificate, err1 = certs.ParsePin(words[2])
	key, err2 = certs.ParsePin(words[3])
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return words[0], words[1], certificate, key
}

// A page dials each wire, and the race of both, and calls.
func TestDial(t *testing.T) {
	plain, addr, certificate, _ := places(t)
	pinned := &client.Options{Pins: []certs.Pin{certificate}}
	for _, tt := range []struct {
		addr, wire string
		opts       *client.Options
	}{
		{plain, "websocket", nil},
		{"https://" + addr, "webtransport", pinned},
		{addr, "webtransport", pinned},
	} {
		s, err := client.Dial(context.Background(), tt.addr, tt.opts)
		if err != nil {
			t.Errorf("%s: %v", tt.addr, err)
			continue
		}
		c, err := page.NewClient(s)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if got, err := c.Greet(context.Background(), "page"); got != "hello page" || err != nil {
				t.Errorf("%s: Greet = %q, %v", tt.addr, got, err)
			}
		}
		for change := range s.Lifecycle(context.Background()) {
			if change.Wire.Wire != tt.wire {
				t.Errorf("%s: over %s, want %s", tt.addr, change.Wire.Wire, tt.wire)
			}
			break
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: Close: %v", tt.addr, err)
		}
		<-s.Done()
	}
}

// Clause 10: a browser has no QUIC of its own, and compares no keys.
func TestDialWhatBrowsersHaveNot(t *testing.T) {
	_, addr, _, key := places(t)
	for addr, o := range map[string]*client.Options{
		"quic://" + addr:  nil,
		"https://" + addr: {Pins: []certs.Pin{key}},
	} {
		if _, err := client.Dial(context.Background(), addr, o); !errors.Is(err, twinwire.BadRequest) {
			t.Errorf("%s: %v, want a bad request", addr, err)
		}
	}
}
