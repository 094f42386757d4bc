package server_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/auth"
	"github.com/twinwire/twinwire/auth/token"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/server"
)

// A logbook keeps what a server and its clients log, at every level.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logbook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (l *logbook) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.b.String(), text)
}

// lacks fails if something secret was logged, or something of a peer that was
// not escaped.
func (l *logbook) lacks(t *testing.T, secrets ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	log := l.b.String()
	for _, s := range secrets {
		for _, form := range []string{s, fmt.Sprintf("%x", s), base64.StdEncoding.EncodeToString([]byte(s)), fmt.Sprint([]byte(s))} {
			if s != "" && strings.Contains(log, form) {
				t.Errorf("the log has a secret: %.20s...", form)
			}
		}
	}
	if strings.ContainsAny(log, "\x1b\r\x00") {
		t.Error("the log has control characters")
	}
}

const (
	annsSecret   = "ann's secret, 32 bytes and a few more"
	othersSecret = "another secret, 32 bytes and some more"
)

// A mint makes tokens, good ones and others.
type mint struct {
	t    *testing.T
	key  *token.Key
	made []string
}

func newMint(t *testing.T) *mint {
	k, err := token.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return &mint{t: t, key: k}
}

func (m *mint) sign(k *token.Key, g token.Grant) string {
	m.t.Helper()
	s, err := k.Sign(&g)
	if err != nil {
		m.t.Fatal(err)
	}
	m.made = append(m.made, s)
	return s
}

func (m *mint) good() string { return m.sign(m.key, token.Grant{Subject: "ann", Audience: "test"}) }

// forged is a token with a header of one's own, and what sign makes of it.
func (m *mint) forged(header map[string]any, sign func(input []byte) []byte) string {
	h, _ := json.Marshal(header)
	claims, _ := json.Marshal(map[string]any{"sub": "ann", "aud": "test", "exp": time.Now().Add(time.Minute).Unix()})
	enc := base64.RawURLEncoding.EncodeToString
	input := enc(h) + "." + enc(claims)
	s := input + "." + enc(sign([]byte(input)))
	m.made = append(m.made, s)
	return s
}

// The matrix: each way to know clients, each kind of credential, each wire.
func TestAuthentication(t *testing.T) {
	m := newMint(t)
	other := newMint(t)
	public := m.key.Public()
	ctx := context.Background()
	secret := func(name, s string) *core.Credential {
		c, err := client.Secret(name, []byte(s))(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	tok := core.TokenCredential
	kid := func(id string) *core.Credential {
		return tok(m.forged(map[string]any{"alg": "EdDSA", "kid": id}, func([]byte) []byte { return make([]byte, 64) }))
	}
	good := m.good()
	stolen := &core.Credential{Method: core.MethodSecret, Data: []byte("ann")}
	stolen.Prove = func(context.Context, core.ID, []byte) ([]byte, error) { // of another login
		return core.SecretProof([]byte(annsSecret), "ann", core.ID{9}, make([]byte, 32)), nil
	}
	truncated := secret("ann", annsSecret)
	whole := truncated.Prove
	truncated.Prove = func(ctx context.Context, id core.ID, c []byte) ([]byte, error) {
		p, err := whole(ctx, id, c)
		return p[:16], err
	}
	kinds := []struct {
		name string
		c    *core.Credential
		// by is the ways that take it; old ones say that it has expired.
		by, old string
	}{
		{"nothing", nil, "none hook", ""},
		{"unknown method", &core.Credential{Method: "x/y", Data: []byte("ann")}, "none", ""},
		{"secret", secret("ann", annsSecret), "none secret both hook", ""},
		{"wrong secret", secret("ann", othersSecret), "none hook", ""},
		{"unknown name", secret("bob", annsSecret), "none hook", ""},
		{"name with dirt", secret("bob\x1b[31m\r\nlevel=ERROR", annsSecret), "none hook", ""},
		{"truncated proof", truncated, "none hook", ""},
		{"replayed proof", stolen, "none hook", ""},
		{"token", tok(good), "none token both", ""},
		{"expired", tok(m.sign(m.key, token.Grant{Subject: "ann", Audience: "test", NotBefore: time.Now().Add(-time.Hour)})), "none", "token both"},
		{"not yet valid", tok(m.sign(m.key, token.Grant{Subject: "ann", Audience: "test", NotBefore: time.Now().Add(time.Minute)})), "none", ""},
		{"skewed", tok(m.sign(m.key, token.Grant{Subject: "ann", Audience: "test", NotBefore: time.Now().Add(20 * time.Second)})), "none token both", ""},
		{"wrong audience", tok(m.sign(m.key, token.Grant{Subject: "ann", Audience: "shop"})), "none", ""},
		{"too long", tok(m.sign(m.key, token.Grant{Subject: "ann", Audience: "test", Lifetime: 48 * time.Hour})), "none", ""},
		{"wrong key", tok(m.sign(other.key, token.Grant{Subject: "ann", Audience: "test"})), "none", ""},
		{"wrong key of the right name", tok(m.forged(map[string]any{"alg": "EdDSA", "kid": public.ID}, func([]byte) []byte { return make([]byte, ed25519.SignatureSize) })), "none", ""},
		{"alg none", tok(m.forged(map[string]any{"alg": "none", "kid": public.ID}, func([]byte) []byte { return nil })), "none", ""},
		{"HS256 with the public key", tok(m.forged(map[string]any{"alg": "HS256", "kid": public.ID}, func(in []byte) []byte {
			h := hmac.New(sha256.New, public.Key)
			h.Write(in)
			return h.Sum(nil)
		})), "none", ""},
		{"kid traversal", kid("../../../../etc/passwd"), "none", ""},
		{"kid of an address", kid("https://example.com/keys.json"), "none", ""},
		{"no kid", tok(m.forged(map[string]any{"alg": "EdDSA"}, func([]byte) []byte { return make([]byte, 64) })), "none", ""},
		{"truncated", tok(good[:len(good)-3]), "none", ""},
		{"without a signature", tok(good[:strings.LastIndexByte(good, '.')+1]), "none", ""},
		{"dirt", tok("a\x1b[31m\r\n.b.c"), "none", ""},
		{"empty", tok(""), "none", ""},
	}
	verifier := &token.Verifier{Keys: token.NewKeySet(public), Audience: "test"}
	secrets := auth.Secrets(func(name string) []byte {
		if name == "ann" {
			return []byte(annsSecret)
		}
		return nil
	})
	ways := []struct {
		name string
		by   auth.Authenticator
	}{
		{"none", nil},
		{"secret", secrets},
		{"token", verifier.Authenticate},
		{"both", auth.ByMethod(map[string]auth.Authenticator{core.MethodSecret: secrets, core.MethodToken: verifier.Authenticate})},
		{"hook", func(_ context.Context, l *auth.Login) (*core.Principal, error) {
			if l.Method == core.MethodToken || l.Method == "x/y" {
				return nil, auth.Denied(fmt.Errorf("of %q", l.Credential[:min(3, len(l.Credential))]))
			}
			return &core.Principal{ID: "ann"}, nil
		}},
	}
	for _, w := range wires[:2] {
		for _, way := range ways {
			t.Run(w.name+"/"+way.name, func(t *testing.T) {
				log := new(logbook)
				e := start(t, w.prefix, w.runsOn)
				e.srv.Logger = log.logger()
				e.srv.Authenticate = way.by
				raise(e)
				began := make(chan *core.Session, 1)
				e.srv.Connected = func(s *core.Session) { began <- s }
				e.serve(service())
				for _, kind := range kinds {
					opts := &client.Options{Pins: e.dev.Pins(), Logger: log.logger(), Credentials: func(context.Context) (*core.Credential, error) { return kind.c, nil }}
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					s, err := client.Dial(ctx, e.addr(), opts)
					cancel()
					in := func(list string) bool { return strings.Contains(" "+list+" ", " "+way.name+" ") }
					var refused *core.RefusedError
					switch {
					case in(kind.by) && err != nil:
						t.Errorf("%s: %v", kind.name, err)
					case in(kind.by):
						p := (<-began).Principal()
						if way.name == "none" && p != nil || way.name != "none" && (p == nil || p.ID != "ann") {
							t.Errorf("%s: principal is %v", kind.name, p)
						}
						_ = s.Close()
					case err == nil:
						t.Errorf("%s: was let in", kind.name)
						_ = s.Close()
					case !errors.As(err, &refused) || !refused.Authenticate || refused.Never:
						t.Errorf("%s: %v", kind.name, err)
					case in(kind.old) != (refused.Code == twinwire.Expired), refused.Code != twinwire.Expired && refused.Code != twinwire.Unauthorized:
						t.Errorf("%s: %v", kind.name, err)
					case strings.ContainsAny(err.Error(), "\x1b\r\n"):
						t.Errorf("%s: %q", kind.name, err)
					}
				}
				log.lacks(t, append([]string{annsSecret, othersSecret}, append(m.made, other.made...)...)...)
				if way.name == "token" && !log.has("twinwire: refused") {
					t.Error("refusals are not in the log")
				}
			})
		}
	}
}

// A single-use token opens one session, over whatever wires a dial tries, and no
// second one.
func TestTokenOnce(t *testing.T) {
	for _, w := range wires {
		t.Run(w.name, func(t *testing.T) {
			m := newMint(t)
			e := start(t, w.prefix, w.runsOn)
			v := &token.Verifier{Keys: token.NewKeySet(m.key.Public()), Audience: "test", Once: new(token.Register)}
			e.srv.Authenticate = v.Authenticate
			e.serve(service())
			one := m.good()
			e.dial(&client.Options{Credentials: client.Token(one)})
			_, err := client.Dial(t.Context(), e.addr(), &client.Options{Pins: e.dev.Pins(), Credentials: client.Token(one)})
			if !errors.Is(err, twinwire.Unauthorized) {
				t.Errorf("a second use: %v", err)
			}
			e.dial(&client.Options{Credentials: client.Token(m.good())})
		})
	}
}

// Keys are rotated while the server runs.
func TestKeyRotation(t *testing.T) {
	before, after := newMint(t), newMint(t)
	keys := token.NewKeySet(before.key.Public())
	e := start(t, "wss://", "websocket")
	e.srv.Authenticate = (&token.Verifier{Keys: keys, Audience: "test"}).Authenticate
	e.serve(service())
	try := func(m *mint) error {
		s, err := client.Dial(t.Context(), e.addr(), &client.Options{Pins: e.dev.Pins(), Credentials: client.Token(m.good())})
		if err == nil {
			_ = s.Close()
		}
		return err
	}
	if try(before) != nil || try(after) == nil {
		t.Error("the first key does not work, or the second does too early")
	}
	keys.Replace(before.key.Public(), after.key.Public())
	if try(before) != nil || try(after) != nil {
		t.Error("two keys do not work")
	}
	keys.Replace(after.key.Public())
	if try(before) == nil || try(after) != nil {
		t.Error("the first key works still, or the second does not")
	}
}

// An Authenticator sees what there is to see of a client.
func TestLoginDetails(t *testing.T) {
	for _, w := range wires[:2] {
		t.Run(w.name, func(t *testing.T) {
			e := start(t, w.prefix, w.runsOn)
			seen := make(chan auth.Login, 1)
			e.srv.Authenticate = func(_ context.Context, l *auth.Login) (*core.Principal, error) {
				got := *l
				hello := *l.Hello
				got.Login = &core.Login{Method: l.Method, Credential: l.Credential, Info: l.Info, Hello: &hello}
				seen <- got
				l.Hello.Client = "known as ann"
				return &core.Principal{ID: "ann"}, nil
			}
			e.srv.CheckOrigin = func(*http.Request) bool { return true }
			e.serve(service())
			header := http.Header{"Cookie": {"sid=1"}, "Origin": {"https://example.com"}}
			connect := codec.AppendString(nil, "hello")
			c := &core.Credential{Method: "mine", Data: []byte("data")}
			e.dial(&client.Options{
				Hello: core.Hello{Client: "ann", Connect: connect}, Header: header,
				Credentials: func(context.Context) (*core.Credential, error) { return c, nil },
			})
			l := <-seen
			if l.Method != "mine" || string(l.Credential) != "data" || l.Info.Wire != w.runsOn || l.Info.RemoteAddr == "" ||
				l.Hello.Client != "ann" || string(l.Hello.Connect) != string(connect) || l.TLS == nil || !l.TLS.HandshakeComplete {
				t.Errorf("login is %+v of %+v", l, l.Hello)
			}
			if w.name == "websocket" && (l.Header.Get("Cookie") != "sid=1" || l.Origin != "https://example.com") {
				t.Errorf("header is %v, origin %q", l.Header, l.Origin)
			}
			eventually(t, func() bool { return len(sessionsOf(e.srv, "known as ann")) == 1 })
		})
	}
}

func sessionsOf(srv *server.Server, id string) (list []*core.Session) {
	for s := range srv.SessionsOf(id) {
		list = append(list, s)
	}
	return list
}

// A client that proves nothing in time is gone after the time of a handshake,
// however slow the server's own search is.
func TestSlowAuthenticator(t *testing.T) {
	for _, w := range wires[:2] {
		t.Run(w.name, func(t *testing.T) {
			e := start(t, w.prefix, w.runsOn)
			e.srv.Limits = &core.Limits{HandshakeTime: 200 * time.Millisecond}
			ended := make(chan struct{}, 10)
			e.srv.Authenticate = func(ctx context.Context, _ *auth.Login) (*core.Principal, error) {
				<-ctx.Done()
				ended <- struct{}{}
				return nil, ctx.Err()
			}
			e.serve(service())
			if s, err := client.Dial(t.Context(), e.addr(), &client.Options{Pins: e.dev.Pins()}); err == nil {
				t.Errorf("a session began: %v", s)
			}
			<-ended
		})
	}
}

// raise lets a test dial as often as it likes.
func raise(e *env) {
	e.srv.Limits = &core.Limits{Admission: core.Admission{ConnectRate: 1000, ConnectBurst: 1000}}
}
