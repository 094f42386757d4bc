package quic_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"testing"
	"time"

	quicgo "github.com/quic-go/quic-go"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/quic"
)

var (
	hello  = frame.Append(nil, &frame.Frame{Kind: frame.Hello})
	attach = frame.Append(nil, &frame.Frame{Kind: frame.Attach, Lane: 1, ID: 1})
)

// A raw peer speaks QUIC by hand.
type raw struct {
	*quicgo.Conn
	server   *quic.Carrier
	received chan error
	got      chan int // the lane of each delivery
}

func rawPeer(t *testing.T) *raw {
	t.Helper()
	s := newServer(t)
	l := s.listen(t, &quic.ListenOptions{})
	socket, err := net.ListenUDP("udp4", nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &quicgo.Transport{Conn: socket}
	conn, err := tr.Dial(context.Background(), l.Addr(), &tls.Config{RootCAs: s.roots, ServerName: "localhost", NextProtos: []string{quic.ALPN}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	p := &raw{Conn: conn, server: server, received: make(chan error, 1), got: make(chan int, 100)}
	go func() {
		p.received <- server.Receive(func(lane int, _ []byte) error {
			p.got <- lane
			return nil
		})
	}()
	t.Cleanup(func() {
		server.Close(0, "")
		_ = tr.Close()
		_ = socket.Close()
		_ = l.Close()
	})
	return p
}

// open opens a stream that begins with b.
func (p *raw) open(t *testing.T, b []byte) *quicgo.Stream {
	t.Helper()
	s, err := p.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write(b); err != nil {
		t.Fatal(err)
	}
	return s
}

// refused checks that the server closed with ProtocolError and this reason.
func (p *raw) refused(t *testing.T, reason string) {
	t.Helper()
	select {
	case err := <-p.received:
		if !errors.Is(err, twinwire.ProtocolError) {
			t.Errorf("server ended with %v, want a protocol error", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("server did not end")
	}
	<-p.Context().Done()
	var told *quicgo.ApplicationError
	if err := context.Cause(p.Context()); !errors.As(err, &told) || !told.Remote || told.ErrorCode != quicgo.ApplicationErrorCode(twinwire.ProtocolError) || told.ErrorMessage != reason {
		t.Errorf("peer was told %v, want code 15 and %q", err, reason)
	}
}

// Clause 4.4: what a peer may not do with streams.
func TestBadStreams(t *testing.T) {
	const ended = "lane was closed"
	opening := "lane does not begin with HELLO or ATTACH"
	for name, test := range map[string]struct {
		do     func(t *testing.T, p *raw)
		reason string
	}{
		"LaneTwice": {func(t *testing.T, p *raw) {
			p.open(t, attach)
			p.open(t, attach)
		}, "lane was opened twice"},
		"Lane0Twice": {func(t *testing.T, p *raw) {
			p.open(t, hello)
			p.open(t, hello)
		}, "lane was opened twice"},
		// The rest of the frame never comes: the server must not wait for it.
		"OpeningHead": {func(t *testing.T, p *raw) { p.open(t, []byte{0x80, 0, 0x40, 0, 0x41, 0}) }, opening},
		"AttachLane0": {func(t *testing.T, p *raw) { p.open(t, []byte{2, byte(frame.Attach), 0}) }, opening},
		"HelloLane1":  {func(t *testing.T, p *raw) { p.open(t, []byte{2, byte(frame.Hello), 1}) }, opening},
		"Length":      {func(t *testing.T, p *raw) { p.open(t, []byte{0x80, 0, 0x80, 1}) }, frame.ErrLength.Error()},
		"LaterLength": {func(t *testing.T, p *raw) { p.open(t, append(hello, 1)) }, frame.ErrLength.Error()},
		"End": {func(t *testing.T, p *raw) {
			if err := p.open(t, hello).Close(); err != nil {
				t.Error(err)
			}
		}, ended},
		"EndInFrame": {func(t *testing.T, p *raw) {
			if err := p.open(t, append(hello, 40, 1)).Close(); err != nil {
				t.Error(err)
			}
		}, ended},
		"EmptyStream": {func(t *testing.T, p *raw) {
			if err := p.open(t, nil).Close(); err != nil {
				t.Error(err)
			}
		}, ended},
		"Reset": {func(t *testing.T, p *raw) {
			s := p.open(t, hello)
			<-p.got
			s.CancelWrite(7)
		}, ended},
	} {
		t.Run(name, func(t *testing.T) {
			p := rawPeer(t)
			test.do(t, p)
			p.refused(t, test.reason)
		})
	}
}

// A peer that refuses to read a lane ends the carrier when something is sent
// on it.
func TestStopSending(t *testing.T) {
	p := rawPeer(t)
	p.open(t, hello).CancelRead(7)
	<-p.got
	var err error
	for err == nil { // until the refusal has arrived
		err = p.server.Send(0, message(frame.MaxPayload))
	}
	if !errors.Is(err, twinwire.ProtocolError) {
		t.Errorf("Send = %v", err)
	}
	p.refused(t, "lane was closed")
}

// A peer can open as many streams as there are lanes, of no other kind.
func TestStreamLimits(t *testing.T) {
	p := rawPeer(t)
	for range frame.MaxLanes {
		p.open(t, hello[:1])
	}
	if _, err := p.OpenStream(); !errors.As(err, new(*quicgo.StreamLimitReachedError)) {
		t.Errorf("one stream more: %v", err)
	}
	if _, err := p.OpenUniStream(); !errors.As(err, new(*quicgo.StreamLimitReachedError)) {
		t.Errorf("unidirectional stream: %v", err)
	}
}

// A code that is not one of ours.
func TestForeignClose(t *testing.T) {
	p := rawPeer(t)
	p.open(t, hello)
	<-p.got
	_ = p.CloseWithError(1<<20, "x\ny")
	var e *transport.CloseError
	if err := <-p.received; !errors.As(err, &e) || *e != (transport.CloseError{Code: twinwire.Internal, Reason: "x y", Remote: true}) {
		t.Errorf("ended with %v", err)
	}
}

// Both sides say clearly that they do not speak the same protocol.
func TestALPN(t *testing.T) {
	s := newServer(t)
	other, err := quicgo.ListenAddr("127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{s.cert}, NextProtos: []string{"h3"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	_, err = quic.Dial(context.Background(), other.Addr().String(), &quic.DialOptions{TLS: &tls.Config{RootCAs: s.roots}})
	if !errors.Is(err, quic.ErrProtocol) {
		t.Errorf("Dial = %v, want ErrProtocol", err)
	}
	l := s.listen(t, &quic.ListenOptions{})
	defer l.Close()
	var refused *quicgo.TransportError
	_, err = quicgo.DialAddr(context.Background(), l.Addr().String(), &tls.Config{RootCAs: s.roots, NextProtos: []string{"h3"}}, nil)
	if !errors.As(err, &refused) || refused.ErrorCode != 0x178 {
		t.Errorf("another protocol is answered with %v", err)
	}
}

func TestDialErrors(t *testing.T) {
	s := newServer(t)
	l := s.listen(t, &quic.ListenOptions{})
	defer l.Close()
	var unknown *tls.CertificateVerificationError
	if _, err := quic.Dial(context.Background(), l.Addr().String(), &quic.DialOptions{TLS: &tls.Config{RootCAs: x509.NewCertPool()}}); !errors.As(err, &unknown) {
		t.Errorf("unknown authority: Dial = %v", err)
	}
	// A socket that never answers.
	silent, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if _, err := quic.Dial(context.Background(), silent.LocalAddr().String(), &quic.DialOptions{HandshakeTimeout: 100 * time.Millisecond}); !errors.Is(err, quic.ErrNoAnswer) {
		t.Errorf("nobody answers: Dial = %v, want ErrNoAnswer", err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("the other wire won")
	go func() {
		_, _, _ = silent.ReadFrom(make([]byte, 2000)) // the dial has begun
		_, _, _ = silent.ReadFrom(make([]byte, 2000))
		cancel(why)
	}()
	if _, err := quic.Dial(ctx, silent.LocalAddr().String(), nil); !errors.Is(err, why) {
		t.Errorf("Dial = %v, want the cause of the context", err)
	}
	for _, bad := range []string{"", "localhost", ":443", "localhost:nosuchport", "256.0.0.1:443"} {
		if _, err := quic.Dial(context.Background(), bad, nil); err == nil {
			t.Errorf("Dial(%q) works", bad)
		}
	}
	if _, err := quic.Listen(silent, nil); err == nil {
		t.Error("Listen without a certificate works")
	}
}

// A name with several addresses is dialled at all of them.
func TestDialName(t *testing.T) {
	s := newServer(t)
	l := s.listen(t, &quic.ListenOptions{}) // IPv4 only
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := quic.Dial(context.Background(), net.JoinHostPort("localhost", port), &quic.DialOptions{TLS: &tls.Config{RootCAs: s.roots}})
	if err != nil {
		t.Fatal(err)
	}
	if !c.Info().Secure {
		t.Error("a verified server is not secure")
	}
	c.Close(0, "")
}

// Stop leaves carriers alive; Close ends them.
func TestStop(t *testing.T) {
	s := newServer(t)
	l := s.listen(t, &quic.ListenOptions{})
	client, server, _ := s.dial(t, l, &quic.DialOptions{})
	if err := l.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Accept(context.Background()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Stop = %v", err)
	}
	got, ended := make(chan int, 1), make(chan error, 1)
	go func() {
		ended <- server.Receive(func(lane int, _ []byte) error {
			got <- lane
			return nil
		})
	}()
	if err := client.Send(0, hello); err != nil {
		t.Fatal(err)
	}
	<-got
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("Receive returned nil")
	}
	client.Close(0, "")
}

// A server that was restarted with the same key tells its clients at once.
func TestStatelessReset(t *testing.T) {
	s := newServer(t)
	key := [32]byte{1, 2, 3}
	l := s.listen(t, &quic.ListenOptions{StatelessResetKey: &key})
	client, server, _ := s.dial(t, l, &quic.DialOptions{})
	ended := make(chan error, 2)
	go func() { ended <- client.Receive(func(int, []byte) error { return nil }) }()
	got := make(chan int, 1)
	go func() {
		ended <- server.Receive(func(lane int, _ []byte) error {
			got <- lane
			return nil
		})
	}()
	if err := client.Send(0, hello); err != nil {
		t.Fatal(err)
	}
	<-got
	addr := l.Addr().(*net.UDPAddr)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("Receive of the old server returned nil")
	}
	conn, err := net.ListenUDP("udp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	again, err := quic.Listen(conn, &quic.ListenOptions{TLS: s.tls(), StatelessResetKey: &key, CloseConn: true})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	begin := time.Now()
	if err := client.Send(0, message(1000)); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.As(err, new(*quicgo.StatelessResetError)) || time.Since(begin) > 10*time.Second {
		t.Errorf("client ended with %v after %v", err, time.Since(begin))
	}
}
