package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
)

const largest = "video/holiday.bin"

// contents are the files of the folder, and their sizes.
var contents = map[string]int64{
	"empty.txt":        0,
	"notes/today.txt":  1_234,
	"notes/üöä 日本.txt": 56,
	"pictures/cat.bin": 2_345_678,
	largest:            32 << 20,
}

// folders are a folder, where the server has it, and where it comes back to.
type folders struct {
	dir               string
	here, there, back *os.Root
}

// newFolders makes a folder with files of random content, and two empty ones.
func newFolders() (*folders, error) {
	dir, err := os.MkdirTemp("", "twinwire-files-")
	if err != nil {
		return nil, err
	}
	f := &folders{dir: dir}
	for name, root := range map[string]**os.Root{"here": &f.here, "there": &f.there, "back": &f.back} {
		name = filepath.Join(dir, name)
		if err := os.Mkdir(name, 0o700); err != nil {
			return nil, errors.Join(err, f.remove())
		}
		if *root, err = os.OpenRoot(name); err != nil {
			return nil, errors.Join(err, f.remove())
		}
	}
	for name, size := range contents {
		if err := f.random(name, size); err != nil {
			return nil, errors.Join(err, f.remove())
		}
	}
	return f, nil
}

// random makes a file of random content.
func (f *folders) random(name string, size int64) error {
	if err := f.here.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	file, err := f.here.Create(name)
	if err != nil {
		return err
	}
	_, err = io.CopyN(file, rand.Reader, size)
	return errors.Join(err, file.Close())
}

// remove removes everything.
func (f *folders) remove() error {
	for _, root := range []*os.Root{f.here, f.there, f.back} {
		if root != nil {
			root.Close()
		}
	}
	return os.RemoveAll(f.dir)
}

// compare returns what came back otherwise than it went.
func (f *folders) compare() error {
	for name, size := range contents {
		want, err := sum(f.here, name)
		if err != nil {
			return err
		}
		got, err := sum(f.back, name)
		if err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("%s has %d bytes and came back otherwise", name, size)
		}
	}
	return nil
}

// sum returns the hash of a file.
func sum(root *os.Root, name string) ([]byte, error) {
	file, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	h := sha256.New()
	_, err = io.Copy(h, file)
	return h.Sum(nil), err
}
