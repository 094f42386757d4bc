//go:build !js

package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ClientTLS returns a TLS 1.3 configuration for a client that trusts the
// servers that pins name.
//
// With pins, a connection is accepted exactly if the server's certificate, for
// whose key the handshake is the proof, matches one of them and is within its
// dates, on resumed connections too. Certificate authorities and host names
// play no part: the pin says more than either. Everything else is refused with
// a [PinError], or an x509.CertificateInvalidError where only the dates are
// wrong.
//
// Without pins it is what a web client does: the system's certificate
// authorities, and the host name. Zero Pins count as pins that nothing
// matches, so an empty field in a configuration does not open the door.
//
// The caller may set NextProtos, ServerName and a session cache, and must
// leave VerifyConnection and InsecureSkipVerify alone: in a pinned
// configuration the first replaces the checks that the second turns off.
func ClientTLS(pins ...Pin) *tls.Config {
	cfg := &tls.Config{MinVersion: tls.VersionTLS13}
	if len(pins) == 0 {
		return cfg
	}
	pins = slices.Clone(pins)
	// What this skips is the chain of authorities, which a pinned certificate
	// does not have. VerifyConnection runs on every connection, also on
	// resumed ones; VerifyPeerCertificate does not.
	cfg.InsecureSkipVerify = true
	cfg.VerifyConnection = func(state tls.ConnectionState) error {
		return verify(state.PeerCertificates, pins, time.Now())
	}
	return cfg
}

// verify checks the first of the certificates, whose key signed the
// handshake; the others are hearsay.
func verify(presented []*x509.Certificate, pins []Pin, now time.Time) error {
	if len(presented) == 0 {
		// Go's client does not get here without one. "No certificate" must not
		// come to mean "no objection" all the same.
		return errors.New("certs: the server presented no certificate")
	}
	leaf := presented[0]
	match := false
	for _, p := range pins {
		// No early exit: the time taken does not tell which pin it was.
		if p.Matches(leaf) {
			match = true
		}
	}
	if !match {
		return &PinError{Presented: PinOf(leaf), Trusted: slices.Clone(pins)}
	}
	if err := checkDates(leaf, now); err != nil {
		return fmt.Errorf("certs: the server %v is trusted, but its certificate is not valid now: %w", PinOf(leaf), err)
	}
	return nil
}

// checkDates returns an x509.CertificateInvalidError if now is not within the
// dates of the certificate.
func checkDates(cert *x509.Certificate, now time.Time) error {
	var detail string
	switch {
	case now.Before(cert.NotBefore):
		detail = "it begins at " + stamp(cert.NotBefore)
	case now.After(cert.NotAfter):
		detail = "it ended at " + stamp(cert.NotAfter)
	default:
		return nil
	}
	return x509.CertificateInvalidError{Cert: cert, Reason: x509.Expired, Detail: detail}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// A PinError says that a server presented a certificate that none of the
// client's pins names: it is another server, or this one has a new
// certificate. Its text has the pin that was presented and how to trust it.
type PinError struct {
	// Presented is the pin of the public key that the server holds.
	Presented Pin
	// Trusted are the pins that the client had.
	Trusted []Pin
}

// Error returns the pin that was presented, and how to trust it.
func (e *PinError) Error() string {
	return fmt.Sprintf("certs: the server presented %v, which is not among the trusted pins (%d); "+
		"if the server that you mean prints this pin, trust it with certs.ParsePin(%q)",
		e.Presented, len(e.Trusted), e.Presented.String())
}

// PresentedPin returns the pin of the server that a failed handshake refused,
// where err comes of a [ClientTLS] configuration, with pins or without. A
// program shows it to a user who can tell whether it is the right one.
func PresentedPin(err error) (pin Pin, ok bool) {
	if e, ok := errors.AsType[*PinError](err); ok {
		return e.Presented, true
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(e.UnverifiedCertificates) > 0 {
		return PinOf(e.UnverifiedCertificates[0]), true
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Cert != nil {
		return PinOf(e.Cert), true
	}
	return Pin{}, false
}
