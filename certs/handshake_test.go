package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(child(dir))
	}
	leak.Main(m)
}

// handshake lets a client and a server meet. The client reads one
// byte after the handshake, so that it has seen the server's session tickets,
// and the server's objection if it has one.
func handshake(server, client *tls.Config) (state tls.ConnectionState, clientErr, serverErr error) {
	a, b := newWire()
	done := make(chan error, 1)
	go func() {
		defer a.Close()
		conn := tls.Server(a, server)
		err := conn.Handshake()
		if err == nil {
			_, err = conn.Write([]byte{1})
		}
		done <- err
	}()
	conn := tls.Client(b, client)
	clientErr = conn.Handshake()
	if clientErr == nil {
		_, clientErr = conn.Read(make([]byte, 1))
	}
	state = conn.ConnectionState()
	b.Close()
	return state, clientErr, <-done
}

// presented returns the certificate that a client with the pins is shown.
func presented(t *testing.T, src Source, pins ...Pin) *x509.Certificate {
	t.Helper()
	state, err, _ := handshake(ServerTLS(src), ClientTLS(pins...))
	if err != nil {
		t.Fatalf("handshake: %v", err)
	}
	return state.PeerCertificates[0]
}

// fixed is a Source with one certificate.
type fixed struct{ cert *tls.Certificate }

func (f fixed) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.cert, nil }

// failing is a Source without.
type failing struct{ err error }

func (f failing) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, f.err }

// issue makes a self-signed certificate with the dates for localhost.
func issue(t testing.TB, from, to time.Time) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "test"},
		NotBefore:   from,
		NotAfter:    to,
		DNSNames:    []string{"localhost"},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	return sign(t, template, key)
}

// reissue makes a new certificate for the key of another one.
func reissue(t testing.TB, template *x509.Certificate, old *tls.Certificate) *tls.Certificate {
	return sign(t, template, old.PrivateKey.(*ecdsa.PrivateKey))
}

func sign(t testing.TB, template *x509.Certificate, key *ecdsa.PrivateKey) *tls.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// issueNow makes a certificate that is valid now.
func issueNow(t testing.TB) *tls.Certificate {
	return issue(t, time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour))
}

// inPEM returns the texts of a certificate and its key.
func inPEM(t testing.TB, cert *tls.Certificate) (certPEM, keyPEM []byte) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func write(t testing.TB, file string, text []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// clock is a time that stands still until it is told otherwise.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// journal is a log that can be read.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) log() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// take returns what was logged since the last time.
func (j *journal) take() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	defer j.text.Reset()
	return j.text.String()
}

func TestServerTLS(t *testing.T) {
	cert := issueNow(t)
	t.Run("TLS 1.3 only", func(t *testing.T) {
		client := ClientTLS(PinOf(cert.Leaf))
		client.MinVersion, client.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
		if _, clientErr, serverErr := handshake(ServerTLS(fixed{cert}), client); clientErr == nil || serverErr == nil {
			t.Errorf("a TLS 1.2 client: %v, server: %v; want both to fail", clientErr, serverErr)
		}
		if state, err, _ := handshake(ServerTLS(fixed{cert}), ClientTLS(PinOf(cert.Leaf))); err != nil || state.Version != tls.VersionTLS13 {
			t.Errorf("version %x, %v; want TLS 1.3", state.Version, err)
		}
	})
	t.Run("protocols of the caller", func(t *testing.T) {
		cfg := ServerTLS(fixed{cert})
		if len(cfg.NextProtos) != 0 {
			t.Errorf("NextProtos %q for a source that needs none", cfg.NextProtos)
		}
		cfg.NextProtos = append([]string{"http/1.1"}, cfg.NextProtos...)
		client := ClientTLS(PinOf(cert.Leaf))
		client.NextProtos = []string{"http/1.1"}
		state, err, _ := handshake(cfg, client)
		if err != nil || state.NegotiatedProtocol != "http/1.1" {
			t.Errorf("negotiated %q, %v", state.NegotiatedProtocol, err)
		}
	})
	t.Run("source fails", func(t *testing.T) {
		cause := errors.New("no certificate today")
		_, clientErr, serverErr := handshake(ServerTLS(failing{cause}), ClientTLS(PinOf(cert.Leaf)))
		if clientErr == nil || !errors.Is(serverErr, cause) {
			t.Errorf("client %v, server %v; want the server to say %v", clientErr, serverErr, cause)
		}
	})
}
