//go:build !js

package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/quic"
	"github.com/twinwire/twinwire/transport/ws"
)

// settings are what the wires of a target need to know of Options.
type settings struct {
	tls     *tls.Config
	header  http.Header
	proxy   func(*http.Request) (*url.URL, error)
	tickets tls.ClientSessionCache
	// congestion is what Options.Congestion says.
	congestion string
	// twin is what Options.Twin says.
	twin bool
	// compares is what Options.CompareWires says.
	compares bool
}

// wiresOf returns the wires that a scheme stands for, the best first.
func wiresOf(scheme string) ([]wire, error) {
	switch scheme {
	case "":
		return []wire{wireQUIC, wireWebSocket}, nil
	case "quic":
		return []wire{wireQUIC}, nil
	case "https":
		return []wire{wireWebTransport}, nil
	case "wss":
		return []wire{wireWebSocket}, nil
	case "ws":
		return []wire{wirePlaintext}, nil
	}
	return nil, twinwire.Errorf(twinwire.BadRequest, "unknown scheme %q: quic, wss, https and ws are known, and none for the best wire", scheme)
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// configure gives the target what the wires need of Options.
func (t *target) configure(o *Options) (err error) {
	if t.tls, err = o.tlsConfig(t.host); err != nil {
		return err
	}
	t.header, t.proxy, t.tickets, t.congestion, t.twin, t.compares = o.Header, o.Proxy, o.Tickets, o.Congestion, o.Twin, o.CompareWires
	return t.throughProxy()
}

// throughProxy leaves WebSocket alone where a proxy is to be used.
func (t *target) throughProxy() error {
	if t.proxy == nil {
		t.proxy = http.ProxyFromEnvironment
	}
	if len(t.wires) < 2 {
		return nil
	}
	proxy, err := t.proxy(&http.Request{URL: &url.URL{Scheme: "https", Host: t.hostPort()}})
	if err != nil {
		return fmt.Errorf("%w: proxy: %w", twinwire.BadRequest, err)
	}
	if proxy != nil {
		t.wires = []wire{wireWebSocket}
	}
	return nil
}

// tlsConfig returns how the server is verified.
func (o *Options) tlsConfig(host string) (*tls.Config, error) {
	var cfg *tls.Config
	switch pinned := certs.ClientTLS(o.Pins...); {
	case o.TLS == nil && o.Pins == nil && loopback(host):
		cfg = certs.LocalTLS("")
	case o.TLS == nil:
		cfg = pinned
	default:
		cfg = o.TLS.Clone()
		if len(o.Pins) > 0 {
			cfg.InsecureSkipVerify, cfg.VerifyConnection = pinned.InsecureSkipVerify, pinned.VerifyConnection
		} else if cfg.InsecureSkipVerify && cfg.VerifyConnection == nil && cfg.VerifyPeerCertificate == nil {
			return nil, twinwire.NewError(twinwire.BadRequest, "InsecureSkipVerify without a verification of one's own: use Pins")
		}
	}
	cfg.MinVersion = tls.VersionTLS13
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	return cfg, nil
}

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
		c, err := ws.Dial(ctx, w.String()+"://"+t.hostPort()+t.path, &ws.Options{TLS: t.tls.Clone(), Header: t.header, Proxy: t.proxy, Congestion: t.congestion, Twin: t.twin})
		if err != nil {
			return nil, answered(err)
		}
		return c, nil
	}
}

// answered makes a refusal with advice of an HTTP answer that says when to come
// back, as a server behind a proxy gives it, or the proxy.
func answered(err error) error {
	var answer *ws.HandshakeError
	if !errors.As(err, &answer) {
		return err
	}
	refused := &core.RefusedError{Reason: answer.Error()}
	switch answer.Status {
	case http.StatusTooManyRequests:
		refused.Code = twinwire.ResourceExhausted
	case http.StatusServiceUnavailable:
		refused.Code = twinwire.Unavailable
	default:
		return err
	}
	seconds, bad := strconv.ParseUint(answer.Header.Get("Retry-After"), 10, 16)
	if bad != nil || seconds == 0 {
		return err // a date, or nothing
	}
	refused.RetryAfter = time.Duration(seconds) * time.Second
	return refused
}
