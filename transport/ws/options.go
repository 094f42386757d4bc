// Package ws is the carrier over WebSocket (docs/protocol.md, clause 10.1): all
// lanes share one pipe, and a binary message is one batch.
//
// A carrier has no goroutine of its own. The goroutine that calls Receive
// reads, answers pings and, after Close, waits up to a second for the peer so
// that what Close said is not lost; the goroutines that call Send write. Memory
// of an idle carrier is that of the TLS connection and about 2 KiB: buffers
// are borrowed while a message is read or written.
//
// The handshake and the reading are gorilla/websocket's. Messages are written
// here: one Write call for each, so that a batch is one TLS record and one
// system call wherever it fits, without an allocation.
package ws

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// Subprotocol is what both sides name in the handshake (clause 10.1).
	Subprotocol = "twinwire.1"
	// Path is where a server is found (clause 10.1).
	Path = "/twinwire"
	// TwinHeader is what both requests carry of a client that may open a second
	// connection (clause 10.7).
	TwinHeader = "Twinwire-Twin"
	// twinSubprotocol is what the second one names.
	twinSubprotocol = "twinwire.1.twin"
)

// Options are the settings of Dial. A nil *Options means the defaults.
type Options struct {
	// TLS is used for wss. It is cloned; the minimum version becomes TLS 1.3
	// and the protocol is http/1.1. Nil means the roots of the system.
	TLS *tls.Config

	// Header is sent with the request, for instance Origin or Cookie.
	Header http.Header

	// HandshakeTimeout bounds Dial. Zero means 10 s, negative means that the
	// context alone bounds it.
	HandshakeTimeout time.Duration

	// SendTimeout is how long Send waits for the network before it ends the
	// carrier; it may be up to an eighth shorter. Zero means 10 s, negative
	// means for ever.
	SendTimeout time.Duration

	// Congestion is the congestion control that TCP is to use for what is sent,
	// as the system names it, such as "bbr". "" leaves it to the system, as does
	// a name that it does not offer, and a system other than Linux:
	// transport.Info says what is in force.
	Congestion string

	// Twin has the carrier open a second connection when something is to be sent by
	// datagram, which is while packets are lost (clause 10.7): what waits for a lost
	// packet on one of them need not wait on the other.
	Twin bool

	// Proxy chooses the proxy, as in http.Transport. Nil means what the
	// environment says (http.ProxyFromEnvironment).
	Proxy func(*http.Request) (*url.URL, error)

	// DialContext opens the TCP connection. Nil means a net.Dialer.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
}

func (o *Options) withDefaults() Options {
	var v Options
	if o != nil {
		v = *o
	}
	if v.TLS == nil {
		v.TLS = new(tls.Config)
	}
	v.HandshakeTimeout = max(cmp.Or(v.HandshakeTimeout, 10*time.Second), 0)
	v.SendTimeout = max(cmp.Or(v.SendTimeout, defaultSendTimeout), 0)
	if v.Proxy == nil {
		v.Proxy = http.ProxyFromEnvironment
	}
	if v.DialContext == nil {
		v.DialContext = new(net.Dialer).DialContext
	}
	return v
}

// UpgradeOptions are the settings of Upgrade. A nil *UpgradeOptions means the
// defaults.
type UpgradeOptions struct {
	// CheckOrigin reports whether a request with this Origin header is
	// welcome. Nil means SameOrigin.
	CheckOrigin func(*http.Request) bool

	// Header is sent with the response.
	Header http.Header

	// RemoteAddr is the address of the client, if a proxy has said it; "" is
	// that of the connection.
	RemoteAddr string

	// SendTimeout is how long Send waits for the network before it ends the
	// carrier; it may be up to an eighth shorter. Zero means 10 s, negative
	// means for ever.
	SendTimeout time.Duration

	// Congestion is the congestion control that TCP is to use for what is sent;
	// see Options.
	Congestion string

	// Twins has the carriers that may have a second connection, and takes that of a
	// request for one. Nil means that none has.
	Twins *Twins
}

func (o *UpgradeOptions) withDefaults() UpgradeOptions {
	var v UpgradeOptions
	if o != nil {
		v = *o
	}
	if v.CheckOrigin == nil {
		v.CheckOrigin = SameOrigin
	}
	v.SendTimeout = max(cmp.Or(v.SendTimeout, defaultSendTimeout), 0)
	return v
}

const defaultSendTimeout = 10 * time.Second
