package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestClientTLS(t *testing.T) {
	server, other := issueNow(t), issueNow(t)
	tests := map[string]struct {
		pins []Pin
		ok   bool
	}{
		"key":               {[]Pin{PinOf(server.Leaf)}, true},
		"certificate":       {[]Pin{CertificatePinOf(server.Leaf)}, true},
		"one of several":    {[]Pin{PinOf(other.Leaf), {}, PinOf(server.Leaf)}, true},
		"wrong key":         {[]Pin{PinOf(other.Leaf)}, false},
		"wrong certificate": {[]Pin{CertificatePinOf(other.Leaf)}, false},
		"zero pin":          {[]Pin{{}}, false},
		"wrong kind":        {[]Pin{{certificatePin, PinOf(server.Leaf).Sum()}}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err, serverErr := handshake(ServerTLS(fixed{server}), ClientTLS(tt.pins...))
			if tt.ok {
				if err != nil || serverErr != nil {
					t.Errorf("client %v, server %v", err, serverErr)
				}
				return
			}
			refused, ok := errors.AsType[*PinError](err)
			if !ok || serverErr == nil {
				t.Fatalf("client %v, server %v; want a PinError and a refused server", err, serverErr)
			}
			if refused.Presented != PinOf(server.Leaf) || len(refused.Trusted) != len(tt.pins) {
				t.Errorf("the error is %+v", refused)
			}
			// What a user does about it stands in the text.
			if want := `certs.ParsePin("` + PinOf(server.Leaf).String() + `")`; !strings.Contains(err.Error(), want) {
				t.Errorf("error %q does not say %s", err, want)
			}
			if pin, ok := PresentedPin(err); !ok || pin != PinOf(server.Leaf) {
				t.Errorf("PresentedPin is %v, %v", pin, ok)
			}
		})
	}
}

// A pin stays good for a new certificate of the same key.
func TestClientTLSRenewedCertificate(t *testing.T) {
	first := issueNow(t)
	template := *first.Leaf
	template.NotAfter = template.NotAfter.Add(time.Hour)
	template.SerialNumber = nil
	second := reissue(t, &template, first)
	if first.Leaf.Equal(second.Leaf) {
		t.Fatal("the same certificate")
	}
	presented(t, fixed{second}, PinOf(first.Leaf))
	if _, err, _ := handshake(ServerTLS(fixed{second}), ClientTLS(CertificatePinOf(first.Leaf))); err == nil {
		t.Error("the pin of the old certificate matches the new one")
	}
}

// Whoever knows the pinned certificate does not have its key.
func TestClientTLSImpostor(t *testing.T) {
	server, impostor := issueNow(t), issueNow(t)
	t.Run("without the key", func(t *testing.T) {
		stolen := &tls.Certificate{Certificate: server.Certificate, PrivateKey: impostor.PrivateKey}
		if _, err, _ := handshake(ServerTLS(fixed{stolen}), ClientTLS(PinOf(server.Leaf), CertificatePinOf(server.Leaf))); err == nil {
			t.Error("accepted")
		}
	})
	t.Run("second in the chain", func(t *testing.T) {
		chain := &tls.Certificate{
			Certificate: [][]byte{impostor.Certificate[0], server.Certificate[0]},
			PrivateKey:  impostor.PrivateKey,
		}
		_, err, _ := handshake(ServerTLS(fixed{chain}), ClientTLS(PinOf(server.Leaf), CertificatePinOf(server.Leaf)))
		if _, ok := errors.AsType[*PinError](err); !ok {
			t.Errorf("error %v, want a PinError", err)
		}
	})
}

func TestClientTLSDates(t *testing.T) {
	now := time.Now()
	tests := map[string]struct {
		from, to time.Duration
		want     string
	}{
		"valid":   {-time.Hour, time.Hour, ""},
		"expired": {-2 * time.Hour, -time.Hour, "ended at"},
		"early":   {time.Hour, 2 * time.Hour, "begins at"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server := issue(t, now.Add(tt.from), now.Add(tt.to))
			for _, pin := range []Pin{PinOf(server.Leaf), CertificatePinOf(server.Leaf)} {
				_, err, _ := handshake(ServerTLS(fixed{server}), ClientTLS(pin))
				if tt.want == "" {
					if err != nil {
						t.Error(err)
					}
					continue
				}
				invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
				if !ok || invalid.Reason != x509.Expired || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %v, want an expired certificate that %q", err, tt.want)
				}
				if p, ok := PresentedPin(err); !ok || p != PinOf(server.Leaf) {
					t.Errorf("PresentedPin is %v, %v", p, ok)
				}
			}
		})
	}
}

func TestClientTLSWithoutPins(t *testing.T) {
	server := issueNow(t)
	cfg := ClientTLS()
	if cfg.InsecureSkipVerify || cfg.MinVersion != tls.VersionTLS13 {
		t.Fatal("not an ordinary configuration")
	}
	cfg.ServerName = "localhost"
	cfg.RootCAs = x509.NewCertPool()
	_, err, _ := handshake(ServerTLS(fixed{server}), cfg)
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok {
		t.Errorf("error %v for a self-signed certificate", err)
	}
	if pin, ok := PresentedPin(err); !ok || pin != PinOf(server.Leaf) {
		t.Errorf("PresentedPin is %v, %v", pin, ok)
	}
	cfg.RootCAs.AddCert(server.Leaf)
	if _, err, _ := handshake(ServerTLS(fixed{server}), cfg); err != nil {
		t.Errorf("a server with a known authority: %v", err)
	}
	cfg.ServerName = "elsewhere.example"
	_, err, _ = handshake(ServerTLS(fixed{server}), cfg)
	if _, ok := errors.AsType[x509.HostnameError](err); !ok {
		t.Errorf("error %v for another host name", err)
	}
}

func TestPresentedPinOfOtherErrors(t *testing.T) {
	for _, err := range []error{nil, errors.New("other"), &tls.CertificateVerificationError{Err: errors.New("x")}, x509.CertificateInvalidError{}} {
		if pin, ok := PresentedPin(err); ok {
			t.Errorf("PresentedPin(%v) is %v", err, pin)
		}
	}
}

// A resumed connection has no certificate in it, only the memory of one: the
// pins are checked all the same.
func TestClientTLSResumption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := issueNow(t) // for a day
		cfg := ServerTLS(fixed{server})
		cache := tls.NewLRUClientSessionCache(1)
		client := func(pins ...Pin) *tls.Config {
			c := ClientTLS(pins...)
			c.ServerName, c.ClientSessionCache = "localhost", cache
			return c
		}
		trusting := client(PinOf(server.Leaf))
		for i, resumed := range []bool{false, true, true} {
			state, err, _ := handshake(cfg, trusting)
			if err != nil || state.DidResume != resumed {
				t.Fatalf("connection %d: resumed %v, %v; want %v", i, state.DidResume, err, resumed)
			}
		}
		if state, err, _ := handshake(cfg, client(PinOf(issueNow(t).Leaf))); err == nil || !state.DidResume {
			t.Errorf("a client with another pin: resumed %v, %v", state.DidResume, err)
		} else if _, ok := errors.AsType[*PinError](err); !ok {
			t.Errorf("a client with another pin: %v", err)
		}
		if _, err, _ := handshake(cfg, trusting); err != nil {
			t.Fatal(err)
		}
		time.Sleep(25 * time.Hour)
		if _, err, _ := handshake(cfg, trusting); err == nil {
			t.Error("a session went on with an expired certificate")
		}
	})
}

func TestVerifyNoCertificate(t *testing.T) {
	if err := verify(nil, []Pin{PinOf(known(t))}, time.Now()); err == nil {
		t.Error("no certificate is accepted")
	}
}
