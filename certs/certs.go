//go:build !js

// Package certs is where a twinwire server's certificate comes from and how a
// client knows that it is the right one.
//
// A server takes its certificate from a [Source]: from files ([Files]), from a
// certificate authority ([ACME]), or from a development certificate that it
// makes itself ([NewDevelopment]). [Default] picks one as a program that is
// told nothing should. [ServerTLS] turns a source into a TLS configuration
// that serves WebSocket and QUIC alike.
//
// A client that dials a public name needs nothing from here. One that dials a
// server with a development certificate pins it: a [Pin] is the SHA-256 of the
// server's public key, and [ClientTLS] accepts the servers that hold the key of
// one of the pins, and no others. A client of the same user on the same
// machine finds the pins with [StoredPins].
//
// # Goroutines and time
//
// No source starts a goroutine of its own. Each looks at the clock when a
// handshake asks for the certificate: that is when files are read again and
// when a development certificate is replaced. The renewal of ACME certificates
// runs on the timers of golang.org/x/crypto/acme/autocert. All methods may be
// called by several goroutines at once.
//
// # Secrets
//
// Private keys are written to files that only their owner can read, in
// directories that only their owner can enter. They are never logged. Pins are
// public.
package certs

import "crypto/tls"

// A Source supplies the certificate of a server, for each handshake anew.
//
// GetCertificate is called at the same time by several goroutines, on every
// full handshake. An error refuses that one handshake; the peer learns only
// that it was refused. The certificate that it returns must not be modified.
type Source interface {
	GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
}

// Protocols is implemented by a Source that must be able to negotiate
// application protocols of its own on the server's TCP port, as [ACMESource]
// does to prove that it owns a name.
type Protocols interface {
	// NextProtos returns the ALPN names. A connection on which one of them was
	// negotiated has served its purpose when the handshake is over: the server
	// closes it.
	NextProtos() []string
}

// ServerTLS returns a TLS 1.3 configuration that takes its certificate from
// src at each handshake.
//
// NextProtos holds what src needs ([Protocols]) and nothing else. The caller
// prepends the protocols that it speaks on TCP,
//
//	cfg := certs.ServerTLS(src)
//	cfg.NextProtos = append([]string{"http/1.1"}, cfg.NextProtos...)
//
// and, for QUIC, replaces the list in a clone: what src needs is for TCP only.
// The configuration is the caller's to change until it is first used.
func ServerTLS(src Source) *tls.Config {
	cfg := &tls.Config{
		MinVersion:     tls.VersionTLS13,
		GetCertificate: src.GetCertificate,
	}
	if p, ok := src.(Protocols); ok {
		cfg.NextProtos = p.NextProtos()
	}
	return cfg
}
