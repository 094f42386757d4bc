package server_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/auth"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/server"
)

// A connectProxy is an HTTP proxy that carries what CONNECT asks for, for those
// who know its password.
type connectProxy struct {
	l      net.Listener
	target atomic.Pointer[string] // of the last request
	wg     sync.WaitGroup
}

const proxyPassword = "the proxy's password"

func newConnectProxy(t *testing.T) *connectProxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &connectProxy{l: l}
	p.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); p.wg.Wait() })
	return p
}

func (p *connectProxy) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	req, err := http.ReadRequest(r)
	if err != nil {
		return
	}
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+proxyPassword))
	if req.Method != http.MethodConnect || req.Header.Get("Proxy-Authorization") != want {
		_, _ = io.WriteString(c, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
		return
	}
	p.target.Store(&req.Host)
	s, err := net.Dial("tcp", req.Host)
	if err != nil {
		return
	}
	_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
	p.wg.Go(func() { _, _ = io.Copy(s, r); _ = s.Close() })
	_, _ = io.Copy(c, s)
}

func (p *connectProxy) url(password string) *url.URL {
	return &url.URL{Scheme: "http", Host: p.l.Addr().String(), User: url.UserPassword("user", password)}
}

// Where a proxy is to be used the session runs through it, over WebSocket alone,
// and its password is nowhere to be seen.
func TestConnectProxy(t *testing.T) {
	for _, prefix := range []string{"wss://", ""} {
		t.Run("address "+prefix, func(t *testing.T) {
			p := newConnectProxy(t)
			log := new(logbook)
			e := start(t, prefix, "websocket")
			e.serve(service())
			var asked atomic.Pointer[url.URL]
			opts := &client.Options{Logger: log.logger(), Proxy: func(r *http.Request) (*url.URL, error) {
				asked.Store(r.URL)
				return p.url(proxyPassword), nil
			}}
			s := e.dial(opts)
			echo(t, s)
			if s.Transport().Wire != "websocket" || p.target.Load() == nil || *p.target.Load() != e.ln.Addr() || asked.Load().Scheme != "https" {
				t.Errorf("session is %v, proxy was asked for %v by %v", s, p.target.Load(), asked.Load())
			}
			opts.Proxy = func(*http.Request) (*url.URL, error) { return p.url("wrong password"), nil }
			_, err := client.Dial(t.Context(), e.addr(), opts)
			if err == nil || strings.Contains(err.Error(), "wrong password") || !strings.Contains(err.Error(), "407") && !strings.Contains(err.Error(), "Proxy Authentication Required") {
				t.Errorf("Dial with another password: %v", err)
			}
			opts.Proxy = func(*http.Request) (*url.URL, error) { return nil, errors.New("no idea") }
			if _, err := client.Dial(t.Context(), e.addr(), opts); err == nil || !strings.Contains(err.Error(), "no idea") {
				t.Errorf("Dial without an idea: %v", err)
			}
			log.lacks(t, proxyPassword, "wrong password")
		})
	}
	// Without one, both wires are raced.
	e := start(t, "", "quic")
	e.serve(service())
	if s := e.dial(&client.Options{Proxy: func(*http.Request) (*url.URL, error) { return nil, nil }}); s.Transport().Wire != "quic" {
		t.Errorf("session is %v", s)
	}
}

// Behind a trusted proxy the client's address is the client's, in whatever way
// the proxy says it, and for those who are not proxies it is their own.
func TestAddressBehindProxy(t *testing.T) {
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	elsewhere := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, test := range []struct {
		name    string
		proxies *server.Proxies
		header  http.Header
		line    string // in front of TLS
		want    string
	}{
		{"nobody", nil, http.Header{"X-Forwarded-For": {"203.0.113.9"}}, "", "127.0.0.1"},
		{"not listed", &server.Proxies{Trusted: elsewhere}, http.Header{"X-Forwarded-For": {"203.0.113.9"}}, "", "127.0.0.1"},
		{"forwarded", &server.Proxies{Trusted: loopback}, http.Header{"X-Forwarded-For": {"1.1.1.1, 203.0.113.9"}}, "", "203.0.113.9"},
		{"protocol", &server.Proxies{Trusted: loopback, Protocol: true}, nil, "PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\n", "203.0.113.9"},
		{"protocol and a client's word", &server.Proxies{Trusted: loopback, Protocol: true}, http.Header{"X-Forwarded-For": {"1.1.1.1"}}, "PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\n", "203.0.113.9"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := start(t, "wss://", "websocket")
			e.srv.Proxies = test.proxies
			seen := make(chan string, 1)
			e.srv.Authenticate = func(_ context.Context, l *auth.Login) (*core.Principal, error) {
				seen <- l.Info.RemoteAddr
				return nil, nil
			}
			e.serve(service())
			addr := e.ln.Addr()
			if test.line != "" {
				addr = speaking(t, addr, test.line)
			}
			s, err := client.Dial(t.Context(), "wss://"+addr, &client.Options{Pins: e.dev.Pins(), Header: test.header})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			echo(t, s)
			if host, _, _ := net.SplitHostPort(<-seen); host != test.want {
				t.Errorf("address is %s, want %s", host, test.want)
			}
		})
	}
}

// speaking is a proxy in front of addr that begins each connection with a line.
func speaking(t *testing.T, addr, line string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", addr)
			if err != nil {
				_ = c.Close()
				continue
			}
			_, _ = io.WriteString(s, line)
			wg.Go(func() { _, _ = io.Copy(s, c); _ = s.Close() })
			wg.Go(func() { _, _ = io.Copy(c, s); _ = c.Close() })
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return l.Addr().String()
}

// Clients behind one proxy are counted one by one.
func TestCountedBehindProxy(t *testing.T) {
	e := start(t, "wss://", "websocket")
	e.srv.Proxies = &server.Proxies{Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	e.srv.Limits = &core.Limits{Admission: core.Admission{AddressConnections: 2, AddressSessions: 2, ConnectRate: 1000, ConnectBurst: 1000}}
	e.serve(service())
	dial := func(from string) (*core.Session, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		s, err := client.Dial(ctx, e.addr(), &client.Options{Pins: e.dev.Pins(), Header: http.Header{"X-Forwarded-For": {from}}})
		if err == nil {
			t.Cleanup(func() { _ = s.Close() })
		}
		return s, err
	}
	var first *core.Session
	for _, from := range []string{"203.0.113.1", "203.0.113.1", "203.0.113.2", "203.0.113.2", "203.0.113.3"} {
		s, err := dial(from)
		if err != nil {
			t.Fatalf("%s: %v", from, err)
		}
		if first == nil {
			first = s
		}
	}
	_, err := dial("203.0.113.1")
	var refused *core.RefusedError
	if !errors.As(err, &refused) || refused.Code != twinwire.ResourceExhausted || refused.RetryAfter < 5*time.Second || refused.RetryAfter > 10*time.Second {
		t.Errorf("a third connection of one client: %v", err)
	}
	_ = first.Close()
	eventually(t, func() bool { _, err := dial("203.0.113.1"); return err == nil })
}
