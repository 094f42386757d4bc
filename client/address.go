package client

import (
	"strings"

	"github.com/twinwire/twinwire"
)

// defaultPort is the port of an address without one.
const defaultPort = "443"

// A target is where a dial goes.
type target struct {
	addr       string // as it was given
	host, port string
	path       string
	wires      []wire
	settings   // of the platform's wires
}

func (t *target) hostPort() string {
	if strings.Contains(t.host, ":") {
		return "[" + t.host + "]:" + t.port
	}
	return t.host + ":" + t.port
}

// parse takes an address apart. It does so by itself: net/url would make a page a
// tenth larger.
func parse(addr string) (*target, error) {
	t := &target{addr: addr, path: "/twinwire"}
	scheme, rest, ok := strings.Cut(addr, "://")
	if !ok {
		scheme, rest = "", addr
	}
	var err error
	if t.wires, err = wiresOf(scheme); err != nil {
		return nil, err
	}
	place, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		place, path = rest[:i], rest[i:]
	}
	t.host, t.port, ok = split(place)
	if !ok || strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '#' }) {
		return nil, twinwire.NewError(twinwire.BadRequest, "not an address of the form host, host:port or scheme://host:port")
	}
	path, query, _ := strings.Cut(path, "?")
	if path != "" && path != "/" {
		if scheme == "" || scheme == "quic" {
			return nil, twinwire.NewError(twinwire.BadRequest, "only wss://, https:// and ws:// addresses have a path")
		}
		t.path = path
	}
	if query != "" {
		t.path += "?" + query
	}
	if scheme == "ws" && !loopback(t.host) {
		return nil, twinwire.NewError(twinwire.BadRequest, "ws:// is plaintext, and for loopback addresses only; use wss://")
	}
	return t, nil
}

// split returns the host and the port of what comes before a path. Hosts have
// the characters that they may have in URLs, but for escapes; a colon is in
// brackets, and a % only before the zone of an IP address.
func split(place string) (host, port string, ok bool) {
	if inner, isIP := strings.CutPrefix(place, "["); isIP {
		host, port, ok = strings.Cut(inner, "]")
		if ip, zone, is := strings.Cut(host, "%25"); is { // as URLs have it
			host = ip + "%" + zone
		}
		if port != "" {
			port, ok = strings.CutPrefix(port, ":")
		}
		_, zone, _ := strings.Cut(host, "%")
		ok = ok && strings.Contains(host, ":") && !strings.Contains(zone, "%")
	} else {
		host, port, _ = strings.Cut(place, ":")
		ok = !strings.Contains(host, "%")
	}
	if port == "" {
		port = defaultPort
	}
	digits := strings.Trim(port, "0123456789") == ""
	return host, port, ok && digits && host != "" && !strings.ContainsFunc(host, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune("@[]<>\"\\^`{|}", r)
	})
}
