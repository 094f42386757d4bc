package files_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/files"
	"github.com/twinwire/twinwire/transport/mem"
)

// A source that fails, or is not what was announced, is an error at both ends;
// the other files arrive.
func TestSourceFails(t *testing.T) {
	cause := errors.New("disk broke")
	sized := func(name string, size int64) files.Source {
		return files.Reader(name, size, bytes.NewReader(pattern(100_000)))
	}
	hashed := sized("hash", 100_000)
	hashed.Hash = hash(nil)
	sources := []files.Source{
		files.Bytes("first", []byte("1")),
		files.Reader("fails", large, io.MultiReader(bytes.NewReader(pattern(100_000)), readerFunc(func([]byte) (int, error) { return 0, cause }))),
		sized("short", 100_001), sized("long", 99_999), sized("long and small", 10), hashed,
		{Info: files.Info{Name: "missing"}, Open: func() (io.ReadCloser, error) { return os.Open("/does/not/exist") }},
		files.Bytes("last", []byte("2")),
	}
	run(t, func(t *testing.T, o *mem.Options) {
		dir := root(t)
		var there error
		p := connect(t, o, handlers{"save": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			saved, err := files.Save(ctx, r, dir, nil)
			there = err
			return codec.Value[int]{V: len(saved)}, nil
		}})
		var n codec.Value[int]
		here := files.Call(t.Context(), p.client, "save", nil, &n, sources, nil)
		if !errors.Is(here, cause) || n.V != 2 {
			t.Errorf("%d saved, %v", n.V, here)
		}
		for name, code := range map[string]twinwire.Code{
			"fails": twinwire.Internal, "short": twinwire.FailedPrecondition, "long": twinwire.FailedPrecondition,
			"long and small": twinwire.FailedPrecondition, "hash": twinwire.FailedPrecondition, "missing": twinwire.NotFound,
		} {
			for _, err := range []error{here, there} {
				if got := errorOf(err, name); got == nil || twinwire.CodeOf(got) != code {
					t.Errorf("%s: %v, want %v", name, got, code)
				} else if strings.Contains(got.Error(), "/does") {
					t.Errorf("error tells a path: %v", got)
				}
			}
		}
		got := tree(t, dir)
		if string(got["first"]) != "1" || string(got["last"]) != "2" {
			t.Errorf("there are %d files", len(got))
		}
		for name := range got {
			if name != "first" && name != "last" && len(name) < len(".twinwire/") {
				t.Errorf("there is %s", name)
			}
		}
	})
}

// errorOf returns the error of a file among those of several.
func errorOf(err error, name string) error {
	var one *files.Error
	if errors.As(err, &one) && one.Name == name {
		return one
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range many.Unwrap() {
			if found := errorOf(err, name); found != nil {
				return found
			}
		}
	}
	return nil
}

// What cannot be sent is an error before anything is.
func TestBadSources(t *testing.T) {
	tests := map[string][]files.Source{
		"name":     {files.Bytes("../a", nil)},
		"twice":    {files.Bytes("a", nil), files.Bytes("a", nil)},
		"no Open":  {{Info: files.Info{Name: "a"}}},
		"bad hash": {{Info: files.Info{Name: "a", Hash: []byte("x")}, Open: files.Bytes("a", nil).Open}},
	}
	run(t, func(t *testing.T, o *mem.Options) {
		dir := root(t)
		p := connect(t, o, handlers{"save": saver(dir, nil)})
		for name, sources := range tests {
			if err := files.Call(t.Context(), p.client, "save", nil, nil, sources, nil); err == nil {
				t.Errorf("%s: no error from Call", name)
			}
			x, err := p.client.Begin(t.Context(), "save", nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := files.Send(t.Context(), x, sources, nil); err == nil {
				t.Errorf("%s: no error from Send", name)
			}
			if err := x.Result(nil); err == nil {
				t.Errorf("%s: no error from the handler", name)
			}
		}
	})
}

// FS says what it cannot send.
func TestFS(t *testing.T) {
	fsys := fstest.MapFS{
		"a/b": {}, "a/c/d": {}, "a/link": {Mode: os.ModeSymlink, Data: []byte("b")}, "e": {}, "bad/CON": {}, "good/.twinwire/x": {},
	}
	for want, paths := range map[string][]string{"a/b a/c/d": {"a"}, "e a/b": {"e", "a/b"}, "": nil} {
		sources, err := files.FS(fsys, paths...)
		var names []string
		for _, s := range sources {
			names = append(names, s.Name)
		}
		if got := strings.Join(names, " "); got != want || err != nil {
			t.Errorf("FS(%v) has %q, %v", paths, got, err)
		}
	}
	if sources, err := files.FS(fstest.MapFS{"a": {}, ".twinwire": {Mode: fs.ModeSymlink}, "b": {}}, "."); len(sources) != 2 || err != nil {
		t.Errorf("beside a link of that name: %v, %v", sources, err)
	}
	if sources, err := files.FS(fstest.MapFS{"a": {}, ".twinwire/x": {}}, "."); len(sources) != 1 || err != nil {
		t.Errorf("FS has %d files, %v", len(sources), err)
	}
	for _, path := range []string{"missing", "bad", ".", "/", "../x"} {
		if _, err := files.FS(fsys, path); err == nil {
			t.Errorf("FS(%q): no error", path)
		}
	}
}

// A source that says it was cut short has failed: nobody has half of it for the
// whole.
func TestSourceCutShort(t *testing.T) {
	for name, size := range map[string]int64{"Unknown": files.Unknown, "Known": 200_000} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, o *mem.Options) {
				dir := root(t)
				p := connect(t, o, handlers{"save": saver(dir, nil)})
				for n, end := range map[int]error{0: io.ErrUnexpectedEOF, 100_000: io.ErrUnexpectedEOF, 1: errors.New("disk is broken")} {
					src := files.Reader("a", size, io.MultiReader(bytes.NewReader(pattern(n)), iotest.ErrReader(end)))
					if err := files.Call(t.Context(), p.client, "save", nil, nil, []files.Source{src}, nil); !errors.Is(err, end) {
						t.Errorf("after %d bytes: %v", n, err)
					}
					if got := tree(t, dir)["a"]; got != nil {
						t.Errorf("after %d bytes there is a file of %d", n, len(got))
					}
				}
			})
		})
	}
}
