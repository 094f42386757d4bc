//go:build js

package conformance

import (
	"context"
	"encoding/json"
	"os"
	"syscall/js"
	"testing"
	"time"

	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/client"
)

func TestInPage(t *testing.T) {
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
	var p place
	if err := json.Unmarshal([]byte(<-told), &p); err != nil {
		t.Fatal(err)
	}
	pin, err := p.pin()
	if err != nil {
		t.Fatal(err)
	}
	for addr, opts := range map[string]*client.Options{"https://" + p.TLS: {Pins: []certs.Pin{pin}, Services: visitors()}, "ws://" + p.Plain: {Services: visitors()}} {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		s, err := client.Dial(ctx, addr, opts)
		if err != nil {
			t.Errorf("%s: %v", addr, err)
			continue
		}
		if err := Play(ctx, s); err != nil {
			t.Errorf("%s: %v", addr, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: %v", addr, err)
		}
		<-s.Done()
	}
}
