package server_test

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/server"
)

// development starts a server with a page at a loopback address.
func development(t *testing.T, configure func(s *server.Server)) (e *env, pages string) {
	t.Helper()
	e = start(t, "", "")
	e.srv.LoopbackAddr = "localhost:0"
	e.srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "the page") })
	if configure != nil {
		configure(e.srv)
	}
	e.srv.Limits = &core.Limits{Admission: manyDials}
	e.serve(service())
	eventually(t, func() bool { return e.srv.LoopbackPort() != 0 })
	return e, fmt.Sprint("localhost:", e.srv.LoopbackPort())
}

// get asks for a document as a browser would.
func get(t *testing.T, e *env, url string, header http.Header) (status int, body string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for key, values := range header {
		r.Header[key] = values
	}
	if host := header.Get("Host"); host != "" {
		r.Host = host
	}
	tr := &http.Transport{TLSClientConfig: pinned(e)}
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr, Timeout: 10 * time.Second}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(url, server.WellKnown) && resp.StatusCode == http.StatusOK && (resp.Header.Get("Access-Control-Allow-Origin") != "" || resp.Header.Get("Cache-Control") != "no-store") {
		t.Errorf("%s: header %v", url, resp.Header)
	}
	return resp.StatusCode, string(b)
}

// The document says how to reach the server, by addresses and hashes with which
// it can be reached (clause 10.6).
func TestWellKnown(t *testing.T) {
	e, pages := development(t, nil)
	for _, base := range []string{"https://" + e.ln.Addr(), "http://" + pages} {
		status, body := get(t, e, base+server.WellKnown, nil)
		if status != http.StatusOK {
			t.Fatalf("%s: %d %s", base, status, body)
		}
		var got struct {
			WebSocket    string
			WebTransport struct {
				URL                     string
				ServerCertificateHashes []struct{ Algorithm, Value string }
			}
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if got.WebSocket != "/twinwire" || got.WebTransport.URL != "https://"+e.ln.Addr()+"/twinwire" {
			t.Errorf("%s: %s", base, body)
		}
		pins := e.dev.CertificatePins()
		if len(got.WebTransport.ServerCertificateHashes) != len(pins) {
			t.Fatalf("%d hashes, want %d", len(got.WebTransport.ServerCertificateHashes), len(pins))
		}
		for i, h := range got.WebTransport.ServerCertificateHashes {
			sum := pins[i].Sum()
			if h.Algorithm != "sha-256" || h.Value != base64.StdEncoding.EncodeToString(sum[:]) {
				t.Errorf("hash %d is %v", i, h)
			}
		}
	}
}

// It is for pages of the same origin.
func TestWellKnownIsForOwnPages(t *testing.T) {
	e, pages := development(t, nil)
	for _, tt := range []struct {
		name   string
		base   string
		header http.Header
		want   int
	}{
		{"no browser", "https://" + e.ln.Addr(), nil, 200},
		{"same origin", "https://" + e.ln.Addr(), http.Header{"Origin": {"https://" + e.ln.Addr()}, "Sec-Fetch-Site": {"same-origin"}}, 200},
		{"typed in", "https://" + e.ln.Addr(), http.Header{"Sec-Fetch-Site": {"none"}}, 200},
		{"other site", "https://" + e.ln.Addr(), http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
		{"same site", "https://" + e.ln.Addr(), http.Header{"Sec-Fetch-Site": {"same-site"}}, 403},
		{"other origin", "https://" + e.ln.Addr(), http.Header{"Origin": {"https://evil.example"}}, 403},
		{"null", "https://" + e.ln.Addr(), http.Header{"Origin": {"null"}}, 403},
		{"other scheme", "https://" + e.ln.Addr(), http.Header{"Origin": {"http://" + e.ln.Addr()}}, 403},
		{"loopback", "http://" + pages, http.Header{"Origin": {"http://" + pages}}, 200},
		{"loopback, other port", "http://" + pages, http.Header{"Origin": {"http://localhost:1"}}, 403},
		{"rebound name", "http://" + pages, http.Header{"Host": {"evil.example"}}, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if status, body := get(t, e, tt.base+server.WellKnown, tt.header); status != tt.want {
				t.Errorf("%d %s, want %d", status, body, tt.want)
			}
		})
	}
	resp, err := http.Post("http://"+pages+server.WellKnown, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", resp.StatusCode)
	}
}

// The loopback address serves the page and WebSocket without TLS, to those who
// ask for this machine.
func TestLoopback(t *testing.T) {
	e, pages := development(t, nil)
	if status, body := get(t, e, "http://"+pages, nil); status != 200 || body != "the page" {
		t.Errorf("the page: %d %s", status, body)
	}
	if status, body := get(t, e, "http://"+pages, http.Header{"Host": {"evil.example:80"}}); status != 403 {
		t.Errorf("the page of another name: %d %s", status, body)
	}
	s, err := client.Dial(t.Context(), "ws://"+pages, nil)
	if err != nil {
		t.Fatal(err)
	}
	echo(t, s)
	s.Close()
	for _, bad := range []string{"0.0.0.0:0", ":0", "example.com:0", "localhost"} {
		b := start(t, "", "")
		b.srv.LoopbackAddr = bad
		ln, err := server.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := b.srv.Serve(ln); err == nil || !strings.Contains(err.Error(), "loopback address") {
			t.Errorf("LoopbackAddr %q: %v", bad, err)
		}
	}
}

// pinned is TLS of a client that knows the server.
func pinned(e *env) *tls.Config { return certs.ClientTLS(e.dev.Pins()...) }

// Pages of the loopback address are of the server's own origin, on WebSocket and
// WebTransport alike, unless CheckOrigin decides.
func TestPageOrigins(t *testing.T) {
	for name, configure := range map[string]func(s *server.Server){
		"default": nil,
		"listed":  func(s *server.Server) { s.Origins = []string{"https://page.example"} },
		"checked": func(s *server.Server) { s.CheckOrigin = func(*http.Request) bool { return false } },
	} {
		t.Run(name, func(t *testing.T) {
			e, pages := development(t, configure)
			for origin, ours := range map[string]bool{
				"http://" + pages: true, "http://localhost:1": false, "https://" + pages: false, "http://evil.example": false,
			} {
				for _, prefix := range []string{"wss://", "https://"} {
					s, err := client.Dial(t.Context(), prefix+e.ln.Addr(), &client.Options{Pins: e.dev.Pins(), Header: http.Header{"Origin": {origin}}})
					if err == nil {
						_ = s.Close()
					}
					if want := ours && name != "checked"; (err == nil) != want || !want && !forbidden(err) {
						t.Errorf("%s%v from %s, want in: %v", prefix, err, origin, want)
					}
				}
			}
		})
	}
}
