package machine

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestPurity keeps the promise of the package comment: no I/O, no goroutine,
// no lock, no clock and no random source.
func TestPurity(t *testing.T) {
	forbidden := []string{"sync", "sync/atomic", "context", "net", "os", "io", "log", "log/slog", "runtime", "math/rand", "math/rand/v2", "crypto/rand"}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, file.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			for _, bad := range forbidden {
				if path == bad {
					t.Errorf("%s imports %s", fset.Position(spec.Pos()), path)
				}
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt, *ast.SelectStmt, *ast.SendStmt, *ast.ChanType:
				t.Errorf("%s: goroutines and channels are the driver's", fset.Position(n.Pos()))
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && isClock(n.Sel.Name) {
					t.Errorf("%s: time.%s: the time is given", fset.Position(n.Pos()), n.Sel.Name)
				}
			}
			return true
		})
	}
}

// isClock reports whether a name of package time has to do with the present.
func isClock(name string) bool {
	switch name {
	case "Duration", "Nanosecond", "Microsecond", "Millisecond", "Second", "Minute", "Hour":
		return false
	}
	return true
}
