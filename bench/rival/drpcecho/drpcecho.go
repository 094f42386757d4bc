// Package drpcecho is storj.io/drpc as a peer: a unary method for calls and a
// stream from the client for values, over TLS. Everything is at its defaults. A
// connection carries one call at a time; others wait for it.
package drpcecho

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"

	"storj.io/drpc/drpcconn"
	"storj.io/drpc/drpcmux"
	"storj.io/drpc/drpcserver"

	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/rival/echopb"
)

// Peer returns the peer.
func Peer() peer.Peer { return rival{} }

type rival struct{}

func (rival) Info() peer.Info {
	return peer.Info{
		Name: "drpc",
		Wire: peer.TLS,
		Kind: peer.Other,
		Can:  peer.Values,
		Lacks: map[peer.Ability]string{
			peer.Messages: "every call has an answer",
			peer.Events:   "no topics, and a stream of events leaves the connection no room for a call",
		},
	}
}

func (rival) Serve(host string, cert tls.Certificate) (peer.Server, error) {
	l, err := tls.Listen("tcp", net.JoinHostPort(host, "0"), peer.ServerTLS(cert))
	if err != nil {
		return nil, err
	}
	s := &server{addr: l.Addr().String()}
	mux := drpcmux.New()
	if err := echopb.DRPCRegisterEcho(mux, s); err != nil {
		_ = l.Close()
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.done.Go(func() { s.failed = drpcserver.New(mux).Serve(ctx, l) })
	return s, nil
}

type server struct {
	echopb.DRPCEchoUnimplementedServer
	peer.Tally
	addr   string
	cancel context.CancelFunc
	done   sync.WaitGroup // Serve
	failed error          // what Serve returned; once done
}

func (s *server) Call(_ context.Context, p *echopb.Payload) (*echopb.Payload, error) { return p, nil }

func (s *server) Collect(stream echopb.DRPCEcho_CollectStream) error {
	for {
		v, err := stream.Recv()
		if err == io.EOF {
			return stream.SendAndClose(new(echopb.Done))
		}
		if err == nil {
			err = s.Item(v.GetData())
		}
		if err != nil {
			return err
		}
	}
}

func (s *server) Addr() string { return s.addr }

func (s *server) Close() error {
	s.cancel()
	s.done.Wait()
	return s.failed
}

func (rival) Dial(ctx context.Context, addr string, opts peer.DialOptions) (peer.Conn, error) {
	d := tls.Dialer{Config: peer.ClientTLS(opts.Certificate)}
	raw, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	cc := drpcconn.New(raw)
	return &conn{cc: cc, client: echopb.NewDRPCEchoClient(cc)}, nil
}

type conn struct {
	cc     *drpcconn.Conn
	client echopb.DRPCEchoClient
}

func (c *conn) NewCaller() peer.Caller { return &caller{client: c.client} }

func (c *conn) Values() (peer.Sender, error) {
	stream, err := c.client.Collect(context.Background())
	return &sender{stream: stream}, err
}

// Close returns no error where the server was the first to close.
func (c *conn) Close() error {
	_ = c.cc.Close()
	return nil
}

type caller struct {
	client echopb.DRPCEchoClient
	args   echopb.Payload
}

func (c *caller) Call(payload []byte) ([]byte, error) {
	c.args.Data = payload
	reply, err := c.client.Call(context.Background(), &c.args)
	return reply.GetData(), err
}

type sender struct {
	stream echopb.DRPCEcho_CollectClient
	value  echopb.Payload
}

func (s *sender) Send(payload []byte) error {
	s.value.Data = payload
	return s.stream.Send(&s.value)
}

func (s *sender) Close() error {
	_, err := s.stream.CloseAndRecv()
	return err
}
