package zoo

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The tests and rows that docs/security.md names are there.
func TestSecurityDocument(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, r := range rows() {
		names[r.name] = true
	}
	named := 0
	for _, m := range regexp.MustCompile("`zoo: ([^`]+)`").FindAllSubmatch(text, -1) {
		if named++; !names[string(m[1])] {
			t.Errorf("there is no row %q", m[1])
		}
	}
	for _, m := range regexp.MustCompile("`([a-z/]+)/(Test[A-Za-z0-9]+)`").FindAllSubmatch(text, -1) {
		named++
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(string(m[1])), "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found = found || strings.Contains(string(source), "func "+string(m[2])+"(")
		}
		if !found {
			t.Errorf("there is no %s in %s", m[2], m[1])
		}
	}
	if named < 50 {
		t.Errorf("%d tests are named: is this the right file?", named)
	}
}
