// Package centrifugeecho is Centrifuge as a peer, with its Protobuf protocol:
// calls are its RPC, events publications in one channel, messages its Send. The
// limits of messages and queues are those that calls of 1 MiB need; the rest is
// at its defaults.
package centrifugeecho

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/centrifugal/centrifuge"
	client "github.com/centrifugal/centrifuge-go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/twinwire/twinwire/bench/peer"
)

const (
	channel = "ticks"
	method  = "echo"
	path    = "/connection/websocket"

	// maxMessage and maxQueue have room for several calls of 1 MiB. By default
	// they are 64 KiB and 1 MiB.
	maxMessage = 2 << 20
	maxQueue   = 16 << 20
)

// Peer returns the peer.
func Peer() peer.Peer { return rival{} }

type rival struct{}

func (rival) Info() peer.Info {
	return peer.Info{
		Name:  "centrifuge",
		Wire:  peer.TLS,
		Kind:  peer.Other,
		Can:   peer.Messages | peer.Events,
		Lacks: map[peer.Ability]string{peer.Values: "no streams from clients"},
	}
}

func (rival) Serve(host string, cert tls.Certificate) (peer.Server, error) {
	node, err := centrifuge.New(centrifuge.Config{
		ClientQueueMaxSize: maxQueue,
		// A registry of its own: tests have several servers in one process.
		Metrics: centrifuge.MetricsConfig{RegistererGatherer: prometheus.NewRegistry()},
	})
	if err != nil {
		return nil, err
	}
	s := &server{node: node}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{Credentials: &centrifuge.Credentials{}}, nil
	})
	node.OnConnect(s.connected)
	if err := node.Run(); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, errors.Join(err, node.Shutdown(context.Background()))
	}
	s.addr = l.Addr().String()
	mux := http.NewServeMux()
	mux.Handle(path, centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{MessageSizeLimit: maxMessage}))
	s.http = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		// A client that goes away during its handshake is the client's news.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	s.done.Go(func() { _ = s.http.Serve(tls.NewListener(l, peer.ServerTLS(cert, "http/1.1"))) })
	return s, nil
}

type server struct {
	peer.Tally
	addr string
	node *centrifuge.Node
	http *http.Server
	done sync.WaitGroup // Serve
}

func (s *server) connected(c *centrifuge.Client) {
	c.OnRPC(func(e centrifuge.RPCEvent, answer centrifuge.RPCCallback) {
		answer(centrifuge.RPCReply{Data: e.Data}, nil)
	})
	c.OnSubscribe(func(_ centrifuge.SubscribeEvent, answer centrifuge.SubscribeCallback) {
		answer(centrifuge.SubscribeReply{}, nil)
	})
	c.OnMessage(func(e centrifuge.MessageEvent) {
		if s.Item(e.Data) != nil {
			c.Disconnect(centrifuge.DisconnectBadRequest)
		}
	})
}

func (s *server) Addr() string { return s.addr }

func (s *server) Publish(event []byte) error {
	// It is kept until it is written.
	_, err := s.node.Publish(channel, append([]byte(nil), event...))
	return err
}

func (s *server) Close() error {
	err := errors.Join(s.node.Shutdown(context.Background()), s.http.Close())
	s.done.Wait()
	return err
}

func (rival) Dial(ctx context.Context, addr string, opts peer.DialOptions) (peer.Conn, error) {
	c := &conn{client: client.NewProtobufClient("wss://"+addr+path, client.Config{
		TLSConfig: peer.ClientTLS(opts.Certificate, "http/1.1"),
	})}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	ready := make(chan struct{})
	if opts.OnEvent == nil {
		c.client.OnConnected(func(client.ConnectedEvent) { close(ready) })
	} else if err := c.subscribe(opts.OnEvent, ready); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if err := c.client.Connect(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	select {
	case <-ready:
		return c, nil
	case <-ctx.Done():
		return nil, errors.Join(context.Cause(ctx), c.Close())
	}
}

// subscribe closes ready when the subscription is there.
func (c *conn) subscribe(onEvent func([]byte), ready chan struct{}) error {
	sub, err := c.client.NewSubscription(channel)
	if err != nil {
		return err
	}
	sub.OnPublication(func(e client.PublicationEvent) { onEvent(e.Data) })
	sub.OnSubscribed(func(client.SubscribedEvent) { close(ready) })
	return sub.Subscribe()
}

type conn struct {
	ctx    context.Context // of all calls; ends with Close
	cancel context.CancelFunc
	client *client.Client

	// calls is read-locked by every call: one that is being sent while the
	// client closes may never end (centrifuge-go v0.10.11).
	calls sync.RWMutex
}

func (c *conn) NewCaller() peer.Caller { return &caller{c} }

func (c *conn) Messages() (peer.Sender, error) { return &sender{c}, nil }

func (c *conn) Close() error {
	c.cancel()
	c.calls.Lock() // at the latest when what is being written has timed out
	defer c.calls.Unlock()
	c.client.Close()
	return nil
}

func (c *conn) call(payload []byte) ([]byte, error) {
	c.calls.RLock()
	defer c.calls.RUnlock()
	reply, err := c.client.RPC(c.ctx, method, payload)
	return reply.Data, err
}

type caller struct{ conn *conn }

func (c *caller) Call(payload []byte) ([]byte, error) {
	return c.conn.call(payload)
}

type sender struct{ conn *conn }

func (s *sender) Send(payload []byte) error { return s.conn.client.Send(s.conn.ctx, payload) }

// Close makes a call, which the server answers after all that came before.
func (s *sender) Close() error {
	_, err := s.conn.call(nil)
	return err
}
