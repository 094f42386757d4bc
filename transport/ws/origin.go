package ws

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// SameOrigin reports whether a page of this very server made the request:
// whether the Origin header names the scheme, the host and the port of the
// request. A request without the header comes from no page; it is welcome
// unless it carries cookies. It is the default of UpgradeOptions.CheckOrigin.
//
// A server behind a proxy that ends TLS sees requests without TLS and must
// check origins itself.
func SameOrigin(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	switch len(origins) {
	case 0:
		return len(r.Header.Values("Cookie")) == 0
	case 1:
	default:
		return false
	}
	u, err := url.Parse(origins[0])
	if err != nil || u.Opaque != "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return u.Scheme == scheme && u.Host != "" && canonical(u.Host, scheme) == canonical(r.Host, scheme)
}

// canonical returns host in lower case and with its port.
func canonical(host, scheme string) string {
	host = strings.ToLower(host)
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	port := "80"
	if scheme == "https" {
		port = "443"
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}
