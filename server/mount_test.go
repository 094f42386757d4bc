package server_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/server"
	"github.com/twinwire/twinwire/transport"
)

// echo makes one call, to see that a session works.
func echo(t *testing.T, s *core.Session) {
	t.Helper()
	var got codec.Value[string]
	if err := s.Call(t.Context(), "test.Echo", text("hello"), &got); err != nil || got.V != "hello" {
		t.Errorf("echo returned %q, %v", got.V, err)
	}
}

// A program can serve twinwire from a mux of its own, over its own TLS.
func TestMount(t *testing.T) {
	srv := start(t, "", "").srv
	srv.Handle(service())
	defer srv.Close()
	mux := http.NewServeMux()
	mux.Handle("/live", srv)
	https := httptest.NewTLSServer(mux)
	defer https.Close()
	s, err := client.Dial(t.Context(), "wss://"+https.Listener.Addr().String()+"/live",
		&client.Options{Pins: []certs.Pin{certs.PinOf(https.Certificate())}})
	if err != nil {
		t.Fatal(err)
	}
	echo(t, s)
	s.Close()
}

// Plaintext is served only where somebody asked for it.
func TestMountPlaintext(t *testing.T) {
	for _, allow := range []bool{false, true} {
		srv := start(t, "", "").srv
		srv.AllowPlaintext = allow
		srv.Handle(service())
		plain := httptest.NewServer(srv)
		s, err := client.Dial(t.Context(), "ws://"+plain.Listener.Addr().String(), nil)
		switch {
		case allow && err != nil:
			t.Errorf("with AllowPlaintext: %v", err)
		case !allow && (err == nil || !strings.Contains(err.Error(), "without TLS")):
			t.Errorf("without AllowPlaintext: %v, want an error that says why", err)
		case allow:
			if s.Transport().Secure {
				t.Error("a session without TLS says that it is secure")
			}
			echo(t, s)
			s.Close()
		}
		srv.Close()
		plain.Close()
	}
}

func TestServePlaintext(t *testing.T) {
	e := start(t, "ws://", "websocket")
	e.srv.Handle(service())
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e.ln = server.NewListener(tcp, nil)
	go func() { e.served <- e.srv.ServePlaintext(tcp) }()
	echo(t, e.dial(nil))
	e.srv.Close()
	if err := <-e.served; err != server.ErrClosed {
		t.Errorf("ServePlaintext returned %v", err)
	}
}

// serveOn serves on sockets of the test's own.
func (e *env) serveOn(tcp net.Listener, udp net.PacketConn) {
	e.ln = server.NewListener(tcp, udp)
	go func() { e.served <- e.srv.Serve(e.ln) }()
	e.t.Cleanup(func() {
		e.srv.Close()
		if err := <-e.served; err != server.ErrClosed {
			e.t.Errorf("Serve returned %v, want ErrClosed", err)
		}
	})
}

// A network that swallows UDP costs the head start and no more.
func TestRaceWithoutUDP(t *testing.T) {
	e := start(t, "", "websocket")
	e.srv.Handle(service())
	l, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() }) // its UDP socket hears everything and answers nothing
	var began atomic.Int32
	e.srv.Connected = func(*core.Session) { began.Add(1) }
	tcp, _ := server.Sockets(l)
	e.serveOn(tcp, nil)
	s := e.dial(nil)
	if got := s.Transport().Wire; got != "websocket" {
		t.Errorf("session runs on %s", got)
	}
	echo(t, s)
	if n := began.Load(); n != 1 {
		t.Errorf("%d sessions have begun", n)
	}
}

// A server that is slow to answer over the wire that was ready first hears the
// same hello over the other one, and begins one session.
func TestRaceOfHellos(t *testing.T) {
	e := start(t, "", "websocket")
	release := make(chan struct{})
	asked := make(chan struct{})
	var began atomic.Int32
	e.srv.Connected = func(*core.Session) { began.Add(1) }
	e.srv.Admit = func(_ *core.Hello, info transport.Info) error {
		if info.Wire == "quic" {
			close(asked)
			<-release
		}
		return nil
	}
	s := e.serve(service()).dial(nil)
	<-asked
	if got := s.Transport().Wire; got != "websocket" {
		t.Errorf("session runs on %s, although QUIC was not answered", got)
	}
	close(release)
	echo(t, s)
	if n := began.Load(); n != 1 {
		t.Errorf("%d sessions have begun", n)
	}
}

// A refusal ends the dial on both wires, with its code and advice.
func TestRefused(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		e.srv.Hello = core.Hello{App: "chess", Version: "2"}
		e.srv.Admit = func(h *core.Hello, _ transport.Info) error {
			if string(h.Connect) == "\x01" {
				return &core.RefusedError{Code: twinwire.PermissionDenied, Reason: "not you", Never: true}
			}
			return nil
		}
		e.serve(service())
		for _, tt := range []struct {
			hello core.Hello
			code  twinwire.Code
			text  string
		}{
			{core.Hello{App: "chat"}, twinwire.VersionMismatch, `"chess"`},
			{core.Hello{App: "chess", Version: "1"}, twinwire.VersionMismatch, `"2"`},
			{core.Hello{Connect: []byte{1}}, twinwire.PermissionDenied, "not you"},
		} {
			_, err := client.Dial(t.Context(), e.addr(), &client.Options{Pins: e.dev.Pins(), Hello: tt.hello})
			if twinwire.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("hello %+v: error %v, want %v with %q", tt.hello, err, tt.code, tt.text)
			}
		}
		echo(t, e.dial(&client.Options{Hello: core.Hello{App: "chess", Version: "2", Connect: []byte{2}}}))
	})
}

// localhost is both families.
func TestBothFamilies(t *testing.T) {
	e := start(t, "", "quic")
	e.srv.Handle(service())
	l, err := server.Listen("localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	e.ln = l
	go func() { e.served <- e.srv.Serve(l) }()
	defer func() {
		e.srv.Close()
		<-e.served
	}()
	_, port, _ := net.SplitHostPort(l.Addr())
	hosts := []string{"127.0.0.1", "localhost"}
	if c, err := net.ListenPacket("udp", "[::1]:0"); err == nil {
		c.Close()
		hosts = append(hosts, "::1")
	} else {
		t.Logf("no IPv6 here: %v", err)
	}
	for _, host := range hosts {
		for _, w := range wires {
			s, err := client.Dial(t.Context(), w.prefix+net.JoinHostPort(host, port), &client.Options{Pins: e.dev.Pins()})
			if err != nil {
				t.Errorf("%s%s: %v", w.prefix, host, err)
				continue
			}
			echo(t, s)
			s.Close()
		}
	}
}

// The hooks see each session once, in order, with why it ended.
func TestHooks(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		type end struct {
			s     *core.Session
			cause error
		}
		began, ended := make(chan *core.Session, 1), make(chan end, 1)
		e.srv.Connected = func(s *core.Session) { began <- s }
		e.srv.Disconnected = func(s *core.Session, cause error) { ended <- end{s, cause} }
		s := e.serve(service()).dial(nil)
		there := <-began
		if there.ID() != s.ID() {
			t.Error("the ends have different ids")
		}
		s.CloseWith(twinwire.FirstApplicationCode, "enough", 0)
		got := <-ended
		if got.s != there || twinwire.CodeOf(got.cause) != twinwire.FirstApplicationCode || !strings.Contains(got.cause.Error(), "enough") {
			t.Errorf("the server was told %v", got.cause)
		}
		for range e.srv.Sessions() {
			t.Error("a session that has ended is still listed")
		}
	})
}
