package echo

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/twinwire/twinwire/bench/peer"
)

// tlsWire is TLS 1.3 over TCP and nothing above it.
type tlsWire struct {
	frame      framing
	congestion string // of TCP; "" for the system's
}

func (w tlsWire) listen(addr string, cert tls.Certificate) (listener, error) {
	config := net.ListenConfig{Control: congestionControl(w.congestion)}
	l, err := config.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &tlsListener{Listener: l, conf: peer.ServerTLS(cert), frame: w.frame}, nil
}

func (w tlsWire) dial(ctx context.Context, addr string, opts *dialOptions) (pipe, error) {
	d := tls.Dialer{NetDialer: &net.Dialer{Control: congestionControl(w.congestion)}, Config: peer.ClientTLS(opts.cert)}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return w.frame(conn), nil
}

type tlsListener struct {
	net.Listener
	conf  *tls.Config
	frame framing
}

func (l *tlsListener) addr() string { return l.Addr().String() }

func (l *tlsListener) accept(context.Context, *peer.Tally) (func(context.Context) (pipe, error), error) {
	conn, err := l.Accept()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (pipe, error) {
		c := tls.Server(conn, l.conf)
		if err := c.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return l.frame(c), nil
	}, nil
}

func (l *tlsListener) event(payload []byte) (func(pipe) error, error) { return writeEvent(payload) }

func (l *tlsListener) close() { _ = l.Close() }
