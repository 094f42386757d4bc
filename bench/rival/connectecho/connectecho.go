// Package connectecho is connect-go as a peer, over HTTP/2 and over HTTP/3: a
// unary method for calls, a stream from the client for values, and a stream from
// the server for events. Compression is off, so is that of responses, which is
// on by default and of no use to 32 bytes; servers allow as many requests on a
// connection as there are callers. The rest is at its defaults.
package connectecho

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"

	"connectrpc.com/connect"

	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/rival/echopb"
	"github.com/twinwire/twinwire/bench/rival/echopb/echopbconnect"
	"github.com/twinwire/twinwire/bench/rival/fan"
)

// maxRequests is how many requests may be under way on one connection. net/http
// has 250 and quic-go 100 by default.
const maxRequests = 2048

// Peers returns connect-go over HTTP/2 and over HTTP/3.
func Peers() []peer.Peer { return []peer.Peer{rival{peer.TLS}, rival{peer.QUIC}} }

type rival struct{ wire peer.Wire }

func (r rival) Info() peer.Info {
	name := "connect-go-h2"
	if r.wire == peer.QUIC {
		name = "connect-go-h3"
	}
	return peer.Info{
		Name:  name,
		Wire:  r.wire,
		Kind:  peer.Other,
		Can:   peer.Values | peer.Events,
		Lacks: map[peer.Ability]string{peer.Messages: "every call has an answer"},
	}
}

func (r rival) Serve(host string, cert tls.Certificate) (peer.Server, error) {
	s := new(server)
	mux := http.NewServeMux()
	mux.Handle(echopbconnect.NewEchoHandler(s, connect.WithCompression("gzip", nil, nil)))
	serve := serveHTTP2
	if r.wire == peer.QUIC {
		serve = serveHTTP3
	}
	var err error
	s.http, err = serve(net.JoinHostPort(host, "0"), cert, mux)
	return s, err
}

// httpServer is either kind of server.
type httpServer interface {
	addr() string
	close() error
}

type server struct {
	peer.Tally
	http httpServer
	fan  fan.Fan
}

func (s *server) Call(_ context.Context, r *connect.Request[echopb.Payload]) (*connect.Response[echopb.Payload], error) {
	return connect.NewResponse(r.Msg), nil
}

func (s *server) Collect(_ context.Context, stream *connect.ClientStream[echopb.Payload]) (*connect.Response[echopb.Done], error) {
	for stream.Receive() {
		if err := s.Item(stream.Msg().GetData()); err != nil {
			return nil, err
		}
	}
	return connect.NewResponse(new(echopb.Done)), stream.Err()
}

func (s *server) Subscribe(ctx context.Context, _ *connect.Request[echopb.Done], stream *connect.ServerStream[echopb.Payload]) error {
	sub := s.fan.Subscribe()
	defer sub.Leave()
	if err := stream.Send(new(echopb.Payload)); err != nil {
		return err
	}
	for {
		select {
		case event := <-sub.Events:
			if err := stream.Send(&echopb.Payload{Data: event}); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-sub.Done:
			return fan.ErrClosed
		}
	}
}

func (s *server) Addr() string               { return s.http.addr() }
func (s *server) Publish(event []byte) error { return s.fan.Publish(event) }

func (s *server) Close() error {
	s.fan.Close()
	return s.http.close()
}

// http2Server is that of net/http.
type http2Server struct {
	listener net.Listener
	server   *http.Server
	done     sync.WaitGroup // Serve
}

func serveHTTP2(addr string, cert tls.Certificate, h http.Handler) (httpServer, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &http2Server{listener: l, server: &http.Server{
		Handler:   h,
		TLSConfig: peer.ServerTLS(cert, "h2"),
		HTTP2:     &http.HTTP2Config{MaxConcurrentStreams: maxRequests},
		// A client that goes away during its handshake is the client's news.
		ErrorLog: log.New(io.Discard, "", 0),
	}}
	s.done.Go(func() { _ = s.server.ServeTLS(l, "", "") })
	return s, nil
}

func (s *http2Server) addr() string { return s.listener.Addr().String() }

func (s *http2Server) close() error {
	err := s.server.Close()
	s.done.Wait()
	return err
}

func (r rival) Dial(ctx context.Context, addr string, opts peer.DialOptions) (peer.Conn, error) {
	c := new(conn)
	c.ctx, c.cancel = context.WithCancel(context.Background())
	var transport http.RoundTripper
	if r.wire == peer.QUIC {
		transport, c.hangUp = transportHTTP3(opts)
	} else {
		t := &http.Transport{TLSClientConfig: peer.ClientTLS(opts.Certificate, "h2"), ForceAttemptHTTP2: true}
		transport, c.hangUp = t, t.CloseIdleConnections
	}
	c.client = echopbconnect.NewEchoClient(&http.Client{Transport: transport}, "https://"+addr,
		connect.WithAcceptCompression("gzip", nil, nil))
	if opts.OnEvent == nil {
		return c, nil
	}
	// The stream outlives the dialing: the connection's end ends it.
	stop := context.AfterFunc(ctx, c.cancel)
	defer stop()
	stream, err := c.client.Subscribe(c.ctx, connect.NewRequest(new(echopb.Done)))
	if err == nil && !stream.Receive() {
		err = stream.Err()
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	c.done.Go(func() {
		for stream.Receive() {
			opts.OnEvent(stream.Msg().GetData())
		}
		_ = stream.Close()
	})
	return c, nil
}

type conn struct {
	ctx    context.Context // of all calls; ends with Close
	cancel context.CancelFunc
	client echopbconnect.EchoClient
	hangUp func()
	done   sync.WaitGroup // the subscription
}

func (c *conn) NewCaller() peer.Caller { return &caller{conn: c} }

func (c *conn) Values() (peer.Sender, error) {
	return &sender{stream: c.client.Collect(c.ctx)}, nil
}

func (c *conn) Close() error {
	c.cancel()
	c.done.Wait()
	c.hangUp()
	return nil
}

type caller struct {
	conn *conn
	args echopb.Payload
}

func (c *caller) Call(payload []byte) ([]byte, error) {
	c.args.Data = payload
	reply, err := c.conn.client.Call(c.conn.ctx, connect.NewRequest(&c.args))
	if err != nil {
		return nil, err
	}
	return reply.Msg.GetData(), nil
}

type sender struct {
	stream *connect.ClientStreamForClient[echopb.Payload, echopb.Done]
	value  echopb.Payload
}

func (s *sender) Send(payload []byte) error {
	s.value.Data = payload
	return s.stream.Send(&s.value)
}

func (s *sender) Close() error {
	_, err := s.stream.CloseAndReceive()
	return err
}
