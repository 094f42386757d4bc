package token

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/auth"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func newKey(t testing.TB) *Key {
	t.Helper()
	k, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sign(t testing.TB, k *Key, g *Grant) string {
	t.Helper()
	s, err := k.Sign(g)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// raw signs whatever it is given.
func (k *Key) raw(t testing.TB, header, claims map[string]any) string {
	t.Helper()
	header["alg"] = "EdDSA"
	h, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	c, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	input := base64url.EncodeToString(h) + "." + base64url.EncodeToString(c)
	return input + "." + base64url.EncodeToString(ed25519.Sign(k.private, []byte(input)))
}

// login is a client with a token.
func login(tok string) *auth.Login {
	return &auth.Login{Login: &core.Login{Hello: new(core.Hello), Method: core.MethodToken, Credential: []byte(tok), Attempt: core.ID{1}}}
}

// What is signed is what is verified.
func TestToken(t *testing.T) {
	k := newKey(t)
	v := &Verifier{Keys: NewKeySet(k.Public()), Audience: "chat", Issuer: "login"}
	tok := sign(t, k, &Grant{Subject: "ann", Audience: "chat", Issuer: "login", Client: "phone", Claims: map[string]any{"role": "admin", "rooms": []any{"a"}}})
	l := login(tok)
	l.Hello.Client = "somebody else"
	p, err := v.Authenticate(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	left := time.Until(p.Expires)
	if p.ID != "ann" || p.Claim("role") != "admin" || fmt.Sprint(p.Claim("rooms")) != "[a]" || p.Claim("sub") != "ann" || l.Hello.Client != "phone" ||
		left > DefaultLifetime+DefaultSkew || left < DefaultLifetime+DefaultSkew-time.Minute {
		t.Errorf("principal is %+v, client %q", p, l.Hello.Client)
	}
	v.Issuer = "another"
	if _, err := v.Authenticate(t.Context(), login(tok)); !errors.Is(err, twinwire.Unauthorized) {
		t.Errorf("a token of another issuer: %v", err)
	}
	for _, v := range []*Verifier{{Audience: "chat"}, {Keys: NewKeySet()}} {
		if _, err := v.Authenticate(t.Context(), login(tok)); twinwire.CodeOf(err) != twinwire.Internal {
			t.Errorf("a verifier that lacks something: %v", err)
		}
	}
}

// Clause 15.4: before it begins a token is nobody's, and for the skew behind its
// end still somebody's.
func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKey(t)
		v := &Verifier{Keys: NewKeySet(k.Public()), Audience: "chat"}
		strict := &Verifier{Keys: NewKeySet(k.Public()), Audience: "chat", Skew: -1, MaxLifetime: -1}
		tok := sign(t, k, &Grant{Subject: "ann", Audience: "chat", NotBefore: time.Now().Add(time.Minute), Lifetime: time.Minute})
		want := func(v *Verifier, code twinwire.Code) {
			t.Helper()
			if _, err := v.Authenticate(t.Context(), login(tok)); twinwire.CodeOf(err) != code {
				t.Errorf("at %v: %v, want %v", time.Now(), err, code)
			}
		}
		want(v, twinwire.Unauthorized)
		time.Sleep(31 * time.Second)
		want(v, twinwire.Accepted)
		want(strict, twinwire.Unauthorized)
		time.Sleep(60 * time.Second)
		want(strict, twinwire.Accepted)
		time.Sleep(50 * time.Second) // 21 s behind its end
		want(v, twinwire.Accepted)
		want(strict, twinwire.Expired)
		time.Sleep(10 * time.Second)
		want(v, twinwire.Expired)
		tok = sign(t, k, &Grant{Subject: "ann", Audience: "chat", Lifetime: 25 * time.Hour})
		want(v, twinwire.Unauthorized)
		want(strict, twinwire.Accepted)
	})
}

// Claims have the types that they must have.
func TestClaims(t *testing.T) {
	k := newKey(t)
	v := &Verifier{Keys: NewKeySet(k.Public()), Audience: "chat"}
	for _, g := range []Grant{
		{Audience: "chat"}, {Subject: "ann"}, {Subject: "ann", Audience: "chat", Lifetime: -1}, {Subject: strings.Repeat("x", 256), Audience: "chat"},
		{Subject: "ann", Audience: "chat", Claims: map[string]any{"exp": 1}}, {Subject: "ann", Audience: "chat", Claims: map[string]any{"x": strings.Repeat("x", 9000)}},
		{Subject: "ann", Audience: "chat", Claims: map[string]any{"x": func() {}}},
	} {
		if s, err := k.Sign(&g); err == nil {
			t.Errorf("%+v has been signed: %s", g, s)
		}
	}
	exp := time.Now().Add(time.Minute).Unix()
	for name, claims := range map[string]map[string]any{
		"no subject":      {"aud": "chat", "exp": exp},
		"number":          {"aud": "chat", "exp": exp, "sub": 7},
		"long":            {"aud": "chat", "exp": exp, "sub": strings.Repeat("x", 256)},
		"client":          {"aud": "chat", "exp": exp, "sub": "ann", "client_id": 7},
		"no end":          {"aud": "chat", "sub": "ann"},
		"end is text":     {"aud": "chat", "sub": "ann", "exp": "tomorrow"},
		"no audience":     {"exp": exp, "sub": "ann"},
		"audience number": {"aud": 7, "exp": exp, "sub": "ann"},
		"from the future": {"aud": "chat", "exp": exp, "sub": "ann", "iat": exp},
	} {
		if _, err := v.Authenticate(t.Context(), login(k.raw(t, map[string]any{"kid": k.ID}, claims))); !errors.Is(err, twinwire.Unauthorized) {
			t.Errorf("%s: %v", name, err)
		}
	}
	fine := map[string]any{"aud": []string{"shop", "chat"}, "exp": exp, "sub": "ann"}
	if _, err := v.Authenticate(t.Context(), login(k.raw(t, map[string]any{"kid": k.ID}, fine))); err != nil {
		t.Errorf("one of several audiences: %v", err)
	}
	for name, header := range map[string]map[string]any{
		"no kid": {}, "kid is a number": {"kid": 1}, "long kid": {"kid": strings.Repeat("x", 256)}, "critical": {"kid": k.ID, "crit": []string{"exp"}, "exp": 1},
	} {
		if _, err := v.Authenticate(t.Context(), login(k.raw(t, header, fine))); !errors.Is(err, twinwire.Unauthorized) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := v.Authenticate(t.Context(), login(strings.Repeat("x", 9000))); !errors.Is(err, twinwire.Unauthorized) {
		t.Errorf("a long token: %v", err)
	}
}

// A token that is used up is so for everybody but the wires of one dial, and
// those only for a while; what has expired is forgotten.
func TestRegister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKey(t)
		r := &Register{Most: 3}
		v := &Verifier{Keys: NewKeySet(k.Public()), Audience: "chat", Once: r}
		use := func(tok string, attempt byte) twinwire.Code {
			l := login(tok)
			l.Attempt = core.ID{attempt}
			_, err := v.Authenticate(context.Background(), l)
			return twinwire.CodeOf(err)
		}
		want := func(got, want twinwire.Code) {
			t.Helper()
			if got != want {
				t.Errorf("use is %v, want %v", got, want)
			}
		}
		g := &Grant{Subject: "ann", Audience: "chat", Lifetime: time.Minute}
		one := sign(t, k, g)
		want(use(one, 1), twinwire.Accepted)
		want(use(one, 1), twinwire.Accepted) // another wire
		want(use(one, 2), twinwire.Unauthorized)
		time.Sleep(11 * time.Second)
		want(use(one, 1), twinwire.Unauthorized) // who has seen it
		want(use(sign(t, k, g), 3), twinwire.Accepted)
		want(use(sign(t, k, g), 4), twinwire.Accepted)
		want(use(sign(t, k, g), 5), twinwire.ResourceExhausted)
		want(use(one, 9), twinwire.Unauthorized) // it has not been forgotten for that
		time.Sleep(2 * time.Minute)
		want(use(one, 9), twinwire.Expired)
		for range 3 {
			want(use(sign(t, k, g), 5), twinwire.Accepted)
		}
		if n := len(r.used); n != 3 {
			t.Errorf("%d uses are remembered", n)
		}
		raw := k.raw(t, map[string]any{"kid": k.ID}, map[string]any{"aud": "chat", "exp": time.Now().Add(time.Minute).Unix(), "sub": "ann"})
		want(use(raw, 1), twinwire.Unauthorized) // it has no id
	})
}

// Keys survive being written and read, and are recognized by their thumbprint,
// which RFC 8037 gives for its example (appendix A).
func TestKeys(t *testing.T) {
	example := `{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	k, err := ParseKey([]byte(example))
	if err != nil || k.ID != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Fatalf("key is %v, %v", k, err)
	}
	b, err := k.MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseKey(b)
	if err != nil || again.ID != k.ID || !again.private.Equal(k.private) {
		t.Errorf("read again: %v, %v", again, err)
	}
	other := newKey(t)
	set, err := MarshalPublic(k.Public(), other.Public())
	if err != nil || bytes.Contains(set, []byte(`"d"`)) {
		t.Fatalf("set is %s, %v", set, err)
	}
	keys, err := ParsePublic(set)
	if err != nil || len(keys) != 2 || keys[1].ID != other.ID || !keys[0].Key.Equal(k.Public().Key) {
		t.Errorf("set is %v, %v", keys, err)
	}
	if keys, err := ParsePublic(b); err != nil || len(keys) != 1 {
		t.Errorf("a single key: %v, %v", keys, err)
	}
	mixed := `{"keys":[{"kty":"RSA","kid":"r"},` + example + `]}`
	if keys, err := ParsePublic([]byte(mixed)); err != nil || len(keys) != 1 {
		t.Errorf("a set with others: %v, %v", keys, err)
	}
	x := func(x, rest string) string { return `{"kty":"OKP","crv":"Ed25519","x":"` + x + `"` + rest + `}` }
	good := "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
	for name, s := range map[string]string{
		"nothing": "", "no JSON": "{", "no keys": `{"keys":[]}`, "another kind": `{"kty":"RSA"}`, "short": x("AAAA", ""), "no base64": x("*", ""), "padded": x(good+"=", ""),
		"long id": x(good, `,"kid":"`+strings.Repeat("x", 256)+`"`), "twice": `{"keys":[` + x(good, "") + "," + x(good, "") + `]}`,
		"too many": `{"keys":[` + strings.TrimSuffix(strings.Repeat(`{},`, maxKeys+1), ",") + `]}`,
	} {
		if keys, err := ParsePublic([]byte(s)); err == nil {
			t.Errorf("%s: %v", name, keys)
		}
		if k, err := ParseKey([]byte(s)); err == nil {
			t.Errorf("%s: %v", name, k)
		}
	}
	for name, s := range map[string]string{
		"public": x(good, ""), "short d": x(good, `,"d":"AAAA"`), "d of another": x(good, `,"d":"`+base64url.EncodeToString(other.private.Seed())+`"`),
	} {
		if k, err := ParseKey([]byte(s)); err == nil {
			t.Errorf("%s: %v", name, k)
		}
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("key", "key", k)
	shown := log.String() + fmt.Sprintf("%v %+v %#v %s %x", k, k, k, k, k)
	if strings.Contains(shown, "nWGxne") || strings.Contains(shown, fmt.Sprintf("%x", k.private.Seed())) {
		t.Errorf("the key shows: %s", shown)
	}
}

// A file of keys is read again when it has changed, and its last good content
// counts while it cannot be.
func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	write := func(b []byte) {
		t.Helper()
		if err := os.WriteFile(path+".new", b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	set := func(keys ...*Key) []byte {
		var public []PublicKey
		for _, k := range keys {
			public = append(public, k.Public())
		}
		b, _ := MarshalPublic(public...)
		return b
	}
	if _, err := OpenKeys(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("OpenKeys of nothing: %v", err)
	}
	a, b := newKey(t), newKey(t)
	write(set(a))
	f, err := OpenKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	later := func() { f.mu.Lock(); f.looked = time.Time{}; f.mu.Unlock() }
	want := func(haveA, haveB, fails bool) {
		t.Helper()
		if (f.Key(a.ID) != nil) != haveA || (f.Key(b.ID) != nil) != haveB || (f.Err() != nil) != fails {
			t.Errorf("keys %v and %v, error %v", f.Key(a.ID), f.Key(b.ID), f.Err())
		}
	}
	want(true, false, false)
	write(set(a, b))
	want(true, false, false) // it has just been looked at
	later()
	want(true, true, false)
	write([]byte("{"))
	later()
	want(true, true, true)
	_ = os.Remove(path)
	later()
	want(true, true, true)
	write(bytes.Repeat([]byte(" "), maxKeyFile+1))
	later()
	want(true, true, true)
	write(set(b))
	later()
	want(false, true, false)
	if new(KeySet).Key("x") != nil {
		t.Error("an empty set has a key")
	}
}

// Whatever is said, nothing but what the key has signed is taken, and nothing
// breaks.
func FuzzVerify(f *testing.F) {
	k := newKey(f)
	v := &Verifier{Keys: NewKeySet(k.Public()), Audience: "chat"}
	tok := sign(f, k, &Grant{Subject: "ann", Audience: "chat"})
	f.Add(tok)
	f.Add(tok[:len(tok)-1])
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("..")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := v.Verify(s)
		if err == nil && s != tok {
			t.Fatalf("%q is taken as %+v", s, c)
		}
		if _, err := v.Authenticate(context.Background(), login(s)); (err == nil) != (s == tok) {
			t.Fatalf("%q: %v", s, err)
		}
	})
}

// What is read as a set of keys can be written and read again.
func FuzzParsePublic(f *testing.F) {
	b, _ := MarshalPublic(newKey(f).Public(), newKey(f).Public())
	f.Add(b)
	f.Add([]byte(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = ParseKey(b)
		keys, err := ParsePublic(b)
		if err != nil {
			return
		}
		out, err := MarshalPublic(keys...)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParsePublic(out)
		if err != nil || len(again) != len(keys) {
			t.Fatalf("%s: %v, %v", out, again, err)
		}
	})
}
