// Package quic is the carrier over QUIC (docs/protocol.md, clause 10.2) and over
// WebTransport (clause 10.5): each lane is a bidirectional stream, so lanes are
// independent of each other.
//
// A carrier has one goroutine more than the lanes that are open on the server,
// and as many as the lanes that are open on the client; the goroutine that
// calls Receive is one of them. A lane that waits has no buffer.
//
// quic-go and webtransport-go are imported here, and nowhere else in the library.
package quic

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/twinwire/twinwire/frame"
)

// ALPN is the protocol that both sides name in the TLS handshake (clause 10.2).
const ALPN = "twinwire/1"

// ListenOptions are the settings of Listen.
type ListenOptions struct {
	// TLS holds the certificate; it is required. It is cloned, and its
	// protocols become those of this package.
	TLS *tls.Config

	// StatelessResetKey lets a server that was restarted tell its clients at
	// once that it has forgotten them. It should be derived from a secret that
	// survives the restart. Nil means that clients find out by their idle
	// timeout.
	StatelessResetKey *[32]byte

	// RetryAbove is the number of handshakes under way with clients that have
	// not proven their address from which on others must do so first, which
	// costs them a round trip and a flood of forged packets its effect. Zero
	// means 256, negative means never.
	RetryAbove int

	// Doubt, unless nil, reports whether a client that says it is at this
	// address has to prove it first, although there are not as many as RetryAbove.
	// It is called for every handshake that has not, and must be quick.
	Doubt func(remote net.Addr) bool

	// Admit, unless nil, decides about a connection before anything is done
	// for it; the address is proven or not, as RetryAbove and Doubt have it. It
	// must be quick. leave, unless nil, is called when the connection has ended.
	Admit func(remote net.Addr, proven bool) (leave func(), ok bool)

	// HandshakeTimeout bounds the handshake. Zero means 5 s; so does a
	// negative value.
	HandshakeTimeout time.Duration

	// IdleTimeout is how long a carrier lives without a packet from its peer.
	// It should be well above two heartbeats of the session: it is for peers
	// that vanish while no session watches. Zero means 60 s; so does a
	// negative value.
	IdleTimeout time.Duration

	// SendTimeout is how long Send waits for the network before it ends the
	// carrier. Zero means 10 s, negative means for ever.
	SendTimeout time.Duration

	// ZeroRTT lets clients send their hello with the handshake (clause 10.4).
	// What else they send waits until the handshake is complete.
	ZeroRTT bool

	// WebTransport serves WebTransport as well, for clients that speak HTTP/3
	// (clause 10.5); nil does not. Connections may then open more streams than
	// they have lanes.
	WebTransport *WebTransport

	// CloseConn says that Listener.Close closes the net.PacketConn too.
	CloseConn bool
}

// DialOptions are the settings of Dial. A nil *DialOptions means the defaults.
type DialOptions struct {
	// TLS is cloned; its protocols become that of this package. An empty
	// ServerName becomes the host of the address. Nil means the roots of the
	// system.
	TLS *tls.Config

	// HandshakeTimeout bounds Dial. Zero means 5 s; so does a negative value.
	HandshakeTimeout time.Duration

	// IdleTimeout is as in ListenOptions; the shorter one of both sides
	// counts.
	IdleTimeout time.Duration

	// SendTimeout is as in ListenOptions.
	SendTimeout time.Duration

	// Tickets are those of servers that were dialed before. Where there is one
	// of this server, and that allows it, Dial does not wait for the handshake:
	// the first batch on lane 0 travels with it, and is sent again if the
	// server rejects that; everything else that is sent waits. Nil means that
	// Dial returns when the handshake is complete.
	Tickets tls.ClientSessionCache

	// ListenPacket opens a socket, for network udp4 or udp6: one for Dial, and
	// another each time that the carrier moves. The carrier closes them at its
	// end. Nil means a net.ListenConfig.
	ListenPacket func(ctx context.Context, network, addr string) (net.PacketConn, error)
}

const (
	defaultHandshake   = 5 * time.Second
	defaultIdle        = 60 * time.Second
	defaultSendTimeout = 10 * time.Second
	defaultRetryAbove  = 256
)

// Receive windows bound what a peer can make this side hold. One lane alone fills
// 320 Mbit/s over 100 ms; with 1 MiB a stream got 60 % of 100 Mbit/s there.
const (
	streamWindow     = 256 << 10
	maxStreamWindow  = 4 << 20
	connWindow       = frame.MaxLanes * streamWindow // lanes that nobody reads must not stall one that is read
	maxConnWindow    = 8 << 20
	noStreams        = -1
	handshakeDivisor = 2 // quic-go gives a handshake twice its idle timeout
)

func config(handshake, idle time.Duration, streams int64) *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout:             positive(handshake, defaultHandshake) / handshakeDivisor,
		MaxIdleTimeout:                   positive(idle, defaultIdle),
		InitialStreamReceiveWindow:       streamWindow,
		MaxStreamReceiveWindow:           maxStreamWindow,
		InitialConnectionReceiveWindow:   connWindow,
		MaxConnectionReceiveWindow:       maxConnWindow,
		MaxIncomingStreams:               streams,
		MaxIncomingUniStreams:            noStreams,
		EnableDatagrams:                  true,
		EnableStreamResetPartialDelivery: true,
		// The session has heartbeats of its own: no KeepAlivePeriod.
	}
}

func positive(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

// sendTimeout returns 0 for a Send that waits for ever.
func sendTimeout(d time.Duration) time.Duration {
	return max(cmp.Or(d, defaultSendTimeout), 0)
}
