package files

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/twinwire/twinwire"
)

// A Source is a file to send: what is known of it, and how to read it.
type Source struct {
	Info
	// Open returns the content from its beginning. It is called when the
	// file's turn comes, again if it has to be read again, and what it returns
	// is closed.
	Open func() (io.ReadCloser, error)
	// Once says that Open works only once. Such a file is always sent from its
	// beginning: a transfer of it does not resume.
	Once bool
}

// Bytes returns a file in memory. The data must not be changed until it was
// sent.
func Bytes(name string, data []byte) Source {
	return Source{
		Info: Info{Name: name, Size: int64(len(data))},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
	}
}

// Reader returns a file with what r has from where it stands until its end. The
// size may be Unknown. If r is an [io.Seeker] the transfer can resume. r is not
// closed, and what blocks in it blocks the transfer.
func Reader(name string, size int64, r io.Reader) Source {
	s := Source{Info: Info{Name: name, Size: size}}
	seeker, ok := r.(io.Seeker)
	var start int64
	if ok {
		var err error
		start, err = seeker.Seek(0, io.SeekCurrent)
		ok = err == nil // a pipe is a Seeker too, as far as its type goes
	}
	if !ok {
		s.Once = true
		s.Open = func() (io.ReadCloser, error) { return io.NopCloser(r), nil }
		return s
	}
	s.Open = func() (io.ReadCloser, error) {
		_, err := seeker.Seek(start, io.SeekStart)
		return io.NopCloser(r), err
	}
	return s
}

// FS returns files of fsys: each path is that of a file, or of a directory of
// which all files are meant, "." for all there are. Their names are the paths.
// Only regular files are sent: symbolic links, devices and empty directories
// below a path are left out, and so is the directory ".twinwire" in which files
// wait that are not whole. The error is that of a path that cannot be read or
// of a name that cannot travel ([CheckName]).
func FS(fsys fs.FS, paths ...string) ([]Source, error) {
	var sources []Source
	for _, path := range paths {
		err := fs.WalkDir(fsys, path, func(name string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if !entry.Type().IsRegular() {
				if name == partials && entry.IsDir() {
					return fs.SkipDir
				}
				if name == path && !entry.IsDir() {
					return fmt.Errorf("files: %s is not a regular file", name)
				}
				return nil
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			if err := CheckName(name); err != nil {
				return &Error{name, err}
			}
			sources = append(sources, Source{
				Info: Info{Name: name, Size: info.Size(), ModTime: info.ModTime(), Mode: info.Mode().Perm()},
				Open: func() (io.ReadCloser, error) { return fsys.Open(name) },
			})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return sources, nil
}

// checkSources returns what is wrong with the files that are to be sent.
func checkSources(sources []Source) error {
	names := make(map[string]bool, len(sources))
	for i := range sources {
		s := &sources[i]
		err := CheckName(s.Name)
		switch {
		case err != nil:
		case names[s.Name]:
			err = twinwire.Errorf(twinwire.BadRequest, "the name is there twice")
		case s.Open == nil:
			err = errors.New("source has no Open")
		case s.Hash != nil && len(s.Hash) != hashSize:
			err = errors.New("source has a hash that is not a SHA-256")
		}
		if err != nil {
			return &Error{s.Name, err}
		}
		names[s.Name] = true
	}
	return nil
}
