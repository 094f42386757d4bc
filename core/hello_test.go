package core

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/internal/machine"
)

// window is one that a hello may have.
var window = machine.Window{Calls: 1, Messages: 2, Large: 30, MaxMessage: 20, Streams: 40, Stream: 30, Names: 5}

// hellos are of every shape (clauses 3.3 and 3.4).
func hellos() map[string]*hello {
	full := Hello{App: "shop", Version: "2", Client: strings.Repeat("é", 127), Connect: codec.AppendString(nil, "me")}
	with := func(h Hello) *hello {
		return &hello{Hello: h, version: 1, minVersion: 1, attempt: ID{1}, lanes: 4, window: window}
	}
	return map[string]*hello{
		"bare": with(Hello{}), "client": with(Hello{Client: "ann"}), "leaves": {version: 1, minVersion: 1, lanes: 4, window: window, leaves: true}, "connect": with(Hello{Connect: []byte{1}}), "full": with(full),
		"welcome": {Hello: Hello{App: "shop"}, version: 1, minVersion: 1, session: ID{2}, generation: 3, lanes: 8, window: window, heartbeat: time.Second},
	}
}

// What is written is read again, and is one well-formed map.
func TestHelloRoundTrip(t *testing.T) {
	for name, want := range hellos() {
		b := want.appendTo(nil, name == "welcome")
		if err := codec.Check(b, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got, err := parseHello(b)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read as %+v, %v; want %+v", name, got, err, want)
		}
	}
}

// A client id is text of at most 255 bytes (clause 3.3).
func TestHelloClientRefused(t *testing.T) {
	long := hellos()["client"]
	long.Client = strings.Repeat("x", maxClient+1)
	_, err := parseHello(long.appendTo(nil, false))
	if !errors.Is(err, twinwire.TooLarge) {
		t.Errorf("a long one: %v", err)
	}
	bad := hellos()["client"]
	bad.Client = "\xff"
	if _, err = parseHello(bad.appendTo(nil, false)); !errors.Is(err, twinwire.ProtocolError) {
		t.Errorf("one that is not text: %v", err)
	}
}

// Whatever arrives is refused with a code or is within the limits, and what was
// read is written and read again as the same.
func FuzzHello(f *testing.F) {
	for name, h := range hellos() {
		f.Add(h.appendTo(nil, name == "welcome"))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHello(b)
		if err != nil {
			if code := twinwire.CodeOf(err); code != twinwire.ProtocolError && code != twinwire.TooLarge {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		if len(h.Client) > 255 || len(h.App) > 255 || len(h.Version) > 255 || len(h.Connect) > maxConnect || h.lanes < 1 || h.lanes > 8 {
			t.Fatalf("read as %+v", h)
		}
		if len(h.Connect) == 0 {
			h.Connect = nil
		}
		again, err := parseHello(h.appendTo(nil, false))
		if err != nil || !reflect.DeepEqual(again.Hello, h.Hello) || again.attempt != h.attempt || again.window != h.window {
			t.Fatalf("%+v was read again as %+v, %v", h, again, err)
		}
	})
}
