package quic_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/twinwire/twinwire/internal/leak"
	"github.com/twinwire/twinwire/transport/quic"
	"github.com/twinwire/twinwire/transport/transporttest"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestCarrier(t *testing.T) {
	server := newServer(t)
	transporttest.TestCarrier(t, func(t *testing.T, o transporttest.Options) *transporttest.Pair {
		l := server.listen(t, &quic.ListenOptions{SendTimeout: o.SendTimeout, IdleTimeout: o.Loss})
		client, accepted, socket := server.dial(t, l, &quic.DialOptions{SendTimeout: o.SendTimeout, IdleTimeout: o.Loss})
		<-accepted.Complete() // a Close before that cannot say why (RFC 9000, section 10.2.3)
		return &transporttest.Pair{
			Client: client, Server: accepted,
			Vanish: func() {
				if err := socket.Close(); err != nil {
					t.Error(err)
				}
			},
			Stop: func() {
				client.Close(0, "")
				accepted.Close(0, "")
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			},
		}
	})
}

// A server is a certificate for the loopback interface, and who trusts it.
type server struct {
	cert  tls.Certificate
	roots *x509.CertPool
}

func newServer(t testing.TB) *server {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &server{cert: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, roots: roots}
}

func (s *server) tls() *tls.Config { return &tls.Config{Certificates: []tls.Certificate{s.cert}} }

// listen listens on a socket that the listener closes.
func (s *server) listen(t testing.TB, o *quic.ListenOptions) *quic.Listener {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	o.CloseConn = true
	if o.TLS == nil {
		o.TLS = s.tls()
	}
	l, err := quic.Listen(conn, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// dial connects, and returns the socket of the client too.
func (s *server) dial(t testing.TB, l *quic.Listener, o *quic.DialOptions) (client, accepted *quic.Carrier, socket net.PacketConn) {
	t.Helper()
	if o.TLS == nil {
		o.TLS = &tls.Config{RootCAs: s.roots}
	}
	o.ListenPacket = func(ctx context.Context, network, addr string) (net.PacketConn, error) {
		conn, err := new(net.ListenConfig).ListenPacket(ctx, network, addr)
		socket = conn
		return conn, err
	}
	client, err := quic.Dial(context.Background(), l.Addr().String(), o)
	if err != nil {
		t.Fatal(err)
	}
	accepted, err = l.Accept(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return client, accepted, socket
}
