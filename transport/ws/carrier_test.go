package ws_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire/internal/leak"
	"github.com/twinwire/twinwire/transport/transporttest"
	"github.com/twinwire/twinwire/transport/ws"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestCarrier(t *testing.T) {
	for name, secure := range map[string]bool{"TLS": true, "Plain": false} {
		t.Run(name, func(t *testing.T) {
			s := listen(t, secure)
			transporttest.TestCarrier(t, func(t *testing.T, o transporttest.Options) *transporttest.Pair {
				client, server, conn := s.pair(t, o.SendTimeout)
				return &transporttest.Pair{
					Client: client, Server: server,
					Vanish: func() {
						// Without lingering the system resets the connection.
						if err := conn.SetLinger(0); err != nil {
							t.Error(err)
						}
						if err := conn.Close(); err != nil {
							t.Error(err)
						}
					},
					Stop: func() {
						client.Close(0, "")
						server.Close(0, "")
					},
				}
			})
		})
	}
}

// A server upgrades whatever comes.
type server struct {
	url      string
	roots    *x509.CertPool // nil without TLS
	accepted chan *ws.Carrier
	timeout  chan time.Duration // of the next carrier
	twins    ws.Twins
	seconds  chan (<-chan struct{}) // what Upgrade returned for second connections
}

func listen(t testing.TB, secure bool) *server {
	s := &server{accepted: make(chan *ws.Carrier, 1), timeout: make(chan time.Duration, 1), seconds: make(chan (<-chan struct{}), 1)}
	h := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := &ws.UpgradeOptions{Twins: &s.twins}
		select {
		case o.SendTimeout = <-s.timeout:
		default:
		}
		c, second, err := ws.Upgrade(w, r, o)
		switch {
		case err != nil:
		case c == nil:
			s.seconds <- second
		default:
			s.accepted <- c
		}
	}))
	h.Listener = ws.NewListener(h.Listener)
	h.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that tests make fail
	if secure {
		h.TLS = &tls.Config{MinVersion: tls.VersionTLS13, DynamicRecordSizingDisabled: true}
		h.StartTLS()
		s.roots = x509.NewCertPool()
		s.roots.AddCert(h.Certificate())
	} else {
		h.Start()
	}
	t.Cleanup(h.Close)
	s.url = "ws" + strings.TrimPrefix(h.URL, "http") + ws.Path
	return s
}

// pair connects. It returns the TCP connection of the client too.
func (s *server) pair(t testing.TB, timeout time.Duration) (client, server *ws.Carrier, tcp *net.TCPConn) {
	t.Helper()
	s.timeout <- timeout
	client, err := ws.Dial(context.Background(), s.url, &ws.Options{
		SendTimeout: timeout,
		TLS:         &tls.Config{RootCAs: s.roots},
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			if err == nil {
				tcp = conn.(*net.TCPConn)
			}
			return conn, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client, <-s.accepted, tcp
}
