//go:build !js

package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// complainEvery is the pause between two log entries about the same host.
const complainEvery = time.Minute

// ACMEOptions are the options of [ACME].
type ACMEOptions struct {
	// Hosts are the names that the server has certificates for, and the only
	// ones that it asks the authority about. At least one is required; each is
	// a full name in ASCII (xn-- for others), without wildcards.
	Hosts []string
	// CacheDir is where the account's key and the certificates are kept, so
	// that a restart does not ask for new ones: authorities allow only some a
	// week. It is created, for this user only, if it does not exist. Empty
	// means the directory twinwire/acme in os.UserConfigDir.
	CacheDir string
	// DirectoryURL is the authority's ACME directory, by https. Empty means
	// Let's Encrypt.
	DirectoryURL string
	// Email is where the authority writes about problems with the
	// certificates. Empty means nowhere.
	Email string
	// Client makes the requests to the authority; nil means
	// http.DefaultClient. It is for authorities with a root of their own.
	Client *http.Client
	// Log is told why a certificate could not be had, and that one is not
	// renewed, at most once a minute for each host; nil means slog.Default().
	Log *slog.Logger
}

// ACMESource is a [Source] with certificates from a certificate authority,
// and implements [Protocols]. See [ACME].
type ACMESource struct {
	// immutable
	manager *autocert.Manager
	hosts   map[string]*acmeHost
	log     *slog.Logger
}

// acmeHost is the state of one name.
type acmeHost struct {
	ready      atomic.Bool   // there is a certificate, and from now on always one
	turn       chan struct{} // holds a token while somebody asks for the first one
	complained atomic.Int64  // when, in Unix nanoseconds
}

// ACME returns a source that gets its certificates from a certificate
// authority by RFC 8555 and renews them when a third of their life is left. It
// proves that it owns a name by answering on the server's own TCP port 443
// (tls-alpn-01, RFC 8737): the TLS configuration must offer what
// [ACMESource.NextProtos] returns, which [ServerTLS] sees to. Where the
// authority can reach port 80 only, see [ACMESource.HTTPHandler].
//
// By using it, the operator accepts the authority's terms of service.
//
// Nothing is asked for until a client comes. The first handshake for a name
// waits for the certificate, some seconds as a rule and five minutes at most;
// others for that name wait with it until their own context ends. An attempt
// that failed is repeated a minute later at the earliest.
//
// The error says which option is wrong, or that CacheDir cannot be created.
func ACME(opts *ACMEOptions) (*ACMESource, error) {
	if opts == nil || len(opts.Hosts) == 0 {
		return nil, errors.New("certs: ACME needs the hosts that certificates are for")
	}
	s := &ACMESource{hosts: make(map[string]*acmeHost), log: opts.Log}
	if s.log == nil {
		s.log = slog.Default()
	}
	for _, name := range opts.Hosts {
		host := canonicalHost(name)
		if !strings.Contains(host, ".") || !isHostName(host) || net.ParseIP(host) != nil {
			return nil, fmt.Errorf("certs: ACME host %q is not a full host name in ASCII", name)
		}
		s.hosts[host] = &acmeHost{turn: make(chan struct{}, 1)}
	}
	directory := opts.DirectoryURL
	if directory == "" {
		directory = acme.LetsEncryptURL
	}
	// RFC 8555, section 6.1: HTTPS is a requirement.
	if u, err := url.Parse(directory); err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("certs: ACME directory %q is not an https URL", directory)
	}
	dir := opts.CacheDir
	if dir == "" {
		base, err := defaultDir()
		if err != nil {
			return nil, err
		}
		dir = filepath.Join(base, "acme")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("certs: the directory for ACME certificates: %w", err)
	}
	s.manager = &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(dir),
		HostPolicy: s.checkHost,
		Email:      opts.Email,
		Client: &acme.Client{
			DirectoryURL: directory,
			HTTPClient:   opts.Client,
			UserAgent:    "twinwire",
		},
	}
	return s, nil
}

// NextProtos implements [Protocols]: "acme-tls/1", by which the authority
// asks for the proof.
func (s *ACMESource) NextProtos() []string { return []string{acme.ALPNProto} }

// HTTPHandler returns a handler for port 80 that answers the authority there
// too (http-01, RFC 8555 section 8.3), and leaves all other requests to
// fallback; nil redirects them to https. The authority is answered there only
// if HTTPHandler was called before the first handshake, and only where
// tls-alpn-01 has failed.
func (s *ACMESource) HTTPHandler(fallback http.Handler) http.Handler {
	return s.manager.HTTPHandler(fallback)
}

// GetCertificate implements [Source]. It fails for names that are not among
// the hosts, and with the authority's reason where there is no certificate.
func (s *ACMESource) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := canonicalHost(hello.ServerName)
	if err := s.checkHost(context.Background(), name); err != nil {
		return nil, err
	}
	if slices.Equal(hello.SupportedProtos, s.NextProtos()) {
		// The authority itself (RFC 8737, section 3).
		cert, err := s.manager.GetCertificate(hello)
		if err != nil {
			return nil, fmt.Errorf("certs: challenge for %s: %w", name, err)
		}
		return cert, nil
	}
	host := s.hosts[name]
	if host.ready.Load() {
		cert, err := s.get(name)
		// The manager keeps to itself that a renewal failed.
		if now := time.Now(); err == nil && overdue(cert, now) && host.mayComplain(now) {
			s.log.Error("the authority does not renew the certificate", "host", name, "until", cert.Leaf.NotAfter)
		}
		return cert, err
	}
	// The manager's own queue knows no context: a flood of handshakes during
	// the first minutes would leave as many goroutines in it.
	ctx := hello.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	select {
	case host.turn <- struct{}{}:
		defer func() { <-host.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("certs: waiting for the first certificate for %s: %w", name, context.Cause(ctx))
	}
	cert, err := s.get(name)
	if err != nil {
		if host.mayComplain(time.Now()) {
			s.log.Error("no certificate from the authority", "host", name, "err", err)
		}
		return nil, err
	}
	host.ready.Store(true)
	return cert, nil
}

// mayComplain reports whether it is time for a log entry about the host.
func (h *acmeHost) mayComplain(now time.Time) bool {
	last := h.complained.Load()
	return now.UnixNano()-last >= int64(complainEvery) && h.complained.CompareAndSwap(last, now.UnixNano())
}

// overdue reports whether the certificate should have been renewed long ago:
// that is due when a third of its life is left, and tried again each hour.
func overdue(cert *tls.Certificate, now time.Time) bool {
	leaf := cert.Leaf
	return leaf != nil && leaf.NotAfter.Sub(now) < leaf.NotAfter.Sub(leaf.NotBefore)/6
}

// get asks the manager for the certificate of a host.
func (s *ACMESource) get(name string) (*tls.Certificate, error) {
	// The manager looks for the cipher suites of TLS 1.2 to tell whether a
	// client takes ECDSA, so it would get a second certificate, with RSA, for
	// clients that speak TLS 1.3 only. All of those take ECDSA with P-256
	// (RFC 8446, section 9.1).
	cert, err := s.manager.GetCertificate(&tls.ClientHelloInfo{
		ServerName:   name,
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
	})
	if err != nil {
		return nil, fmt.Errorf("certs: certificate for %s: %w", name, err)
	}
	return cert, nil
}

// checkHost is the manager's policy and ours.
func (s *ACMESource) checkHost(_ context.Context, name string) error {
	if _, ok := s.hosts[canonicalHost(name)]; ok {
		return nil
	}
	if name == "" {
		return errors.New("certs: the client did not say which host it wants; ACME certificates are for names")
	}
	return fmt.Errorf("certs: host %.100q is not among the ACME hosts", name)
}

// canonicalHost is the form that names are compared in.
func canonicalHost(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
