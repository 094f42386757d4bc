package quic

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

const (
	// maxSessions is how many sessions a connection may have.
	maxSessions = 4
	// maxHeader bounds the header of a request, in bytes.
	maxHeader = 16 << 10
	// What HTTP/3 needs besides the lanes: a request for each session and one
	// that is refused, and the streams of its own.
	httpStreams    = maxSessions*(frame.MaxLanes+1) + 1
	httpUniStreams = 8
)

// WebTransport says what ListenOptions.WebTransport serves.
type WebTransport struct {
	// Path is where sessions are served.
	Path string
	// CheckOrigin decides about a request, most of all by its Origin header. It
	// is required.
	CheckOrigin func(r *http.Request) bool
}

// An http is what serves the HTTP/3 connections of a listener.
type httpServer struct {
	options *WebTransport
	timeout time.Duration // of Send
	idle    time.Duration // how long a connection may be without a session
	arrived chan<- *Carrier
	stopped <-chan struct{}
	wt      *webtransport.Server
	conns   sync.WaitGroup

	mu   sync.Mutex
	open map[*httpConn]struct{}
}

type httpConnKey struct{}

// An httpConn is a connection.
type httpConn struct {
	conn *quic.Conn

	mu       sync.Mutex
	sessions int
	lonely   *time.Timer // ends it, unless a session begins
	company  bool        // one has begun since the timer was set: it is stopped
	telling  bool        // a session was closed on this side, and the peer may not know yet
}

func newHTTPServer(o *WebTransport, timeout, idle time.Duration, arrived chan<- *Carrier, stopped <-chan struct{}) *httpServer {
	h := &httpServer{options: o, timeout: timeout, idle: idle, arrived: arrived, stopped: stopped, open: make(map[*httpConn]struct{})}
	config := wtConfig
	h.wt = &webtransport.Server{
		Config:      &config,
		CheckOrigin: func(*http.Request) bool { return true }, // serveHTTP has asked
		H3: &http3.Server{
			Handler: http.HandlerFunc(h.serveHTTP), MaxHeaderBytes: maxHeader,
			ConnContext: func(ctx context.Context, conn *quic.Conn) context.Context {
				return context.WithValue(ctx, httpConnKey{}, conn.Context().Value(httpConnKey{}))
			},
		},
	}
	return h
}

// connContext makes room for what is to be known of a connection.
func connContext(ctx context.Context) context.Context {
	return context.WithValue(ctx, httpConnKey{}, new(httpConn))
}

// serve serves one connection, in goroutines that end with it.
func (h *httpServer) serve(conn *quic.Conn) {
	c := conn.Context().Value(httpConnKey{}).(*httpConn)
	c.conn = conn
	c.mu.Lock()
	c.lonely = time.AfterFunc(h.idle, c.end)
	c.mu.Unlock()
	h.mu.Lock()
	h.open[c] = struct{}{}
	h.mu.Unlock()
	h.conns.Go(func() {
		defer func() {
			c.end()
			h.mu.Lock()
			delete(h.open, c)
			h.mu.Unlock()
		}()
		select {
		case <-conn.HandshakeComplete(): // no request is taken that could be a repetition
			_ = h.wt.ServeQUICConn(conn)
		case <-conn.Context().Done():
		}
	})
}

// end ends a connection in peace.
func (c *httpConn) end() {
	c.mu.Lock()
	c.lonely.Stop()
	c.mu.Unlock()
	_ = c.conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
}

// tells notes that a session is being closed on this side.
func (c *httpConn) tells() {
	c.mu.Lock()
	c.telling = true
	c.mu.Unlock()
}

// enter reports whether there may be one session more. Until one has begun the
// connection goes on being lonely, however often another is asked for.
func (c *httpConn) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sessions == maxSessions {
		return false
	}
	c.sessions++
	return true
}

// began takes note that a session which has entered is welcome.
func (c *httpConn) began() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sessions > 0 { // it may be over already
		c.company = true
		c.lonely.Stop()
	}
}

// leave takes note that a session is over. The connection ends after a while if
// it was the last.
func (c *httpConn) leave(after time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sessions--; c.sessions == 0 && c.company {
		c.company = false
		c.lonely.Reset(after)
	}
}

// over reports whether nothing more is accepted.
func (h *httpServer) over() bool {
	select {
	case <-h.stopped:
		return true
	default:
		return false
	}
}

// serveHTTP makes a carrier of a request.
func (h *httpServer) serveHTTP(w http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(httpConnKey{}).(*httpConn)
	switch {
	case r.URL.Path != h.options.Path:
		http.NotFound(w, r)
		return
	case r.Method != http.MethodConnect:
		w.Header().Set("Allow", http.MethodConnect)
		http.Error(w, "this is a twinwire endpoint: it wants WebTransport", http.StatusMethodNotAllowed)
		return
	case !c.enter():
		http.Error(w, "too many sessions on this connection", http.StatusTooManyRequests)
		return
	}
	wt, err := h.wt.Upgrade(w, r)
	if err != nil {
		c.leave(h.idle)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	link := newSession(c.conn, wt, c, w.(http3.HTTPStreamer).HTTPStream())
	carrier := newCarrier(c.conn, link, false, h.timeout)
	carrier.request = r
	context.AfterFunc(wt.Context(), func() {
		after := lingerTime
		var closed *webtransport.SessionError
		if _, err := wt.OpenStream(); errors.As(err, &closed) && closed.Remote {
			after = 0 // there is nothing more to tell; but a page does not hear what it was told if its connection ends first
		}
		c.leave(after)
	})
	// A status would not reach a page: browsers tell all failures in the same words.
	switch {
	case !h.options.CheckOrigin(r):
		carrier.Close(twinwire.PermissionDenied, "origin is not allowed")
		return
	case h.over():
		carrier.Close(twinwire.Unavailable, "server is shutting down")
		return
	}
	c.began()
	select {
	case h.arrived <- carrier:
	case <-wt.Context().Done():
	case <-h.stopped:
		carrier.Close(twinwire.Unavailable, "server is shutting down")
	}
}

// Request returns the request that a WebTransport session began with, and nil
// for a connection that speaks QUIC and nothing else. It must not be changed.
func (c *Carrier) Request() *http.Request { return c.request }

// close ends all connections, those whose peer is just told of the end of a
// session when it knows, which it has a second for.
func (h *httpServer) close() error {
	h.mu.Lock()
	var telling []*quic.Conn
	for c := range h.open {
		c.mu.Lock()
		if c.telling {
			telling = append(telling, c.conn)
		}
		c.mu.Unlock()
	}
	h.mu.Unlock()
	patience := time.NewTimer(lingerTime)
	defer patience.Stop()
wait:
	for _, conn := range telling {
		select {
		case <-conn.Context().Done():
		case <-patience.C:
			break wait
		}
	}
	err := h.wt.Close()
	h.conns.Wait()
	return err
}
