package quic

import (
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
)

// A Listener accepts carriers on a UDP socket.
type Listener struct {
	transport *quic.Transport
	listener  *quic.EarlyListener
	conn      net.PacketConn // to close, or nil
	timeout   time.Duration  // of Send
	http      *httpServer    // nil without WebTransport

	arrived chan *Carrier
	stopped chan struct{} // closed when nothing more is accepted
	stop    func()        // closes it
	why     error         // why run has ended; set before that
	running sync.WaitGroup
}

// accepted is how many carriers may wait for Accept, besides the 32 connections
// that wait in quic-go.
const accepted = 32

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
	retry := &rate{limit: o.RetryAbove}
	if retry.limit == 0 {
		retry.limit = defaultRetryAbove
	}
	t := &quic.Transport{
		Conn:               patient(conn, nil),
		ConnectionIDLength: connectionID,
		StatelessResetKey:  (*quic.StatelessResetKey)(o.StatelessResetKey),
		VerifySourceAddress: func(remote net.Addr) bool {
			return retry.exceeded(time.Now()) || o.Doubt != nil && o.Doubt(remote)
		},
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
		transport: t, listener: l, timeout: sendTimeout(o.SendTimeout), arrived: make(chan *Carrier, accepted), stopped: make(chan struct{}),
	}
	listener.stop = sync.OnceFunc(func() { close(listener.stopped) })
	if o.CloseConn {
		listener.conn = conn
	}
	if o.WebTransport != nil {
		listener.http = newHTTPServer(o.WebTransport, listener.timeout, positive(o.HandshakeTimeout, defaultHandshake), listener.arrived, listener.stopped)
	}
	listener.running.Go(listener.run) // it ends with the listener, and Close waits for it
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
		l.running.Wait() // until what stopped it has stopped run
		return nil, fmt.Errorf("quic: accept: %w", l.why)
	case <-ctx.Done():
		return nil, fmt.Errorf("quic: accept: %w", context.Cause(ctx))
	}
}

// run accepts connections, and tells apart what is served at this port.
func (l *Listener) run() {
	defer l.stop()
	for {
		conn, err := l.listener.Accept(context.Background())
		if err != nil {
			if l.why = err; errors.Is(err, quic.ErrServerClosed) || errors.Is(err, quic.ErrTransportClosed) {
				l.why = net.ErrClosed
			}
			return
		}
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
	l.stop()
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
	if l.conn != nil {
		err = errors.Join(err, l.conn.Close())
	}
	return err
}

// A rate tells when there are more than limit events in a second.
type rate struct {
	limit int // immutable; negative for any number

	mu    sync.Mutex
	since time.Time
	n     int
}

// exceeded counts an event. Where the limit was reached in one second the next
// one starts above it: a flood is not let in again at every full second.
func (r *rate) exceeded(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if passed := now.Sub(r.since); passed >= time.Second {
		if r.n = max(r.n-r.limit, 0); passed >= 2*time.Second {
			r.n = 0
		}
		r.n = min(r.n, r.limit)
		r.since = now
	}
	r.n++
	return r.limit >= 0 && r.n > r.limit
}
