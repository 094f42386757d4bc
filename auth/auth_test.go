package auth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/auth"
	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/internal/leak"
	"github.com/twinwire/twinwire/server"
)

func TestMain(m *testing.M) { leak.Main(m) }

// A refusal tells the client nothing of its cause, and the log all of it.
func TestDenied(t *testing.T) {
	cause := errors.New("key of the token is not known")
	for err, code := range map[error]twinwire.Code{
		auth.Denied(cause): twinwire.Unauthorized, auth.Denied(nil): twinwire.Unauthorized, auth.Expired(cause): twinwire.Expired, auth.Expired(nil): twinwire.Expired,
	} {
		var refused *core.RefusedError
		if !errors.As(err, &refused) || refused.Code != code || !refused.Authenticate || strings.Contains(refused.Reason, "key") || twinwire.CodeOf(err) != code {
			t.Errorf("%v is %+v", err, refused)
		}
	}
	if err := auth.Denied(cause); !strings.Contains(err.Error(), cause.Error()) {
		t.Errorf("the log gets %v", err)
	}
}

// What a client has sent does not get into a log with its login.
func TestLoginIsRedacted(t *testing.T) {
	l := &auth.Login{Login: &core.Login{Method: "token", Credential: []byte("hush")}, Header: http.Header{"Cookie": {"hush"}}}
	var log strings.Builder
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("login", "pointer", l, "value", *l, "inside", struct{ L *auth.Login }{l})
	}
	shown := log.String() + fmt.Sprintf("%v %+v %#v %s", l, l, l, *l)
	if strings.Contains(shown, "hush") || strings.Contains(shown, "aHVzaA") || strings.Contains(shown, "[104 117 115 104]") {
		t.Errorf("shown: %s", shown)
	}
}

// A secret that is too short is the server's fault, and is not the client's to
// know.
func TestShortSecret(t *testing.T) {
	l := &auth.Login{Login: new(core.Login)}
	for _, method := range []string{"", core.MethodToken} {
		l.Method = method
		if _, err := auth.Secrets(nil)(t.Context(), l); twinwire.CodeOf(err) != twinwire.Unauthorized {
			t.Errorf("method %q: %v", method, err)
		}
	}
	if p, err := auth.Nobody(t.Context(), l); p != nil || err != nil {
		t.Errorf("nobody is %v, %v", p, err)
	}
}

// A client is known by its certificate, over either wire: one that has none, or
// one of somebody else's, is not.
func TestClientCertificate(t *testing.T) {
	ca, caKey := certificate(t, "ca", nil, nil)
	otherCA, otherKey := certificate(t, "other ca", nil, nil)
	ann, annKey := certificate(t, "ann", ca, caKey)
	eve, eveKey := certificate(t, "ann", otherCA, otherKey)
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	dev, err := certs.NewDevelopment(&certs.DevelopmentOptions{Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	began := make(chan string, 1)
	srv := &server.Server{
		Certs: dev, ClientCAs: pool, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Authenticate: func(_ context.Context, l *auth.Login) (*core.Principal, error) {
			if l.TLS == nil || len(l.TLS.VerifiedChains) == 0 {
				return nil, auth.Denied(errors.New("no certificate"))
			}
			return &core.Principal{ID: l.TLS.PeerCertificates[0].Subject.CommonName}, nil
		},
		Connected: func(s *core.Session) { began <- s.Principal().ID },
	}
	l, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-served })
	for _, scheme := range []string{"wss://", "quic://"} {
		dial := func(cert *x509.Certificate, key *ecdsa.PrivateKey) error {
			cfg := new(tls.Config)
			if cert != nil {
				cfg.Certificates = []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			s, err := client.Dial(ctx, scheme+l.Addr(), &client.Options{Pins: dev.Pins(), TLS: cfg})
			if err == nil {
				_ = s.Close()
			}
			return err
		}
		if err := dial(ann, annKey); err != nil {
			t.Errorf("%s: %v", scheme, err)
		} else if id := <-began; id != "ann" {
			t.Errorf("%s: principal is %q", scheme, id)
		}
		if err := dial(nil, nil); !errors.Is(err, twinwire.Unauthorized) {
			t.Errorf("%s without a certificate: %v", scheme, err)
		}
		if err := dial(eve, eveKey); err == nil {
			t.Errorf("%s with a certificate of somebody else's", scheme)
		}
	}
}

// certificate makes one, signed by a parent or by itself.
func certificate(t *testing.T, name string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: parent == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	signer, signerKey := parent, parentKey
	if parent == nil {
		signer, signerKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer, &key.PublicKey, signerKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}
