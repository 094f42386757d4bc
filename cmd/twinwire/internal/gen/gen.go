// Package gen reads contracts and writes the code that goes with them.
package gen

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/emit"
	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/load"
	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/model"
	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/typescript"
)

// A File is a generated file.
type File struct {
	Path    string
	Content []byte
	// Current says that the file on disk has this content.
	Current bool
}

// Files makes the files of the packages that the patterns stand for, relative
// to dir, and writes none. Packages without directives have none. The error is
// a model.Problems if the contracts are what is wrong, with all problems of all
// packages.
func Files(ctx context.Context, dir string, patterns []string) ([]File, error) {
	loaded, err := load.Packages(ctx, dir, patterns)
	if err != nil {
		return nil, err
	}
	results := make([]result, len(loaded))
	var group sync.WaitGroup
	for i, p := range loaded {
		group.Go(func() { results[i] = one(p) }) // ends by itself
	}
	group.Wait()
	var (
		files    []File
		problems model.Problems
	)
	for _, r := range results {
		if r.err != nil {
			return nil, r.err
		}
		problems = append(problems, r.problems...)
		if r.file.Path != "" {
			files = append(files, r.file)
		}
	}
	if len(problems) > 0 {
		return nil, problems.Sorted()
	}
	return files, nil
}

// A result is what becomes of one package; there is no file without a path.
type result struct {
	file     File
	problems model.Problems
	err      error
}

func one(p *load.Package) result {
	m, problems := model.Build(p)
	if len(problems) > 0 || m.Empty() {
		return result{problems: problems}
	}
	src, problems, err := emit.Go(m)
	if err != nil || len(problems) > 0 {
		return result{problems: problems, err: err}
	}
	old, err := os.ReadFile(m.File)
	return result{file: File{m.File, src, err == nil && bytes.Equal(old, src)}}
}

// Write writes the files that are not current, and returns how many.
func Write(files []File) (written int, err error) {
	for _, f := range files {
		if f.Current {
			continue
		}
		if err := os.WriteFile(f.Path, f.Content, 0o666); err != nil {
			return written, err
		}
		written++
	}
	return written, nil
}

// Update writes the files of the packages that the patterns stand for until
// all are current: what is written for a package depends on whether the types
// that it has from others have a codec there, and so may change once more when
// these have been written.
func Update(ctx context.Context, dir string, patterns []string) error {
	for range 5 {
		files, err := Files(ctx, dir, patterns)
		if err != nil {
			return err
		}
		written, err := Write(files)
		if err != nil || written == 0 || len(files) == 1 {
			return err
		}
	}
	return nil // contracts that lead through more packages than that need another run
}

// TypeScript makes the TypeScript of the packages that the patterns stand for,
// relative to dir: <package>.ts in the directory out, for each package that has
// something to generate. It writes none. The error is that of Files.
func TypeScript(ctx context.Context, dir, out string, patterns []string, opts typescript.Options) ([]File, error) {
	contracts, err := Contracts(ctx, dir, patterns)
	if err != nil {
		return nil, err
	}
	if !filepath.IsAbs(out) {
		out = filepath.Join(dir, out)
	}
	var files []File
	for _, m := range contracts {
		f := File{Path: filepath.Join(out, m.Name+".ts"), Content: typescript.Of(m, opts)}
		for _, other := range files {
			if other.Path == f.Path {
				return nil, fmt.Errorf("two packages are called %s: give their TypeScript directories of its own", m.Name)
			}
		}
		old, err := os.ReadFile(f.Path)
		f.Current = err == nil && bytes.Equal(old, f.Content)
		files = append(files, f)
	}
	return files, nil
}

// Contracts returns the models of the packages that have something to
// generate, with the error of Files.
func Contracts(ctx context.Context, dir string, patterns []string) ([]*model.Package, error) {
	loaded, err := load.Packages(ctx, dir, patterns)
	if err != nil {
		return nil, err
	}
	var (
		list     []*model.Package
		problems model.Problems
	)
	for _, p := range loaded {
		m, found := model.Build(p)
		problems = append(problems, found...)
		if !m.Empty() {
			list = append(list, m)
		}
	}
	if len(problems) > 0 {
		return nil, problems.Sorted()
	}
	return list, nil
}
