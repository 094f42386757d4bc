package ws

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// AllowOrigins returns a check for UpgradeOptions.CheckOrigin that lets in the
// pages of some origins, as scheme://host or scheme://host:port, and those
// alone. Origins are compared as browsers send them: in lower case, without the
// port that the scheme implies, without a path. A request without the header
// comes from no page; it is welcome unless it carries cookies. The error is that
// of an entry that no browser would send.
func AllowOrigins(origins []string) (func(*http.Request) bool, error) {
	for _, origin := range origins {
		if err := checkOrigin(origin); err != nil {
			return nil, err
		}
	}
	origins = slices.Clone(origins)
	return func(r *http.Request) bool {
		values := r.Header.Values("Origin")
		switch len(values) {
		case 0:
			return len(r.Header.Values("Cookie")) == 0
		case 1:
			return slices.Contains(origins, values[0])
		}
		return false
	}, nil
}

// checkOrigin reports why an entry is not an origin.
func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	switch {
	case err != nil, u.Scheme == "", u.Hostname() == "", u.User != nil, origin != u.Scheme+"://"+u.Host:
		return fmt.Errorf("ws: %q is not an origin: scheme://host or scheme://host:port", origin)
	case origin != strings.ToLower(origin):
		return fmt.Errorf("ws: origin %q is not in lower case", origin)
	case u.Scheme == "https" && u.Port() == "443", u.Scheme == "http" && u.Port() == "80", strings.HasSuffix(u.Host, ":"):
		return fmt.Errorf("ws: origin %q has a port that browsers leave out", origin)
	}
	return nil
}
