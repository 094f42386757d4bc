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
	"github.com/twinwire/twinwire/core"
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

// Clause 15.3: a page proves a secret with the cryptography of the browser.
func TestSecretOfPage(t *testing.T) {
	plain, _, _, _ := places(t)
	for secret, want := range map[string]error{
		"page" + strings.Repeat(".", core.MinSecret):   nil,
		"nobody" + strings.Repeat(".", core.MinSecret): twinwire.Unauthorized,
	} {
		s, err := client.Dial(context.Background(), plain, &client.Options{Credentials: client.Secret("page", []byte(secret))})
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", secret, err, want)
		}
		if err == nil {
			_ = s.Close()
			<-s.Done()
		}
	}
}

// What goes wrong behind a page's back is told in the browser's console.
func TestConsole(t *testing.T) {
	console := js.Global().Get("console")
	was := console.Get("warn")
	defer console.Set("warn", was)
	var line string
	warn := js.FuncOf(func(_ js.Value, args []js.Value) any {
		line = args[0].String()
		return nil
	})
	defer warn.Release()
	console.Set("warn", warn)
	core.DefaultLogger().Warn("told", "count", 2, "error", twinwire.NotFound, "wire", core.Connected, "value", struct{}{}, "none", nil)
	if want := "told count=2 error=not found wire=connected value=(a value without text) none=<nil>"; line != want {
		t.Errorf("console has %q, want %q", line, want)
	}
}
