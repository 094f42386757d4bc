//go:build !js

package certs

import (
	"fmt"
	"log/slog"
	"os"
)

// The environment variables that [Default] reads.
const (
	// EnvCert names the file with the certificate.
	EnvCert = "TWINWIRE_CERT"
	// EnvKey names the file with its key.
	EnvKey = "TWINWIRE_KEY"
)

// Default returns the source of a server that was not given one: the files
// that the environment variables TWINWIRE_CERT and TWINWIRE_KEY name, as
// [Files] reads them; else the development certificate that this user has
// stored, as [NewDevelopment] makes it, and then log gets a warning with its
// pin, since clients on other machines refuse the server without it.
//
// A nil log means slog.Default(). An empty variable counts as not set; one
// without the other is an error, and so is what Files and NewDevelopment
// object to.
func Default(log *slog.Logger) (Source, error) {
	if log == nil {
		log = slog.Default()
	}
	certFile, keyFile := os.Getenv(EnvCert), os.Getenv(EnvKey)
	switch {
	case certFile != "" && keyFile != "":
		s, err := Files(certFile, keyFile, &FilesOptions{Log: log})
		if err != nil {
			return nil, fmt.Errorf("%w (the file names are from %s and %s)", err, EnvCert, EnvKey)
		}
		return s, nil
	case certFile != "":
		return nil, fmt.Errorf("certs: %s is set and %s is not: the certificate needs its key", EnvCert, EnvKey)
	case keyFile != "":
		return nil, fmt.Errorf("certs: %s is set and %s is not: the key needs its certificate", EnvKey, EnvCert)
	}
	d, err := NewDevelopment(&DevelopmentOptions{Log: log})
	if err != nil {
		return nil, fmt.Errorf("%w (set %s and %s to use a certificate of your own)", err, EnvCert, EnvKey)
	}
	log.Warn("serving with a development certificate; clients on other machines have to pin it",
		"pin", d.Pin().String(), "until", d.lookup().serving.cert.Leaf.NotAfter)
	return d, nil
}
