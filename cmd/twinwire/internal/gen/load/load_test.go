package load

import (
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// module writes the files of a module and returns its directory. Names are
// those of packages, or of files.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	files["go.mod"] = "module example.org/m\n\ngo 1.26.0\n"
	for name, text := range files {
		if filepath.Ext(name) == "" {
			text = "package " + name + "\n" + text
			name = filepath.Join(name, name+".go")
		}
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// field returns the type of a field of a struct.
func field(t *testing.T, p *types.Package, structure string, number int) types.Type {
	t.Helper()
	obj := p.Scope().Lookup(structure)
	if obj == nil {
		t.Fatalf("%s has no %s", p.Path(), structure)
	}
	return obj.Type().Underlying().(*types.Struct).Field(number).Type()
}

const uses = `
import "example.org/m/b"
import "example.org/m/x"

type T struct {
	P b.Point
	H x.Holder
}
`

const holder = `
import "example.org/m/b"

type Holder struct{ P b.Point }
`

// A type is one type, whether it was read from source or from export data, and
// on whichever way.
func TestPackages(t *testing.T) {
	const point = "\ntype Point struct{ X, Y int }\n"
	for _, c := range []struct {
		name, b, x string
		patterns   []string
	}{
		{"everything from export data", point, holder, []string{"./a"}},
		{"package that was asked for, behind one that was not", point, holder, []string{"./a", "./b"}},
		{"all asked for", point, holder, []string{"./..."}},
		{"dependency that does not compile", point + "var _ = missing\n", holder, []string{"./a"}},
		{"both do not compile", point + "var _ = missing\n", holder + "var _ missing\n", []string{"./a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := module(t, map[string]string{"a": uses, "b": c.b, "x": c.x})
			loaded, err := Packages(t.Context(), dir, c.patterns)
			if err != nil {
				t.Fatal(err)
			}
			a := loaded[0]
			if a.Name != "a" || a.PkgPath != "example.org/m/a" || len(a.TypeErrors) > 0 {
				t.Errorf("got %s %s with errors %v", a.Name, a.PkgPath, a.TypeErrors)
			}
			x := field(t, a.Types, "T", 1).(*types.Named).Obj().Pkg()
			if p := field(t, a.Types, "T", 0); !types.Identical(p, field(t, x, "Holder", 0)) || p.Underlying() == types.Typ[types.Invalid] {
				t.Errorf("%v on one way is not the same type on the other", p)
			}
		})
	}
}

// What is wrong with a package is an error only if nothing can be said about it.
func TestProblems(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		err   string // of Packages
		types string // of the type checker
	}{
		{"import that nobody knows", map[string]string{"a": `import "example.org/m/gone"` + "\nvar V gone.T\n"}, "", "example.org/m/gone"},
		{"cycle, which ends", map[string]string{"a": "import _ \"example.org/m/b\"\n", "b": "import _ \"example.org/m/a\"\n"}, "", ""},
		{"generated file that is empty", map[string]string{"a": "", "a/a_twinwire.go": ""}, "", ""},
		{"generated file that is cut", map[string]string{"a": "", "a/a_twinwire.go": "package a\n\nfunc F("}, "", ""},
		{"two files with errors", map[string]string{"a": "type T struct {\n", "a/b.go": "package a\n\nfunc ("}, "b.go:3:7", ""},
		{"no such package", map[string]string{"b": ""}, "/a", ""},
		{"nothing but tests", map[string]string{"a/a_test.go": "package a\n"}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			loaded, err := Packages(t.Context(), module(t, c.files), []string{"./a"})
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error is %v, want one with %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var found []string
			for _, p := range loaded {
				for _, e := range p.TypeErrors {
					found = append(found, e.Error())
				}
			}
			if text := strings.Join(found, "\n"); !strings.Contains(text, c.types) || c.types == "" && text != "" {
				t.Errorf("errors of types are %q, want one with %q", text, c.types)
			}
		})
	}
}
