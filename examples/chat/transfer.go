package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/twinwire/twinwire/files"
)

// send shares a file of this machine with the room. Transfers are calls like
// others, at a lower priority: what is said overtakes them.
func (t *terminal) send(ctx context.Context, path string) error {
	sources, err := files.FS(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		return err
	}
	if len(sources) != 1 {
		return fmt.Errorf("%s is not one file", path)
	}
	return t.c.Share(ctx, sources[0], t.progress("sending"))
}

// get downloads a file of the room into the working directory.
func (t *terminal) get(ctx context.Context, name string) error {
	dir, err := os.OpenRoot(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	saved, err := t.c.Get(ctx, name, dir, maxFileBytes, t.progress("fetching"))
	if err == nil {
		t.printf("* saved %s, SHA-256 %x", saved.Name, saved.Hash)
	}
	return err
}

// progress returns what prints how far a transfer is, once a second and when
// it ends well; its error is for others to print.
func (t *terminal) progress(doing string) func(files.Progress) {
	last := time.Now()
	return func(p files.Progress) {
		if p.Err == nil && (p.Ended || time.Since(last) >= time.Second) {
			last = time.Now()
			t.printf("* %s %v", doing, p)
		}
	}
}
