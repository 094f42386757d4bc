package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/server"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/quic"
	"github.com/twinwire/twinwire/transport/ws"
)

// carriers dial a carrier without a session on it.
var carriers = []struct {
	name string
	dial func(ctx context.Context, e *env) (transport.Carrier, error)
}{
	{"websocket", func(ctx context.Context, e *env) (transport.Carrier, error) {
		return ws.Dial(ctx, "wss://"+e.ln.Addr()+server.Path, &ws.Options{TLS: certs.ClientTLS(e.dev.Pins()...)})
	}},
	{"quic", func(ctx context.Context, e *env) (transport.Carrier, error) {
		return quic.Dial(ctx, e.ln.Addr(), &quic.DialOptions{TLS: certs.ClientTLS(e.dev.Pins()...)})
	}},
}

// hello returns a HELLO frame with some of clause 3.3's keys.
func hello(pairs ...any) []byte {
	b := codec.AppendMapHeader(nil, len(pairs)/2)
	for _, v := range pairs {
		switch v := v.(type) {
		case string:
			b = codec.AppendString(b, v)
		case int:
			b = codec.AppendInt(b, int64(v))
		case []byte:
			b = codec.AppendBytes(b, v)
		}
	}
	return frame.Append(nil, &frame.Frame{Kind: frame.Hello, Payload: b})
}

func goodHello() []byte {
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	return hello("v", 1, "attempt", id, "lanes", 4, "large", 1<<24, "max", 1<<22)
}

// What a peer gets that does not speak the protocol. In each case the server
// lives on, and tells the peer what is wrong where the peer could understand.
func TestBadFrames(t *testing.T) {
	attach := frame.Append(nil, &frame.Frame{Kind: frame.Attach, ID: 1, Flags: frame.AllLanes})
	for _, tt := range []struct {
		name string
		send [][]byte
		code twinwire.Code // in the end of the carrier, or in REFUSE
	}{
		{"garbage", [][]byte{[]byte("GET / HTTP/1.1\r\n\r\n")}, twinwire.ProtocolError},
		{"a frame length over the limit", [][]byte{{0xbf, 0xff, 0xff, 0xff, 1, 0}}, twinwire.ProtocolError},
		{"a frame length of 2^62-1", [][]byte{bytes.Repeat([]byte{0xff}, 16)}, twinwire.ProtocolError},
		{"an unknown kind", [][]byte{{2, 0x3f, 0}}, twinwire.ProtocolError},
		{"no hello", [][]byte{frame.Append(nil, &frame.Frame{Kind: frame.Ping, ID: 7})}, twinwire.ProtocolError},
		{"an empty hello", [][]byte{frame.Append(nil, &frame.Frame{Kind: frame.Hello})}, twinwire.ProtocolError},
		{"a hello that is no map", [][]byte{frame.Append(nil, &frame.Frame{Kind: frame.Hello, Payload: []byte{0xdd, 0xff, 0xff, 0xff, 0xff}})}, twinwire.ProtocolError},
		{"a version that is not spoken", [][]byte{hello("v", 99, "min", 98, "attempt", make([]byte, 16))}, twinwire.VersionMismatch},
		{"another application", [][]byte{hello("v", 1, "app", "other", "attempt", []byte("0123456789abcdef"))}, twinwire.VersionMismatch},
		{"a hello without an attempt", [][]byte{hello("v", 1)}, twinwire.ProtocolError},
		{"a second hello", [][]byte{goodHello(), goodHello()}, twinwire.ProtocolError},
		{"no attach", [][]byte{goodHello(), frame.Append(nil, &frame.Frame{Kind: frame.Call, Lane: 1, ID: 1, Name: []byte("test.Echo")})}, twinwire.ProtocolError},
		{"an attach of another generation", [][]byte{goodHello(), frame.Append(nil, &frame.Frame{Kind: frame.Attach, ID: 2, Flags: frame.AllLanes})}, twinwire.ProtocolError},
		{"garbage in a session", [][]byte{goodHello(), attach, {2, 0x3f, 0}}, twinwire.ProtocolError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, wire := range carriers {
				t.Run(wire.name, func(t *testing.T) {
					e := start(t, "wss://", "websocket")
					e.srv.Hello = core.Hello{App: "test"}
					e.serve(service())
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					defer cancel()
					c, err := wire.dial(ctx, e)
					if err != nil {
						t.Fatal(err)
					}
					defer c.Close(twinwire.Accepted, "")
					got := make(chan error, 1)
					go func() { got <- c.Receive(refusal) }()
					for _, b := range tt.send {
						if err := c.Send(0, b); err != nil {
							break // the server was faster to close
						}
					}
					if err := <-got; twinwire.CodeOf(err) != tt.code {
						t.Errorf("the carrier ended with %v, want code %v", err, tt.code)
					}
					e.healthy()
				})
			}
		})
	}
}

// refusal ends a carrier with what a REFUSE says.
func refusal(_ int, frames []byte) error {
	var f frame.Frame
	if _, err := f.Parse(frames); err != nil {
		return err
	}
	if f.Kind == frame.Refuse {
		return &transport.CloseError{Code: twinwire.Code(f.Code), Reason: string(f.Name)}
	}
	return nil
}

// healthy checks that a good client is served, and that no session is left
// over from others.
func (e *env) healthy() {
	e.t.Helper()
	s := e.dial(nil)
	var got codec.Value[string]
	if err := s.Call(e.t.Context(), "test.Echo", text("still there"), &got); err != nil || got.V != "still there" {
		e.t.Errorf("a good client was answered %q, %v", got.V, err)
	}
	s.Close()
}

// A client that says nothing, or not enough, is closed when the time for the
// handshake is over (clause 14.1 for the one that was welcomed).
func TestSilentClient(t *testing.T) {
	for _, wire := range carriers {
		for _, tt := range []struct {
			name string
			send []byte
			code twinwire.Code
		}{
			{"nothing", nil, twinwire.DeadlineExceeded},
			// It was welcomed, and is to try another carrier.
			{"a hello and no attach", goodHello(), twinwire.PeerDead},
		} {
			t.Run(wire.name+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				e := start(t, "wss://", "websocket")
				// The handshake of QUIC is to be over by then: a close that comes
				// before has no code.
				e.srv.Limits = &core.Limits{HandshakeTime: time.Second}
				e.serve(service())
				c, err := wire.dial(t.Context(), e)
				if err != nil {
					t.Fatal(err)
				}
				if tt.send != nil {
					if err := c.Send(0, tt.send); err != nil {
						t.Fatal(err)
					}
				}
				err = c.Receive(func(int, []byte) error { return nil })
				if twinwire.CodeOf(err) != tt.code {
					t.Errorf("the carrier ended with %v, want %v", err, tt.code)
				}
				e.healthy()
			})
		}
	}
}

// Whatever else comes to the TCP port gets an answer that a person understands.
func TestHTTP(t *testing.T) {
	e := start(t, "wss://", "websocket")
	e.srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a page") })
	e.serve(service())
	tr := &http.Transport{TLSClientConfig: certs.ClientTLS(e.dev.Pins()...), ForceAttemptHTTP2: true}
	defer tr.CloseIdleConnections()
	https := &http.Client{Transport: tr}
	get := func(url string, header ...string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := https.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.ProtoMajor != 1 {
			t.Errorf("%s was answered over HTTP/%d", url, resp.ProtoMajor)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	upgrade := []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="}
	for _, tt := range []struct {
		name   string
		url    string
		header []string
		status int
		text   string
	}{
		{"a page", "https://" + e.ln.Addr() + "/", nil, 200, "a page"},
		{"the endpoint", "https://" + e.ln.Addr() + server.Path, nil, 426, "wants a WebSocket"},
		{"plaintext", "http://" + e.ln.Addr() + "/", nil, 400, "HTTPS server"},
		{"no subprotocol", "https://" + e.ln.Addr() + server.Path, upgrade, 400, "twinwire.1"},
		{"another origin", "https://" + e.ln.Addr() + server.Path,
			append([]string{"Origin", "https://evil.example", "Sec-WebSocket-Protocol", "twinwire.1"}, upgrade...), 403, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if status, body := get(tt.url, tt.header...); status != tt.status || !strings.Contains(body, tt.text) {
				t.Errorf("answered %d %q, want %d and %q", status, body, tt.status, tt.text)
			}
		})
	}
	e.healthy()
}

// A body that is announced and does not come holds nobody up for longer than a
// header may take.
func TestBodyThatDoesNotCome(t *testing.T) {
	e := start(t, "wss://", "websocket")
	e.srv.Limits = &core.Limits{Admission: core.Admission{HeaderTime: 200 * time.Millisecond}}
	e.serve(service())
	for _, path := range []string{server.Path, server.WellKnown, "/"} {
		conn, err := tls.Dial("tcp", e.ln.Addr(), certs.ClientTLS(e.dev.Pins()...))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", path); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); isTimeout(err) {
			t.Errorf("%s: the connection was not closed", path)
		}
		_ = conn.Close()
	}
	e.healthy()
}

// Garbage before TLS ends the connection.
func TestGarbageOnTCP(t *testing.T) {
	e := start(t, "wss://", "websocket").serve(service())
	for _, b := range [][]byte{bytes.Repeat([]byte{0xff}, 1024), []byte("\x16\x03\x01\x00\x05hello"), {}} {
		conn, err := net.Dial("tcp", e.ln.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(b); err != nil {
			t.Error(err)
		}
		_ = conn.(*net.TCPConn).CloseWrite()
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
			t.Errorf("connection was not closed after garbage of %d bytes", len(b))
		}
		conn.Close()
	}
	e.healthy()
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// A client without the pin does not get as far as a hello, and is told what
// was presented.
func TestWrongPin(t *testing.T) {
	other, err := certs.NewDevelopment(&certs.DevelopmentOptions{Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	run(t, func(t *testing.T, e *env) {
		e.serve(service())
		for _, opts := range []*client.Options{
			{Pins: other.Pins()},
			{TLS: &tls.Config{}}, // the system's authorities
		} {
			_, err := client.Dial(t.Context(), e.addr(), opts)
			if err == nil {
				t.Fatal("a server without the pin was trusted")
			}
			if pin, ok := certs.PresentedPin(err); !ok || pin != e.dev.Pin() {
				t.Errorf("error %q does not tell the pin that was presented", err)
			}
		}
	})
}

// If both wires fail, the error tells of both.
func TestDialFails(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	_, err = client.Dial(ctx, addr, nil)
	var de *client.DialError
	if !errors.As(err, &de) || !strings.Contains(err.Error(), "quic: ") || !strings.Contains(err.Error(), "wss: ") {
		t.Errorf("error %v, want a DialError with both causes", err)
	}
	if !errors.Is(err, twinwire.Unavailable) {
		t.Errorf("error %v is not Unavailable", err)
	}
}
