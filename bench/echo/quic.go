package echo

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/twinwire/twinwire/bench/peer"
)

const quicProtocol = "bench-echo"

// quicWire is one bidirectional stream of a QUIC connection.
type quicWire struct {
	frame   framing
	streams bool // and others for streams of bytes
}

// quicConfig keeps idle connections for longer than any run takes, without
// keep-alives.
func quicConfig() *quic.Config {
	return &quic.Config{MaxIdleTimeout: 10 * time.Minute}
}

func (w quicWire) listen(addr string, cert tls.Certificate) (listener, error) {
	udp, err := net.ListenPacket("udp", addr)
	if err != nil {
		return nil, err
	}
	l := &quicListener{udp: udp, transport: &quic.Transport{Conn: udp}, frame: w.frame, streams: w.streams}
	l.ln, err = l.transport.Listen(peer.ServerTLS(cert, quicProtocol), quicConfig())
	if err != nil {
		l.closeTransport()
		return nil, err
	}
	return l, nil
}

// dial gives every connection a socket of its own, as clients have.
func (w quicWire) dial(ctx context.Context, addr string, opts *dialOptions) (pipe, error) {
	c, err := quic.DialAddr(ctx, addr, peer.ClientTLS(opts.cert, quicProtocol), quicConfig())
	if err != nil {
		return nil, err
	}
	s, err := c.OpenStreamSync(ctx)
	if err != nil {
		_ = c.CloseWithError(0, "")
		return nil, err
	}
	return &quicPipe{pipe: w.frame(&quicStream{s, c}), conn: c}, nil
}

type quicListener struct {
	udp       net.PacketConn
	transport *quic.Transport
	ln        *quic.Listener
	frame     framing
	streams   bool
}

func (l *quicListener) addr() string { return l.udp.LocalAddr().String() }

func (l *quicListener) accept(ctx context.Context, tally *peer.Tally) (func(context.Context) (pipe, error), error) {
	c, err := l.ln.Accept(ctx)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (pipe, error) {
		s, err := c.AcceptStream(ctx)
		if err != nil {
			_ = c.CloseWithError(0, "")
			return nil, err
		}
		p := &quicPipe{pipe: l.frame(&quicStream{s, c}), conn: c}
		if l.streams {
			p.done.Go(func() { p.serveStreams(tally) })
		}
		return p, nil
	}, nil
}

func (l *quicListener) event(payload []byte) (func(pipe) error, error) { return writeEvent(payload) }

func (l *quicListener) close() {
	_ = l.ln.Close()
	l.closeTransport()
}

func (l *quicListener) closeTransport() {
	_ = l.transport.Close()
	_ = l.udp.Close()
}

// quicStream ends the connection with its only stream.
type quicStream struct {
	*quic.Stream
	conn *quic.Conn
}

func (s *quicStream) Close() error { return s.conn.CloseWithError(0, "") }
