//go:build !js

package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"
)

// LocalTLS returns the configuration of a client that dials this machine: it
// trusts what a web client trusts, and besides the development certificates
// that this user has stored in dir, empty for the default. The store is read
// in each handshake, so a server that makes its first certificate while the
// client dials is trusted as well.
//
// It is for loopback addresses. A stored pin says that this user's server is
// at the other end, which is all that there is to know of a local one; it says
// nothing of a server elsewhere. What is refused, and what the caller may set,
// is as in [ClientTLS].
func LocalTLS(dir string) *tls.Config {
	cfg := ClientTLS()
	cfg.InsecureSkipVerify = true // VerifyConnection does all of it
	cfg.VerifyConnection = func(state tls.ConnectionState) error {
		unknown := verifyChain(state)
		if unknown == nil {
			return nil
		}
		pins, err := StoredPins(dir)
		switch {
		case err != nil:
			return fmt.Errorf("certs: stored pins: %w", err)
		case len(pins) == 0:
			return unknown
		}
		return verify(state.PeerCertificates, pins, time.Now())
	}
	return cfg
}

// verifyChain is what crypto/tls does unless told otherwise: the system's
// authorities, the host name and the dates.
func verifyChain(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return verify(nil, nil, time.Time{})
	}
	intermediates := x509.NewCertPool()
	for _, cert := range state.PeerCertificates[1:] {
		intermediates.AddCert(cert)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: state.ServerName, Intermediates: intermediates})
	if err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
	}
	return nil
}
