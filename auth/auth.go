// Package auth says how a server finds out who its clients are
// (docs/protocol.md, clause 15; docs/security.md).
//
//	srv.Authenticate = auth.Secrets(func(name string) []byte { return secrets[name] })
//
// An [Authenticator] is a function; those of this package and of auth/token are
// ready made, and a program's own may use whatever a [Login] has: credentials
// that the client has sent, its certificate, or the cookies of the WebSocket
// upgrade. Several are combined by [ByMethod].
//
// What an Authenticator returns is the session's principal for handlers and
// interceptors (core.PrincipalFrom), which decide what it may do. Its id alone
// says whom a session belongs to: nobody else goes on with it.
package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"fmt"
	"net/http"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
)

// A Login is a client that wants to be let in. It must not be kept. In logs and
// in formatted output it shows the method and the carrier alone.
type Login struct {
	// Login is what the client has sent, and the carrier; Info.RemoteAddr is the
	// client's address, behind a trusted proxy too.
	*core.Login
	// TLS is the state of the connection, with the client's certificate if it
	// has one (server.Server.ClientCAs); nil without TLS, and in a renewal.
	TLS *tls.ConnectionState
	// Header is that of the upgrade of a WebSocket, cookies included; nil on
	// QUIC, and in a renewal. Its values are the client's word.
	Header http.Header
	// Origin is the page's that opened the connection, which has been checked;
	// "" if it was none.
	Origin string
}

// An Authenticator decides who a client is. A nil principal without an error
// lets it in as nobody. The error refuses it: Denied, a *core.RefusedError of
// one's own, or any other, whose code and text reach the client if it has a
// twinwire.Code and stay in the server's log if not.
//
// It is called for each carrier, for each that goes on with a session, and for
// each renewal (then Session is set), from many goroutines at once. ctx ends
// after 5 s, and with the carrier.
type Authenticator func(ctx context.Context, l *Login) (*core.Principal, error)

// Denied returns an error that refuses a client: its code is Unauthorized, and
// other credentials may help. The cause is for the server's log.
func Denied(cause error) error {
	return deny(twinwire.Unauthorized, "credentials are not good", cause)
}

// Expired is Denied for credentials that were good.
func Expired(cause error) error {
	return deny(twinwire.Expired, "credentials have expired", cause)
}

func deny(code twinwire.Code, reason string, cause error) error {
	refused := &core.RefusedError{Code: code, Reason: reason, Authenticate: true}
	if cause == nil {
		return refused
	}
	return &denied{refused, cause}
}

// A denied is a refusal with what the client does not get to know.
type denied struct {
	refused *core.RefusedError
	cause   error
}

func (e *denied) Error() string { return e.refused.Error() + ": " + e.cause.Error() }
func (e *denied) Unwrap() error { return e.refused }

// ByMethod has each method of authentication judged by its own Authenticator;
// "" stands for clients that name none. Methods that are not in the map are
// denied. The map must not be changed any more.
func ByMethod(methods map[string]Authenticator) Authenticator {
	return func(ctx context.Context, l *Login) (*core.Principal, error) {
		if f := methods[l.Method]; f != nil {
			return f(ctx, l)
		}
		return nil, Denied(fmt.Errorf("method %.64q is not spoken here", l.Method))
	}
}

// Nobody lets everybody in as nobody: for ByMethod.
func Nobody(context.Context, *Login) (*core.Principal, error) { return nil, nil }

// Secrets judges the method "secret" (clause 15.3), where a client proves that
// it knows a secret and does not send it. The function returns the secret of a
// name, at least 32 bytes, or nil if there is none; it is called for each
// login, so what it returns may change. The principal has the name as its id
// and no end. A client uses client.Secret.
func Secrets(secret func(name string) []byte) Authenticator {
	return func(ctx context.Context, l *Login) (*core.Principal, error) {
		if l.Method != core.MethodSecret {
			return nil, Denied(fmt.Errorf("method is %.64q, not %q", l.Method, core.MethodSecret))
		}
		name := string(l.Credential)
		challenge := make([]byte, core.ChallengeSize)
		_, _ = rand.Read(challenge) // never fails
		proof, err := l.Challenge(ctx, challenge)
		if err != nil {
			return nil, err
		}
		key, known := secret(name), true
		if len(key) < core.MinSecret || name == "" {
			if len(key) > 0 {
				return nil, fmt.Errorf("auth: secret of %d bytes, it needs %d", len(key), core.MinSecret)
			}
			// The answer to a name that nobody has takes as long.
			key, known = make([]byte, core.MinSecret), false
		}
		want := core.SecretProof(key, name, l.Attempt, challenge)
		if subtle.ConstantTimeCompare(proof, want) != 1 || !known {
			return nil, Denied(nil)
		}
		return &core.Principal{ID: name}, nil
	}
}
