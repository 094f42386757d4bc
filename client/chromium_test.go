//go:build !js

package client_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/twinwire/twinwire/auth"
	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/internal/chromium"
	"github.com/twinwire/twinwire/server"
	"github.com/twinwire/twinwire/ts/testserver/page"
)

// A greeter serves one method.
type greeter struct{ page.Page }

func (greeter) Greet(_ context.Context, name string) (string, error) { return "hello " + name, nil }

// What a page does with a server, in Chromium.
func TestInChromium(t *testing.T) {
	source, err := certs.NewDevelopment(&certs.DevelopmentOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	s := &server.Server{
		Certs: source, CheckOrigin: func(*http.Request) bool { return true }, AllowPlaintext: true,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Authenticate: auth.ByMethod(map[string]auth.Authenticator{
			"": auth.Nobody,
			core.MethodSecret: auth.Secrets(func(name string) []byte {
				return []byte(name + strings.Repeat(".", core.MinSecret))
			}),
		}),
	}
	s.Handle(page.NewService(func(*page.Session) page.Page { return greeter{} }))
	both, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 2)
	go func() { ended <- s.Serve(both) }() // both end with Close
	go func() { ended <- s.ServePlaintext(plain) }()
	defer func() {
		_ = s.Close()
		<-ended
		<-ended
	}()
	chromium.Test(t, chromium.Options{Host: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "ws://", plain.Addr(), " ", both.Addr(), " ", source.CertificatePins()[0], " ", source.Pin())
	})})
}
