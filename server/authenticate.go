package server

import (
	"context"
	"crypto/tls"
	"net/http"

	"github.com/twinwire/twinwire/auth"
	"github.com/twinwire/twinwire/core"
)

// A caller is what a server knows of a carrier, until its session begins.
type caller struct {
	tls    func() tls.ConnectionState // nil without TLS
	header http.Header
	origin string
	leave  func() // is called when the carrier has ended
}

// authenticate asks the user's Authenticator, and then whether the client id is
// to be had. A renewal has no carrier of its own, and has its id.
func (s *Server) authenticate(ctx context.Context, l *core.Login) (*core.Principal, error) {
	var p *core.Principal
	if s.Authenticate != nil {
		in := &auth.Login{Login: l}
		if c, ok := l.Peer.(*caller); ok {
			in.Header, in.Origin = c.header, c.origin
			if c.tls != nil {
				state := c.tls()
				in.TLS = &state
			}
		}
		var err error
		if p, err = s.Authenticate(ctx, in); err != nil {
			return nil, err
		}
	}
	if l.Session != nil || l.Resumes {
		return p, nil
	}
	return p, s.mayEnter(ctx, p, l.Hello.Client)
}
