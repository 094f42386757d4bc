package token

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A Grant is what a token is to say.
type Grant struct {
	// Subject is whom it is made out to, the id of the principal; required.
	Subject string
	// Audience is which service it is for; required.
	Audience string
	// Issuer is who has made it; "" leaves it out.
	Issuer string
	// Client is the client id of its sessions; "" leaves it to the client.
	Client string
	// NotBefore is from when it is good; zero means from now.
	NotBefore time.Time
	// Lifetime is for how long, from then: zero means 15 minutes.
	Lifetime time.Duration
	// Claims are the application's own. They must not have the names of the
	// registered ones: iss, sub, aud, exp, nbf, iat, jti and client_id.
	Claims map[string]any
}

var registered = map[string]bool{"iss": true, "sub": true, "aud": true, "exp": true, "nbf": true, "iat": true, "jti": true, "client_id": true}

// Sign makes a token, with a random id of its own.
func (k *Key) Sign(g *Grant) (string, error) {
	if g.Subject == "" || g.Audience == "" || len(g.Subject) > maxID || len(g.Client) > maxID {
		return "", fmt.Errorf("token: subject and audience are required, and subject and client have at most %d bytes", maxID)
	}
	if g.Lifetime < 0 {
		return "", errors.New("token: it would have expired before it begins")
	}
	claims := jwt.MapClaims{}
	for name := range g.Claims {
		if registered[name] {
			return "", fmt.Errorf("token: claim %q is not the application's to make", name)
		}
	}
	maps.Copy(claims, g.Claims)
	now := time.Now()
	from := g.NotBefore
	if from.IsZero() {
		from = now
	}
	lifetime := g.Lifetime
	if lifetime == 0 {
		lifetime = DefaultLifetime
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	claims["sub"], claims["aud"], claims["jti"] = g.Subject, g.Audience, hex.EncodeToString(id[:])
	claims["iat"], claims["nbf"], claims["exp"] = now.Unix(), from.Unix(), from.Add(lifetime).Unix()
	if g.Issuer != "" {
		claims["iss"] = g.Issuer
	}
	if g.Client != "" {
		claims["client_id"] = g.Client
	}
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
	t.Header["kid"] = k.ID
	signed, err := t.SignedString(k.private)
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	if len(signed) > maxToken {
		return "", fmt.Errorf("token: %d bytes are over the limit of %d", len(signed), maxToken)
	}
	return signed, nil
}
