//go:build !js

package certs

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
)

// PinOf returns the pin of the certificate's public key: the SHA-256 of its
// SubjectPublicKeyInfo. It stays the same when a certificate is renewed for
// the same key.
func PinOf(cert *x509.Certificate) Pin {
	return Pin{keyPin, sha256.Sum256(cert.RawSubjectPublicKeyInfo)}
}

// CertificatePinOf returns the pin of the certificate itself: the SHA-256 of
// its DER encoding. Its [Pin.Sum] is what browsers want in
// serverCertificateHashes. Go clients better pin the key.
func CertificatePinOf(cert *x509.Certificate) Pin {
	return Pin{certificatePin, sha256.Sum256(cert.Raw)}
}

// Matches reports whether the certificate, or its key, is the one that p
// names. It compares in constant time. The dates of the certificate are not
// its business.
func (p Pin) Matches(cert *x509.Certificate) bool {
	var got Pin
	switch p.kind {
	case keyPin:
		got = PinOf(cert)
	case certificatePin:
		got = CertificatePinOf(cert)
	default:
		return false
	}
	return subtle.ConstantTimeCompare(got.sum[:], p.sum[:]) == 1
}
