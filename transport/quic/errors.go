package quic

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/quic-go/quic-go"
)

var (
	// ErrProtocol means that the server speaks QUIC but neither twinwire/1 nor,
	// where it was dialed for WebTransport, HTTP/3.
	ErrProtocol = errors.New("server does not speak the protocol over QUIC")
	// ErrNoAnswer means that nobody answered: no server, or a network that
	// drops UDP.
	ErrNoAnswer = errors.New("no answer over UDP")
	// ErrReceiving is returned by a second call of Receive.
	ErrReceiving = errors.New("quic: Receive was called before")

	errTimeout = fmt.Errorf("quic: send timeout: %w", os.ErrDeadlineExceeded)

	// What a peer may not do on this wire. The texts are fit to be sent.
	errTwice = errors.New("lane was opened twice")
	errEnded = errors.New("lane was closed")
)

// noApplicationProtocol is the TLS alert of RFC 7301 as RFC 9001, section 4.8,
// writes it.
const noApplicationProtocol quic.TransportErrorCode = 0x178

// lost returns what the end of a connection means, given its error or that of
// one of its streams.
func lost(conn *quic.Conn, err error) error {
	if cause := context.Cause(conn.Context()); cause != nil {
		err = cause
	}
	var transport *quic.TransportError
	switch {
	case errors.As(err, new(*quic.StatelessResetError)):
		return fmt.Errorf("quic: connection lost: the peer has forgotten it: %w", err)
	case errors.As(err, new(*quic.IdleTimeoutError)):
		return fmt.Errorf("quic: connection lost: nothing was heard from the peer: %w", err)
	case errors.As(err, new(*quic.HandshakeTimeoutError)):
		return fmt.Errorf("quic: handshake: %w", err)
	case errors.As(err, &transport) && transport.Remote:
		return fmt.Errorf("quic: connection closed by the library of the peer: %w", err)
	}
	return fmt.Errorf("quic: connection lost: %w", err)
}
