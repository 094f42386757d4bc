//go:build !js

package client

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"time"

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
	// Congestion is the congestion control to use for what is sent over
	// WebSocket, as the system names it, such as "bbr" (docs/performance.md).
	// "" leaves it to the system, as does a name that it does not offer, and a
	// system other than Linux; transport.Info says what is in force.
	Congestion string
	// Twin has a session over WebSocket open a second connection to the server when
	// packets are lost, and send small calls, answers and events on both: what waits
	// for a lost packet on one of them need not wait on the other, nor behind large
	// messages (docs/protocol.md, clauses 10.7 and 17). For the server it is one more
	// connection. Over QUIC datagrams do that, and it is always on. Only Linux tells
	// of packets that TCP has lost; elsewhere the session does without.
	Twin bool
	// CompareWires has a session that has both wires find out which of them
	// carries its large transfers faster, and use it for as long as there are any;
	// see the package comment. Everything else of the session moves with them:
	// where packets are lost, calls wait longer on WebSocket.
	CompareWires bool
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
	// Logger gets what goes wrong behind the scenes; nil means core.DefaultLogger().
	Logger core.Logger
}
