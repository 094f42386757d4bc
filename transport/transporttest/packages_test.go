package transporttest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// Every package under transport that has a carrier, which is a type with a
// method Receive, runs the suite.
func TestEveryCarrierRunsTheSuite(t *testing.T) {
	carriers := 0
	err := filepath.WalkDir("..", func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		has, runs := inspect(t, dir)
		if has {
			carriers++
			if !runs {
				t.Errorf("%s has a carrier and no test that calls transporttest.TestCarrier", dir)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if carriers == 0 {
		t.Error("found no carrier at all")
	}
}

// inspect reads the Go files of a directory, whatever their build tags.
func inspect(t *testing.T, dir string) (hasCarrier, runsSuite bool) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		test := strings.HasSuffix(name, "_test.go")
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				hasCarrier = hasCarrier || !test && n.Recv != nil && n.Name.Name == "Receive"
			case *ast.SelectorExpr:
				pkg, ok := n.X.(*ast.Ident)
				runsSuite = runsSuite || test && ok && pkg.Name == "transporttest" && n.Sel.Name == "TestCarrier"
			}
			return true
		})
	}
	return hasCarrier, runsSuite
}
