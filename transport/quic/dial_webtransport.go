package quic

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
)

// ErrStatus is wrapped by the error of DialWebTransport if the server answers
// and does not begin a session.
var ErrStatus = errors.New("server refused a WebTransport session")

// DialWebTransport begins a WebTransport session with the server at a URL of
// scheme https, on a connection of its own, as a page in a browser would (clause
// 10.5). The header is sent with the request and may be nil. Tickets are not
// used. Where the host has several addresses it does as Dial, and it returns
// the same errors, and ErrStatus.
func DialWebTransport(ctx context.Context, rawURL string, header http.Header, o *DialOptions) (*Carrier, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("quic: dial: %w", err)
	}
	if u.Scheme != "https" {
		return nil, fmt.Errorf("quic: dial: WebTransport has URLs of scheme https, and not %q", u.Scheme)
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return dialAll(ctx, net.JoinHostPort(u.Hostname(), port), http3.NextProtoH3, o,
		func(ctx context.Context, target netip.AddrPort, cfg *tls.Config, opt *DialOptions) (*Carrier, error) {
			return dialSession(ctx, target, cfg, opt, u.String(), header)
		})
}

// dialSession connects to one address and begins a session there.
func dialSession(ctx context.Context, target netip.AddrPort, cfg *tls.Config, opt *DialOptions, url string, header http.Header) (*Carrier, error) {
	p, t, err := newPaths(ctx, target, opt)
	if err != nil {
		return nil, err
	}
	qc := config(opt.HandshakeTimeout, opt.IdleTimeout, noStreams)
	qc.MaxIncomingUniStreams = httpUniStreams
	conn, err := t.Dial(ctx, net.UDPAddrFromAddrPort(target), cfg, qc)
	if err != nil {
		p.close()
		return nil, err
	}
	fail := func(err error) (*Carrier, error) {
		_ = conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
		p.close()
		return nil, err
	}
	wtc := wtConfig
	client, err := (&webtransport.Transport{Config: &wtc}).NewClientConn(conn)
	if err != nil {
		return fail(err)
	}
	response, wt, err := client.Dial(ctx, url, header)
	switch {
	case response != nil && response.StatusCode != http.StatusOK:
		return fail(fmt.Errorf("%w: status %d", ErrStatus, response.StatusCode))
	case err != nil:
		return fail(err)
	}
	c := newCarrier(conn, newSession(conn, wt, nil, nil), true, sendTimeout(opt.SendTimeout))
	c.travels(p, t)
	return c, nil
}
