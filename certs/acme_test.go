package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// listen serves TLS on loopback as a server does that speaks app/1, and
// closes each connection after the handshake.
func listen(t *testing.T, src Source) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer raw.Close()
				cfg := ServerTLS(src)
				cfg.NextProtos = append([]string{"app/1"}, cfg.NextProtos...)
				conn := tls.Server(raw, cfg)
				_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
				if conn.Handshake() == nil {
					_ = conn.Close()
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		conns.Wait()
	})
	return l.Addr().String()
}

// dialApp connects as an ordinary client of the authority's subjects does.
func dialApp(address, host string, a *authority) (tls.ConnectionState, error) {
	cfg := ClientTLS()
	cfg.ServerName, cfg.RootCAs, cfg.NextProtos = host, a.pool(), []string{"app/1"}
	conn, err := tls.Dial("tcp", address, cfg)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	return conn.ConnectionState(), nil
}

func acmeSource(t *testing.T, opts ACMEOptions) *ACMESource {
	t.Helper()
	if opts.Log == nil {
		opts.Log = new(journal).log()
	}
	s, err := ACME(&opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestACME(t *testing.T) {
	const host, second = "app.example", "www.app.example"
	resolve := make(map[string]string)
	a := newAuthority(t, resolve, "http-01", "tls-alpn-01")
	opts := ACMEOptions{
		Hosts:        []string{"App.Example", second},
		CacheDir:     filepath.Join(t.TempDir(), "acme"),
		DirectoryURL: a.URL + "/directory",
		Email:        "ops@app.example",
		Client:       a.client(t),
	}
	src := acmeSource(t, opts)
	address := listen(t, src)
	resolve[host], resolve[second] = address, address

	// Many clients come before there is a certificate; one order is made.
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			state, err := dialApp(address, host, a)
			if err != nil {
				t.Errorf("client: %v", err)
				return
			}
			if state.NegotiatedProtocol != "app/1" || state.Version != tls.VersionTLS13 {
				t.Errorf("negotiated %q, version %x", state.NegotiatedProtocol, state.Version)
			}
			if got := state.PeerCertificates[0].PublicKeyAlgorithm; got != x509.ECDSA {
				t.Errorf("the certificate is for %v; all clients of TLS 1.3 take ECDSA", got)
			}
		})
	}
	clients.Wait()
	orders, validated, objections := a.seen()
	if orders != 1 || !slices.Equal(validated, []string{"tls-alpn-01 " + host}) || len(objections) != 0 {
		t.Errorf("%d orders, validated %q, objections %q", orders, validated, objections)
	}
	if want := "mailto:ops@app.example"; len(a.contacts) != 1 || a.contacts[0] != want {
		t.Errorf("contacts %q, want %q", a.contacts, want)
	}
	if _, err := dialApp(address, second, a); err != nil {
		t.Errorf("another host: %v", err)
	}

	// A restart asks for nothing.
	src2 := acmeSource(t, opts)
	address2 := listen(t, src2)
	if _, err := dialApp(address2, host, a); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	if orders, _, objections := a.seen(); orders != 2 || len(objections) != 0 {
		t.Errorf("%d orders after a restart, want 2; objections %q", orders, objections)
	}
	checkPrivate(t, opts.CacheDir)
}

func checkPrivate(t *testing.T, dir string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		return // no modes
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a token that is no longer needed
		}
		if err != nil {
			return err
		}
		if info, err := e.Info(); err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %04o", path, info.Mode().Perm())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// An authority that offers http-01 only is answered on the other port.
func TestACMEOverHTTP(t *testing.T) {
	const host = "app.example"
	resolve := make(map[string]string)
	a := newAuthority(t, resolve, "http-01")
	src := acmeSource(t, ACMEOptions{
		Hosts: []string{host}, CacheDir: t.TempDir(), DirectoryURL: a.URL + "/directory", Client: a.client(t),
	})
	web := httptest.NewServer(src.HTTPHandler(nil))
	defer web.Close()
	resolve[host] = web.Listener.Addr().String()
	address := listen(t, src)
	if _, err := dialApp(address, host, a); err != nil {
		t.Fatal(err)
	}
	if _, validated, objections := a.seen(); !slices.Equal(validated, []string{"http-01 " + host}) || len(objections) != 0 {
		t.Errorf("validated %q, objections %q", validated, objections)
	}

	// All else is sent to https.
	w := httptest.NewRecorder()
	src.HTTPHandler(nil).ServeHTTP(w, httptest.NewRequest("GET", "http://app.example/path?q", nil))
	if got := w.Header().Get("Location"); w.Code/100 != 3 || got != "https://app.example/path?q" {
		t.Errorf("status %d, location %q", w.Code, got)
	}
	own := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	w = httptest.NewRecorder()
	src.HTTPHandler(own).ServeHTTP(w, httptest.NewRequest("GET", "http://app.example/", nil))
	if w.Code != http.StatusTeapot {
		t.Errorf("status %d, want the fallback's", w.Code)
	}
}

// Names that nobody configured are refused before the authority hears of them.
func TestACMEHosts(t *testing.T) {
	a := newAuthority(t, nil, "tls-alpn-01")
	src := acmeSource(t, ACMEOptions{
		Hosts: []string{"app.example"}, CacheDir: t.TempDir(), DirectoryURL: a.URL + "/directory", Client: a.client(t),
	})
	for _, name := range []string{"", "evil.example", "sub.app.example", "app.example.evil.example", "*.app.example", "localhost", "127.0.0.1"} {
		for _, protos := range [][]string{nil, {"app/1"}, {"acme-tls/1"}} {
			if cert, err := src.GetCertificate(&tls.ClientHelloInfo{ServerName: name, SupportedProtos: protos}); err == nil {
				t.Errorf("host %q, protocols %q: certificate %v", name, protos, cert.Leaf.DNSNames)
			}
		}
	}
	// A challenge that nobody has asked for has no answer.
	if _, err := src.GetCertificate(&tls.ClientHelloInfo{ServerName: "app.example", SupportedProtos: []string{"acme-tls/1"}}); err == nil {
		t.Error("an answer to no challenge")
	}
	if orders, _, _ := a.seen(); orders != 0 {
		t.Errorf("%d orders", orders)
	}
}

// The authority cannot reach the server: the client is refused, the log says
// why, once, and the next handshakes do not hammer the authority.
func TestACMEFailure(t *testing.T) {
	const host = "app.example"
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close() // its port answers no more
	a := newAuthority(t, map[string]string{host: nobody.Addr().String()}, "tls-alpn-01")
	var j journal
	src := acmeSource(t, ACMEOptions{
		Hosts: []string{host}, CacheDir: t.TempDir(), DirectoryURL: a.URL + "/directory", Client: a.client(t), Log: j.log(),
	})
	for range 3 {
		if _, err := src.GetCertificate(&tls.ClientHelloInfo{ServerName: host}); err == nil || !strings.Contains(err.Error(), host) {
			t.Errorf("error %v does not name the host", err)
		}
	}
	if got := j.take(); strings.Count(got, "\n") != 1 || !strings.Contains(got, host) {
		t.Errorf("logged %q, want one line with the host", got)
	}
	if orders, validated, _ := a.seen(); orders > 2 || len(validated) != 0 {
		t.Errorf("%d orders, validated %q", orders, validated)
	}
}

// A handshake that waits for another one's order gives up with its context.
func TestACMEWaitEndsWithTheHandshake(t *testing.T) {
	const host = "app.example"
	asked, release := make(chan struct{}), make(chan struct{})
	slow := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-release
		http.Error(w, "closed today", http.StatusNotFound)
	}))
	defer slow.Close()
	src := acmeSource(t, ACMEOptions{
		Hosts: []string{host}, CacheDir: t.TempDir(), DirectoryURL: slow.URL, Client: slow.Client(),
	})
	var first sync.WaitGroup
	first.Go(func() {
		if _, err := src.GetCertificate(&tls.ClientHelloInfo{ServerName: host}); err == nil {
			t.Error("a certificate from an authority that is closed")
		}
	})
	<-asked
	a, b := newWire()
	defer a.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	second := make(chan error, 1)
	go func() {
		cfg := ServerTLS(src)
		get := cfg.GetCertificate
		cfg.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			cancel(errors.New("took too long")) // as the server's timeout does
			return get(hello)
		}
		second <- tls.Server(a, cfg).HandshakeContext(ctx)
	}()
	client := ClientTLS()
	client.ServerName = host
	if err := tls.Client(b, client).Handshake(); err == nil {
		t.Error("the client got through")
	}
	if err := <-second; err == nil {
		t.Error("the second handshake got through")
	}
	close(release)
	first.Wait()
}

func TestACMEOptions(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "file"), nil)
	good := ACMEOptions{Hosts: []string{"app.example"}, CacheDir: dir}
	with := func(change func(o *ACMEOptions)) *ACMEOptions {
		o := good
		change(&o)
		return &o
	}
	hosts := func(hosts ...string) *ACMEOptions { return with(func(o *ACMEOptions) { o.Hosts = hosts }) }
	bad := map[string]struct {
		opts *ACMEOptions
		says string
	}{
		"nil":            {nil, "hosts"},
		"no hosts":       {hosts(), "hosts"},
		"wildcard":       {hosts("*.example"), `"*.example"`},
		"address":        {hosts("192.0.2.1"), `"192.0.2.1"`},
		"with port":      {hosts("app.example:443"), `"app.example:443"`},
		"URL":            {hosts("https://app.example"), `"https://app.example"`},
		"one label":      {hosts("localhost"), `"localhost"`},
		"not ASCII":      {hosts("bücher.example"), `"bücher.example"`},
		"second is bad":  {hosts("app.example", ""), `""`},
		"plain http":     {with(func(o *ACMEOptions) { o.DirectoryURL = "http://ca.example/directory" }), "https"},
		"no URL":         {with(func(o *ACMEOptions) { o.DirectoryURL = "ca.example" }), "https"},
		"dir is a file":  {with(func(o *ACMEOptions) { o.CacheDir = file }), file},
		"dir not usable": {with(func(o *ACMEOptions) { o.CacheDir = filepath.Join(file, "x") }), file},
	}
	for name, tt := range bad {
		t.Run(name, func(t *testing.T) {
			if s, err := ACME(tt.opts); err == nil || s != nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, %v; want an error that says %s", s, err, tt.says)
			}
		})
	}
	t.Run("default directory", func(t *testing.T) {
		home := setHome(t)
		if _, err := ACME(with(func(o *ACMEOptions) { o.CacheDir = "" })); err != nil {
			t.Fatal(err)
		}
		found, err := filepath.Glob(filepath.Join(home, "twinwire", "acme"))
		if runtime.GOOS == "darwin" {
			found, err = filepath.Glob(filepath.Join(home, "Library", "Application Support", "twinwire", "acme"))
		}
		if err != nil || len(found) != 1 {
			t.Errorf("found %q, %v", found, err)
		}
		if info, err := os.Stat(found[0]); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
			t.Errorf("%v, %v; want mode 0700", info.Mode(), err)
		}
	})
	t.Run("protocols", func(t *testing.T) {
		s, err := ACME(&good)
		if err != nil {
			t.Fatal(err)
		}
		if got := ServerTLS(s).NextProtos; !slices.Equal(got, []string{"acme-tls/1"}) {
			t.Errorf("NextProtos %q", got)
		}
	})
}

func TestACMEOverdue(t *testing.T) {
	now := time.Now()
	cert := issue(t, now, now.Add(90*day))
	for after, want := range map[time.Duration]bool{0: false, 60 * day: false, 74 * day: false, 76 * day: true, 91 * day: true} {
		if got := overdue(cert, now.Add(after)); got != want {
			t.Errorf("after %v: %v, want %v", after, got, want)
		}
	}
	h := &acmeHost{}
	if !h.mayComplain(now) || h.mayComplain(now.Add(complainEvery-1)) || !h.mayComplain(now.Add(complainEvery)) {
		t.Error("does not complain once a minute")
	}
}
