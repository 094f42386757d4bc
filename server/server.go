// Package server listens on WebSocket (TCP) and on QUIC and WebTransport (UDP) at
// one port number and serves twinwire sessions over all of them.
//
//	log.Fatal(server.ListenAndServe(":443", counter.NewService(hub, newHandler)))
//
// is the whole set-up. Everything that a [Server] has beside its services is
// optional.
//
// # Security
//
// TLS 1.3 always, unless the program asks for plaintext by name
// ([Server.ServePlaintext], [Server.AllowPlaintext], and for pages in development
// [Server.LoopbackAddr]). Certificates come from
// Certs; see [certs.Default] for what happens without. WebSocket upgrades are
// accepted from pages of the same origin and from clients without an Origin
// header, unless Origins says otherwise. Who a client is, Authenticate decides;
// docs/security.md has the whole picture.
//
// # Goroutines
//
// One goroutine for each session, one more while something is written that
// does not fit into the connection at once, and the handlers that are running.
// Serve returns, and Shutdown and Close too, when all of them have ended.
package server

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/auth"
	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/ws"
)

// ErrClosed is what Serve and ListenAndServe return after Shutdown or Close.
var ErrClosed = errors.New("server: closed")

// Path is where WebSocket and WebTransport are served (docs/protocol.md, clauses
// 10.1 and 10.5).
const Path = "/twinwire"

// A Server serves twinwire sessions. Its fields must not be changed once it
// serves. The zero value serves nothing but works.
type Server struct {
	// Hello is the application's name and compatibility version. A client that
	// names others is refused; empty means any.
	Hello core.Hello
	// Certs is where certificates come from. Nil means certs.Default.
	Certs certs.Source
	// Handler serves HTTP requests other than twinwire's on the TCP side, over
	// HTTP/1.1. Nil answers 404.
	Handler http.Handler
	// LoopbackAddr is for development: an address such as "localhost:8080" at
	// which Serve listens as well, and serves HTTP without TLS: Handler, for a
	// page, what tells it how to reach the server (WellKnown), and WebSocket. To
	// browsers a page from http://localhost is as good as one from https, whose
	// certificate they would not accept. The host must be localhost or a
	// loopback address. Pages from there are of the same origin as the server.
	LoopbackAddr string
	// Origins are those whose pages may open a WebSocket or a WebTransport
	// session, such as "https://example.com", compared as browsers send them. Nil
	// accepts the same origin only. A request without an Origin header comes from no page; it is
	// accepted unless it has cookies.
	Origins []string
	// CheckOrigin, unless nil, decides in place of Origins.
	CheckOrigin func(r *http.Request) bool
	// AllowPlaintext lets ServeHTTP accept WebSockets that came without TLS,
	// because a proxy in front has taken it off.
	AllowPlaintext bool
	// ZeroRTT lets clients that were here before say hello in the first flight
	// of QUIC, before the handshake is complete, which saves them a round trip
	// (docs/protocol.md, clause 10.4). Such a hello, of which Admit is told by
	// info.Early, may be a repetition of what somebody has recorded. No session
	// comes of that, nothing runs, and nothing is sent that they can read; but
	// Admit and Authenticate are asked: a credential that they use up must stay
	// good for the attempt that it came with.
	ZeroRTT bool
	// Admit decides about a client before anything else is done for it. It may
	// set h.Client to who the client really is, and must not keep h. An error
	// refuses it with its code and text; a *core.RefusedError gives advice as
	// well. Nil admits everybody, and believes the client's own word.
	Admit func(h *core.Hello, info transport.Info) error
	// Authenticate decides who a client is, after Admit and before anything
	// else, and again when it goes on with a session or renews its credentials
	// (package auth; docs/protocol.md, clause 15). Handlers and interceptors find
	// it by core.PrincipalFrom. Nil does not want to know.
	Authenticate auth.Authenticator
	// ClientIDs says whether a client id may have several sessions at once. The
	// default is that it may.
	ClientIDs ClientIDs
	// ClientCAs are who signs certificates of clients: those that have one are
	// verified, and Authenticate sees it. Nil does not ask for any.
	ClientCAs *x509.CertPool
	// Proxies are those that the server is behind; nil is none.
	Proxies *Proxies
	// Interceptors see every call and message of clients, CallInterceptors
	// every call and message to clients, the first one first.
	Interceptors     []core.Interceptor
	CallInterceptors []core.CallInterceptor
	// Compression is what sessions may compress payloads with, the best first:
	// see package compress/zstd. None, the default, compresses nothing.
	Compression []core.Compression
	// Congestion is the congestion control to use for what is sent over
	// WebSocket, as the system names it, such as "bbr" (docs/performance.md).
	// "" leaves it to the system, as does a name that it does not offer, and a
	// system other than Linux; transport.Info says what is in force.
	Congestion string
	// Limits bounds each session, and with Limits.Admission who gets in; nil
	// means the defaults.
	Limits *core.Limits
	// Heartbeat is the interval after which a silent peer is asked whether it
	// is there. Zero means 15 s on WebSocket and 10 s elsewhere; it is at least
	// 10 ms and at most a day.
	Heartbeat time.Duration
	// Connected is called when a session has begun, before its services are
	// opened, and Disconnected when it has ended, with why. They must not
	// block. Either may be nil. A hub that emits events to all sessions wants to
	// know them: Connected: hub.Add. A generated service with events tells its
	// hub by itself.
	Connected    func(s *core.Session)
	Disconnected func(s *core.Session, cause error)
	// Logger gets what the server has to say. Nil means slog.Default().
	Logger *slog.Logger

	services []*core.Service

	once     sync.Once
	initErr  error
	acceptor *core.Acceptor
	door     *door
	watching sync.Once
	keg      *keg // what watches memory; set by watching
	twins    ws.Twins
	origin   func(r *http.Request) bool
	certs    certs.Source

	mu       sync.Mutex
	sessions map[core.ID]*core.Session
	clients  map[string]map[core.ID]*core.Session // by client id; "" is none
	serving  map[*serving]struct{}
	pages    map[string]struct{} // the origins of LoopbackAddr
	closing  bool                // nothing new is served
	last     bool                // nor is anything that goes on
	carriers sync.WaitGroup      // carriers that are being served
	finished chan struct{}       // closed when a Shutdown or Close is complete
}

// Handle adds services. It must be called before the server serves.
func (s *Server) Handle(services ...*core.Service) {
	s.services = append(s.services, services...)
}

// ListenAndServe listens at addr as Listen does, and serves services there
// with all defaults, until it fails.
func ListenAndServe(addr string, services ...*core.Service) error {
	s := new(Server)
	s.Handle(services...)
	return s.ListenAndServe(addr)
}

// ListenAndServe listens at addr as Listen does, and serves there. It returns
// ErrClosed after Shutdown or Close, or why it could not listen or serve.
func (s *Server) ListenAndServe(addr string) error {
	l, err := Listen(addr)
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// init prepares the server, once.
func (s *Server) init() error {
	s.once.Do(func() {
		s.mu.Lock()
		s.finished = make(chan struct{})
		s.sessions = make(map[core.ID]*core.Session)
		s.clients = make(map[string]map[core.ID]*core.Session)
		s.serving = make(map[*serving]struct{})
		s.pages = make(map[string]struct{})
		s.mu.Unlock()
		s.acceptor, s.initErr = core.NewAcceptor(&core.Config{
			Hello: s.Hello, Limits: s.Limits, Compression: s.Compression, Services: s.services, Interceptors: s.Interceptors,
			CallInterceptors: s.CallInterceptors, Heartbeat: s.Heartbeat, Logger: s.log(),
		})
		if s.initErr == nil {
			s.origin, s.initErr = s.originCheck()
		}
		if s.initErr == nil {
			s.acceptor.Admit = s.Admit
			if s.Authenticate != nil || s.ClientIDs == RefuseSecond {
				s.acceptor.Authenticate = s.authenticate
			}
			s.acceptor.Began = s.began
			s.door = newDoor(s.acceptor.Limits(), s.acceptor.Counts())
			s.door.proxies = s.Proxies
		}
	})
	return s.initErr
}

// source returns where certificates come from.
func (s *Server) source() (certs.Source, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.certs == nil {
		s.certs = s.Certs
	}
	if s.certs == nil {
		src, err := certs.Default(s.log())
		if err != nil {
			return nil, err
		}
		s.certs = src
	}
	return s.certs, nil
}

func (s *Server) log() *slog.Logger {
	if s.Logger != nil {
		return s.Logger
	}
	return slog.Default()
}

// originCheck returns which pages are welcome.
func (s *Server) originCheck() (func(r *http.Request) bool, error) {
	if s.CheckOrigin != nil {
		return s.CheckOrigin, nil
	}
	check := ws.SameOrigin
	if s.Origins != nil {
		var err error
		if check, err = ws.AllowOrigins(s.Origins); err != nil {
			return nil, err
		}
	}
	if s.LoopbackAddr != "" {
		return func(r *http.Request) bool { return check(r) || s.isPage(r) }, nil
	}
	return check, nil
}

// serve runs a carrier until its session has ended. While the server shuts down
// sessions may still go on with another one.
func (s *Server) serve(c transport.Carrier, from *caller) {
	s.mu.Lock()
	if s.last {
		s.mu.Unlock()
		c.Close(twinwire.Unavailable, "server is shutting down")
		from.leave()
		return
	}
	s.carriers.Add(1)
	s.mu.Unlock()
	leave := from.leave // and not what else is known of it
	// Ends with the carrier; Shutdown and Close wait for it.
	go func() {
		defer s.carriers.Done()
		defer leave()
		_ = s.acceptor.ServeFrom(c, from)
	}()
}

// began takes note of a new session.
func (s *Server) began(session *core.Session) {
	var holders []*core.Session
	s.mu.Lock()
	if client := session.Peer().Client; s.ClientIDs != ShareClientIDs && client != "" {
		holders = s.holdersLocked(keyOf(session.Principal(), client))
	}
	s.enterLocked(session)
	closing := s.closing
	s.mu.Unlock()
	from := transport.NetworkOf(session.Transport().RemoteAddr)
	s.door.began(from)
	session.OnEnd(func(cause error) {
		s.mu.Lock()
		s.leaveLocked(session)
		s.mu.Unlock()
		s.door.ended(from)
		if s.Disconnected != nil {
			s.Disconnected(session, cause)
		}
	})
	s.settle(session, holders)
	if s.Connected != nil {
		s.Connected(session)
	}
	if closing {
		// Shutdown has gone through the sessions before this one was there.
		// Ends with the session.
		go func() {
			_ = session.Drain(context.Background(), twinwire.Unavailable, "server is shutting down", retryAfter())
		}()
	}
}
