// Package load reads packages for the generator: their syntax and types, and
// of what they import the export data only, which is what makes it fast.
//
// A package need not compile: a contract is read before the file that is made
// of it exists, and while that file is out of date. So what is asked for is
// read from its source, and the go command is not asked to compile it, which
// takes longest where it is in vain.
package load

import (
	"context"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"sync"
)

// Suffix is what the names of generated files end with.
const Suffix = "_twinwire.go"

// A Package is a package as it was loaded.
type Package struct {
	Name, PkgPath string
	Dir           string
	Fset          *token.FileSet
	Syntax        []*ast.File // without generated files
	Types         *types.Package
	TypeErrors    []types.Error
}

// GeneratedFile returns the path of the file that the generator writes for p.
func (p *Package) GeneratedFile() string { return filepath.Join(p.Dir, p.Name+Suffix) }

// IsGenerated reports whether pos is in a file that the generator wrote, of
// this package or another.
func (p *Package) IsGenerated(pos token.Pos) bool {
	return pos.IsValid() && isGenerated(p.Fset.Position(pos).Filename)
}

func isGenerated(name string) bool { return strings.HasSuffix(name, Suffix) }

// Packages loads what the patterns stand for, relative to dir; they are those
// of the go command, and none means the package in dir. The error is one of the
// go command, or of a pattern or a file that cannot be read or parsed. Errors
// of the type checker are none: what a contract is made of is looked at one by
// one.
func Packages(ctx context.Context, dir string, patterns []string) ([]*Package, error) {
	l := &loader{fset: token.NewFileSet(), sources: make(map[string]*source), exports: make(map[string]*listed), types: make(map[string]*types.Package)}
	roots, err := l.roots(ctx, dir, patterns)
	if err != nil {
		return nil, err
	}
	if err := broken(roots); err != nil {
		return nil, err
	}
	need, err := l.parse(roots, false)
	if err != nil {
		return nil, err
	}
	for len(need) > 0 {
		found, err := list(ctx, dir, export, need...)
		if err != nil {
			return nil, err
		}
		var uncompiled []*listed
		for _, p := range found {
			if l.exports[p.ImportPath] = p; p.Export == "" && len(p.GoFiles) > 0 {
				uncompiled = append(uncompiled, p)
			}
		}
		if need, err = l.parse(uncompiled, true); err != nil {
			return nil, err
		}
	}
	var loaded []*Package
	for _, p := range roots {
		if s := l.sources[p.ImportPath]; s != nil {
			loaded = append(loaded, l.check(s))
		}
	}
	return loaded, nil
}

// roots lists what the patterns stand for and, at the same time, the export
// data of what most contracts import, which takes longer.
func (l *loader) roots(ctx context.Context, dir string, patterns []string) ([]*listed, error) {
	var (
		likely []*listed
		group  sync.WaitGroup
	)
	group.Go(func() { // ends with its command
		// An error may be that nobody has these, and nobody needs them.
		likely, _ = list(ctx, dir, export, "context", "time", "github.com/twinwire/twinwire/events")
	})
	found, err := list(ctx, dir, find, patterns...)
	group.Wait()
	for _, p := range likely {
		if p.Export != "" {
			l.exports[p.ImportPath] = p
		}
	}
	return found, err
}
