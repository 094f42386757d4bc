package server_test

import (
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/server"
	"github.com/twinwire/twinwire/transport/ws"
)

// A carrier's second connection (clause 10.7) is no session. It counts as a
// connection of the client, also behind a proxy, and ends with the carrier.
func TestTwin(t *testing.T) {
	for name, proxies := range map[string]*server.Proxies{"Direct": nil, "Proxy": {Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}} {
		t.Run(name, func(t *testing.T) {
			e := start(t, "wss://", "websocket")
			e.srv.Proxies = proxies
			e.serve(service())
			c, err := ws.Dial(t.Context(), "wss://"+e.ln.Addr()+ws.Path, &ws.Options{
				TLS: certs.ClientTLS(e.dev.Pins()...), Twin: true, Header: http.Header{"X-Forwarded-For": {"203.0.113.9"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- c.Receive(func(int, []byte) error { return nil }) }()
			until := func(what string, ok func() bool) {
				t.Helper()
				for end := time.Now().Add(10 * time.Second); !ok(); {
					if time.Now().After(end) {
						t.Fatalf("%s: %+v", what, e.srv.Stats())
					}
					time.Sleep(time.Millisecond)
				}
			}
			one := e.srv.Stats().Connections
			ping := frame.Append(nil, &frame.Frame{Kind: frame.Ping})
			until("no datagram is taken", func() bool { return c.SendDatagram(ping) == nil })
			if n := e.srv.Stats().Connections; n != 2*one {
				t.Errorf("%d connections, %d with the second one", one, n)
			}
			c.Close(0, "")
			<-ended
			until("connections are left", func() bool { return e.srv.Stats().Connections == 0 })
			if n := e.srv.Stats().Sessions; n != 0 {
				t.Errorf("%d sessions", n)
			}
		})
	}
}
