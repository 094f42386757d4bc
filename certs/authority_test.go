package certs

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// An authority is an ACME server (RFC 8555) inside the test process. It really
// checks the signatures of its clients and really dials their servers, but
// only on loopback: resolve says where a name lives.
type authority struct {
	// immutable
	*httptest.Server
	resolve map[string]string // host name -> address of its port 443 and 80
	offers  []string          // types of challenge
	key     *ecdsa.PrivateKey
	root    *x509.Certificate

	// guarded by mu
	mu         sync.Mutex
	nonces     map[string]bool
	accounts   map[string]*ecdsa.PublicKey // URL -> key
	contacts   []string
	orders     []*acmeOrder
	validated  []string // "type host", of each challenge that was met
	objections []string // what clients did wrong
}

// acmeOrder is an order, its one authorization and that one's challenges.
type acmeOrder struct {
	number  int
	account string // URL
	host    string
	token   string
	status  string // of the order: pending, ready, valid, invalid
	problem string
	chain   []byte // PEM
}

func newAuthority(t *testing.T, resolve map[string]string, offers ...string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "test authority"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(365 * day),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	a := &authority{
		resolve:  resolve,
		offers:   offers,
		key:      key,
		root:     sign(t, template, key).Leaf,
		nonces:   make(map[string]bool),
		accounts: make(map[string]*ecdsa.PublicKey),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /directory", a.directory)
	mux.HandleFunc("HEAD /nonce", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /account", a.signed(a.newAccount))
	mux.HandleFunc("POST /order", a.signed(a.newOrder))
	mux.HandleFunc("POST /order/{n}", a.signed(a.withOrder(a.showOrder)))
	mux.HandleFunc("POST /authz/{n}", a.signed(a.withOrder(a.showAuthz)))
	mux.HandleFunc("POST /challenge/{n}/{type}", a.signed(a.withOrder(a.challenge)))
	mux.HandleFunc("POST /finalize/{n}", a.signed(a.withOrder(a.finalize)))
	mux.HandleFunc("POST /cert/{n}", a.signed(a.withOrder(a.certificate)))
	a.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Section 6.5: every answer may carry a nonce, and these do.
		w.Header().Set("Replay-Nonce", a.newNonce())
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(a.Close)
	return a
}

// client returns an HTTP client that knows the authority's own certificate and
// refuses to leave the machine.
func (a *authority) client(t *testing.T) *http.Client {
	client := a.Server.Client()
	client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
			t.Errorf("dials %s", address)
			return nil, errors.New("not on this machine")
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	return client
}

// pool holds the root that the authority issues under.
func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.root)
	return pool
}

// seen returns how many orders there were, which challenges were met, and what
// clients did wrong.
func (a *authority) seen() (orders int, validated, objections []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.orders), a.validated, a.objections
}

func (a *authority) newNonce() string {
	nonce := rand.Text()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.nonces[nonce] = true
	return nonce
}

// directory is section 7.1.1.
func (a *authority) directory(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"newNonce":   a.URL + "/nonce",
		"newAccount": a.URL + "/account",
		"newOrder":   a.URL + "/order",
		"revokeCert": a.URL + "/revoke",
		"keyChange":  a.URL + "/key",
		"meta":       map[string]any{"termsOfService": a.URL + "/terms"},
	})
}

// A request is what is left of a POST when its signature has been checked.
type request struct {
	*http.Request
	account string           // URL; "" where the key itself came along
	key     *ecdsa.PublicKey // that signed
	payload []byte
	order   *acmeOrder // withOrder sets it
}

// signed checks what section 6 demands of a POST, and answers what h returns.
func (a *authority) signed(h func(w http.ResponseWriter, r *request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		signed, err := a.openLocked(r)
		if err == nil {
			err = h(w, signed)
		}
		if err != nil {
			a.objections = append(a.objections, r.URL.Path+": "+err.Error())
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusForbidden)
			json.NewEncoder(w).Encode(map[string]string{"type": "urn:ietf:params:acme:error:unauthorized", "detail": err.Error()})
		}
	}
}

// openLocked opens the JWS of a request: flattened JSON, ES256, a nonce that
// is used once, the URL, and either the key or the account.
func (a *authority) openLocked(r *http.Request) (*request, error) {
	if ct := r.Header.Get("Content-Type"); ct != "application/jose+json" {
		return nil, fmt.Errorf("content type %q", ct)
	}
	var jws struct{ Protected, Payload, Signature string }
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<16)).Decode(&jws); err != nil {
		return nil, err
	}
	protected, err := unbase64(jws.Protected)
	if err != nil {
		return nil, err
	}
	var head struct {
		Alg, Nonce, URL, Kid string
		JWK                  *struct{ Crv, Kty, X, Y string }
	}
	if err := json.Unmarshal(protected, &head); err != nil {
		return nil, err
	}
	if head.Alg != "ES256" {
		return nil, fmt.Errorf("algorithm %q", head.Alg)
	}
	if !a.nonces[head.Nonce] {
		return nil, fmt.Errorf("nonce %q is not one of ours, or was used", head.Nonce)
	}
	delete(a.nonces, head.Nonce)
	if want := a.URL + r.URL.Path; head.URL != want {
		return nil, fmt.Errorf("signed for %q, sent to %q", head.URL, want)
	}
	signed := &request{Request: r, account: head.Kid}
	switch {
	case head.Kid != "" && head.JWK == nil:
		if signed.key = a.accounts[head.Kid]; signed.key == nil {
			return nil, fmt.Errorf("no account %q", head.Kid)
		}
	case head.Kid == "" && head.JWK != nil && r.URL.Path == "/account":
		x, errX := unbase64(head.JWK.X)
		y, errY := unbase64(head.JWK.Y)
		if err := errors.Join(errX, errY); err != nil {
			return nil, err
		}
		point := append(append([]byte{4}, x...), y...) // SEC 1, uncompressed
		if signed.key, err = ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point); err != nil {
			return nil, err
		}
	default:
		return nil, errors.New("neither a key for a new account, nor an account")
	}
	signature, err := unbase64(jws.Signature)
	if err != nil || len(signature) != 64 {
		return nil, fmt.Errorf("a signature of %d bytes, %v", len(signature), err)
	}
	hash := sha256.Sum256([]byte(jws.Protected + "." + jws.Payload))
	if !ecdsa.Verify(signed.key, hash[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return nil, errors.New("the signature is wrong")
	}
	signed.payload, err = unbase64(jws.Payload)
	return signed, err
}

// newAccount is section 7.3.
func (a *authority) newAccount(w http.ResponseWriter, r *request) error {
	var want struct {
		TermsOfServiceAgreed bool
		OnlyReturnExisting   bool
		Contact              []string
	}
	if err := json.Unmarshal(r.payload, &want); err != nil {
		return err
	}
	for url, key := range a.accounts {
		if key.Equal(r.key) {
			w.Header().Set("Location", url)
			answer(w, http.StatusOK, map[string]any{"status": "valid"})
			return nil
		}
	}
	if !want.TermsOfServiceAgreed || want.OnlyReturnExisting {
		return errors.New("no account without agreement")
	}
	url := fmt.Sprintf("%s/account/%d", a.URL, len(a.accounts)+1)
	a.accounts[url] = r.key
	a.contacts = append(a.contacts, want.Contact...)
	w.Header().Set("Location", url)
	answer(w, http.StatusCreated, map[string]any{"status": "valid", "contact": want.Contact})
	return nil
}

// newOrder is section 7.4.
func (a *authority) newOrder(w http.ResponseWriter, r *request) error {
	var want struct {
		Identifiers []struct{ Type, Value string }
	}
	if err := json.Unmarshal(r.payload, &want); err != nil {
		return err
	}
	if len(want.Identifiers) != 1 || want.Identifiers[0].Type != "dns" {
		return fmt.Errorf("identifiers %v", want.Identifiers)
	}
	o := &acmeOrder{number: len(a.orders), account: r.account, host: want.Identifiers[0].Value, token: rand.Text(), status: "pending"}
	a.orders = append(a.orders, o)
	r.order = o
	w.Header().Set("Location", fmt.Sprintf("%s/order/%d", a.URL, o.number))
	answer(w, http.StatusCreated, a.describe(o))
	return nil
}

func (a *authority) withOrder(h func(w http.ResponseWriter, r *request) error) func(http.ResponseWriter, *request) error {
	return func(w http.ResponseWriter, r *request) error {
		var n int
		if _, err := fmt.Sscan(r.PathValue("n"), &n); err != nil || n < 0 || n >= len(a.orders) {
			return fmt.Errorf("no order %q", r.PathValue("n"))
		}
		if r.order = a.orders[n]; r.order.account != r.account {
			return errors.New("somebody else's order")
		}
		return h(w, r)
	}
}

func (a *authority) describe(o *acmeOrder) map[string]any {
	text := map[string]any{
		"status":         o.status,
		"identifiers":    []any{map[string]string{"type": "dns", "value": o.host}},
		"authorizations": []string{fmt.Sprintf("%s/authz/%d", a.URL, o.number)},
		"finalize":       fmt.Sprintf("%s/finalize/%d", a.URL, o.number),
	}
	if o.chain != nil {
		text["certificate"] = fmt.Sprintf("%s/cert/%d", a.URL, o.number)
	}
	return text
}

func (a *authority) showOrder(w http.ResponseWriter, r *request) error {
	answer(w, http.StatusOK, a.describe(r.order))
	return nil
}

// showAuthz is section 7.5.
func (a *authority) showAuthz(w http.ResponseWriter, r *request) error {
	status := r.order.status
	if status == "ready" {
		status = "valid"
	}
	var challenges []any
	for _, kind := range a.offers {
		challenges = append(challenges, a.describeChallenge(r.order, kind))
	}
	answer(w, http.StatusOK, map[string]any{
		"status":     status,
		"identifier": map[string]string{"type": "dns", "value": r.order.host},
		"challenges": challenges,
	})
	return nil
}

func (a *authority) describeChallenge(o *acmeOrder, kind string) map[string]any {
	text := map[string]any{
		"type":   kind,
		"url":    fmt.Sprintf("%s/challenge/%d/%s", a.URL, o.number, kind),
		"token":  o.token,
		"status": o.status,
	}
	if o.problem != "" {
		text["error"] = map[string]any{"type": "urn:ietf:params:acme:error:unauthorized", "detail": o.problem}
	}
	return text
}

// challenge is section 7.5.1. It validates before it answers, so that no
// client has to ask twice.
func (a *authority) challenge(w http.ResponseWriter, r *request) error {
	if string(r.payload) != "{}" {
		// Asked for its state only.
		answer(w, http.StatusOK, a.describeChallenge(r.order, r.PathValue("type")))
		return nil
	}
	kind, o := r.PathValue("type"), r.order
	proof := o.token + "." + thumbprint(r.key)
	address, ok := a.resolve[o.host]
	if !ok {
		return fmt.Errorf("%s has no address", o.host)
	}
	var err error
	switch kind {
	case "tls-alpn-01":
		err = dialTLSALPN(address, o.host, proof)
	case "http-01":
		err = fetchHTTP(address, o.host, o.token, proof)
	default:
		err = fmt.Errorf("no challenge %q", kind)
	}
	if err != nil {
		o.status, o.problem = "invalid", err.Error()
	} else {
		o.status = "ready"
		a.validated = append(a.validated, kind+" "+o.host)
	}
	answer(w, http.StatusOK, a.describeChallenge(o, kind))
	return nil
}

// dialTLSALPN is RFC 8737, section 3.
func dialTLSALPN(address, host, proof string) error {
	conn, err := tls.Dial("tcp", address, &tls.Config{
		ServerName:         host,
		NextProtos:         []string{"acme-tls/1"},
		InsecureSkipVerify: true, // what counts is in the certificate
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	state := conn.ConnectionState()
	leaf := state.PeerCertificates[0]
	if state.NegotiatedProtocol != "acme-tls/1" || len(leaf.DNSNames) != 1 || leaf.DNSNames[0] != host {
		return fmt.Errorf("protocol %q, names %q", state.NegotiatedProtocol, leaf.DNSNames)
	}
	sum := sha256.Sum256([]byte(proof))
	want, err := asn1.Marshal(sum[:])
	if err != nil {
		return err
	}
	for _, e := range leaf.Extensions {
		if e.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}) && e.Critical && string(e.Value) == string(want) {
			return nil
		}
	}
	return errors.New("the proof is missing")
}

// fetchHTTP is section 8.3.
func fetchHTTP(address, host, token, proof string) error {
	req, err := http.NewRequest("GET", "http://"+address+"/.well-known/acme-challenge/"+token, nil)
	if err != nil {
		return err
	}
	req.Host = host
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err != nil || resp.StatusCode != http.StatusOK || strings.TrimRight(string(body), " \r\n\t") != proof {
		return fmt.Errorf("status %d, body %q, %v", resp.StatusCode, body, err)
	}
	return nil
}

// finalize is section 7.4, from the point where the order is ready.
func (a *authority) finalize(w http.ResponseWriter, r *request) error {
	o := r.order
	if o.status != "ready" {
		return fmt.Errorf("the order is %s", o.status)
	}
	var want struct{ CSR string }
	if err := json.Unmarshal(r.payload, &want); err != nil {
		return err
	}
	der, err := unbase64(want.CSR)
	if err != nil {
		return err
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return err
	}
	if err := csr.CheckSignature(); err != nil {
		return err
	}
	if len(csr.DNSNames) != 1 || csr.DNSNames[0] != o.host {
		return fmt.Errorf("a request for %q, ordered was %q", csr.DNSNames, o.host)
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: o.host},
		DNSNames:    csr.DNSNames,
		NotBefore:   time.Now().Add(-time.Minute),
		NotAfter:    time.Now().Add(90 * day),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	leaf, err := x509.CreateCertificate(rand.Reader, template, a.root, csr.PublicKey, a.key)
	if err != nil {
		return err
	}
	o.chain = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw})...)
	o.status = "valid"
	w.Header().Set("Location", fmt.Sprintf("%s/order/%d", a.URL, o.number))
	answer(w, http.StatusOK, a.describe(o))
	return nil
}

// certificate is section 7.4.2.
func (a *authority) certificate(w http.ResponseWriter, r *request) error {
	if r.order.chain == nil {
		return errors.New("not issued")
	}
	w.Header().Set("Content-Type", "application/pem-certificate-chain")
	_, err := w.Write(r.order.chain)
	return err
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func unbase64(text string) ([]byte, error) { return base64.RawURLEncoding.Strict().DecodeString(text) }

// thumbprint is RFC 7638 for a P-256 key.
func thumbprint(key *ecdsa.PublicKey) string {
	point, err := key.Bytes()
	if err != nil {
		return err.Error()
	}
	enc := base64.RawURLEncoding.EncodeToString
	sum := sha256.Sum256([]byte(`{"crv":"P-256","kty":"EC","x":"` + enc(point[1:33]) + `","y":"` + enc(point[33:]) + `"}`))
	return enc(sum[:])
}
