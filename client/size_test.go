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

// maxPage is how many bytes a page may be larger than an empty Go program, both
// compressed. It is there to notice what makes pages larger, such as fmt or
// net/http.
const maxPage = 622_000

// A page that imports the client and a generated contract stays small.
func TestSizeInBrowser(t *testing.T) {
	empty, page := compressed(t, "empty"), compressed(t, "page")
	t.Logf("gzip -9: an empty program %d bytes, a page %d, which is %d more of at most %d", empty, page, page-empty, maxPage)
	if page-empty > maxPage {
		t.Errorf("a page is %d bytes larger than an empty program, want at most %d", page-empty, maxPage)
	}
}

// compressed builds a program of testdata for js/wasm and returns its size.
func compressed(t *testing.T, name string) int {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	cmd := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", file, "./testdata/"+name)
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	program, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
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
