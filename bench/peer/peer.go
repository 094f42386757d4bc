// Package peer says what the harness measures: a Peer is one way for a client
// and a server to exchange 32-byte payloads over one wire. twinwire is such a
// peer, so are the bare libraries and the floors, and so is any other
// framework that is put beside them.
//
// The server and the client of a peer live in two processes. Each process uses
// one Peer for one run and then ends, so a peer may be as simple as it likes
// about what it keeps.
package peer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
)

// A Wire is what a peer's bytes travel over. Peers are compared with the bare
// library and the floor of their own wire.
type Wire string

const (
	// TLS is TLS 1.3 over TCP, with or without WebSocket on top.
	TLS Wire = "tls"
	// TLSBBR is TLS over TCP where both ends have asked for BBR.
	TLSBBR Wire = "tls-bbr"
	// QUIC is QUIC, with whatever streams the peer makes of it.
	QUIC Wire = "quic"
	// Both is QUIC or TLS over TCP, as the peer finds best.
	Both Wire = "both"
	// Memory is no wire at all: client and server are one process, the client's,
	// whose CPU time and allocations are those of both.
	Memory Wire = "memory"
)

// Wires returns all of them, in the order in which they are shown.
func Wires() []Wire { return []Wire{TLS, TLSBBR, QUIC, Both, Memory} }

// A Kind says what a peer is in a comparison.
type Kind string

const (
	// Subject is twinwire itself: the bars are about it.
	Subject Kind = "subject"
	// Bare is a library used by hand, with one message per call.
	Bare Kind = "bare"
	// Floor is an echo that puts all pending frames into one write: what the
	// wire itself costs.
	Floor Kind = "floor"
	// Other is any other framework.
	Other Kind = "other"
)

// Info describes a peer. It does not change.
type Info struct {
	// Name is unique, and made of [a-z0-9-]: it is typed after -run.
	Name string
	Wire Wire
	Kind Kind
	// Can says what the peer can do besides calls.
	Can Ability
	// Lacks says why it cannot do the rest, in a few words for the report. Of
	// peers of kind Other it has every ability but Streams that Can has not.
	Lacks map[Ability]string
}

// A Peer starts servers and dials them. A wire has at most one peer of kind
// Bare and one of kind Floor.
type Peer interface {
	Info() Info

	// Serve starts a server at host, an IP address of this machine, on a port
	// that the kernel chooses. It answers every call with the payload of the
	// call, and speaks TLS 1.3 with the certificate.
	Serve(host string, cert tls.Certificate) (Server, error)

	// Dial connects to the address that a Server of the same Peer reported.
	// ctx bounds the dialing only.
	Dial(ctx context.Context, addr string, opts DialOptions) (Conn, error)
}

// A Server answers calls until it is closed.
type Server interface {
	// Addr is host and port.
	Addr() string

	// Close ends the server and its connections, and waits for their
	// goroutines. It may be called more than once.
	Close() error
}

// DialOptions are what the client side of a connection needs to know.
type DialOptions struct {
	// Certificate is the one certificate to trust. It names 127.0.0.1,
	// wherever the server is.
	Certificate *x509.Certificate

	// Streams says that the connection is to carry streams of bytes, so that
	// its buffers can be of the size for that.
	Streams bool

	// Large says that calls on the connection carry payloads of 1 MiB, so that
	// its buffers can be of the size for that.
	Large bool

	// OnEvent, if not nil, makes the connection a subscriber: it is called in
	// order with every event that is published after the first reply to a
	// call has come back on this connection. It must not keep event. Only
	// peers that can do Events are asked for it.
	OnEvent func(event []byte)

	// Topics is how many topics a subscriber wants, from 0 on: it gets the
	// events of PublishTo, those of each topic in order. Zero means that it
	// gets those of Publish. Only peers that can do Topics are asked for it.
	Topics int
}

// A Conn is the client's side of one connection.
type Conn interface {
	// NewCaller returns another Caller; all of them share the connection.
	NewCaller() Caller

	// Close ends the connection and every call that waits on it, and waits
	// for its goroutines. It may be called more than once.
	Close() error
}

// A Caller makes one call at a time. It is used by one goroutine, which is how
// it may own buffers.
type Caller interface {
	// Call sends the payload and returns the payload of the answer, which is
	// valid until the next Call. It fails once the connection is closed.
	Call(payload []byte) ([]byte, error)
}

// ClientTLS returns a client's configuration: TLS 1.3, the one certificate,
// and the protocols to offer.
func ClientTLS(cert *x509.Certificate, protocols ...string) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		RootCAs:    roots,
		ServerName: "127.0.0.1",
		NextProtos: protocols,
	}
}

// ServerTLS returns a server's configuration that goes with ClientTLS.
func ServerTLS(cert tls.Certificate, protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{cert},
		NextProtos:   protocols,
	}
}
