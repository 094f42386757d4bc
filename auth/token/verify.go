// Package token reads and makes the tokens of the method "token"
// (docs/protocol.md, clause 15.2): JSON Web Tokens (RFC 7519) that are signed
// with Ed25519 and nothing else (RFC 8037).
//
//	keys, err := token.OpenKeys("keys.json") // as "twinwire token public" writes it
//	v := &token.Verifier{Keys: keys, Audience: "chat"}
//	srv.Authenticate = v.Authenticate
//
// A token names its key, and the verifier's keys say what a key is for: nothing
// that a token says chooses an algorithm, a file or an address. Clients do not
// need this package: to them a token is bytes.
//
// The tokens are read by github.com/golang-jwt/jwt.
package token

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/twinwire/twinwire/auth"
	"github.com/twinwire/twinwire/core"
)

const (
	// DefaultLifetime is how long a token is good unless its maker says more.
	DefaultLifetime = 15 * time.Minute
	// DefaultSkew is how far two clocks may differ.
	DefaultSkew = 30 * time.Second
	// DefaultMaxLifetime is for how long a token may be good, seen from now.
	DefaultMaxLifetime = 24 * time.Hour

	maxToken = 8 << 10 // bytes
	maxID    = 255     // bytes of a subject, a client id, a key id or a token id
)

// A Verifier judges tokens. Its fields must not be changed once it is used.
type Verifier struct {
	// Keys are those whose tokens are good; required.
	Keys Keys
	// Audience is what tokens must be made out to; required, for a token that is
	// meant for another service must not be good here.
	Audience string
	// Issuer is who must have made them; "" for anybody who has a key.
	Issuer string
	// Skew is how far clocks may differ: zero means 30 s, a negative value that
	// they may not.
	Skew time.Duration
	// MaxLifetime bounds how far away the end of a token may be. Zero means 24 h,
	// a negative value that nothing does.
	MaxLifetime time.Duration
	// Once, unless nil, has each token be used once: it must have an id (jti).
	Once *Register
}

// Keys finds public keys. It is asked for each token, from many goroutines at
// once, with what a client has sent: the id must not be used as a name of a file
// or an address.
type Keys interface {
	// Key returns the key with this id, nil if there is none.
	Key(id string) ed25519.PublicKey
}

// Authenticate is an auth.Authenticator. The principal has the subject as its
// id, all claims, and the end of the token with the skew. If the token has a
// client id, the session has that, whatever the client says.
func (v *Verifier) Authenticate(_ context.Context, l *auth.Login) (*core.Principal, error) {
	if l.Method != core.MethodToken {
		return nil, auth.Denied(fmt.Errorf("method is %.64q, not %q", l.Method, core.MethodToken))
	}
	c, err := v.Verify(string(l.Credential))
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, auth.Expired(err)
	case errors.Is(err, errMisconfigured):
		return nil, err
	case err != nil:
		return nil, auth.Denied(err)
	}
	end := c.Expires.Add(v.skew())
	if v.Once != nil {
		if err := v.Once.use(c.ID, l.Attempt, time.Now(), end); err != nil {
			return nil, err
		}
	}
	if c.Client != "" && l.Session == nil {
		l.Hello.Client = c.Client
	}
	return &core.Principal{ID: c.Subject, Claims: c.All, Expires: end}, nil
}

// Claims is what a token says.
type Claims struct {
	// Subject is whom it was made out to.
	Subject string
	// Client is the client id; "" leaves it to the client.
	Client string
	// ID is the token's own.
	ID string
	// Expires is the end of it, without skew.
	Expires time.Time
	// All are all claims, as JSON has them: the application's own, and those
	// above.
	All map[string]any
}

var errMisconfigured = errors.New("token: verifier without keys or without an audience")

// Verify checks a token and returns what it says. Verifying does not use up one
// that can be used once.
func (v *Verifier) Verify(token string) (*Claims, error) {
	if v.Keys == nil || v.Audience == "" {
		return nil, errMisconfigured
	}
	if len(token) > maxToken {
		return nil, fmt.Errorf("token of %d bytes is over the limit of %d", len(token), maxToken)
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithStrictDecoding(),
		jwt.WithAudience(v.Audience), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
		jwt.WithLeeway(v.skew()),
	}
	if v.Issuer != "" {
		options = append(options, jwt.WithIssuer(v.Issuer))
	}
	all := jwt.MapClaims{}
	if _, err := jwt.NewParser(options...).ParseWithClaims(token, all, v.key); err != nil {
		return nil, err
	}
	return v.claims(all)
}

// key is the library's: it returns the key that a token names.
func (v *Verifier) key(t *jwt.Token) (any, error) {
	if _, critical := t.Header["crit"]; critical {
		return nil, errors.New("token has a critical extension") // RFC 7515, section 4.1.11
	}
	id, _ := t.Header["kid"].(string)
	if id == "" || len(id) > maxID {
		return nil, errors.New("token does not name its key")
	}
	key := v.Keys.Key(id)
	if len(key) != ed25519.PublicKeySize {
		return nil, errors.New("key of the token is not known")
	}
	return key, nil
}

// claims takes the claims of a token that is good apart.
func (v *Verifier) claims(all jwt.MapClaims) (*Claims, error) {
	c := &Claims{All: all}
	for name, into := range map[string]*string{"sub": &c.Subject, "client_id": &c.Client, "jti": &c.ID} {
		value, there := all[name]
		text, isText := value.(string)
		if there && !isText || len(text) > maxID {
			return nil, fmt.Errorf("claim %s is not a text of at most %d bytes", name, maxID)
		}
		*into = text
	}
	end, err := all.GetExpirationTime()
	most := v.MaxLifetime
	if most == 0 {
		most = DefaultMaxLifetime
	}
	switch {
	case err != nil || end == nil:
		return nil, errors.New("token without an end")
	case most > 0 && time.Until(end.Time) > most+v.skew():
		return nil, fmt.Errorf("token is good for more than %v", most)
	case c.Subject == "":
		return nil, errors.New("token without a subject")
	case v.Once != nil && c.ID == "":
		return nil, errors.New("token without an id")
	}
	c.Expires = end.Time
	return c, nil
}

func (v *Verifier) skew() time.Duration {
	if v.Skew == 0 {
		return DefaultSkew
	}
	return max(v.Skew, 0)
}
