//go:build !js

package client

import (
	"context"

	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/quic"
	"github.com/twinwire/twinwire/transport/ws"
)

// dial dials one wire. A carrier for a new session may be early (clause 10.4).
func (t *target) dial(ctx context.Context, w wire, fresh bool) (transport.Carrier, error) {
	switch w {
	case wireQUIC:
		o := &quic.DialOptions{TLS: t.tls.Clone()}
		if fresh {
			o.Tickets = t.tickets
		}
		c, err := quic.Dial(ctx, t.hostPort(), o)
		if err != nil {
			return nil, err // not a nil *quic.Carrier in an interface
		}
		return c, nil
	case wireWebTransport:
		c, err := quic.DialWebTransport(ctx, "https://"+t.hostPort()+t.path, t.header, &quic.DialOptions{TLS: t.tls.Clone()})
		if err != nil {
			return nil, err
		}
		return c, nil
	default:
		c, err := ws.Dial(ctx, w.String()+"://"+t.hostPort()+t.path, &ws.Options{TLS: t.tls.Clone(), Header: t.header, Proxy: t.proxy})
		if err != nil {
			return nil, err
		}
		return c, nil
	}
}
