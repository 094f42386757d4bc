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
// # Where packets are lost
//
// What is lost holds up what was sent behind it. Over QUIC a session that
// notices losses sends small calls, answers and events twice, on their lane and
// by datagram, and the first to arrive counts; when nothing was lost for half a
// minute it stops. With Options.Twin a session over WebSocket opens a second
// connection for that. At 2 % loss calls then hardly wait for the large messages
// beside them (docs/performance.md).
//
// # Large transfers
//
// Which wire carries more depends on the network. To QUIC (quic-go) each packet
// that is lost is congestion; over WebSocket a server whose system has BBR, and
// is asked to use it, is many times as fast where packets are lost at random.
// With Options.CompareWires a session that has had a large transfer
// for 2 s moves to its other wire, and stays as long as there is such a transfer
// if at least half as much again comes through. It compares again after five
// minutes.
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
//
// # In a browser
//
// With GOOS=js GOARCH=wasm an address without a scheme races WebTransport
// against WebSocket, and quic:// is unknown. The browser verifies the server,
// chooses the proxy and sets the headers, so Options have none of that; pins are
// those of certificates, and for WebTransport alone.
package client

import (
	"context"
	"strings"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
)

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
	if err := t.configure(opts); err != nil {
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
		d.compare(s)
		if opts.Credentials != nil {
			(&renewer{d.asker, opts.Reconnect, opts.log()}).watch(s)
		}
	}
	return s, err
}

func (o *Options) log() core.Logger {
	if o.Logger != nil {
		return o.Logger
	}
	return core.DefaultLogger()
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
