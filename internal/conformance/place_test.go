package conformance

import (
	"encoding/base64"

	"github.com/twinwire/twinwire/certs"
)

// A place is what the server of ts/testserver says of itself.
type place struct {
	Plain string // host:port without TLS
	TLS   string // host:port with TLS, on TCP and UDP
	Hash  []byte // the SHA-256 of the certificate
}

func (p *place) pin() (certs.Pin, error) {
	return certs.ParsePin("cert-sha256/" + base64.StdEncoding.EncodeToString(p.Hash))
}
