package link

import (
	"crypto/x509"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/twinwire/twinwire/bench/peer"
)

// QUIC hands the kernel many datagrams at once where it can, and the device
// must get them one by one.
func TestQUICTransfer(t *testing.T) {
	const bytes = 2 << 20
	l := newLink(t, &Config{Path: Path{Rate: 50e6, Delay: 5 * time.Millisecond}})
	cert, err := peer.NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	server, client := transport(t, l.B), transport(t, l.A)
	listener, err := server.Listen(peer.ServerTLS(cert, "test"), nil)
	if err != nil {
		t.Fatal(err)
	}
	sent := make(chan error, 1)
	go func() { sent <- serveBytes(t, listener, bytes) }() // ends with the connection
	conn, err := client.Dial(t.Context(), listener.Addr(), peer.ClientTLS(trusted, "test"), nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := conn.AcceptUniStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, s)
	if err := errors.Join(err, conn.CloseWithError(0, ""), <-sent); err != nil || n != bytes {
		t.Errorf("%d of %d bytes arrived: %v", n, bytes, err)
	}
	if s := l.B.Stats(); s.MaxPacket > MTU || s.SentBytes/s.Sent < 1000 || s.Overrun != 0 {
		t.Errorf("%+v, want full packets of at most %d bytes", s, MTU)
	}
}

// serveBytes sends so many bytes to one client, and waits until it goes.
func serveBytes(t *testing.T, l *quic.Listener, bytes int) error {
	conn, err := l.Accept(t.Context())
	if err != nil {
		return err
	}
	s, err := conn.OpenUniStream()
	if err != nil {
		return err
	}
	_, err = s.Write(make([]byte, bytes))
	err = errors.Join(err, s.Close())
	<-conn.Context().Done()
	return err
}

// transport makes QUIC of an end until the test is over.
func transport(t *testing.T, e *End) *quic.Transport {
	t.Helper()
	udp, err := e.ListenPacket("udp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	tr := &quic.Transport{Conn: udp}
	t.Cleanup(func() {
		if err := errors.Join(tr.Close(), udp.Close()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return tr
}
