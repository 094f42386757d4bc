package echo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
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

// socketBuffer is what a connection reads and writes through. gorilla's and
// net/http's defaults double the memory of an idle connection and make nothing
// faster at this size of payload.
const socketBuffer = 1024

// wsWire is gorilla/websocket with one binary message for each frame.
type wsWire struct{}

func (wsWire) listen(addr string, cert tls.Certificate) (listener, error) {
	tcp, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	l := &wsListener{
		tcp:      tcp,
		upgraded: make(chan *websocket.Conn),
		closed:   make(chan struct{}),
		upgrader: websocket.Upgrader{
			ReadBufferSize:  socketBuffer,
			WriteBufferSize: socketBuffer,
			WriteBufferPool: new(sync.Pool),
		},
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

func (wsWire) dial(ctx context.Context, addr string, cert *x509.Certificate) (pipe, error) {
	d := websocket.Dialer{
		TLSClientConfig: peer.ClientTLS(cert, "http/1.1"),
		ReadBufferSize:  socketBuffer,
		WriteBufferSize: socketBuffer,
	}
	c, answer, err := d.DialContext(ctx, "wss://"+addr+"/", nil)
	if err != nil {
		if answer != nil {
			return nil, fmt.Errorf("%w: %s", err, answer.Status)
		}
		return nil, err
	}
	return &socket{conn: c}, nil
}

// wsListener takes connections over from net/http, whose goroutine and buffers
// end with the handler.
type wsListener struct {
	tcp      net.Listener
	server   *http.Server
	upgrader websocket.Upgrader
	upgraded chan *websocket.Conn
	closed   chan struct{}
	done     sync.WaitGroup // the accept loop of server, which owns its handlers
}

func (l *wsListener) addr() string { return l.tcp.Addr().String() }

func (l *wsListener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := l.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	select {
	case l.upgraded <- c:
	case <-l.closed:
		_ = c.Close()
	}
}

func (l *wsListener) accept(context.Context) (func(context.Context) (pipe, error), error) {
	select {
	case c := <-l.upgraded:
		return func(context.Context) (pipe, error) { return &socket{conn: c}, nil }, nil
	case <-l.closed:
		return nil, errClosed
	}
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

func (s *socket) close() { _ = s.conn.Close() }
