package transport_test

import (
	"testing"

	"github.com/twinwire/twinwire/transport"
)

func TestNetworkOf(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1:443":               "192.0.2.1/32",
		"192.0.2.1":                   "192.0.2.1/32",
		"[::ffff:192.0.2.1]:443":      "192.0.2.1/32",
		"[2001:db8:1:2:3:4:5:6]:443":  "2001:db8:1:2::/64",
		"[2001:db8:1:2::1]:80":        "2001:db8:1:2::/64",
		"2001:db8:1:3::1":             "2001:db8:1:3::/64",
		"[fe80::1:2:3:4%eth0]:443":    "fe80::/64",
		"pipe":                        "invalid Prefix",
		"":                            "invalid Prefix",
		"example.com:443":             "invalid Prefix",
		"[2001:db8:1:2:3:4:5:6]:port": "invalid Prefix",
	} {
		if got := transport.NetworkOf(address).String(); got != want {
			t.Errorf("%q is of %s, want %s", address, got, want)
		}
	}
}
