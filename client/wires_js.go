package client

import (
	"context"
	"strconv"
	"strings"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/browser"
)

// settings are what the wires of a target need to know of Options.
type settings struct{ hashes [][32]byte }

// wiresOf returns the wires that a scheme stands for, the best first.
func wiresOf(scheme string) ([]wire, error) {
	switch scheme {
	case "":
		return []wire{wireWebTransport, wireWebSocket}, nil
	case "https":
		return []wire{wireWebTransport}, nil
	case "wss":
		return []wire{wireWebSocket}, nil
	case "ws":
		return []wire{wirePlaintext}, nil
	}
	return nil, twinwire.NewError(twinwire.BadRequest, "unknown scheme "+strconv.Quote(scheme)+": browsers have https, which is WebTransport, wss and ws, and none for the best wire")
}

// loopback reports whether a host is this machine, as the browser writes it.
func loopback(host string) bool {
	digits, ipv4 := strings.CutPrefix(host, "127.")
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "::1" ||
		ipv4 && strings.Trim(digits, "0123456789.") == ""
}

// configure gives the target what the wires need of Options.
func (t *target) configure(o *Options) error {
	for _, pin := range o.Pins {
		if !strings.HasPrefix(pin.String(), "cert-") {
			return twinwire.NewError(twinwire.BadRequest, "browsers compare whole certificates: pin "+pin.String()+" is none of a certificate")
		}
		t.hashes = append(t.hashes, pin.Sum())
	}
	return nil
}

// dial dials one wire.
func (t *target) dial(ctx context.Context, w wire, _ bool) (transport.Carrier, error) {
	if w == wireWebTransport {
		c, err := browser.DialWebTransport(ctx, "https://"+t.hostPort()+t.path, &browser.Options{Hashes: t.hashes})
		if err != nil {
			return nil, err // not a nil *browser.WebTransport in an interface
		}
		return c, nil
	}
	c, err := browser.DialWebSocket(ctx, w.String()+"://"+t.hostPort()+t.path, nil)
	if err != nil {
		return nil, err
	}
	return c, nil
}
