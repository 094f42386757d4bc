package certs

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDefault(t *testing.T) {
	own := issueNow(t)
	p := newPair(t, own)
	missing := filepath.Join(t.TempDir(), "missing.pem")
	expired := newPair(t, issue(t, time.Now().Add(-2*day), time.Now().Add(-day)))
	t.Run("files", func(t *testing.T) {
		home := setHome(t)
		t.Setenv(EnvCert, p.certFile)
		t.Setenv(EnvKey, p.keyFile)
		var j journal
		src, err := Default(j.log())
		if err != nil {
			t.Fatal(err)
		}
		presented(t, src, PinOf(own.Leaf))
		if got := j.take(); got != "" {
			t.Errorf("logged %q", got)
		}
		if pins, err := StoredPins(filepath.Join(home, "twinwire")); err != nil || len(pins) != 0 {
			t.Errorf("made a development certificate all the same: %v, %v", pins, err)
		}
	})
	t.Run("development", func(t *testing.T) {
		setHome(t)
		t.Setenv(EnvCert, "")
		t.Setenv(EnvKey, "")
		var j journal
		src, err := Default(j.log())
		if err != nil {
			t.Fatal(err)
		}
		pins, err := StoredPins("")
		if err != nil || len(pins) != 1 {
			t.Fatalf("stored pins are %v, %v", pins, err)
		}
		presented(t, src, pins...)
		warning := ""
		for line := range strings.Lines(j.take()) {
			if strings.Contains(line, "level=WARN") {
				warning += line
			}
		}
		if strings.Count(warning, "\n") != 1 || !strings.Contains(warning, pins[0].String()) {
			t.Errorf("the warnings are %q, want one with %v", warning, pins[0])
		}
	})
	failures := map[string]struct {
		cert, key string
		says      []string
	}{
		"certificate alone": {p.certFile, "", []string{EnvCert + " is set", EnvKey + " is not"}},
		"key alone":         {"", p.keyFile, []string{EnvKey + " is set", EnvCert + " is not"}},
		"missing":           {missing, p.keyFile, []string{missing, EnvCert}},
		"expired":           {expired.certFile, expired.keyFile, []string{expired.certFile, "ended at", EnvCert}},
	}
	for name, tt := range failures {
		t.Run(name, func(t *testing.T) {
			home := setHome(t)
			t.Setenv(EnvCert, tt.cert)
			t.Setenv(EnvKey, tt.key)
			src, err := Default(new(journal).log())
			if err == nil || src != nil {
				t.Fatalf("%v, %v; want an error", src, err)
			}
			for _, want := range tt.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			// Falling back would serve what the operator did not ask for.
			if pins, err := StoredPins(filepath.Join(home, "twinwire")); err != nil || len(pins) != 0 {
				t.Errorf("made a development certificate: %v, %v", pins, err)
			}
		})
	}
	t.Run("no home", func(t *testing.T) {
		for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "AppData", EnvCert, EnvKey} {
			t.Setenv(name, "")
		}
		if _, err := Default(nil); err == nil || !strings.Contains(err.Error(), EnvCert) {
			t.Errorf("error %v does not say what to do", err)
		}
	})
}
