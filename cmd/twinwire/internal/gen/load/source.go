package load

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/scanner"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
)

// A source is a package that is read from its source.
type source struct {
	*listed
	files    []*ast.File
	imported bool // by another source
	pkg      *Package
}

// parse parses packages and returns the paths of what they import and nobody
// has listed yet. The error has all that is wrong with their files.
func (l *loader) parse(packages []*listed, imported bool) (need []string, err error) {
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		errs  scanner.ErrorList
		added []*source
	)
	for _, p := range packages {
		if len(p.GoFiles)+len(p.CgoFiles) == 0 {
			continue // nothing but tests or other languages
		}
		s := &source{listed: p, imported: imported}
		l.sources[p.ImportPath] = s
		added = append(added, s)
		group.Go(func() { // ends by itself
			for _, name := range slices.Concat(p.GoFiles, p.CgoFiles) {
				if isGenerated(name) {
					continue
				}
				file, err := l.file(filepath.Join(p.Dir, name))
				if file != nil {
					s.files = append(s.files, file)
				}
				if err != nil {
					mu.Lock()
					errs = append(errs, problems(err)...)
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	if len(errs) > 0 {
		errs.Sort()
		lines := make([]error, len(errs))
		for i, e := range errs {
			lines[i] = e
		}
		return nil, errors.Join(lines...)
	}
	for _, s := range added {
		for _, path := range s.imports() {
			if dep := l.sources[path]; dep != nil {
				dep.imported = true
			} else if l.exports[path] == nil && path != "unsafe" && path != "C" {
				need = append(need, path)
			}
		}
	}
	slices.Sort(need)
	return slices.Compact(need), nil
}

// file parses a file.
func (l *loader) file(name string) (*ast.File, error) {
	return parser.ParseFile(l.fset, name, nil, parser.AllErrors|parser.ParseComments|parser.SkipObjectResolution)
}

// problems returns what is wrong with a file, one by one.
func problems(err error) scanner.ErrorList {
	if list, ok := err.(scanner.ErrorList); ok {
		return list
	}
	return scanner.ErrorList{{Msg: err.Error()}}
}

func (s *source) imports() (paths []string) {
	for _, file := range s.files {
		for _, spec := range file.Imports {
			if path, err := strconv.Unquote(spec.Path.Value); err == nil {
				paths = append(paths, path)
			}
		}
	}
	return paths
}
