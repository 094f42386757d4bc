package quic_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	quicgo "github.com/quic-go/quic-go"
	"github.com/quic-go/webtransport-go"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/quic"
	"github.com/twinwire/twinwire/transport/transporttest"
)

// served serves WebTransport for pages of one origin.
func served() *quic.WebTransport {
	return &quic.WebTransport{Path: "/twinwire", CheckOrigin: func(r *http.Request) bool {
		return r.Header.Get("Origin") == "https://page.example"
	}}
}

var fromPage = http.Header{"Origin": {"https://page.example"}}

func (s *server) dialWebTransport(t testing.TB, l *quic.Listener, o *quic.DialOptions) (client, accepted *quic.Carrier, socket net.PacketConn) {
	t.Helper()
	o.TLS = &tls.Config{RootCAs: s.roots}
	o.ListenPacket = func(ctx context.Context, network, addr string) (net.PacketConn, error) {
		conn, err := new(net.ListenConfig).ListenPacket(ctx, network, addr)
		socket = conn
		return conn, err
	}
	client, err := quic.DialWebTransport(context.Background(), "https://"+l.Addr().String()+"/twinwire", fromPage, o)
	if err != nil {
		t.Fatal(err)
	}
	accepted, err = l.Accept(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return client, accepted, socket
}

func TestWebTransportCarrier(t *testing.T) {
	server := newServer(t)
	transporttest.TestCarrier(t, func(t *testing.T, o transporttest.Options) *transporttest.Pair {
		l := server.listen(t, &quic.ListenOptions{SendTimeout: o.SendTimeout, IdleTimeout: o.Loss, WebTransport: served()})
		client, accepted, socket := server.dialWebTransport(t, l, &quic.DialOptions{SendTimeout: o.SendTimeout, IdleTimeout: o.Loss})
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
				client.Hangup()
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			},
		}
	})
}

// Requests that are not for a session, or not welcome, begin none.
func TestWebTransportRefused(t *testing.T) {
	s := newServer(t)
	l := s.listen(t, &quic.ListenOptions{WebTransport: served()})
	defer l.Close()
	o := &quic.DialOptions{TLS: &tls.Config{RootCAs: s.roots}}
	base := "https://" + l.Addr().String()
	for name, tt := range map[string]struct {
		url    string
		header http.Header
	}{
		"Path":  {base + "/other", fromPage},
		"Paths": {base + "/twinwire/", fromPage},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := quic.DialWebTransport(t.Context(), tt.url, tt.header, o); !errors.Is(err, quic.ErrStatus) {
				t.Errorf("DialWebTransport = %v, want ErrStatus", err)
			}
		})
	}
	for _, bad := range []string{"", "http://localhost/twinwire", "https://localhost:no/", "https://:443/", ":"} {
		if _, err := quic.DialWebTransport(t.Context(), bad, nil, nil); err == nil {
			t.Errorf("DialWebTransport(%q) works", bad)
		}
	}
	plain := s.listen(t, &quic.ListenOptions{})
	defer plain.Close()
	if _, err := quic.DialWebTransport(t.Context(), "https://"+plain.Addr().String()+"/twinwire", nil, o); !errors.Is(err, quic.ErrProtocol) {
		t.Errorf("without WebTransport: %v, want ErrProtocol", err)
	}
}

// A browser does not tell its pages of a status: who is not welcome hears it from
// a session that is closed at once (clause 10.5).
func TestWebTransportUnwelcome(t *testing.T) {
	s := newServer(t)
	l := s.listen(t, &quic.ListenOptions{WebTransport: served()})
	defer l.Close()
	for name, header := range map[string]http.Header{
		"Origin":      {"Origin": {"https://evil.example"}},
		"OriginOther": {"Origin": {"https://page.example:444"}},
		"NoOrigin":    nil,
	} {
		t.Run(name, func(t *testing.T) {
			c, err := quic.DialWebTransport(t.Context(), "https://"+l.Addr().String()+"/twinwire", header, &quic.DialOptions{TLS: &tls.Config{RootCAs: s.roots}})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close(0, "")
			_ = c.Send(0, said(1)) // which may find it closed
			var told *transport.CloseError
			if err := c.Receive(func(int, []byte) error { return nil }); !errors.As(err, &told) || !told.Remote || told.Code != twinwire.PermissionDenied || told.Reason != "origin is not allowed" {
				t.Errorf("Receive = %v, want what the server says", err)
			}
		})
	}
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		if c, err := l.Accept(context.Background()); err == nil {
			t.Errorf("a carrier was accepted: %v", c.Info())
		}
	}()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	<-accepted
}

// Both protocols are spoken at one port, and the carriers say which they are.
func TestWebTransportBesideQUIC(t *testing.T) {
	s := newServer(t)
	l := s.listen(t, &quic.ListenOptions{WebTransport: served()})
	defer l.Close()
	native, nativeAccepted, _ := s.dial(t, l, &quic.DialOptions{})
	if native.Info().Wire != "quic" || nativeAccepted.Info().Wire != "quic" || nativeAccepted.Request() != nil {
		t.Errorf("QUIC is %v and %v", native.Info(), nativeAccepted.Info())
	}
	native.Close(0, "")
	nativeAccepted.Close(0, "")
	client, accepted, _ := s.dialWebTransport(t, l, &quic.DialOptions{})
	if client.Info().Wire != "webtransport" || accepted.Info().Wire != "webtransport" || !client.Info().Secure {
		t.Errorf("WebTransport is %v and %v", client.Info(), accepted.Info())
	}
	if r := accepted.Request(); r == nil || r.Header.Get("Origin") != "https://page.example" || r.TLS == nil {
		t.Errorf("the request is %v", r)
	}
	got, back := receive(t, accepted), receive(t, client)
	if err := client.Send(0, said(1)); err != nil {
		t.Fatal(err)
	}
	<-got
	if err := client.Move(t.Context()); err == nil {
		t.Error("a WebTransport session moved")
	}
	if err := accepted.Send(0, message(frame.MaxPayload)); err != nil {
		t.Fatal(err)
	}
	<-back
}

// A connection has four sessions at most, and none that has no session lives
// long (clause 10.5).
func TestWebTransportConnections(t *testing.T) {
	s := newServer(t)
	l := s.listen(t, &quic.ListenOptions{WebTransport: served(), HandshakeTimeout: 300 * time.Millisecond})
	defer l.Close()
	dial := func() (*webtransport.ClientConn, *quicgo.Conn) {
		socket, err := net.ListenUDP("udp4", nil)
		if err != nil {
			t.Fatal(err)
		}
		tr := &quicgo.Transport{Conn: socket}
		t.Cleanup(func() {
			_ = tr.Close()
			_ = socket.Close()
		})
		conn, err := tr.Dial(t.Context(), l.Addr(), &tls.Config{RootCAs: s.roots, ServerName: "localhost", NextProtos: []string{"h3"}},
			&quicgo.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true})
		if err != nil {
			t.Fatal(err)
		}
		config := &webtransport.Config{MaxIncomingStreams: 1, MaxIncomingUniStreams: 1, MaxIncomingData: 1 << 20}
		c, err := (&webtransport.Transport{Config: config}).NewClientConn(conn)
		if err != nil {
			t.Fatal(err)
		}
		return c, conn
	}
	_, idle := dial()
	c, conn := dial()
	url := "https://" + l.Addr().String() + "/twinwire"
	var sessions []*webtransport.Session
	for range 4 {
		_, wt, err := c.Dial(t.Context(), url, fromPage)
		if err != nil {
			t.Fatal(err)
		}
		sessions = append(sessions, wt)
		accepted, err := l.Accept(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer accepted.Close(0, "")
	}
	if response, _, err := c.Dial(t.Context(), url, fromPage); err == nil || response == nil || response.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a fifth session: %v, %v", response, err)
	}
	<-idle.Context().Done()
	select {
	case <-conn.Context().Done():
		t.Fatal("a connection with sessions was ended")
	default:
	}
	for i, wt := range sessions {
		if i == 3 {
			select {
			case <-conn.Context().Done():
				t.Fatal("a connection with a session was ended")
			default:
			}
		}
		_ = wt.CloseWithError(7, "")
	}
	<-conn.Context().Done()
	var told *quicgo.ApplicationError
	if err := context.Cause(conn.Context()); !errors.As(err, &told) || told.ErrorCode != 0x100 {
		t.Errorf("it was ended with %v, want H3_NO_ERROR", err)
	}
}
