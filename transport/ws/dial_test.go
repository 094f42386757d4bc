package ws_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/twinwire/twinwire/transport/ws"
)

func url(h *httptest.Server) string { return "ws" + strings.TrimPrefix(h.URL, "http") + ws.Path }

// An answer that is no upgrade is told with status and text.
func TestDialRefused(t *testing.T) {
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		http.Error(w, "too many\nconnections", http.StatusServiceUnavailable)
	}))
	defer h.Close()
	_, err := ws.Dial(context.Background(), url(h), nil)
	var refused *ws.HandshakeError
	if !errors.As(err, &refused) || refused.Status != 503 || refused.Text != "too many connections" || refused.Header.Get("Retry-After") != "7" {
		t.Errorf("Dial = %v", err)
	}
}

func TestDialSubprotocol(t *testing.T) {
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, err := new(websocket.Upgrader).Upgrade(w, r, nil); err == nil {
			_ = conn.Close()
		}
	}))
	defer h.Close()
	if _, err := ws.Dial(context.Background(), url(h), nil); err != ws.ErrSubprotocol {
		t.Errorf("Dial = %v, want ErrSubprotocol", err)
	}
}

func TestDialErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := l.Addr().String()
	_ = l.Close()
	var op *net.OpError
	if _, err := ws.Dial(context.Background(), "ws://"+free, nil); !errors.As(err, &op) {
		t.Errorf("nobody listens: Dial = %v", err)
	}
	for _, bad := range []string{"http://localhost", "localhost:1", "ws://user@localhost", ":"} {
		if _, err := ws.Dial(context.Background(), bad, nil); err == nil {
			t.Errorf("Dial(%q) works", bad)
		}
	}
	s := listen(t, true)
	var unknown *tls.CertificateVerificationError
	if _, err := ws.Dial(context.Background(), s.url, &ws.Options{TLS: &tls.Config{RootCAs: x509.NewCertPool()}}); !errors.As(err, &unknown) {
		t.Errorf("unknown authority: Dial = %v", err)
	}
}

// The context and the handshake timeout end a Dial whose server does not
// answer.
func TestDialEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("the other wire won")
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		// The request has arrived: the client waits for the response.
		_, _ = conn.Read(make([]byte, 1))
		cancel(why)
		_, _ = conn.Read(make([]byte, 1<<16))
		_, _ = conn.Read(make([]byte, 1<<16))
	}()
	if _, err := ws.Dial(ctx, "ws://"+l.Addr().String(), nil); !errors.Is(err, why) {
		t.Errorf("Dial = %v, want the cause of the context", err)
	}
	begin := time.Now()
	if _, err := ws.Dial(context.Background(), "ws://"+l.Addr().String(), &ws.Options{HandshakeTimeout: 50 * time.Millisecond}); err == nil || time.Since(begin) > 5*time.Second {
		t.Errorf("Dial = %v after %v", err, time.Since(begin))
	}
}

func TestSecure(t *testing.T) {
	s := listen(t, true)
	for name, test := range map[string]struct {
		cfg  *tls.Config
		want bool
	}{
		"Verified": {&tls.Config{RootCAs: s.roots}, true},
		"Pinned": {&tls.Config{InsecureSkipVerify: true, VerifyConnection: func(tls.ConnectionState) error {
			return nil
		}}, true},
		"Skipped": {&tls.Config{InsecureSkipVerify: true}, false},
	} {
		c, err := ws.Dial(context.Background(), s.url, &ws.Options{TLS: test.cfg})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Info().Secure; got != test.want {
			t.Errorf("%s: Secure = %v", name, got)
		}
		server := <-s.accepted
		if !server.Info().Secure {
			t.Errorf("%s: server says it is not secure", name)
		}
		c.Close(0, "")
		server.Close(0, "")
	}
}
