package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire/auth/token"
)

// A key is made, its public part printed, and a token signed with the one that
// the other verifies.
func TestToken(t *testing.T) {
	dir := t.TempDir()
	ok := func(args ...string) string {
		t.Helper()
		code, stdout, stderr := command(t, dir, append([]string{"token"}, args...)...)
		if code != 0 || stderr != "" {
			t.Fatalf("%q: exit code %d, error %q", args, code, stderr)
		}
		return strings.TrimSpace(stdout)
	}
	first := ok("key", "-out", "a.key")
	if second := ok("key", "-out", "b.key", "-id", "2026-11"); second != "2026-11" || first == second || len(first) != 43 {
		t.Errorf("ids are %q and %q", first, second)
	}
	for _, name := range []string{"a.key", "b.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	public := ok("public", "a.key", filepath.Join(dir, "b.key"))
	if strings.Contains(public, `"d"`) {
		t.Error("the public part has the private one")
	}
	keys, err := token.ParsePublic([]byte(public))
	if err != nil {
		t.Fatal(err)
	}
	v := &token.Verifier{Keys: token.NewKeySet(keys...), Audience: "chat", Issuer: "me"}
	for _, key := range []string{"a.key", "b.key"} {
		tok := ok("sign", "-key", key, "-sub", "ann", "-aud", "chat", "-iss", "me", "-client", "phone", "-for", "1m", "-claim", "role=admin", "-claim", `rooms=["a","b"]`, "-claim", "level=7")
		c, err := v.Verify(tok)
		if err != nil || c.Subject != "ann" || c.Client != "phone" || c.All["role"] != "admin" || c.All["level"] != 7.0 || len(c.All["rooms"].([]any)) != 2 {
			t.Errorf("claims are %+v, %v", c, err)
		}
		if left := time.Until(c.Expires); left > time.Minute || left < 50*time.Second {
			t.Errorf("it is good for %v", left)
		}
	}
}

func TestTokenUsage(t *testing.T) {
	dir := t.TempDir()
	if code, _, stderr := command(t, dir, "token", "key", "-out", "a.key"); code != 0 {
		t.Fatal(stderr)
	}
	key, err := os.ReadFile(filepath.Join(dir, "a.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "open.key"), key, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "open.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args string
		code int
		want string
	}{
		{"token", 2, "usage"}, {"token nothing", 2, "usage"}, {"token sign -nothing", 2, "Usage"},
		{"token key", 1, "-out"}, {"token key -out a.key", 1, "exists"}, {"token public", 1, "which keys"}, {"token public none", 1, "no such file"},
		{"token sign", 1, "-key"}, {"token sign -key a.key", 1, "required"}, {"token sign -key a.key -sub ann -aud chat -for -1s", 1, "no time"},
		{"token sign -key a.key -sub ann -aud chat -claim x", 2, "name=value"}, {"token sign -key a.key -sub ann -aud chat -claim exp=1", 1, "not the application's"},
		{"token sign -key open.key -sub ann -aud chat", 1, "chmod 600"}, {"token public open.key", 1, "chmod 600"},
	} {
		if strings.Contains(test.args, "open.key") && runtime.GOOS == "windows" {
			continue
		}
		code, stdout, stderr := command(t, dir, strings.Fields(test.args)...)
		if code != test.code || !strings.Contains(stderr, test.want) || stdout != "" {
			t.Errorf("%s: exit code %d, %q, error %q", test.args, code, stdout, stderr)
		}
		if strings.Contains(stderr, string(key)) {
			t.Errorf("%s: the error has the key", test.args)
		}
	}
	for _, args := range [][]string{{"token", "-h"}, {"token", "help"}} {
		if code, stdout, _ := command(t, dir, args...); code != 0 || !strings.Contains(stdout, "token sign") {
			t.Errorf("%q: exit code %d, %q", args, code, stdout)
		}
	}
	if code, _, stderr := command(t, dir, "token", "sign", "-h"); code != 0 || !strings.Contains(stderr, "-aud") {
		t.Errorf("help of sign: exit code %d, %q", code, stderr)
	}
}
