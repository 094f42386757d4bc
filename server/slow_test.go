package server_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
)

// A path whose round trips take longer than the client is patient is not taken
// for dead: the handshake has shown how long they take (clause 14.5).
func TestSlowPath(t *testing.T) {
	t.Parallel() // it waits
	const way = 450 * time.Millisecond
	e := start(t, "wss://", "")
	e.serve(service())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() { // ends with the only connection, or with l
		c, err := l.Accept()
		if err != nil {
			return
		}
		s, err := net.Dial("tcp", e.ln.Addr())
		if err != nil {
			c.Close()
			return
		}
		go late(s, c, way)
		late(c, s, way)
	}()
	s, err := client.Dial(t.Context(), "wss://"+l.Addr().String(), &client.Options{Pins: e.dev.Pins()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	var v codec.Value[string]
	if err := s.Call(ctx, "test.Echo", text("hello"), &v); err != nil || v.V != "hello" {
		t.Errorf("Echo = %q, %v", v.V, err)
	}
	for c := range s.Lifecycle(ctx) {
		if c.Phase != core.Connected {
			t.Errorf("the session is %v", c)
		}
		break
	}
}

// late carries what it reads some time later.
func late(to, from net.Conn, by time.Duration) {
	type piece struct {
		at time.Time
		b  []byte
	}
	pieces := make(chan piece, 1000)
	go func() { // ends when either connection does
		for p := range pieces {
			time.Sleep(time.Until(p.at))
			_, _ = to.Write(p.b)
		}
		to.Close()
	}()
	defer close(pieces)
	for {
		b := make([]byte, 16<<10)
		n, err := from.Read(b)
		if err != nil {
			return
		}
		pieces <- piece{time.Now().Add(by), b[:n]}
	}
}
