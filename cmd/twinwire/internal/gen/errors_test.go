package gen

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/model"
	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// Each package under testdata/errors cannot be carried. The comments at the
// end of its file say what is to be reported, all of it:
//
//	// want 5:12: message
//
// They are written anew by go test . -args update.
func TestErrors(t *testing.T) {
	dirs, err := os.ReadDir("testdata/errors")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Files(context.Background(), "testdata/errors", []string{"./..."})
	var problems model.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("got error %v, want problems", err)
	}
	got := make(map[string][]string)
	for _, p := range problems {
		got[p.Pos.Filename] = append(got[p.Pos.Filename], fmt.Sprintf("// want %d:%d: %s", p.Pos.Line, p.Pos.Column, p.What))
	}
	for _, dir := range dirs {
		t.Run(dir.Name(), func(t *testing.T) {
			file, err := filepath.Abs(filepath.Join("testdata/errors", dir.Name(), dir.Name()+".go"))
			if err != nil {
				t.Fatal(err)
			}
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			code, wants, _ := strings.Cut(string(src), "\n// want ")
			if update() {
				text := strings.TrimRight(code, "\n") + "\n\n" + strings.Join(got[file], "\n") + "\n"
				if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			want := "// want " + strings.TrimSpace(wants)
			if text := strings.Join(got[file], "\n"); text != want {
				t.Errorf("reported\n%s\nwant\n%s", text, want)
			}
		})
	}
}

// update reports whether go test was given -args update.
func update() bool { return flag.Arg(0) == "update" }
