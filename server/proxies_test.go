package server

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"
)

var lan = &Proxies{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}, Protocol: true}

// X-Forwarded-For is believed as far as proxies are trusted.
func TestForwarded(t *testing.T) {
	for _, test := range []struct {
		from   string
		header []string
		want   string
	}{
		{"10.0.0.1:1", []string{"203.0.113.9"}, "203.0.113.9:0"},
		{"10.0.0.1:1", []string{"1.1.1.1, 203.0.113.9"}, "203.0.113.9:0"}, // the client's own word comes first
		{"10.0.0.1:1", []string{"203.0.113.9, 10.0.0.7,\t10.9.9.9"}, "203.0.113.9:0"},
		{"10.0.0.1:1", []string{"203.0.113.9", "10.0.0.7"}, "203.0.113.9:0"},
		{"10.0.0.1:1", []string{"203.0.113.9:4711"}, "203.0.113.9:4711"},
		{"[fd00::1]:1", []string{"2001:db8::9"}, "[2001:db8::9]:0"},
		{"[fd00::1]:1", []string{"[2001:db8::9]:4711"}, "[2001:db8::9]:4711"},
		{"[::ffff:10.0.0.1]:1", []string{"::ffff:203.0.113.9"}, "203.0.113.9:0"},
		{"203.0.113.1:1", []string{"203.0.113.9"}, ""}, // not a proxy
		{"10.0.0.1:1", nil, ""},
		{"10.0.0.1:1", []string{""}, ""},
		{"10.0.0.1:1", []string{"unknown"}, ""},
		{"10.0.0.1:1", []string{"203.0.113.9, unknown"}, ""},
		{"10.0.0.1:1", []string{"203.0.113.9,"}, ""},
		{"10.0.0.1:1", []string{"10.0.0.9"}, ""}, // proxies alone
		{"10.0.0.1:1", []string{strings.Repeat("10.0.0.9,", 40) + "10.0.0.9"}, ""},
		{"@", []string{"203.0.113.9"}, ""},
	} {
		r := &http.Request{RemoteAddr: test.from, Header: http.Header{"X-Forwarded-For": test.header}}
		if got := lan.client(r); got != test.want {
			t.Errorf("%s with %q is %q, want %q", test.from, test.header, got, test.want)
		}
		if got := (*Proxies)(nil).client(r); got != "" {
			t.Errorf("without proxies %s with %q is %q", test.from, test.header, got)
		}
	}
}

// header is one of the PROXY protocol.
func header(t testing.TB, version byte, source string) []byte {
	h := proxyproto.HeaderProxyFromAddrs(version, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(source)), net.TCPAddrFromAddrPort(netip.MustParseAddrPort(source)))
	b, err := h.Format()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Connections of proxies have the address that their header says; a header that
// is late, broken or missing costs its own connection alone.
func TestProxyProtocol(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := lan.behind(tcp)
	dial := func(b []byte) net.Conn {
		c, err := net.Dial("tcp", tcp.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		return c
	}
	silent := dial(nil)
	broken := []net.Conn{
		dial([]byte("GET / HTTP/1.1\r\n\r\n")), dial([]byte("PROXY TCP4 x y 1 2\r\n")), dial([]byte("PROXY " + strings.Repeat("x", 300))),
		dial([]byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x01x")),
	}
	for _, source := range []string{"203.0.113.9:4711", "[2001:db8::9]:4711"} {
		for _, version := range []byte{1, 2} {
			c := dial(append(header(t, version, source), "hello"...))
			got, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			if got.RemoteAddr().String() != source {
				t.Errorf("address is %v, want %s", got.RemoteAddr(), source)
			}
			if _, err := c.Write([]byte(", world")); err != nil {
				t.Fatal(err)
			}
			_ = c.(*net.TCPConn).CloseWrite()
			var b bytes.Buffer
			if _, err := b.ReadFrom(got); err != nil || b.String() != "hello, world" {
				t.Errorf("read %q, %v", b.String(), err)
			}
			_ = got.Close()
		}
	}
	local := dial([]byte("\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00")) // the proxy looks after us
	got, err := l.Accept()
	if err != nil || got.RemoteAddr().String() != local.LocalAddr().String() {
		t.Errorf("address is %v, %v", got.RemoteAddr(), err)
	}
	_ = got.Close()
	for _, c := range broken {
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil || isTimeout(err) {
			t.Errorf("a broken header: %d bytes, %v", n, err)
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := l.Accept(); err == nil {
		t.Error("Accept goes on after Close")
	}
	_ = silent.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := silent.Read(make([]byte, 1)); isTimeout(err) {
		t.Error("a connection that says nothing outlives its listener")
	}
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

// Those who are no proxies are served as they are, and cannot say that they come
// from elsewhere.
func TestProxyProtocolOfOthers(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	others := &Proxies{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Protocol: true}
	l := others.behind(tcp)
	defer l.Close()
	c, err := net.Dial("tcp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	want := header(t, 1, "203.0.113.9:4711")
	_, _ = c.Write(want)
	got, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	b := make([]byte, len(want))
	if _, err := got.Read(b); err != nil || !bytes.Equal(b, want) || got.RemoteAddr().String() != c.LocalAddr().String() {
		t.Errorf("%v says %q, %v", got.RemoteAddr(), b, err)
	}
	if plain := (*Proxies)(nil).behind(tcp); plain != tcp {
		t.Error("a listener without proxies is another")
	}
}

// Nothing that a client writes makes the server take a proxy for it, or break.
func FuzzForwarded(f *testing.F) {
	f.Add("203.0.113.9, 10.0.0.7", "")
	f.Add("[2001:db8::9]:4711", "10.0.0.1")
	f.Add("fe80::1%eth0", ",")
	f.Fuzz(func(t *testing.T, a, b string) {
		got := lan.forwarded([]string{a, b})
		if got == "" {
			return
		}
		at, err := netip.ParseAddrPort(got)
		if err != nil || lan.trusts(at.Addr()) {
			t.Fatalf("%q, %q is %q: %v", a, b, got, err)
		}
		// What the client says comes first, and does not count.
		if again := lan.forwarded([]string{"198.51.100.1", a, b}); again != got {
			t.Fatalf("%q, %q is %q, and behind a word of the client %q", a, b, got, again)
		}
	})
}

// A header is bounded, and leaves what follows it alone.
func FuzzProxyHeader(f *testing.F) {
	f.Add(header(f, 1, "203.0.113.9:4711"))
	f.Add(header(f, 2, "[2001:db8::9]:4711"))
	f.Add([]byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bufio.NewReaderSize(bytes.NewReader(b), headerBuffer)
		at, err := readHeader(r)
		if err == nil && at != nil {
			if _, err := netip.ParseAddrPort(at.String()); err != nil {
				t.Fatalf("address is %v", at)
			}
		}
	})
}
