package ws

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/gorilla/websocket"

	"github.com/twinwire/twinwire/transport/internal/closing"
)

// ErrSubprotocol means that the server upgraded the connection but does not
// speak twinwire.1.
var ErrSubprotocol = errors.New("ws: server does not speak " + Subprotocol)

// A HandshakeError is an answer of the server that is not an upgrade.
type HandshakeError struct {
	// Status is the status code of the HTTP response.
	Status int
	// Text is the beginning of its body, for people.
	Text string
	// Header is its header.
	Header http.Header
}

// Error returns status and text.
func (e *HandshakeError) Error() string {
	s := fmt.Sprintf("ws: server answered %d %s", e.Status, http.StatusText(e.Status))
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}

// Dial connects to a URL with the scheme wss, or ws for a connection without
// TLS. It returns what the context's end says, a *HandshakeError,
// ErrSubprotocol, or an error of package net or crypto/tls.
func Dial(ctx context.Context, url string, o *Options) (*Carrier, error) {
	opt := o.withDefaults()
	if !opt.Twin {
		return dial(ctx, url, &opt, Subprotocol)
	}
	id := newTwinID()
	opt.Header = opt.Header.Clone()
	if opt.Header == nil {
		opt.Header = make(http.Header)
	}
	opt.Header.Set(TwinHeader, id)
	c, err := dial(ctx, url, &opt, Subprotocol)
	if err != nil {
		return nil, err
	}
	c.twin = newTwin(c, func(ctx context.Context) (*Carrier, error) { return dial(ctx, url, &opt, twinSubprotocol) })
	return c, nil
}

// dial is Dial for one connection, which speaks a subprotocol.
func dial(ctx context.Context, url string, opt *Options, subprotocol string) (*Carrier, error) {
	stop := func() bool { return true }
	d := websocket.Dialer{
		// gorilla heeds the deadline of a context at all times, but its
		// cancellation no longer while it waits for the response.
		NetDialContext: func(dialing context.Context, network, addr string) (net.Conn, error) {
			conn, err := opt.DialContext(dialing, network, addr)
			if err != nil {
				return nil, err
			}
			stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
			if tcp, ok := conn.(*net.TCPConn); ok {
				return newSpool(tcp), nil
			}
			return conn, nil
		},
		Proxy:            opt.Proxy,
		TLSClientConfig:  clientTLS(opt.TLS),
		HandshakeTimeout: opt.HandshakeTimeout,
		ReadBufferSize:   readBuffer,
		WriteBufferPool:  &unused,
		Subprotocols:     []string{subprotocol},
	}
	conn, resp, err := d.DialContext(ctx, url, opt.Header)
	stopped := stop()
	switch {
	case err != nil && resp != nil && resp.StatusCode != http.StatusSwitchingProtocols:
		// gorilla leaves the first KiB of the body.
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return nil, &HandshakeError{Status: resp.StatusCode, Text: closing.Reason(strings.TrimSpace(string(body))), Header: resp.Header}
	case ctx.Err() != nil && (err != nil || !stopped):
		return nil, fmt.Errorf("ws: dial: %w", context.Cause(ctx))
	case err != nil:
		return nil, fmt.Errorf("ws: dial: %w", err)
	case conn.Subprotocol() != subprotocol:
		_ = conn.Close() // ErrSubprotocol says more than its error
		return nil, ErrSubprotocol
	}
	c := newCarrier(conn, true, opt.SendTimeout, opt.Congestion)
	if _, ok := conn.NetConn().(*tls.Conn); ok {
		// A configuration that skips the usual verification and has none of
		// its own, as that of pins, knows nobody's identity.
		c.info.Secure = !opt.TLS.InsecureSkipVerify || opt.TLS.VerifyConnection != nil || opt.TLS.VerifyPeerCertificate != nil
	}
	return c, nil
}

func clientTLS(cfg *tls.Config) *tls.Config {
	cfg = cfg.Clone()
	cfg.NextProtos = []string{"http/1.1"}
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS13)
	// Records that grow slowly help pages to render and cost batches a system
	// call for every 1.2 KiB.
	cfg.DynamicRecordSizingDisabled = true
	return cfg
}
