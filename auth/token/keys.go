package token

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// A Key signs tokens. It shows nothing of itself in logs and in formatted
// output.
type Key struct {
	// ID is how tokens name it: by default the thumbprint of RFC 7638.
	ID      string
	private ed25519.PrivateKey
}

// NewKey makes a key.
func NewKey() (*Key, error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	return &Key{ID: thumbprint(public), private: private}, nil
}

// Public returns what verifies the key's tokens.
func (k *Key) Public() PublicKey {
	return PublicKey{ID: k.ID, Key: k.private.Public().(ed25519.PublicKey)}
}

// String returns the id alone.
func (k *Key) String() string { return "key " + k.ID }

// Format is String for all verbs.
func (k *Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue is String.
func (k *Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// A PublicKey verifies tokens.
type PublicKey struct {
	ID  string
	Key ed25519.PublicKey
}

// jwk is a key as RFC 8037 writes it.
type jwk struct {
	Type    string `json:"kty"`
	Curve   string `json:"crv"`
	ID      string `json:"kid"`
	X       string `json:"x"`
	Private string `json:"d,omitempty"`
	Use     string `json:"use,omitempty"`
	Alg     string `json:"alg,omitempty"`
}

// A jwkSet is several, as RFC 7517 writes them.
type jwkSet struct {
	Keys []jwk `json:"keys"`
}

var base64url = base64.RawURLEncoding.Strict()

// thumbprint is that of RFC 7638.
func thumbprint(public ed25519.PublicKey) string {
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + base64url.EncodeToString(public) + `"}`))
	return base64url.EncodeToString(sum[:])
}

func (k PublicKey) jwk() jwk {
	return jwk{Type: "OKP", Curve: "Ed25519", ID: k.ID, X: base64url.EncodeToString(k.Key), Use: "sig", Alg: "EdDSA"}
}

// public reads the public part of a key.
func (j *jwk) public() (PublicKey, error) {
	x, err := base64url.DecodeString(j.X)
	if err != nil || len(x) != ed25519.PublicKeySize {
		return PublicKey{}, errors.New("x is not a public key of Ed25519")
	}
	k := PublicKey{ID: j.ID, Key: x}
	if k.ID == "" {
		k.ID = thumbprint(k.Key)
	}
	if len(k.ID) > maxID {
		return PublicKey{}, fmt.Errorf("kid has %d bytes, more than %d", len(k.ID), maxID)
	}
	return k, nil
}

func (j *jwk) ours() bool { return j.Type == "OKP" && j.Curve == "Ed25519" }

// MarshalPrivate returns the key as a JSON Web Key (RFC 8037), which is a
// secret.
func (k *Key) MarshalPrivate() ([]byte, error) {
	j := k.Public().jwk()
	j.Private = base64url.EncodeToString(k.private.Seed())
	return json.MarshalIndent(j, "", "  ")
}

// ParseKey reads what MarshalPrivate has written.
func ParseKey(b []byte) (*Key, error) {
	var j jwk
	if err := json.Unmarshal(b, &j); err != nil {
		return nil, errors.New("token: not a JSON Web Key") // the error may quote it
	}
	if !j.ours() {
		return nil, errors.New("token: not a key of Ed25519")
	}
	public, err := j.public()
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	seed, err := base64url.DecodeString(j.Private)
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, errors.New("token: not a private key")
	}
	k := &Key{ID: public.ID, private: ed25519.NewKeyFromSeed(seed)}
	if !k.Public().Key.Equal(public.Key) {
		return nil, errors.New("token: private and public part of the key do not belong together")
	}
	return k, nil
}

// MarshalPublic returns public keys as a JSON Web Key Set (RFC 7517).
func MarshalPublic(keys ...PublicKey) ([]byte, error) {
	set := jwkSet{Keys: make([]jwk, len(keys))}
	for i, k := range keys {
		set.Keys[i] = k.jwk()
	}
	return json.MarshalIndent(set, "", "  ")
}

// maxKeys bounds a set.
const maxKeys = 1024

// ParsePublic reads a JSON Web Key Set, or a single key. Keys of other kinds
// than Ed25519 are left out, as are private parts. It fails if nothing is left,
// or if two keys have one id.
func ParsePublic(b []byte) ([]PublicKey, error) {
	var set jwkSet
	if err := json.Unmarshal(b, &set); err != nil {
		return nil, errors.New("token: not a JSON Web Key Set")
	}
	if set.Keys == nil {
		var single jwk
		if err := json.Unmarshal(b, &single); err != nil {
			return nil, errors.New("token: not a JSON Web Key Set")
		}
		set.Keys = []jwk{single}
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("token: set of %d keys is over the limit of %d", len(set.Keys), maxKeys)
	}
	var keys []PublicKey
	seen := make(map[string]bool)
	for i := range set.Keys {
		if !set.Keys[i].ours() {
			continue
		}
		k, err := set.Keys[i].public()
		if err != nil {
			return nil, fmt.Errorf("token: key %d: %w", i, err)
		}
		if seen[k.ID] {
			return nil, fmt.Errorf("token: two keys have the id %.64q", k.ID)
		}
		seen[k.ID] = true
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, errors.New("token: no key of Ed25519 in the set")
	}
	return keys, nil
}

// A KeySet is Keys in memory, which can be replaced at any time: a key is
// rotated by having both for as long as tokens of the old one are good. The zero
// value has none.
type KeySet struct {
	keys atomic.Pointer[map[string]ed25519.PublicKey]
}

// NewKeySet returns a set of some keys.
func NewKeySet(keys ...PublicKey) *KeySet {
	s := new(KeySet)
	s.Replace(keys...)
	return s
}

// Replace has the set consist of these keys.
func (s *KeySet) Replace(keys ...PublicKey) {
	m := make(map[string]ed25519.PublicKey, len(keys))
	for _, k := range keys {
		m[k.ID] = k.Key
	}
	s.keys.Store(&m)
}

// Key returns the key with this id, nil if there is none.
func (s *KeySet) Key(id string) ed25519.PublicKey {
	if m := s.keys.Load(); m != nil {
		return (*m)[id]
	}
	return nil
}

// A KeyFile is Keys in a file that ParsePublic reads. The file may be replaced
// at any time, best by renaming another; it is looked at when a token is
// verified, once a second at most. While it cannot be read, the keys stay what
// they were.
type KeyFile struct {
	path string
	set  KeySet

	mu     sync.Mutex
	looked time.Time
	info   os.FileInfo
	err    error
}

// maxKeyFile is the most bytes of a file of keys.
const maxKeyFile = 1 << 20

// OpenKeys reads a file of keys.
func OpenKeys(path string) (*KeyFile, error) {
	f := &KeyFile{path: path}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked = time.Now()
	f.lookLocked()
	if f.err != nil {
		return nil, f.err
	}
	return f, nil
}

// Key returns the key with this id, nil if there is none.
func (f *KeyFile) Key(id string) ed25519.PublicKey {
	f.mu.Lock()
	if now := time.Now(); now.Sub(f.looked) >= time.Second {
		f.looked = now
		f.lookLocked()
	}
	f.mu.Unlock()
	return f.set.Key(id)
}

// Err returns why the file could not be read when it was looked at last; nil if
// it could.
func (f *KeyFile) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// lookLocked reads the file if it is another than before.
func (f *KeyFile) lookLocked() {
	info, err := os.Stat(f.path)
	if err == nil && f.err == nil && f.info != nil && os.SameFile(info, f.info) && info.ModTime().Equal(f.info.ModTime()) && info.Size() == f.info.Size() {
		return
	}
	var keys []PublicKey
	if err == nil && info.Size() > maxKeyFile {
		err = fmt.Errorf("token: %s: %d bytes are over the limit of %d", f.path, info.Size(), maxKeyFile)
	}
	if err == nil {
		var b []byte
		if b, err = os.ReadFile(f.path); err == nil {
			keys, err = ParsePublic(b)
		}
	}
	if f.err = err; err != nil {
		return
	}
	f.info = info
	f.set.Replace(keys...)
}
