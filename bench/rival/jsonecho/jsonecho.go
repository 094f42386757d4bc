// Package jsonecho is what programs write by hand: JSON messages over
// gorilla/websocket, with a goroutine that reads and one that writes for each
// connection, as in the library's chat example.
package jsonecho

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

	"github.com/gorilla/websocket"

	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/rival/fan"
)

// bufferSize is that of the chat example, and queue how many answers wait for
// the writer there.
const (
	bufferSize = 1024
	queue      = 256
)

// message is what goes both ways. The answer to a call has its ID.
type message struct {
	Type    string `json:"type"`
	ID      uint64 `json:"id,omitempty"`
	Payload []byte `json:"payload,omitempty"`
}

const (
	typeCall      = "call"
	typeMessage   = "message"
	typeSubscribe = "subscribe"
	typeReply     = "reply"
	typeEvent     = "event"
)

// Peer returns the peer.
func Peer() peer.Peer { return rival{} }

type rival struct{}

func (rival) Info() peer.Info {
	return peer.Info{
		Name:  "gorilla-json",
		Wire:  peer.TLS,
		Kind:  peer.Other,
		Can:   peer.Messages | peer.Events,
		Lacks: map[peer.Ability]string{peer.Values: "no streams; messages are all there is"},
	}
}

func (rival) Serve(host string, cert tls.Certificate) (peer.Server, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	s := &server{
		addr:     l.Addr().String(),
		upgrader: websocket.Upgrader{ReadBufferSize: bufferSize, WriteBufferSize: bufferSize},
		open:     make(map[*websocket.Conn]struct{}),
	}
	s.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		// A client that goes away during its handshake is the client's news.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	s.done.Go(func() { _ = s.http.Serve(tls.NewListener(l, peer.ServerTLS(cert, "http/1.1"))) })
	return s, nil
}

type server struct {
	peer.Tally
	addr     string
	upgrader websocket.Upgrader
	http     *http.Server
	fan      fan.Fan
	done     sync.WaitGroup // Serve, and the connections

	mu     sync.Mutex
	open   map[*websocket.Conn]struct{}
	closed bool
}

// ServeHTTP reads until the connection ends.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	defer c.Close()
	if !s.add(c) {
		return
	}
	defer s.remove(c)
	out := &outbox{
		conn:       c,
		replies:    make(chan message, queue),
		subscribed: make(chan *fan.Subscriber, 1),
		ended:      make(chan struct{}),
	}
	read := make(chan struct{})
	s.done.Go(func() { out.write(read) })
	defer close(read)
	s.read(c, out)
}

func (s *server) read(c *websocket.Conn, out *outbox) {
	for {
		var m message
		if err := c.ReadJSON(&m); err != nil {
			return
		}
		switch m.Type {
		case typeCall:
			m.Type = typeReply
		case typeSubscribe:
			out.subscribed <- s.fan.Subscribe()
			m.Type = typeReply
		case typeMessage:
			if s.Item(m.Payload) != nil {
				return
			}
			continue
		default:
			return
		}
		select {
		case out.replies <- m:
		case <-out.ended:
			return
		}
	}
}

// outbox is the side of a connection that writes.
type outbox struct {
	conn       *websocket.Conn
	replies    chan message
	subscribed chan *fan.Subscriber // at most one
	ended      chan struct{}        // closed when nothing is written any more
}

// write runs until the reader has ended or a write fails.
func (o *outbox) write(read <-chan struct{}) {
	defer close(o.ended)
	defer o.conn.Close()
	var events <-chan []byte
	for {
		var m message
		select {
		case m = <-o.replies:
		case event := <-events:
			m = message{Type: typeEvent, Payload: event}
		case sub := <-o.subscribed:
			defer sub.Leave()
			events = sub.Events
			continue
		case <-read:
			return
		}
		if err := o.conn.WriteJSON(m); err != nil {
			return
		}
	}
}

func (s *server) add(c *websocket.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.done.Add(1)
	s.open[c] = struct{}{}
	return true
}

func (s *server) remove(c *websocket.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
	s.done.Done()
}

func (s *server) Addr() string               { return s.addr }
func (s *server) Publish(event []byte) error { return s.fan.Publish(event) }

func (s *server) Close() error {
	s.fan.Close()
	s.mu.Lock()
	s.closed = true
	for c := range s.open {
		_ = c.Close()
	}
	s.mu.Unlock()
	err := s.http.Close()
	s.done.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (rival) Dial(ctx context.Context, addr string, opts peer.DialOptions) (peer.Conn, error) {
	d := websocket.Dialer{
		TLSClientConfig: peer.ClientTLS(opts.Certificate, "http/1.1"),
		ReadBufferSize:  bufferSize,
		WriteBufferSize: bufferSize,
	}
	ws, _, err := d.DialContext(ctx, "wss://"+addr, nil)
	if err != nil {
		return nil, err
	}
	c := &conn{ws: ws, onEvent: opts.OnEvent, waiting: make(map[uint64]chan []byte)}
	c.done.Go(c.read)
	if opts.OnEvent != nil {
		stop := context.AfterFunc(ctx, func() { _ = ws.Close() })
		defer stop()
		if _, err := c.call(message{Type: typeSubscribe}, make(chan []byte, 1)); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return c, nil
}
