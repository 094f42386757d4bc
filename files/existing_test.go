package files_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/files"
	"github.com/twinwire/twinwire/transport/mem"
)

// What is there already is treated as Options.Existing says.
func TestExisting(t *testing.T) {
	was, now := pattern(1<<20), pattern(1<<20)
	now[500]++
	tests := map[string]struct {
		existing files.Existing
		send     []byte
		code     twinwire.Code
		want     []byte
		most     int64 // bytes that are sent
	}{
		"refuse":         {files.Refuse, now, twinwire.AlreadyExists, was, slack},
		"refuse same":    {files.Refuse, was, twinwire.AlreadyExists, was, slack},
		"replace":        {files.Replace, now, 0, now, 2 << 20},
		"replace same":   {files.Replace, was, 0, was, 2 << 20},
		"skip same":      {files.SkipSame, was, 0, was, 10_000},
		"skip other":     {files.SkipSame, now, 0, now, 2 << 20},
		"skip shorter":   {files.SkipSame, now[:1000], 0, now[:1000], 20_000},
		"replace by nil": {files.Replace, nil, 0, nil, 10_000},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, o *mem.Options) {
				dir := root(t)
				if err := dir.WriteFile("a", was, 0o600); err != nil {
					t.Fatal(err)
				}
				p := connect(t, o, handlers{"save": saver(dir, &files.Options{Existing: tt.existing})})
				p.carrier.CutAfter(tt.most)
				err := files.Call(t.Context(), p.client, "save", nil, nil, []files.Source{files.Bytes("a", tt.send)}, nil)
				wantCode(t, err, tt.code)
				wantTree(t, dir, map[string][]byte{"a": tt.want})
			})
		})
	}
}

// What comes into being during a transfer is not replaced either.
func TestExistingMeanwhile(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		dir := root(t)
		p := connect(t, o, handlers{"save": saver(dir, nil)})
		src := files.Reader("a", files.Unknown, readerFunc(func([]byte) (int, error) {
			if err := dir.WriteFile("a", []byte("first"), 0o600); err != nil {
				t.Error(err)
			}
			return 0, io.EOF
		}))
		err := files.Call(t.Context(), p.client, "save", nil, nil, []files.Source{src}, nil)
		wantCode(t, err, twinwire.AlreadyExists)
		wantTree(t, dir, map[string][]byte{"a": []byte("first")})
	})
}

// Links lead nowhere outside of the root, and what they name is not touched.
func TestLinks(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		dir, outside := root(t), root(t)
		err := errors.Join(outside.WriteFile("file", []byte("theirs"), 0o600), dir.Mkdir("in", 0o700),
			dir.Symlink(outside.Name(), "out"), dir.Symlink(filepath.Join(outside.Name(), "file"), "link"), dir.Symlink("in", "inside"))
		if err != nil {
			t.Fatal(err)
		}
		p := connect(t, o, handlers{"save": saver(dir, &files.Options{Existing: files.Replace})})
		send := func(name string) error {
			return files.Call(t.Context(), p.client, "save", nil, nil, []files.Source{files.Bytes(name, []byte("ours"))}, nil)
		}
		for _, name := range []string{"out/x", "out/file", "in"} {
			if err := send(name); err == nil {
				t.Errorf("%s was saved", name)
			}
		}
		for _, name := range []string{"link", "inside/x"} {
			if err := send(name); err != nil {
				t.Error(err)
			}
		}
		wantTree(t, outside, map[string][]byte{"file": []byte("theirs")})
		wantTree(t, dir, map[string][]byte{"link": []byte("ours"), "in/x": []byte("ours")})
	})
}

// Transfers of one name at the same time do not disturb each other, not even
// where an interrupted one has left something.
func TestSameName(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		for round := range 5 {
			dir := root(t)
			if round > 0 {
				if err := errors.Join(dir.Mkdir(".twinwire", 0o700), dir.WriteFile(files.PartialID("a"), pattern(300_000), 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			p := connect(t, o, handlers{"save": saver(dir, &files.Options{Existing: files.Replace})})
			var wg sync.WaitGroup
			var contents [][]byte
			for i := range 5 {
				data := pattern(1 << 20)
				data[400_000] = byte(i)
				contents = append(contents, data)
				wg.Go(func() {
					if err := files.Call(t.Context(), p.client, "save", nil, nil, []files.Source{files.Bytes("a", data)}, nil); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			got := tree(t, dir)["a"]
			whole := false
			for _, data := range contents {
				whole = whole || bytes.Equal(got, data)
			}
			if !whole {
				t.Errorf("there are %d bytes that are none of the files", len(got))
			}
			wantTree(t, dir, map[string][]byte{"a": got})
		}
	})
}

// A disk that fails is an error at both ends, and nothing is left of the file.
func TestDiskFails(t *testing.T) {
	sources := []files.Source{files.Bytes("small", []byte("x")), files.Bytes("large", pattern(large)), files.Bytes("also small", []byte("y"))}
	t.Run("full", func(t *testing.T) {
		run(t, func(t *testing.T, o *mem.Options) {
			dir := root(t)
			opts := new(files.Options)
			opts.SetDisk(func(w io.Writer) io.Writer { return &fullDisk{w, 1 << 20} })
			p := connect(t, o, handlers{"save": saver(dir, opts)})
			err := files.Call(t.Context(), p.client, "save", nil, nil, sources, nil)
			wantCode(t, err, twinwire.ResourceExhausted)
			wantCode(t, errorOf(err, "large"), twinwire.ResourceExhausted)
			wantTree(t, dir, map[string][]byte{"small": []byte("x"), "also small": []byte("y")})
		})
	})
	t.Run("no directory", func(t *testing.T) {
		run(t, func(t *testing.T, o *mem.Options) {
			dir := root(t)
			if err := dir.WriteFile(".twinwire", nil, 0o600); err != nil {
				t.Fatal(err)
			}
			p := connect(t, o, handlers{"save": saver(dir, nil)})
			err := files.Call(t.Context(), p.client, "save", nil, nil, sources, nil)
			for _, src := range sources {
				if e := errorOf(err, src.Name); twinwire.CodeOf(e) != twinwire.Internal {
					t.Errorf("%s: %v", src.Name, e)
				}
			}
			wantTree(t, dir, map[string][]byte{".twinwire": nil})
		})
	})
	t.Run("read only", func(t *testing.T) {
		if os.Getuid() == 0 {
			t.Skip("the superuser may write everywhere: run the tests as another user")
		}
		run(t, func(t *testing.T, o *mem.Options) {
			dir := root(t)
			if err := dir.Chmod(".", 0o500); err != nil {
				t.Fatal(err)
			}
			p := connect(t, o, handlers{"save": saver(dir, nil)})
			err := files.Call(t.Context(), p.client, "save", nil, nil, sources, nil)
			wantCode(t, err, twinwire.PermissionDenied)
			wantTree(t, dir, nil)
		})
	})
}

// A fullDisk takes only so much.
type fullDisk struct {
	w    io.Writer
	room int
}

func (d *fullDisk) Write(b []byte) (int, error) {
	if len(b) > d.room {
		return 0, &os.PathError{Op: "write", Path: "x", Err: fmt.Errorf("wrapped: %w", syscall.ENOSPC)}
	}
	d.room -= len(b)
	return d.w.Write(b)
}
