//go:build !js

package client

import (
	"bytes"
	"compress/gzip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// How many bytes a page may be larger than an empty Go program, both compressed
// (docs/browsers.md): one that makes calls, and one that has a state, events and
// streams as well.
const (
	maxPage = 588_000
	maxRich = 780_000
)

// A page that imports the client and a generated contract stays small.
func TestSizeInBrowser(t *testing.T) {
	empty := compressed(t, build(t, "empty"))
	for name, most := range map[string]int{"page": maxPage, "rich": maxRich} {
		program := build(t, name)
		size := compressed(t, program)
		t.Logf("gzip -9: an empty program %d bytes, %s %d, which is %d more of at most %d", empty, name, size, size-empty, most)
		if size-empty > most {
			t.Errorf("%s is %d bytes larger than an empty program, want at most %d", name, size-empty, most)
		}
		// What makes pages large, by the names of functions in the table that
		// every program has.
		for _, prefix := range []string{"fmt.", "reflect.Value", "log/slog.", "encoding/json.", "net/", "crypto/internal/fips140/sha256.", "math/big."} {
			if bytes.Contains(program, []byte("\x00"+prefix)) {
				t.Errorf("%s has functions of %s, which pages are to do without", name, prefix)
			}
		}
	}
}

// build builds a program of testdata for js/wasm. What it weighs does not depend
// on where that is done.
func build(t *testing.T, name string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, "./testdata/"+name)
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	program, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// compressed returns the size of a program as a server sends it.
func compressed(t *testing.T, program []byte) int {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(program); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Len()
}
