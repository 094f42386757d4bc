//go:build !js

package client

import (
	"crypto/tls"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestParse(t *testing.T) {
	both := []wire{wireQUIC, wireWebSocket}
	for _, tt := range []struct {
		addr, hostPort, path string
		wires                []wire
		err                  string
	}{
		{addr: "example.com", hostPort: "example.com:443", path: "/twinwire", wires: both},
		{addr: "example.com:8443", hostPort: "example.com:8443", path: "/twinwire", wires: both},
		{addr: "[::1]:8443", hostPort: "[::1]:8443", path: "/twinwire", wires: both},
		{addr: "quic://example.com", hostPort: "example.com:443", path: "/twinwire", wires: []wire{wireQUIC}},
		{addr: "wss://example.com/live/x?y=z", hostPort: "example.com:443", path: "/live/x?y=z", wires: []wire{wireWebSocket}},
		{addr: "wss://example.com/", hostPort: "example.com:443", path: "/twinwire", wires: []wire{wireWebSocket}},
		{addr: "https://example.com/live", hostPort: "example.com:443", path: "/live", wires: []wire{wireWebTransport}},
		{addr: "ws://127.0.0.1:8080", hostPort: "127.0.0.1:8080", path: "/twinwire", wires: []wire{wirePlaintext}},
		{addr: "ws://example.com", err: "loopback"},
		{addr: "http://example.com", err: `unknown scheme "http"`},
		{addr: "quic://example.com/path", err: "path"},
		{addr: "example.com/path", err: "path"},
		{addr: "", err: "address"},
		{addr: ":443", err: "address"},
		{addr: "wss://user@example.com", err: "address"},
		{addr: "example.com:port", err: "address"},
		{addr: "example.com:", hostPort: "example.com:443", path: "/twinwire", wires: both},
		{addr: "quic://[fe80::1%25eth0]", hostPort: "[fe80::1%eth0]:443", path: "/twinwire", wires: []wire{wireQUIC}},
		{addr: "wss://example.com?y=z", hostPort: "example.com:443", path: "/twinwire?y=z", wires: []wire{wireWebSocket}},
		{addr: "wss://example.com/live?", hostPort: "example.com:443", path: "/live", wires: []wire{wireWebSocket}},
		{addr: "wss://example.com/a?b?c", hostPort: "example.com:443", path: "/a?b?c", wires: []wire{wireWebSocket}},
		{addr: "::1", err: "address"},
		{addr: "::1:8443", err: "address"},
		{addr: "[::1", err: "address"},
		{addr: "[::1]8443", err: "address"},
		{addr: "[example.com]", err: "address"},
		{addr: "exam ple.com", err: "address"},
		{addr: "wss://example.com/a b", err: "address"},
		{addr: "wss://example.com/a\r\nHost: b", err: "address"},
		{addr: "wss://example.com/#a", err: "address"},
		{addr: "wss://example%2ecom", err: "address"},
		{addr: "wss://[::1%251%25a]", err: "address"},
		{addr: "wss://[::1%25%41]", err: "address"},
	} {
		t.Run(tt.addr, func(t *testing.T) {
			got, err := parse(tt.addr)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.hostPort() != tt.hostPort || got.path != tt.path || !slices.Equal(got.wires, tt.wires) {
				t.Errorf("got %s %s %v, want %s %s %v", got.hostPort(), got.path, got.wires, tt.hostPort, tt.path, tt.wires)
			}
		})
	}
}

// What parse takes is what net/url finds in it, which dials are made with.
func FuzzParse(f *testing.F) {
	for _, addr := range []string{"example.com", "wss://[::1%25a]:1/b?c", "https://a:443/%41?b#c", "wss://u:p@h", "a:b:c", "wss://ö/ü"} {
		f.Add(addr)
	}
	f.Fuzz(func(t *testing.T, addr string) {
		got, err := parse(addr)
		if err != nil {
			return
		}
		_, rest, ok := strings.Cut(addr, "://")
		if !ok {
			rest = addr
		}
		u, err := url.Parse("twinwire://" + rest)
		if err != nil {
			return // so the dial fails
		}
		port := u.Port()
		if port == "" {
			port = defaultPort
		}
		if got.host != u.Hostname() || got.port != port || u.User != nil || u.Fragment != "" {
			t.Errorf("%q: host %q and port %q, in a URL %q and %q", addr, got.host, got.port, u.Hostname(), port)
		}
	})
}

// Verification is never skipped: a configuration that skips it is refused
// unless something else verifies.
func TestTLSConfigNeverSkipsVerification(t *testing.T) {
	o := &Options{TLS: &tls.Config{InsecureSkipVerify: true}}
	if _, err := o.tlsConfig("example.com"); err == nil {
		t.Error("InsecureSkipVerify alone was accepted")
	}
	o.TLS.VerifyConnection = func(tls.ConnectionState) error { return nil }
	if _, err := o.tlsConfig("example.com"); err != nil {
		t.Errorf("with a verification of one's own: %v", err)
	}
	o = &Options{TLS: &tls.Config{}}
	cfg, err := o.tlsConfig("example.com")
	if err != nil || cfg.InsecureSkipVerify || cfg.ServerName != "example.com" || cfg.MinVersion != tls.VersionTLS13 {
		t.Errorf("got %+v, %v; want an ordinary TLS 1.3 configuration", cfg, err)
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "app.localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true,
		"example.com": false, "localhost.example.com": false, "10.0.0.1": false, "": false,
	} {
		if loopback(host) != want {
			t.Errorf("loopback(%q) = %v", host, !want)
		}
	}
}
