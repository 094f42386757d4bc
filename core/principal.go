package core

import (
	"context"
	"strconv"
	"time"
)

// A Principal is whom a session belongs to, as the server's authentication has
// decided (clause 15.1). It must not be changed once it has been returned by
// that. A nil *Principal stands for a client that nobody wanted to know.
type Principal struct {
	// ID tells principals apart: of all that is here it alone decides who may
	// go on with a session, and renew it. "" is nobody in particular.
	ID string
	// Claims are what else is known, for handlers and interceptors to use: of a
	// token, what is in it.
	Claims map[string]any
	// Expires is when the session ends unless its credentials are renewed; zero
	// for never.
	Expires time.Time
}

// Claim returns a claim, and nil where there is none or no principal.
func (p *Principal) Claim(name string) any {
	if p == nil {
		return nil
	}
	return p.Claims[name]
}

// maxQuoted is how much of a peer's text gets into a log, in bytes.
const maxQuoted = 256

// quoted returns a text of the peer as a log may have it: with everything
// escaped that could be taken for something else.
func quoted(s string) string {
	if len(s) > maxQuoted {
		s = s[:maxQuoted]
	}
	if s = strconv.QuoteToASCII(s); len(s) > maxQuoted {
		s = s[:maxQuoted]
	}
	return s
}

// Principal returns whom the session belongs to, nil if the server did not want
// to know, and always at a client. A renewal, and going on with another
// carrier, may give it other claims and another end, but never another id.
func (s *Session) Principal() *Principal { return s.principal.Load() }

// PrincipalFrom returns the principal of the session that ctx belongs to, as
// Session.Principal does; nil if it belongs to none.
func PrincipalFrom(ctx context.Context) *Principal {
	if s, ok := SessionFrom(ctx); ok {
		return s.Principal()
	}
	return nil
}

// Expires returns when the session ends unless its credentials are renewed; the
// zero time if it does not, or if that is not known. At a client it is what the
// server has said, in terms of this side's clock (clause 15.7).
func (s *Session) Expires() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.expiry
}
