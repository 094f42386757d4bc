// Package grpcecho is grpc-go as a peer: a unary method for calls, a stream from
// the client for values, and a stream from the server for events. Everything is
// at its defaults.
package grpcecho

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/rival/echopb"
	"github.com/twinwire/twinwire/bench/rival/fan"
)

// Peer returns the peer.
func Peer() peer.Peer { return rival{} }

type rival struct{}

func (rival) Info() peer.Info {
	return peer.Info{
		Name:  "grpc-go",
		Wire:  peer.TLS,
		Kind:  peer.Other,
		Can:   peer.Values | peer.Events,
		Lacks: map[peer.Ability]string{peer.Messages: "every call has an answer"},
	}
}

func (rival) Serve(host string, cert tls.Certificate) (peer.Server, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	s := &server{addr: l.Addr().String(), grpc: grpc.NewServer(grpc.Creds(credentials.NewTLS(peer.ServerTLS(cert))))}
	echopb.RegisterEchoServer(s.grpc, s)
	s.done.Go(func() { s.failed = s.grpc.Serve(l) })
	return s, nil
}

type server struct {
	echopb.UnimplementedEchoServer
	peer.Tally
	addr   string
	grpc   *grpc.Server
	fan    fan.Fan
	done   sync.WaitGroup // Serve
	failed error          // what Serve returned; once done
}

func (s *server) Call(_ context.Context, p *echopb.Payload) (*echopb.Payload, error) { return p, nil }

func (s *server) Collect(stream grpc.ClientStreamingServer[echopb.Payload, echopb.Done]) error {
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

func (s *server) Subscribe(_ *echopb.Done, stream grpc.ServerStreamingServer[echopb.Payload]) error {
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
		case <-stream.Context().Done():
			return context.Cause(stream.Context())
		case <-sub.Done:
			return fan.ErrClosed
		}
	}
}

func (s *server) Addr() string               { return s.addr }
func (s *server) Publish(event []byte) error { return s.fan.Publish(event) }

func (s *server) Close() error {
	s.fan.Close()
	s.grpc.Stop()
	s.done.Wait()
	if errors.Is(s.failed, grpc.ErrServerStopped) {
		return nil
	}
	return s.failed
}

func (rival) Dial(ctx context.Context, addr string, opts peer.DialOptions) (peer.Conn, error) {
	cc, err := grpc.NewClient(addr, grpc.WithTransportCredentials(credentials.NewTLS(peer.ClientTLS(opts.Certificate))))
	if err != nil {
		return nil, err
	}
	c := &conn{cc: cc, client: echopb.NewEchoClient(cc)}
	if opts.OnEvent == nil {
		return c, nil
	}
	// The stream outlives the dialing: the connection's end ends it.
	stream, err := c.client.Subscribe(context.Background(), new(echopb.Done))
	if err == nil {
		stop := context.AfterFunc(ctx, func() { _ = cc.Close() })
		_, err = stream.Recv()
		stop()
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	c.done.Go(func() {
		for {
			event, err := stream.Recv()
			if err != nil {
				return
			}
			opts.OnEvent(event.GetData())
		}
	})
	return c, nil
}

type conn struct {
	cc     *grpc.ClientConn
	client echopb.EchoClient
	done   sync.WaitGroup // the subscription
}

func (c *conn) NewCaller() peer.Caller { return &caller{client: c.client} }

func (c *conn) Values() (peer.Sender, error) {
	stream, err := c.client.Collect(context.Background())
	return &sender{stream: stream}, err
}

// Close returns no error where it was closed before.
func (c *conn) Close() error {
	_ = c.cc.Close()
	c.done.Wait()
	return nil
}

type caller struct {
	client echopb.EchoClient
	args   echopb.Payload
}

func (c *caller) Call(payload []byte) ([]byte, error) {
	c.args.Data = payload
	reply, err := c.client.Call(context.Background(), &c.args)
	return reply.GetData(), err
}

type sender struct {
	stream grpc.ClientStreamingClient[echopb.Payload, echopb.Done]
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
