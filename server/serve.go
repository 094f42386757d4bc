package server

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/quic"
	"github.com/twinwire/twinwire/transport/ws"
)

// idleTime is how long an HTTP connection is kept alive.
const idleTime = 60 * time.Second

// A serving is one call of Serve or ServePlaintext.
type serving struct {
	listener *Listener
	http     *http.Server
	source   certs.Source // nil without TLS
	loopback []net.Listener
	pages    *http.Server // for loopback
	quic     []*quic.Listener
	stop     context.CancelFunc
}

// Serve serves WebSocket over TLS and QUIC on a listener, which it closes. It
// returns ErrClosed after Shutdown or Close, when all sessions have ended, and
// otherwise why it could not go on.
func (s *Server) Serve(l *Listener) error {
	if err := s.init(); err != nil {
		return errors.Join(err, l.Close())
	}
	src, err := s.source()
	if err != nil {
		return errors.Join(fmt.Errorf("server: certificates: %w", err), l.Close())
	}
	return s.run(l, src)
}

// ServePlaintext serves WebSocket without TLS on a TCP listener, which it
// closes: for a loopback address, or behind a proxy that takes TLS off. It
// returns as Serve does.
func (s *Server) ServePlaintext(l net.Listener) error {
	if err := s.init(); err != nil {
		return errors.Join(err, l.Close())
	}
	return s.run(NewListener(l, nil), nil)
}

// run serves a listener: with TLS and QUIC, or without TLS if src is nil.
func (s *Server) run(l *Listener, src certs.Source) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	v := &serving{listener: l, source: src, stop: stop}
	v.http = s.httpServer(s.handler(v, src == nil))
	v.pages = s.httpServer(guardHost(s.handler(v, true)))
	if src != nil {
		v.http.TLSConfig = s.serverTLS(src)
		// A batch is one record: a session has no first page that small records
		// would show earlier.
		v.http.TLSConfig.DynamicRecordSizingDisabled = true
		v.http.TLSConfig.NextProtos = append([]string{"http/1.1"}, v.http.TLSConfig.NextProtos...)
		if err := s.listenQUIC(v, src); err != nil {
			return errors.Join(fmt.Errorf("server: %w", err), l.Close())
		}
	}
	if s.LoopbackAddr != "" {
		if err := s.listenLoopback(v); err != nil {
			v.close()
			return fmt.Errorf("server: %w", err)
		}
		s.log().Info("twinwire: serving pages", "url", "http://"+v.loopback[0].Addr().String())
	}
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		v.close()
		return ErrClosed
	}
	s.serving[v] = struct{}{}
	s.mu.Unlock()
	s.watching.Do(func() { s.keg = s.watchMemory() })
	s.log().Info("twinwire: serving", "addr", l.Addr(), "tls", src != nil, "quic", len(v.quic) > 0)

	// One goroutine for each socket; they end when their socket is closed, the
	// first failure closes all.
	failed := make(chan error, len(l.tcp)+len(v.quic)+len(v.loopback))
	var wg sync.WaitGroup
	for _, tcp := range l.tcp {
		tcp = ws.NewListener(tcp)
		wg.Go(func() {
			if src != nil {
				failed <- v.http.ServeTLS(s.door.guard(s.Proxies.behind(tcp)), "", "")
			} else {
				failed <- v.http.Serve(s.door.guard(s.Proxies.behind(tcp)))
			}
		})
	}
	for _, ql := range v.quic {
		wg.Go(func() { failed <- s.acceptQUIC(ctx, ql) })
	}
	for _, l := range v.loopback {
		wg.Go(func() { failed <- v.pages.Serve(s.door.guard(ws.NewListener(l))) })
	}
	err := <-failed
	s.mu.Lock()
	closing := s.closing
	s.mu.Unlock()
	if closing {
		wg.Wait()
		<-s.finished
		return ErrClosed
	}
	stop()
	v.close()
	wg.Wait()
	s.mu.Lock()
	delete(s.serving, v)
	s.mu.Unlock()
	return fmt.Errorf("server: %w", err)
}

// httpServer returns what serves HTTP/1.1.
func (s *Server) httpServer(h http.Handler) *http.Server {
	most := s.door.most
	v := &http.Server{
		Handler: h, ReadHeaderTimeout: most.HeaderTime, MaxHeaderBytes: most.HeaderBytes, IdleTimeout: idleTime,
		Protocols: new(http.Protocols), ErrorLog: log.New(httpLog{s.log()}, "", 0),
	}
	// A connection may be upgraded, which HTTP/2 cannot be.
	v.Protocols.SetHTTP1(true)
	return v
}

// listenQUIC makes the UDP sockets speak QUIC.
func (s *Server) listenQUIC(v *serving, src certs.Source) error {
	key := resetKey(src)
	for _, udp := range v.listener.udp {
		ql, err := quic.Listen(udp, &quic.ListenOptions{
			TLS: s.serverTLS(src), StatelessResetKey: &key, RetryAbove: s.door.most.RetryAbove,
			Doubt: func(remote net.Addr) bool { return s.door.doubts(transport.NetworkOf(remote.String())) },
			Admit: s.admitQUIC, ZeroRTT: s.ZeroRTT,
			WebTransport: &quic.WebTransport{Path: Path, CheckOrigin: s.origin},
		})
		if err != nil {
			return err
		}
		v.quic = append(v.quic, ql)
	}
	return nil
}

// admitQUIC asks the door about a QUIC connection. One whose address is not
// proven costs its address nothing: door.doubts has counted it, and a session
// that comes of it is counted too.
func (s *Server) admitQUIC(remote net.Addr, proven bool) (leave func(), ok bool) {
	from := transport.NetworkOf(remote.String())
	if !proven || !from.IsValid() {
		return nil, true
	}
	p, ok := s.door.enter(from)
	if !ok {
		return nil, false
	}
	return p.leave, true
}

// serverTLS returns how TLS is spoken.
func (s *Server) serverTLS(src certs.Source) *tls.Config {
	cfg := certs.ServerTLS(src)
	if s.ClientCAs != nil {
		cfg.ClientCAs, cfg.ClientAuth = s.ClientCAs, tls.VerifyClientCertIfGiven
	}
	return cfg
}

// resetKey derives the key by which a server that was restarted can tell its
// old peers so (RFC 9000, section 10.3) from the certificate's private key,
// the one secret that outlives a restart. Where there is none yet, as before
// the first ACME certificate, the key lasts as long as the process.
func resetKey(src certs.Source) [32]byte {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	if _, ok := src.(*certs.ACMESource); ok {
		return key // asking for a certificate would order one
	}
	cert, err := src.GetCertificate(&tls.ClientHelloInfo{ServerName: "localhost"})
	if err != nil {
		return key
	}
	secret, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		return key // a key that does not leave its device
	}
	derived, err := hkdf.Key(sha256.New, secret, nil, "twinwire stateless reset", len(key))
	if err == nil {
		copy(key[:], derived)
	}
	return key
}

// acceptQUIC accepts connections and does nothing else: what is not accepted
// in time is refused by quic-go.
func (s *Server) acceptQUIC(ctx context.Context, l *quic.Listener) error {
	for {
		c, err := l.Accept(ctx)
		if err != nil {
			return err
		}
		from := &caller{tls: c.TLS, leave: func() {}}
		if r := c.Request(); r != nil {
			from.header, from.origin = r.Header, r.Header.Get("Origin")
		}
		s.serve(c, from)
	}
}

// close closes everything at once.
func (v *serving) close() {
	v.stop()
	_ = v.http.Close()
	_ = v.pages.Close()
	for _, l := range v.loopback {
		_ = l.Close()
	}
	for _, ql := range v.quic {
		_ = ql.Close()
	}
	_ = v.listener.Close()
}

// handler serves the TCP side: twinwire at its path, what pages want to know of
// it, and the user's handler elsewhere.
func (s *Server) handler(v *serving, plaintext bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == Path || r.URL.Path == WellKnown || s.Handler == nil {
			// net/http reads what is left of a body behind the answer, however long
			// that takes: a deadline that cannot be set is of a connection that is not its own.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.door.most.HeaderTime))
		}
		switch {
		case r.URL.Path == Path:
			s.upgrade(w, r, plaintext)
		case r.URL.Path == WellKnown:
			s.directions(w, r, v)
		case s.Handler != nil:
			s.Handler.ServeHTTP(w, r)
		default:
			http.NotFound(w, r)
		}
	})
}

// ServeHTTP accepts a WebSocket, at whatever path the program has mounted the
// server in a mux of its own. A request that came without TLS is refused
// unless AllowPlaintext is set.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.init(); err != nil {
		s.log().Error("twinwire: server cannot serve", "error", err)
		http.Error(w, "server is misconfigured", http.StatusInternalServerError)
		return
	}
	s.watching.Do(func() { s.keg = s.watchMemory() })
	s.upgrade(w, r, s.AllowPlaintext)
}

// upgrade makes a carrier of a request. The session runs in a goroutine of its
// own, so that net/http's can end and take its buffers along.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, plaintext bool) {
	if r.TLS == nil && !plaintext {
		http.Error(w, "twinwire is not served without TLS here", http.StatusForbidden)
		return
	}
	if !headerHas(r.Header, "Connection", "upgrade") || !headerHas(r.Header, "Upgrade", "websocket") {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "this is a twinwire endpoint: it wants a WebSocket, subprotocol "+ws.Subprotocol, http.StatusUpgradeRequired)
		return
	}
	remote, leave := s.Proxies.client(r), func() {}
	if remote != "" {
		// The door has let the proxy in, and not asked from whom it comes.
		p, ok := s.door.enter(transport.NetworkOf(remote))
		if !ok {
			w.Header().Set("Retry-After", strconv.Itoa(s.door.retryAfter()))
			http.Error(w, "too many connections", http.StatusTooManyRequests)
			return
		}
		leave = p.leave
	}
	c, second, err := ws.Upgrade(w, r, &ws.UpgradeOptions{CheckOrigin: s.origin, RemoteAddr: remote, Congestion: s.Congestion, Twins: &s.twins})
	if err != nil {
		leave()
		s.log().Debug("twinwire: no upgrade", "peer", quoted(r.RemoteAddr), "error", quoted(err.Error()))
		return
	}
	if c == nil { // the second connection of a client: that of its session serves it
		go func() {
			<-second
			leave()
		}()
		return
	}
	from := &caller{header: r.Header, origin: r.Header.Get("Origin"), leave: leave}
	if r.TLS != nil {
		from.tls = func() tls.ConnectionState { return *r.TLS }
	}
	s.serve(c, from)
}

// headerHas reports whether a header lists a token.
func headerHas(h http.Header, name, token string) bool {
	for _, v := range h.Values(name) {
		for t := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}

// httpLog takes net/http's lines, which tell of peers that do not speak HTTP
// or TLS, into the log.
type httpLog struct{ log *slog.Logger }

var _ io.Writer = httpLog{}

func (l httpLog) Write(line []byte) (int, error) {
	l.log.Debug("twinwire: http", "message", quoted(strings.TrimSpace(string(line))))
	return len(line), nil
}

// maxQuoted is how much of what a peer may have written gets into a log, in
// bytes.
const maxQuoted = 256

// quoted returns a text as a log may have it: with everything escaped that could
// be taken for something else.
func quoted(s string) string {
	s = strconv.QuoteToASCII(s[:min(len(s), maxQuoted)])
	return s[:min(len(s), maxQuoted)]
}
