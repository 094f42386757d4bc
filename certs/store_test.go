package certs

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestStorePermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes: run this on another system")
	}
	dir := filepath.Join(t.TempDir(), "twinwire")
	development(t, DevelopmentOptions{Dir: dir})
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if e.IsDir() {
			want = 0o700
		} else {
			files++
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %04o, want %04o", path, got, want)
		}
		return nil
	})
	if err != nil || files != 2 {
		t.Errorf("%d files, %v; want 2", files, err)
	}
}

func TestStoreFilesCanBeUsedElsewhere(t *testing.T) {
	dir := t.TempDir()
	d := development(t, DevelopmentOptions{Dir: dir})
	s, err := Files(filepath.Join(dir, "development-1", "cert.pem"), filepath.Join(dir, "development-1", "key.pem"), nil)
	if err != nil {
		t.Fatal(err)
	}
	presented(t, s, d.Pin())
}

// A generation that cannot be trusted or read is passed over by servers, which
// say so, and by clients.
func TestStoreUnusable(t *testing.T) {
	tests := map[string]func(t *testing.T, generation string) (says string){
		"key that others can read": func(t *testing.T, generation string) string {
			if runtime.GOOS == "windows" {
				t.Skip("Windows has no modes: run this on another system")
			}
			// The certificate is no secret, but that it is this user's is
			// known by its mode alone.
			for _, name := range []string{keyName, certName} {
				if err := os.Chmod(filepath.Join(generation, name), 0o640); err != nil {
					t.Fatal(err)
				}
			}
			return "mode 0640"
		},
		"certificate is garbage": func(t *testing.T, generation string) string {
			write(t, filepath.Join(generation, certName), []byte("garbage"))
			return certName
		},
		"certificate is empty": func(t *testing.T, generation string) string {
			write(t, filepath.Join(generation, certName), nil)
			return certName
		},
		"certificate is broken": func(t *testing.T, generation string) string {
			write(t, filepath.Join(generation, certName), []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
			return certName
		},
		"certificate is huge": func(t *testing.T, generation string) string {
			if err := os.Truncate(filepath.Join(generation, certName), 1<<30); err != nil {
				t.Fatal(err)
			}
			return certName
		},
		"certificate is a directory": func(t *testing.T, generation string) string {
			if err := os.Remove(filepath.Join(generation, certName)); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Join(generation, certName), 0o700); err != nil {
				t.Fatal(err)
			}
			return certName
		},
		"certificate is missing": func(t *testing.T, generation string) string {
			if err := os.Remove(filepath.Join(generation, certName)); err != nil {
				t.Fatal(err)
			}
			return "" // as while it is being removed
		},
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			old := development(t, DevelopmentOptions{Dir: dir}).Pin()
			says := spoil(t, filepath.Join(dir, "development-1"))
			if pins, err := StoredPins(dir); err != nil || len(pins) != 0 {
				t.Errorf("a client trusts %v, %v", pins, err)
			}
			var j journal
			d := development(t, DevelopmentOptions{Dir: dir, Log: j.log()})
			if d.Pin() == old {
				t.Error("a server uses it")
			}
			if got := j.take(); !strings.Contains(got, says) {
				t.Errorf("logged %q, want %q", got, says)
			}
			if pins, err := StoredPins(dir); err != nil || len(pins) != 1 || pins[0] != d.Pin() {
				t.Errorf("stored pins are %v, %v; want the new one", pins, err)
			}
			if _, err := os.Stat(filepath.Join(dir, "development-1")); err != nil {
				t.Errorf("what the user may want to look at is gone: %v", err)
			}
		})
	}
}

func TestStoreKeyOfAnotherCertificate(t *testing.T) {
	dir := t.TempDir()
	old := development(t, DevelopmentOptions{Dir: dir}).Pin()
	_, key := inPEM(t, issueNow(t))
	write(t, filepath.Join(dir, "development-1", keyName), key)
	if d := development(t, DevelopmentOptions{Dir: dir}); d.Pin() == old {
		t.Error("a server uses it")
	}
}

func TestStoreForgetsWhatExpired(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	development(t, DevelopmentOptions{Dir: dir, Now: c.Now})
	// What a crash has left, and what somebody is at.
	stale, recent := filepath.Join(dir, draftPrefix+"1"), filepath.Join(dir, draftPrefix+"2")
	for path, age := range map[string]time.Duration{stale: 2 * draftAge, recent: draftAge / 2} {
		write(t, filepath.Join(path, keyName), []byte("key"))
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	foreign := []string{"notes.txt", "development-", "development-x", "development-01", "development-0", "acme"}
	for _, name := range foreign {
		write(t, filepath.Join(dir, name), []byte("mine"))
	}
	c.Advance(20 * day)
	development(t, DevelopmentOptions{Dir: dir, Now: c.Now})
	for path, want := range map[string]bool{
		filepath.Join(dir, "development-1"): false,
		filepath.Join(dir, "development-2"): true, // numbers are not used again
		stale:                               false,
		recent:                              true,
	} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", path, err == nil, want)
		}
	}
	for _, name := range foreign {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("removed a file that is not ours: %v", err)
		}
	}
}

// A server that outlives the directory must not remove what others have made
// in its place.
func TestStoreNumberReused(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	d := development(t, DevelopmentOptions{Dir: dir, Now: c.Now})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	c.Advance(6 * day)
	other := development(t, DevelopmentOptions{Dir: dir, Now: c.Now})
	c.Advance(5 * day)
	if _, err := d.GetCertificate(nil); err != nil {
		t.Fatal(err)
	}
	pins, err := storedPins(dir, c.Now())
	if err != nil || len(pins) == 0 || pins[0] != other.Pin() {
		t.Errorf("stored pins are %v, %v; want first %v", pins, err, other.Pin())
	}
}

func TestStoredPins(t *testing.T) {
	t.Run("no directory", func(t *testing.T) {
		if pins, err := StoredPins(filepath.Join(t.TempDir(), "none")); pins != nil || err != nil {
			t.Errorf("%v, %v; want none", pins, err)
		}
	})
	t.Run("no home", func(t *testing.T) {
		for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "AppData"} {
			t.Setenv(name, "")
		}
		if pins, err := StoredPins(""); pins != nil || err != nil {
			t.Errorf("%v, %v; want none", pins, err)
		}
	})
	t.Run("a file", func(t *testing.T) {
		if _, err := StoredPins(write(t, filepath.Join(t.TempDir(), "file"), nil)); err == nil {
			t.Error("no error")
		}
	})
	t.Run("default directory", func(t *testing.T) {
		setHome(t)
		d := development(t, DevelopmentOptions{})
		if pins, err := StoredPins(""); err != nil || len(pins) != 1 || pins[0] != d.Pin() {
			t.Errorf("%v, %v; want %v", pins, err, d.Pin())
		}
	})
	t.Run("expired", func(t *testing.T) {
		dir := t.TempDir()
		development(t, DevelopmentOptions{Dir: dir})
		if pins, err := storedPins(dir, time.Now().Add(11*day)); err != nil || len(pins) != 0 {
			t.Errorf("%v, %v; want none", pins, err)
		}
	})
}

// setHome gives the test a home directory of its own.
func setHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "AppData"} {
		t.Setenv(name, home)
	}
	return home
}
