package certs

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// The text of a pin is one of these and the base64 of the hash.
const (
	keyPrefix         = "sha256/"
	certificatePrefix = "cert-sha256/"
)

// sumSize is how many bytes a SHA-256 has. Its package is not imported here, for
// the sake of pages, which compute none.
const sumSize = 32

// A Pin names a server by the SHA-256 of what it presents in the handshake:
// of its public key ([PinOf]) or of its whole certificate
// ([CertificatePinOf]). A pin is not secret.
//
// Pins of the same kind and hash are equal with ==, so a Pin can be the key of
// a map. The zero Pin is no pin: nothing matches it.
type Pin struct {
	kind pinKind
	sum  [sumSize]byte
}

type pinKind uint8

const (
	noPin pinKind = iota
	keyPin
	certificatePin
)

// ParsePin reads the text of a pin as [Pin.String] writes it: "sha256/" and
// the base64 of the hash of the key, or "cert-sha256/" and the base64 of the
// hash of the certificate. It takes "sha256//" as well, as curl's
// --pinnedpubkey does. Everything else is an error that says what is wrong.
func ParsePin(text string) (Pin, error) {
	var p Pin
	rest, ok := strings.CutPrefix(text, keyPrefix)
	if ok {
		p.kind = keyPin
	} else if rest, ok = strings.CutPrefix(text, certificatePrefix); ok {
		p.kind = certificatePin
	} else {
		return Pin{}, fmt.Errorf("certs: pin %.100q begins neither with %q nor with %q", text, keyPrefix, certificatePrefix)
	}
	// A slash is a digit of base64 too; only the length tells curl's second
	// slash from the first digit of a hash.
	size := base64.StdEncoding.EncodedLen(sumSize)
	if p.kind == keyPin && len(rest) == size+1 && rest[0] == '/' {
		rest = rest[1:]
	}
	if len(rest) != size {
		return Pin{}, fmt.Errorf("certs: pin %.100q has %d characters of base64, a SHA-256 has %d", text, len(rest), size)
	}
	// Strict: one pin has one spelling.
	sum, err := base64.StdEncoding.Strict().DecodeString(rest)
	if err != nil {
		return Pin{}, fmt.Errorf("certs: pin %.100q: %w", text, err)
	}
	if len(sum) != sumSize {
		// One more without the padding, fewer where line breaks stand for
		// digits, which the decoder skips.
		return Pin{}, fmt.Errorf("certs: pin %.100q holds %d bytes, a SHA-256 has %d", text, len(sum), sumSize)
	}
	copy(p.sum[:], sum)
	return p, nil
}

// String returns the text of the pin, which [ParsePin] reads; "" for the zero
// Pin.
func (p Pin) String() string {
	switch p.kind {
	case keyPin:
		return keyPrefix + base64.StdEncoding.EncodeToString(p.sum[:])
	case certificatePin:
		return certificatePrefix + base64.StdEncoding.EncodeToString(p.sum[:])
	default:
		return ""
	}
}

// Sum returns the hash; all zero for the zero Pin.
func (p Pin) Sum() [sumSize]byte { return p.sum }

// IsZero reports whether p is the zero Pin, which nothing matches.
func (p Pin) IsZero() bool { return p.kind == noPin }

// MarshalText implements encoding.TextMarshaler with the text of
// [Pin.String]. It never fails.
func (p Pin) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It takes what [ParsePin]
// takes, and the empty text for the zero Pin; on an error p is unchanged.
func (p *Pin) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*p = Pin{}
		return nil
	}
	parsed, err := ParsePin(string(text))
	if err != nil {
		return err
	}
	*p = parsed
	return nil
}
