package server

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/twinwire/twinwire/certs"
)

// WellKnown is where pages of the server's own origin are told how to reach it
// (docs/protocol.md, clause 10.6).
const WellKnown = "/.well-known/twinwire"

// A directions is the document at WellKnown.
type directions struct {
	WebSocket    string            `json:"websocket"`
	WebTransport *webTransportInfo `json:"webtransport,omitempty"`
}

type webTransportInfo struct {
	URL    string            `json:"url"`
	Hashes []certificateHash `json:"serverCertificateHashes,omitempty"`
}

// A certificateHash is what serverCertificateHashes wants, the value in base64.
type certificateHash struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"value"`
}

// hashed is a source whose certificates browsers accept by their hash.
type hashed interface{ CertificatePins() []certs.Pin }

// directions answers a request for the document.
func (s *Server) directions(w http.ResponseWriter, r *http.Request, v *serving) {
	h := w.Header()
	h.Set("Cache-Control", "no-store") // certificates change
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Origin, Sec-Fetch-Site")
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are known here", http.StatusMethodNotAllowed)
		return
	case !ownPage(r):
		http.Error(w, "this is for pages of the same origin", http.StatusForbidden)
		return
	}
	d := directions{WebSocket: Path}
	if len(v.quic) > 0 {
		d.WebTransport = &webTransportInfo{}
		host := r.Host
		if src, ok := v.source.(hashed); ok {
			for _, pin := range src.CertificatePins() {
				sum := pin.Sum()
				d.WebTransport.Hashes = append(d.WebTransport.Hashes, certificateHash{"sha-256", base64.StdEncoding.EncodeToString(sum[:])})
			}
			host = v.loopbackHost(host)
		} else if v.isLoopback(r) {
			host = v.loopbackHost(host)
		}
		d.WebTransport.URL = "https://" + host + Path
	}
	b, err := json.Marshal(&d)
	if err != nil { // there is nothing in it that could fail
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", "application/json")
	_, _ = w.Write(b)
}

// ownPage reports whether a request is not made by a page of another origin: a
// browser says so, and where it does not know the header it sends an Origin
// with what crosses origins.
func ownPage(r *http.Request) bool {
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "same-origin" && site != "none" {
			return false
		}
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	for _, origin := range r.Header.Values("Origin") {
		if origin != strings.ToLower(scheme+r.Host) {
			return false
		}
	}
	return true
}

// loopbackHost returns where QUIC is reached from this machine, if host is one
// of its names: an address, because browsers that get no answer from ::1 do not
// try 127.0.0.1 for WebTransport. Any other host it returns as it is.
func (v *serving) loopbackHost(host string) string {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	if !loopbackName(name) {
		return host
	}
	for _, want := range []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()} {
		for _, udp := range v.listener.udp {
			at, err := netip.ParseAddrPort(udp.LocalAddr().String())
			if addr := at.Addr().Unmap(); err == nil && (addr == want || addr.IsUnspecified() && (at.Addr().Is6() || want.Is4())) {
				return netip.AddrPortFrom(want, at.Port()).String()
			}
		}
	}
	return host
}

// loopbackName reports whether a name, or an address, is this machine and can be
// nobody else.
func loopbackName(name string) bool {
	if name == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.IsLoopback()
}

// listenLoopback opens the listeners of LoopbackAddr.
func (s *Server) listenLoopback(v *serving) error {
	host, port, err := net.SplitHostPort(s.LoopbackAddr)
	if err != nil {
		return fmt.Errorf("loopback address: %w", err)
	}
	if !loopbackName(host) {
		return fmt.Errorf("loopback address: %q is not localhost, and no loopback address", host)
	}
	hosts := []string{host}
	if host == "localhost" {
		hosts = []string{"127.0.0.1", "::1"}
	}
	for i, host := range hosts {
		l, err := net.Listen("tcp", net.JoinHostPort(host, port))
		if err != nil {
			if i > 0 && absent(err) {
				continue
			}
			return fmt.Errorf("loopback address: %w", err)
		}
		v.loopback = append(v.loopback, l)
		_, port, _ = net.SplitHostPort(l.Addr().String())
	}
	suffix := ":" + port
	if port == "80" {
		suffix = ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, host := range []string{"localhost", "127.0.0.1", "[::1]"} {
		s.pages["http://"+host+suffix] = struct{}{}
	}
	return nil
}

// LoopbackPort returns the port of LoopbackAddr once the server serves, 0 if it
// does not serve there.
func (s *Server) LoopbackPort() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for v := range s.serving {
		for _, l := range v.loopback {
			_, port, _ := net.SplitHostPort(l.Addr().String())
			n, _ := strconv.Atoi(port)
			return n
		}
	}
	return 0
}

// isPage reports whether a request was made by a page from LoopbackAddr.
func (s *Server) isPage(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) != 1 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.pages[origins[0]]
	return ok
}

// isLoopback reports whether a request came to LoopbackAddr.
func (v *serving) isLoopback(r *http.Request) bool {
	return r.TLS == nil && len(v.loopback) > 0
}

// guardHost refuses requests that name another host: a page of another origin
// could have had its own name resolved to this machine.
func guardHost(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			name = strings.Trim(r.Host, "[]")
		}
		if !loopbackName(name) {
			http.Error(w, "this is for localhost", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}
