package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"strings"
	"testing"
)

// The pins of testdata/known.pem, as openssl computes them:
//
//	openssl x509 -in known.pem -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64
//	openssl x509 -in known.pem -outform der | openssl dgst -sha256 -binary | base64
const (
	knownKey         = "sha256/Wo+MGt41bbe+XB2GIrbDGoDZ5yEBv6zUUAN94hVlFAQ="
	knownCertificate = "cert-sha256/i8wqPCS5NsQEieqpCFu58RdFPm1f2V3vk19Vt5VruA0="
)

func known(t testing.TB) *x509.Certificate {
	t.Helper()
	text, err := os.ReadFile("testdata/known.pem")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestPinOf(t *testing.T) {
	cert := known(t)
	if got := PinOf(cert).String(); got != knownKey {
		t.Errorf("PinOf is %s, openssl says %s", got, knownKey)
	}
	if got := CertificatePinOf(cert).String(); got != knownCertificate {
		t.Errorf("CertificatePinOf is %s, openssl says %s", got, knownCertificate)
	}
}

func TestPinMatches(t *testing.T) {
	cert, other := known(t), issueNow(t).Leaf
	for _, p := range []Pin{PinOf(cert), CertificatePinOf(cert)} {
		if !p.Matches(cert) {
			t.Errorf("%v does not match its certificate", p)
		}
		if p.Matches(other) {
			t.Errorf("%v matches another certificate", p)
		}
	}
	// The hash of one thing is no pin of the other.
	crossed := Pin{certificatePin, PinOf(cert).Sum()}
	if crossed.Matches(cert) {
		t.Error("the hash of the key matches as one of the certificate")
	}
	var zero Pin
	if zero.Matches(cert) || zero.Matches(&x509.Certificate{}) {
		t.Error("the zero pin matches something")
	}
	if !zero.IsZero() || PinOf(cert).IsZero() {
		t.Error("IsZero is wrong")
	}
}

func TestParsePin(t *testing.T) {
	// A hash that begins with 0xff has a slash as its first digit.
	slashed := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, 32))
	good := map[string]string{
		knownKey:         knownKey,
		knownCertificate: knownCertificate,
		"sha256//Wo+MGt41bbe+XB2GIrbDGoDZ5yEBv6zUUAN94hVlFAQ=": knownKey, // curl
		"sha256/" + slashed:                       "sha256/" + slashed,
		"sha256//" + slashed:                      "sha256/" + slashed,
		"cert-sha256/" + slashed:                  "cert-sha256/" + slashed,
		"sha256/" + strings.Repeat("A", 43) + "=": "sha256/" + strings.Repeat("A", 43) + "=",
	}
	for text, want := range good {
		p, err := ParsePin(text)
		if err != nil || p.String() != want {
			t.Errorf("ParsePin(%q) is %v, %v; want %s", text, p, err, want)
		}
	}
	bad := map[string]string{
		"": "begins neither",
		"Wo+MGt41bbe+XB2GIrbDGoDZ5yEBv6zUUAN94hVlFAQ=":         "begins neither",
		"SHA256/Wo+MGt41bbe+XB2GIrbDGoDZ5yEBv6zUUAN94hVlFAQ=":  "begins neither",
		"sha1/Wo+MGt41bbe+XB2GIrbDGoDZ5yEBv6zUUAN94hVlFAQ=":    "begins neither",
		" sha256/Wo+MGt41bbe+XB2GIrbDGoDZ5yEBv6zUUAN94hVlFAQ=": "begins neither",
		"sha256/":   "0 characters",
		"sha256/Wo": "2 characters",
		"sha256/Wo+MGt41bbe+XB2GIrbDGoDZ5yEBv6zUUAN94hVlFAQ":        "43 characters", // no padding
		"sha256/Wo+MGt41bbe+XB2GIrbDGoDZ5yEBv6zUUAN94hVlFAQ= ":      "45 characters",
		"sha256/Wo-MGt41bbe-XB2GIrbDGoDZ5yEBv6zUUAN94hVlFAQ=":       "illegal base64", // URL alphabet
		"sha256/Wo+MGt41bbe+XB2GIrbDGoDZ5yEBv6zUUAN94hVlFAR=":       "illegal base64", // stray bits
		"sha256/\n\n\n\nWo+MGt41bbe+XB2GIrbDGoDZ5yEBv6zUUAN94hVl":   "30 bytes",
		"sha256/" + strings.Repeat("0", 44):                         "33 bytes",
		"cert-sha256//i8wqPCS5NsQEieqpCFu58RdFPm1f2V3vk19Vt5VruA0=": "45 characters",
		"sha256/" + strings.Repeat("A", 1<<20):                      "characters",
	}
	for text, want := range bad {
		p, err := ParsePin(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParsePin(%.80q) is %v, %v; want an error with %q", text, p, err, want)
		} else if len(err.Error()) > 400 {
			t.Errorf("ParsePin(%.80q): the error has %d bytes", text, len(err.Error()))
		}
	}
}

func TestPinText(t *testing.T) {
	type config struct {
		Pins []Pin `json:"pins"`
		One  Pin   `json:"one"`
	}
	in := config{Pins: []Pin{PinOf(known(t)), CertificatePinOf(known(t))}}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"pins":["` + knownKey + `","` + knownCertificate + `"],"one":""}`
	if string(text) != want {
		t.Errorf("marshalled %s, want %s", text, want)
	}
	out := config{One: in.Pins[0]}
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	if len(out.Pins) != 2 || out.Pins[0] != in.Pins[0] || out.Pins[1] != in.Pins[1] || !out.One.IsZero() {
		t.Errorf("came back as %v", out)
	}
	p := in.Pins[0]
	if err := p.UnmarshalText([]byte("nonsense")); err == nil || p != in.Pins[0] {
		t.Errorf("nonsense: %v, pin is now %v", err, p)
	}
}

func FuzzParsePin(f *testing.F) {
	for _, seed := range []string{"", knownKey, knownCertificate, "sha256//" + strings.TrimPrefix(knownKey, "sha256/"), "sha256/", "sha256/=\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePin(text)
		if err != nil {
			if !p.IsZero() {
				t.Errorf("an error and the pin %v", p)
			}
			return
		}
		again, err := ParsePin(p.String())
		if err != nil || again != p {
			t.Errorf("%q is %v, which reads as %v, %v", text, p, again, err)
		}
		// Only curl's slash is another spelling.
		if s := p.String(); s != text && strings.Replace(s, "/", "//", 1) != text {
			t.Errorf("%q is another spelling of %s", text, s)
		}
	})
}
