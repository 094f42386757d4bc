package quic

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport/internal/eager"
)

// A Listener accepts carriers on a UDP socket.
type Listener struct {
	transport *quic.Transport
	listener  *quic.EarlyListener
	gate      *gate
	conn      net.PacketConn // to close, or nil
	timeout   time.Duration  // of Send
	http      *httpServer    // nil without WebTransport

	arrived chan *Carrier
	stopped chan struct{}   // closed when nothing more is accepted
	stop    func(why error) // closes it, unless it is
	why     error           // set by stop
	running sync.WaitGroup
}

const (
	// accepted is how many carriers may wait for Accept, besides the 32
	// connections that wait in quic-go.
	accepted = 256
	// acceptors is how many goroutines take connections from quic-go, which
	// refuses those for which its queue has no room: a crowd fills it while the
	// system runs something else in the place of one of them.
	acceptors = 4
)

// errNotAdmitted has quic-go refuse a connection.
var errNotAdmitted = errors.New("quic: connection is not admitted")

// Listen listens on conn, which from then on belongs to the listener, except
// that closing it is left to the caller unless ListenOptions.CloseConn says
// otherwise. A *net.UDPConn is served best.
func Listen(conn net.PacketConn, o *ListenOptions) (*Listener, error) {
	if o == nil || o.TLS == nil {
		return nil, errors.New("quic: listen: ListenOptions.TLS is required")
	}
	cfg := o.TLS.Clone()
	cfg.NextProtos = []string{ALPN}
	if o.WebTransport != nil {
		cfg.NextProtos = append(cfg.NextProtos, http3.NextProtoH3)
	}
	g := &gate{most: int64(cmp.Or(o.RetryAbove, defaultRetryAbove)), doubt: o.Doubt}
	socket, near := patient(conn, nil)
	t := &quic.Transport{
		Conn:                socket,
		ConnectionIDLength:  connectionID,
		StatelessResetKey:   (*quic.StatelessResetKey)(o.StatelessResetKey),
		VerifySourceAddress: g.verify,
	}
	t.ConnContext = func(ctx context.Context, client *quic.ClientInfo) (context.Context, error) {
		if o.Admit != nil {
			leave, ok := o.Admit(client.RemoteAddr, client.AddrVerified)
			switch {
			case !ok:
				return nil, errNotAdmitted
			case leave != nil:
				context.AfterFunc(ctx, leave)
			}
		}
		if eager.Local(client.RemoteAddr) {
			near(1)
			context.AfterFunc(ctx, func() { near(-1) })
		}
		ctx = g.begun(ctx, client.AddrVerified)
		if o.WebTransport != nil {
			ctx = connContext(ctx)
		}
		return ctx, nil
	}
	qc := config(o.HandshakeTimeout, o.IdleTimeout, frame.MaxLanes)
	if o.WebTransport != nil {
		// Who comes is told apart when the limits are agreed already.
		qc.MaxIncomingStreams, qc.MaxIncomingUniStreams = httpStreams, httpUniStreams
	}
	qc.Allow0RTT = o.ZeroRTT
	l, err := t.ListenEarly(cfg, qc)
	if err != nil {
		return nil, fmt.Errorf("quic: listen: %w", err)
	}
	listener := &Listener{
		transport: t, listener: l, gate: g, timeout: sendTimeout(o.SendTimeout), arrived: make(chan *Carrier, accepted), stopped: make(chan struct{}),
	}
	var once sync.Once
	listener.stop = func(why error) {
		once.Do(func() {
			listener.why = why
			close(listener.stopped)
		})
	}
	if o.CloseConn {
		listener.conn = conn
	}
	if o.WebTransport != nil {
		listener.http = newHTTPServer(o.WebTransport, listener.timeout, positive(o.HandshakeTimeout, defaultHandshake), listener.arrived, listener.stopped)
	}
	for range acceptors {
		listener.running.Go(listener.run) // they end with the listener, and Close waits for them
	}
	return listener, nil
}

// connectionID is the length of the ids that clients put into their packets.
// quic-go does not answer packets of 42 bytes and less with a stateless reset:
// with ids of 4 bytes, its default, a heartbeat is one, and a client that is
// idle learned of a restart by its silence only. Longer there is none.
const connectionID = 20

// Addr returns the address of the socket.
func (l *Listener) Addr() net.Addr { return l.listener.Addr() }

// Accept returns the next carrier. The handshake of TLS has begun and its
// protocol is agreed; Receive of the carrier sees whether it ends well. Call it
// in a loop that does nothing else: few connections wait, and those that find
// no place are refused. It returns the context's error, or net.ErrClosed after
// Stop and Close.
func (l *Listener) Accept(ctx context.Context) (*Carrier, error) {
	select {
	case c := <-l.arrived:
		return c, nil
	case <-l.stopped:
		return nil, fmt.Errorf("quic: accept: %w", l.why)
	case <-ctx.Done():
		return nil, fmt.Errorf("quic: accept: %w", context.Cause(ctx))
	}
}

// run accepts connections, beside others that do, and tells apart what is
// served at this port.
func (l *Listener) run() {
	for {
		conn, err := l.listener.Accept(context.Background())
		if err != nil {
			if errors.Is(err, quic.ErrServerClosed) || errors.Is(err, quic.ErrTransportClosed) {
				err = net.ErrClosed
			}
			l.stop(err)
			return
		}
		l.gate.settle(conn)
		switch state := conn.ConnectionState(); {
		case state.TLS.NegotiatedProtocol == ALPN:
			c := newCarrier(conn, native{conn}, false, l.timeout)
			c.info.Early = state.Used0RTT && !complete(conn)
			select {
			case l.arrived <- c:
			case <-l.stopped:
				c.Close(twinwire.Unavailable, "server is shutting down")
			}
		case state.TLS.NegotiatedProtocol == http3.NextProtoH3 && l.http != nil:
			l.http.serve(conn)
		default:
			_ = conn.CloseWithError(quic.ApplicationErrorCode(twinwire.ProtocolError), "unknown protocol")
		}
	}
}

// Stop stops accepting and leaves the carriers alone. It unblocks Accept.
func (l *Listener) Stop() error {
	l.stop(net.ErrClosed)
	err := l.listener.Close()
	l.running.Wait()
	for {
		select {
		case c := <-l.arrived:
			c.Close(twinwire.Unavailable, "server is shutting down")
		default:
			return err
		}
	}
}

// Close stops accepting and ends all carriers of the listener without a
// goodbye: close them first.
func (l *Listener) Close() error {
	err := l.Stop()
	if l.http != nil {
		err = errors.Join(err, l.http.close())
	}
	err = errors.Join(err, l.transport.Close())
	l.gate.watching.Wait()
	if l.conn != nil {
		err = errors.Join(err, l.conn.Close())
	}
	return err
}
