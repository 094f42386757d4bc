// Package gen reads contracts and writes the code that goes with them.
package gen

import (
	"bytes"
	"context"
	"os"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/emit"
	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/load"
	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/model"
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
	var (
		files    []File
		problems model.Problems
	)
	for _, p := range loaded {
		m, found := model.Build(p)
		if problems = append(problems, found...); len(found) > 0 || m.Empty() {
			continue
		}
		src, found, err := emit.Go(m)
		if err != nil {
			return nil, err
		}
		problems = append(problems, found...)
		old, err := os.ReadFile(m.File)
		files = append(files, File{m.File, src, err == nil && bytes.Equal(old, src)})
	}
	if len(problems) > 0 {
		return nil, problems.Sorted()
	}
	return files, nil
}

// Write writes the files that are not current.
func Write(files []File) error {
	for _, f := range files {
		if f.Current {
			continue
		}
		if err := os.WriteFile(f.Path, f.Content, 0o666); err != nil {
			return err
		}
	}
	return nil
}
