//go:build !js

package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

const (
	// lifetime is how long a development certificate is valid, all in all.
	// Browsers accept a certificate by its hash for at most 14 days.
	lifetime = 10 * 24 * time.Hour
	// backdate is how long before it is made a certificate begins: clients'
	// clocks are not the server's.
	backdate = time.Hour
)

// generate makes a development certificate: self-signed, ECDSA P-256 as
// browsers demand of certificates that they accept by hash, for this machine.
func generate(now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("certs: making a development key: %w", err)
	}
	names, addresses := localNames(os.Hostname)
	begin := now.Add(-backdate).UTC().Truncate(time.Second)
	template := &x509.Certificate{
		// CreateCertificate chooses a random serial number.
		Subject:               pkix.Name{CommonName: "twinwire development"},
		NotBefore:             begin,
		NotAfter:              begin.Add(lifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, // and not an authority: its key signs nothing else
		DNSNames:              names,
		IPAddresses:           addresses,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("certs: making a development certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("certs: making a development certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

// localNames returns what clients call this machine: itself, and the name that
// it has in its network if that can stand in a certificate.
func localNames(hostname func() (string, error)) ([]string, []net.IP) {
	names := []string{"localhost"}
	addresses := []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	name, err := hostname()
	if err != nil {
		// The machine has no name: localhost has to do.
		return names, addresses
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if ip := net.ParseIP(name); ip != nil {
		return names, append(addresses, ip)
	}
	if isHostName(name) && name != "localhost" {
		names = append(names, name)
	}
	return names, addresses
}

// isHostName reports whether name, in lower case, is made of labels of
// letters, digits, hyphens and underscores (RFC 1123, section 2.1; the
// underscore is common in names of Windows machines).
func isHostName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}
