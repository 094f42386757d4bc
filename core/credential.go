package core

import (
	"context"
	"crypto/subtle"
	"fmt"
	"slices"
	"strconv"

	"github.com/twinwire/twinwire"
)

// Methods of authentication that docs/protocol.md defines (clause 15.2).
const (
	MethodToken  = "token"
	MethodSecret = "secret"
)

const (
	// maxAuthMethod is the most bytes that the name of a method has.
	maxAuthMethod = 64
	// MinSecret is the least bytes that a shared secret has (clause 15.3).
	MinSecret = 32
	// ChallengeSize is how many bytes a challenge for a shared secret has.
	ChallengeSize = 32
)

// A Credential is what a client proves with who it is (clause 15.2). It shows
// nothing of itself in logs and in formatted output.
type Credential struct {
	// Method is how it is to be understood: MethodToken, MethodSecret, or what
	// both ends have agreed on.
	Method string
	// Data goes to the server with the hello.
	Data []byte
	// Prove answers the server's challenge. The attempt is the one of the hello,
	// and makes the proof of no use for another. Nil if the method has none.
	Prove func(ctx context.Context, attempt ID, challenge []byte) (proof []byte, err error)
}

// TokenCredential is the credential of a token.
func TokenCredential(token string) *Credential {
	return &Credential{Method: MethodToken, Data: []byte(token)}
}

// SecretCredential is the credential of a secret of at least 32 bytes that the
// server knows by this name, of 1 to 255 bytes (clause 15.3). The secret does
// not travel.
func SecretCredential(name string, secret []byte) (*Credential, error) {
	switch {
	case name == "" || len(name) > maxClient:
		return nil, twinwire.NewError(twinwire.BadRequest, "name of a secret has "+strconv.Itoa(len(name))+" bytes, not 1 to "+strconv.Itoa(maxClient))
	case len(secret) < MinSecret:
		return nil, twinwire.NewError(twinwire.BadRequest, "secret has "+strconv.Itoa(len(secret))+" bytes and needs "+strconv.Itoa(MinSecret))
	}
	key := append([]byte(nil), secret...)
	return &Credential{Method: MethodSecret, Data: []byte(name), Prove: func(_ context.Context, attempt ID, challenge []byte) ([]byte, error) {
		if len(challenge) != ChallengeSize {
			return nil, twinwire.NewError(twinwire.ProtocolError, "challenge has "+strconv.Itoa(len(challenge))+" bytes, not "+strconv.Itoa(ChallengeSize))
		}
		return authenticated(key, proven(name, attempt, challenge))
	}}, nil
}

// proven is what the proof of clause 15.3 authenticates.
func proven(name string, attempt ID, challenge []byte) []byte {
	return slices.Concat([]byte("twinwire proof 1"), attempt[:], challenge, []byte(name))
}

// Equal reports whether two credentials are certain to be answered alike: they
// have the same bytes, or are the same value if they prove something.
func (c *Credential) Equal(other *Credential) bool {
	if c == nil || other == nil || c.Prove != nil || other.Prove != nil {
		return c == other
	}
	return c.Method == other.Method && subtle.ConstantTimeCompare(c.Data, other.Data) == 1
}

// check reports what cannot be sent.
func (c *Credential) check() error {
	if c != nil && (c.Method == "" || len(c.Method) > maxAuthMethod) {
		return twinwire.NewError(twinwire.BadRequest, "method of authentication has "+strconv.Itoa(len(c.Method))+" bytes, not 1 to "+strconv.Itoa(maxAuthMethod))
	}
	return nil
}

// MarshalText keeps them out of what is logged as JSON, inside of others too.
func (c *Credential) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// String says which method it is, and nothing else.
func (c *Credential) String() string {
	if c == nil {
		return "no credential"
	}
	return quoted(c.Method) + " credential, redacted"
}

// Format is String for all verbs.
func (c *Credential) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }
