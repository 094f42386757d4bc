package client

import (
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
	// Pins are the servers to trust over WebTransport, in place of certificate
	// authorities. A browser compares whole certificates (certs.CertificatePinOf),
	// and takes those of at most 14 days; the pin of a key is an error. For
	// WebSocket it has nothing like it, and trusts what it trusts for pages.
	Pins []certs.Pin
	// Credentials are what the client proves with who it is; nil for nothing.
	Credentials Credentials
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
