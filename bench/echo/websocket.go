package echo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/twinwire/twinwire/bench/peer"
)

// largePath is dialed for connections with calls of 1 MiB: their buffers are as
// large as those of connections with streams.
const largePath = "/large"

// socketBuffer is what a connection reads and writes through. gorilla's and
// net/http's defaults double the memory of an idle connection and make nothing
// faster at this size of payload.
const socketBuffer = 1024

// wsWire is gorilla/websocket with one binary message for each frame.
type wsWire struct {
	congestion string // of TCP; "" for the system's
}

func (w wsWire) listen(addr string, cert tls.Certificate) (listener, error) {
	// What is accepted inherits the congestion control.
	config := net.ListenConfig{Control: congestionControl(w.congestion)}
	tcp, err := config.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	l := &wsListener{
		tcp:      tcp,
		upgraded: make(chan accepted),
		closed:   make(chan struct{}),
		upgrader: websocket.Upgrader{
			ReadBufferSize:  socketBuffer,
			WriteBufferSize: socketBuffer,
			WriteBufferPool: new(sync.Pool),
		},
		largeUpgrader: websocket.Upgrader{ReadBufferSize: streamBuffer, WriteBufferSize: streamBuffer},
	}
	l.server = &http.Server{
		Handler:           l,
		ReadHeaderTimeout: 10 * time.Second,
		// A client that goes away during its handshake is the client's news.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	l.done.Go(func() {
		_ = l.server.Serve(tls.NewListener(tcp, peer.ServerTLS(cert, "http/1.1")))
	})
	return l, nil
}

func (w wsWire) dial(ctx context.Context, addr string, opts *dialOptions) (pipe, error) {
	d := websocket.Dialer{
		NetDialContext:  (&net.Dialer{Control: congestionControl(w.congestion)}).DialContext,
		TLSClientConfig: peer.ClientTLS(opts.cert, "http/1.1"),
		ReadBufferSize:  socketBuffer,
		WriteBufferSize: socketBuffer,
	}
	path := "/"
	if opts.streams || opts.large {
		path = largePath
		if opts.streams {
			path = streamPath
		}
		d.ReadBufferSize, d.WriteBufferSize = streamBuffer, streamBuffer
	}
	c, answer, err := d.DialContext(ctx, "wss://"+addr+path, nil)
	if err != nil {
		if answer != nil {
			return nil, fmt.Errorf("%w: %s", err, answer.Status)
		}
		return nil, err
	}
	if opts.streams {
		return newStreamSocket(c, nil), nil
	}
	return &socket{conn: c}, nil
}

// wsListener takes connections over from net/http, whose goroutine and buffers
// end with the handler.
type wsListener struct {
	tcp      net.Listener
	server   *http.Server
	upgraded chan accepted
	closed   chan struct{}

	upgrader, largeUpgrader websocket.Upgrader

	done sync.WaitGroup // the accept loop of server, which owns its handlers
}

// accepted is a connection, with or without streams.
type accepted struct {
	conn    *websocket.Conn
	streams bool
}

func (l *wsListener) addr() string { return l.tcp.Addr().String() }

func (l *wsListener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	upgrader, streams := &l.upgrader, r.URL.Path == streamPath
	if streams || r.URL.Path == largePath {
		upgrader = &l.largeUpgrader
	}
	c, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	select {
	case l.upgraded <- accepted{c, streams}:
	case <-l.closed:
		_ = c.Close()
	}
}

func (l *wsListener) accept(_ context.Context, tally *peer.Tally) (func(context.Context) (pipe, error), error) {
	select {
	case a := <-l.upgraded:
		return func(context.Context) (pipe, error) {
			if a.streams {
				return newStreamSocket(a.conn, tally), nil
			}
			return &socket{conn: a.conn}, nil
		}, nil
	case <-l.closed:
		return nil, errClosed
	}
}

// event is made once, for all sockets.
func (l *wsListener) event(payload []byte) (func(pipe) error, error) {
	m, err := websocket.NewPreparedMessage(websocket.BinaryMessage, append(make([]byte, headSize), payload...))
	return func(p pipe) error { return p.(preparedWriter).writePrepared(m) }, err
}

// preparedWriter is what all pipes of a wsListener are.
type preparedWriter interface {
	writePrepared(m *websocket.PreparedMessage) error
}

func (l *wsListener) close() {
	close(l.closed)
	_ = l.server.Close()
	l.done.Wait()
}

// socket is a pipe over a WebSocket.
type socket struct {
	conn *websocket.Conn

	mu  sync.Mutex // held while writing: gorilla allows one writer
	out []byte
}

func (s *socket) read() ([]byte, error) {
	kind, frame, err := s.conn.ReadMessage()
	if err == nil && kind != websocket.BinaryMessage {
		return nil, errors.New("echo: not a binary message")
	}
	return frame, err
}

func (s *socket) write(head [headSize]byte, payload []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = append(append(s.out[:0], head[:]...), payload...)
	return s.conn.WriteMessage(websocket.BinaryMessage, s.out)
}

// writeMessage sends a message that is in one piece already.
func (s *socket) writeMessage(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn.WriteMessage(websocket.BinaryMessage, b)
}

func (s *socket) writePrepared(m *websocket.PreparedMessage) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn.WritePreparedMessage(m)
}

func (s *socket) close() { _ = s.conn.Close() }
