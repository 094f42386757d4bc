//go:build js

package browser

import (
	"cmp"
	"errors"
	"os"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/internal/plain"
)

// Options are the settings of the functions that dial. A nil *Options means the
// defaults.
type Options struct {
	// Hashes are the SHA-256 of the certificates to trust in place of those of
	// authorities, as serverCertificateHashes of WebTransport: browsers take them
	// for ECDSA certificates that are valid for at most 14 days. WebSocket has
	// nothing like it.
	Hashes [][32]byte

	// HandshakeTimeout bounds the dial. Zero means 10 s, negative means that the
	// context alone bounds it.
	HandshakeTimeout time.Duration

	// SendTimeout is how long Send waits for the network before it ends the
	// carrier. Zero means 10 s, negative means for ever.
	SendTimeout time.Duration
}

func (o *Options) withDefaults() Options {
	var v Options
	if o != nil {
		v = *o
	}
	v.HandshakeTimeout = max(cmp.Or(v.HandshakeTimeout, 10*time.Second), 0)
	v.SendTimeout = max(cmp.Or(v.SendTimeout, 10*time.Second), 0)
	return v
}

var (
	// ErrMissing means that the browser does not have the wire. Its code is
	// NotImplemented.
	ErrMissing = twinwire.NewError(twinwire.NotImplemented, "browser: the browser has no such wire")
	// ErrHandshake means that the connection could not be made. Browsers do not
	// tell why.
	ErrHandshake = twinwire.NewError(twinwire.Unavailable, "browser: connection could not be made")
	// ErrReceiving is returned by a second call of Receive.
	ErrReceiving = errors.New("browser: Receive was called before")

	errLost      = errors.New("browser: connection lost")
	errTimeout   = plain.Wrap("browser: send timeout", os.ErrDeadlineExceeded)
	errHandshake = plain.Wrap("browser: handshake", os.ErrDeadlineExceeded)

	// What a peer may not do. The texts are fit to be sent.
	errText    = errors.New("text message")
	errMessage = errors.New("message is over the limit")
	errEnded   = errors.New("lane was closed")
)
