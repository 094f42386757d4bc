package server_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/server"
	"github.com/twinwire/twinwire/transport/ws"
)

// Which pages may open a WebSocket or a WebTransport session: the same origin by default, those of the
// list and no others with one.
func TestOrigins(t *testing.T) {
	const listed = "https://app.example.com"
	rows := []struct {
		name           string
		origin         []string // SELF is the server's own
		cookie         bool
		default_, list bool
	}{
		{name: "none", default_: true, list: true},
		{name: "none, with cookies", cookie: true},
		{name: "same", origin: []string{"SELF"}, default_: true},
		{name: "same, with cookies", origin: []string{"SELF"}, cookie: true, default_: true},
		{name: "listed", origin: []string{listed}, list: true},
		{name: "listed, with cookies", origin: []string{listed}, cookie: true, list: true},
		{name: "null", origin: []string{"null"}},
		{name: "empty", origin: []string{""}},
		{name: "evil", origin: []string{"https://evil.com"}},
		{name: "sub.evil", origin: []string{"https://app.example.com.evil.com"}},
		{name: "evil in front", origin: []string{"https://evilapp.example.com"}},
		{name: "subdomain", origin: []string{"https://x.app.example.com"}},
		{name: "parent", origin: []string{"https://example.com"}},
		{name: "other port", origin: []string{listed + ":8443"}},
		{name: "port of the scheme", origin: []string{listed + ":443"}},
		{name: "other scheme", origin: []string{"http://app.example.com"}},
		{name: "case", origin: []string{"https://App.example.com"}},
		{name: "trailing dot", origin: []string{listed + "."}},
		{name: "path", origin: []string{listed + "/"}},
		{name: "user", origin: []string{"https://app.example.com@evil.com"}},
		{name: "twice", origin: []string{listed, listed}},
		{name: "two in one", origin: []string{listed + " " + listed}},
		{name: "same, other port", origin: []string{"https://127.0.0.1:1"}},
		{name: "same, by http", origin: []string{"http-SELF"}},
	}
	for _, withList := range []bool{false, true} {
		t.Run(map[bool]string{false: "same origin", true: "list"}[withList], func(t *testing.T) {
			e := start(t, "", "")
			if withList {
				e.srv.Origins = []string{listed, "http://localhost:3000"}
			}
			raise(e)
			e.serve(service())
			for _, row := range rows {
				h := http.Header{}
				for _, o := range row.origin {
					o = strings.Replace(o, "http-SELF", "http://"+e.ln.Addr(), 1)
					h.Add("Origin", strings.Replace(o, "SELF", "https://"+e.ln.Addr(), 1))
				}
				if row.cookie {
					h.Set("Cookie", "sid=1")
				}
				want := row.default_
				if withList {
					want = row.list
				}
				for _, prefix := range []string{"wss://", "https://"} {
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					s, err := client.Dial(ctx, prefix+e.ln.Addr(), &client.Options{Pins: e.dev.Pins(), Header: h})
					cancel()
					if err == nil {
						_ = s.Close()
					}
					if (err == nil) != want || !want && !forbidden(err) {
						t.Errorf("%s: %s%v, want in: %v", row.name, prefix, err, want)
					}
				}
			}
		})
	}
	for _, bad := range []string{"", "*", "example.com", "https://", "https://EXAMPLE.com", "https://example.com/", "https://example.com:443", "http://example.com:80", "https://a@b.com", "https://example.com:", "https://%zz", "null"} {
		srv := &server.Server{Origins: []string{bad}}
		l, err := server.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := srv.Serve(l); err == nil || errors.Is(err, server.ErrClosed) {
			t.Errorf("origin %q is taken: %v", bad, err)
		}
	}
}

// forbidden reports whether a dial was answered with status 403, or a session of
// WebTransport that was closed for the same reason.
func forbidden(err error) bool {
	var answer *ws.HandshakeError
	return errors.As(err, &answer) && answer.Status == http.StatusForbidden ||
		errors.Is(err, twinwire.PermissionDenied) && strings.Contains(err.Error(), "origin is not allowed")
}
