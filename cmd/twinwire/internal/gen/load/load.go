// Package load reads packages for the generator: their syntax and types, and
// of what they import the export data only, which is what makes it fast.
//
// A package need not compile: a contract is read before the file that is made
// of it exists, and while that file is out of date.
package load

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// Suffix is what the names of generated files end with.
const Suffix = "_twinwire.go"

// mode has no NeedDeps: dependencies come from export data.
const mode = packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles |
	packages.NeedImports | packages.NeedTypes | packages.NeedTypesSizes |
	packages.NeedSyntax

// A Package is a package as it was loaded.
type Package struct {
	*packages.Package
	Dir string
}

// GeneratedFile returns the path of the file that the generator writes for p.
func (p *Package) GeneratedFile() string { return filepath.Join(p.Dir, p.Name+Suffix) }

// IsGenerated reports whether pos is in a file that the generator wrote, of
// this package or another.
func (p *Package) IsGenerated(pos token.Pos) bool {
	return pos.IsValid() && strings.HasSuffix(p.Fset.Position(pos).Filename, Suffix)
}

// Packages loads what the patterns stand for, relative to dir; they are those
// of the go command, and none means the package in dir. The error is one of the
// go command, or of a pattern or a file that cannot be read or parsed.
func Packages(ctx context.Context, dir string, patterns []string) ([]*Package, error) {
	cfg := &packages.Config{Context: ctx, Mode: mode, Dir: dir, Fset: token.NewFileSet(), ParseFile: parse}
	loaded, err := packages.Load(cfg, patterns...)
	if err != nil {
		return nil, err
	}
	var list []*Package
	for _, p := range loaded {
		if err := broken(p); err != nil {
			return nil, err
		}
		if len(p.GoFiles) == 0 || p.Types == nil {
			continue // nothing but tests or other languages
		}
		list = append(list, &Package{Package: p, Dir: filepath.Dir(p.GoFiles[0])})
	}
	return list, nil
}

// parse parses a file without the bodies of functions: nothing in a contract
// depends on them, and checking them takes longer than all the rest.
func parse(fset *token.FileSet, name string, src []byte) (*ast.File, error) {
	file, err := parser.ParseFile(fset, name, src, parser.AllErrors|parser.ParseComments|parser.SkipObjectResolution)
	if file == nil {
		return nil, err
	}
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok {
			f.Body = nil
		}
	}
	if strings.HasSuffix(name, Suffix) {
		file.Decls = slices.DeleteFunc(file.Decls, forgettable)
	}
	return file, err
}

// forgettable reports whether no contract can depend on a declaration of a
// generated file: on all of them but the methods by which types of one
// contract are carried by another.
func forgettable(decl ast.Decl) bool {
	switch d := decl.(type) {
	case *ast.GenDecl:
		return d.Tok != token.IMPORT
	case *ast.FuncDecl:
		return d.Name.Name != "AppendMsgpack" && d.Name.Name != "ReadMsgpack"
	}
	return false
}

// broken returns the errors that make p useless. Errors of the type checker
// are none: what the contract is made of is looked at one by one.
func broken(p *packages.Package) error {
	var lines []string
	for _, e := range p.Errors {
		generated := strings.Contains(e.Pos, Suffix+":")
		if e.Kind == packages.ParseError && !generated || e.Kind == packages.ListError && len(p.Syntax) == 0 {
			lines = append(lines, e.Error())
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return fmt.Errorf("%s", strings.Join(lines, "\n"))
}
