package load

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/tools/go/gcexportdata"
)

// A loader makes types of packages. It is for one goroutine.
type loader struct {
	fset    *token.FileSet
	sources map[string]*source        // packages that are read from source
	exports map[string]*listed        // packages that are not
	types   map[string]*types.Package // what has been read, and what that refers to
}

// check returns a package with its types. Those of functions' bodies are of no
// interest, and checking them takes longer than all the rest.
func (l *loader) check(s *source) *Package {
	if s.pkg != nil {
		return s.pkg
	}
	p := &Package{Name: s.Name, PkgPath: s.ImportPath, Dir: s.Dir, Fset: l.fset, Syntax: s.files}
	s.pkg = p
	files := s.files
	if s.imported {
		files = append(slices.Clip(files), l.carriers(s)...)
	}
	cfg := types.Config{
		Importer:         l,
		IgnoreFuncBodies: true,
		FakeImportC:      true,
		Error: func(err error) {
			if e, ok := err.(types.Error); ok {
				p.TypeErrors = append(p.TypeErrors, e)
			}
		},
	}
	t, _ := cfg.Check(s.ImportPath, l.fset, files, nil) // its error was among the others
	p.Types, l.types[s.ImportPath] = t, t
	return p
}

// carriers returns the generated files of a package that another one imports,
// with nothing in them but the methods by which its types are carried: on the
// rest no contract can depend.
func (l *loader) carriers(s *source) (files []*ast.File) {
	for _, name := range s.GoFiles {
		if !isGenerated(name) {
			continue
		}
		file, _ := l.file(filepath.Join(s.Dir, name)) // is written anew if it is broken
		if file == nil {
			continue
		}
		file.Decls = slices.DeleteFunc(file.Decls, func(d ast.Decl) bool {
			f, ok := d.(*ast.FuncDecl)
			return !ok || f.Name.Name != "AppendMsgpack" && f.Name.Name != "ReadMsgpack"
		})
		files = append(files, file)
	}
	return files
}

// Import is for the type checker.
func (l *loader) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	if s := l.sources[path]; s != nil {
		if p := l.check(s); p.Types != nil {
			return p.Types, nil
		}
		return nil, errors.New("import cycle")
	}
	if t := l.types[path]; t != nil && t.Complete() {
		return t, nil
	}
	p := l.exports[path]
	switch {
	case p == nil:
		return nil, errors.New("package is unknown to the go command")
	case p.Export == "" && p.Error != nil:
		return nil, errors.New(p.Error.Err)
	case p.Export == "":
		return nil, errors.New("package cannot be compiled")
	}
	// What it refers to must be the types that are made of source, if any are.
	for _, dep := range p.Deps {
		if s := l.sources[dep]; s != nil {
			l.check(s)
		}
	}
	f, err := os.Open(p.Export)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	//lint:ignore SA1019 export data is in archives before Go 1.28, which Read alone cannot read
	r, err := gcexportdata.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Export, err)
	}
	return gcexportdata.Read(r, l.fset, l.types, path)
}
