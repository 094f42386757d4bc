// Package client dials twinwire servers.
//
//	s, err := client.Dial(ctx, "example.com", nil)        // the best wire there is
//	s, err := client.Dial(ctx, "quic://example.com", nil) // QUIC and nothing else
//	s, err := client.Dial(ctx, "wss://example.com", nil)  // WebSocket and nothing else
//	s, err := client.Dial(ctx, "https://example.com", nil) // WebTransport, as browsers have it
//
// The session that Dial returns has the API of both ends: see [core.Session].
// Typed clients are made of it.
//
// # Choosing a wire
//
// An address without a scheme races QUIC against WebSocket: QUIC has a head
// start of 200 ms, and none once it has failed, nor where WebSocket won within
// the last 24 hours ([Memory]). The first wire that is ready says hello; if the
// server does not answer within a second, the other one says the same hello,
// and the server takes both as one. So a race never makes two sessions
// (docs/protocol.md, clause 3.6), and a network that swallows UDP costs the head
// start once a day and no more. Where WebSocket is refused, QUIC has little time
// left: nobody is there.
//
// # Losing and changing the wire
//
// A session whose carrier breaks goes on over another: it is dialed again at
// once, and then after waits that grow, until the server has it no more (120 s
// unless limits say otherwise). Meanwhile calls wait, as long as their context
// does; none is lost and none runs twice. A session that began on WebSocket
// because QUIC could not be had looks for QUIC from time to time, and moves
// there; what is under way does not notice.
//
// A QUIC connection survives what only changes addresses: a NAT that forgets
// it, a route that is away for a moment, another network of this machine. A
// program that its platform tells of those should pass it on, by
// [core.Session.NetworkChanged].
//
// # Credentials
//
// Options.Credentials is asked for credentials at each try, and in time before
// those of a session expire, which are then renewed where it is. Where a server
// refuses them and others may help it is asked once more; if that is of no use
// the dial fails, and a session that has lost its carrier ends, with the
// server's word.
//
// # Proxies
//
// Where a proxy is to be used for an address, by Options.Proxy or HTTPS_PROXY,
// only WebSocket is tried, through the proxy: a program that is told to use one
// does not go past it. An address quic://host:port does so by name.
//
// # Trust
//
// The server is verified by the system's certificate authorities and its host
// name, or by Options.Pins. At a loopback address the development certificates
// that this user has stored are trusted as well, unless Options say otherwise.
// There is no way to skip verification.
package client

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/core"
)

// Options are what a program may say about a dial. Nil means all defaults.
type Options struct {
	// Hello is the application's name and compatibility version, which the
	// server may insist on, and the connect payload, which it gets with the
	// session.
	Hello core.Hello
	// Services are what the server may call on this side.
	Services []*core.Service
	// Pins are the servers to trust, in place of certificate authorities.
	Pins []certs.Pin
	// TLS is the configuration to start from, for client certificates or
	// authorities of one's own. It is cloned; its protocols and versions are
	// twinwire's. Nil, and Pins nil: see the package comment.
	TLS *tls.Config
	// Credentials are what the client proves with who it is; nil for nothing.
	Credentials Credentials
	// Header is sent with the request for a WebSocket or a WebTransport session.
	// QUIC has nothing like it.
	Header http.Header
	// Proxy chooses an HTTP CONNECT proxy, as in http.Transport; nil means what
	// the environment says (http.ProxyFromEnvironment). See the package comment.
	Proxy func(*http.Request) (*url.URL, error)
	// Tickets turns on 0-RTT for QUIC where the server has it turned on as well:
	// with a ticket of an earlier dial the hello of a new session travels in the
	// first flight, which saves a round trip (docs/protocol.md, clause 10.4). A
	// hello that was recorded can be repeated by others, to no effect but that
	// the server looks at it; its credential is not protected by forward
	// secrecy. Tickets are of use as long as the server's process runs. One
	// cache, as tls.NewLRUClientSessionCache makes, is for dials that trust the
	// same servers. Nil means no 0-RTT.
	Tickets tls.ClientSessionCache
	// HeadStart is how long WebSocket waits for QUIC. Zero means 200 ms; a
	// negative value means that both start at once.
	HeadStart time.Duration
	// Memory remembers where QUIC gets no head start. Nil means one that all
	// dials of the process share.
	Memory *Memory
	// Reconnect says how the session goes on when its carrier breaks; nil means
	// with all defaults.
	Reconnect *Reconnect
	// Interceptors see every call and message of the server, CallInterceptors
	// every call and message to it, the first one first.
	Interceptors     []core.Interceptor
	CallInterceptors []core.CallInterceptor
	// Compression is what the session may compress payloads with, if the server
	// agrees: see package compress/zstd. None, the default, compresses nothing.
	Compression []core.Compression
	// Changed is told of every step in the life of what is dialed, one after the
	// other and in order: of Connecting before there is a session, and then of
	// what Session.Lifecycle says of it. The last is Ended, also where no session
	// began. Of the sessions of Run the first begins with Connected and each
	// other with Reset. Ended comes once, when Run returns. It must not block,
	// nor dial. Nil means nobody.
	Changed func(c core.Change)
	// Limits bounds the session; nil means the defaults.
	Limits *core.Limits
	// Logger gets what goes wrong behind the scenes; nil means slog.Default().
	Logger *slog.Logger
}

// defaultPort is the port of an address without one.
const defaultPort = "443"

// Dial begins a session with the server at addr: host or host:port, where the
// wires race, or one of quic://host:port, wss://host:port/path,
// https://host:port/path, which is WebTransport, and
// ws://host:port/path, which is plaintext and for loopback addresses only. The
// port is 443 unless given, the path /twinwire. Several, separated by commas,
// are addresses at which the same is served: they are tried in their order, and
// the session stays where it has begun.
//
// Dial returns when the session has begun. ctx bounds the dial and does not
// affect the session. The error is a *core.RefusedError if the server refused,
// otherwise a *DialError with what went wrong on each wire.
func Dial(ctx context.Context, addr string, opts *Options) (*core.Session, error) {
	if opts == nil {
		opts = new(Options)
	}
	l := &life{changed: opts.Changed}
	l.tell(core.Change{Phase: core.Connecting, Try: 1})
	s, err := opts.dialList(ctx, addr)
	switch {
	case err != nil:
		l.ended(err)
	case l.changed != nil:
		l.follow(s)
	}
	return s, err
}

// dialList dials the addresses of a list, one after the other.
func (opts *Options) dialList(ctx context.Context, list string) (*core.Session, error) {
	all := places(list)
	if len(all) == 1 {
		return opts.dial(ctx, list, false)
	}
	failed := &DialError{Addr: list}
	for _, p := range all {
		s, err := opts.dial(ctx, p.addr, false)
		if err == nil || ctx.Err() != nil {
			return s, err
		}
		failed.Causes = append(failed.Causes, err)
	}
	return nil, failed
}

// dial dials one address, for a program that leaves the session when the server
// says that it is about to stop, or does not.
func (opts *Options) dial(ctx context.Context, addr string, leaves bool) (*core.Session, error) {
	t, err := parse(addr)
	if err != nil {
		return nil, &DialError{Addr: addr, Causes: []error{err}}
	}
	if t.tls, err = opts.tlsConfig(t.host); err != nil {
		return nil, &DialError{Addr: addr, Causes: []error{err}}
	}
	t.header, t.proxy, t.tickets = opts.Header, opts.Proxy, opts.Tickets
	if err := t.throughProxy(); err != nil {
		return nil, &DialError{Addr: addr, Causes: []error{err}}
	}
	mux, err := core.NewMux(opts.Services, opts.Interceptors)
	if err != nil {
		return nil, &DialError{Addr: addr, Causes: []error{err}}
	}
	d := &dialer{
		target: t, mux: mux, memory: opts.Memory, policy: opts.Reconnect, asker: newAsker(opts.Credentials),
		cfg: &core.Config{
			Hello: opts.Hello, Limits: opts.Limits, Compression: opts.Compression,
			Services: opts.Services, Interceptors: opts.Interceptors, Leaves: leaves,
			CallInterceptors: opts.CallInterceptors, Logger: opts.Logger,
		},
	}
	if d.memory == nil {
		d.memory = shared
	}
	if opts.Reconnect == nil || !opts.Reconnect.Never {
		d.cfg.Reconnect = d.reconnect
		d.cfg.NetworkChanged = func(*core.Session) { d.changed.ring() }
	}
	s, err := d.first(ctx, opts.HeadStart)
	if err == nil {
		d.watch(s)
		if opts.Credentials != nil {
			(&renewer{d.asker, opts.Reconnect, opts.log()}).watch(s)
		}
	}
	return s, err
}

// A target is where a dial goes.
type target struct {
	addr       string // as it was given
	host, port string
	path       string
	wires      []wire
	tls        *tls.Config
	header     http.Header
	proxy      func(*http.Request) (*url.URL, error)
	tickets    tls.ClientSessionCache
}

// throughProxy leaves WebSocket alone where a proxy is to be used.
func (t *target) throughProxy() error {
	if t.proxy == nil {
		t.proxy = http.ProxyFromEnvironment
	}
	if len(t.wires) < 2 {
		return nil
	}
	proxy, err := t.proxy(&http.Request{URL: &url.URL{Scheme: "https", Host: t.hostPort()}})
	if err != nil {
		return fmt.Errorf("%w: proxy: %w", twinwire.BadRequest, err)
	}
	if proxy != nil {
		t.wires = []wire{wireWebSocket}
	}
	return nil
}

func (o *Options) log() *slog.Logger {
	if o.Logger != nil {
		return o.Logger
	}
	return slog.Default()
}

func (t *target) hostPort() string { return net.JoinHostPort(t.host, t.port) }

// parse takes an address apart.
func parse(addr string) (*target, error) {
	t := &target{addr: addr, path: "/twinwire"}
	scheme, rest, ok := strings.Cut(addr, "://")
	if !ok {
		scheme, rest = "", addr
	}
	switch scheme {
	case "":
		t.wires = []wire{wireQUIC, wireWebSocket}
	case "quic":
		t.wires = []wire{wireQUIC}
	case "https":
		t.wires = []wire{wireWebTransport}
	case "wss":
		t.wires = []wire{wireWebSocket}
	case "ws":
		t.wires = []wire{wirePlaintext}
	default:
		return nil, twinwire.Errorf(twinwire.BadRequest, "unknown scheme %q: quic, wss, https and ws are known, and none for the best wire", scheme)
	}
	u, err := url.Parse("twinwire://" + rest)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return nil, twinwire.Errorf(twinwire.BadRequest, "not an address of the form host, host:port or scheme://host:port")
	}
	if u.Path != "" && u.Path != "/" {
		if scheme == "" || scheme == "quic" {
			return nil, twinwire.Errorf(twinwire.BadRequest, "only wss://, https:// and ws:// addresses have a path")
		}
		t.path = u.EscapedPath()
	}
	if u.RawQuery != "" {
		t.path += "?" + u.RawQuery
	}
	t.host, t.port = u.Hostname(), u.Port()
	if t.port == "" {
		t.port = defaultPort
	}
	if scheme == "ws" && !loopback(t.host) {
		return nil, twinwire.Errorf(twinwire.BadRequest, "ws:// is plaintext, and for loopback addresses only; use wss://")
	}
	return t, nil
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// tlsConfig returns how the server is verified.
func (o *Options) tlsConfig(host string) (*tls.Config, error) {
	var cfg *tls.Config
	switch pinned := certs.ClientTLS(o.Pins...); {
	case o.TLS == nil && o.Pins == nil && loopback(host):
		cfg = certs.LocalTLS("")
	case o.TLS == nil:
		cfg = pinned
	default:
		cfg = o.TLS.Clone()
		if len(o.Pins) > 0 {
			cfg.InsecureSkipVerify, cfg.VerifyConnection = pinned.InsecureSkipVerify, pinned.VerifyConnection
		} else if cfg.InsecureSkipVerify && cfg.VerifyConnection == nil && cfg.VerifyPeerCertificate == nil {
			return nil, twinwire.Errorf(twinwire.BadRequest, "InsecureSkipVerify without a verification of one's own: use Pins")
		}
	}
	cfg.MinVersion = tls.VersionTLS13
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	return cfg, nil
}

// A DialError says what went wrong on each wire that was tried.
type DialError struct {
	// Addr is the address as it was given.
	Addr string
	// Causes are the errors of the wires, in the order in which they failed.
	Causes []error
}

// Error returns all causes.
func (e *DialError) Error() string {
	texts := make([]string, len(e.Causes))
	for i, err := range e.Causes {
		texts[i] = err.Error()
	}
	return "dial " + e.Addr + ": " + strings.Join(texts, "; ")
}

// Unwrap returns the causes and, unless one of them has a code of its own,
// twinwire.Unavailable: no session was begun.
func (e *DialError) Unwrap() []error {
	return append(e.Causes[:len(e.Causes):len(e.Causes)], twinwire.Unavailable)
}
