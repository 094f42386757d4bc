package files_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/files"
	"github.com/twinwire/twinwire/transport/mem"
)

const (
	large = 4 << 20
	half  = large / 2
	slack = 300 << 10 // what is on its way, and the protocol's own
)

// begun transfers the first half of a file and has the connection break there,
// up or down. It returns how much of the file is there then.
func begun(t *testing.T, o *mem.Options, dir *os.Root, src files.Source, up bool) int {
	t.Helper()
	saved := make(chan error, 1)
	sources := []files.Source{src}
	p := connect(t, o, handlers{"give": giver(sources), "save": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
		_, err := files.Save(ctx, r, dir, &files.Options{Existing: files.Replace})
		saved <- err
		return nil, err
	}})
	var err error
	if up {
		p.carrier.CutAfter(half)
		err = files.Call(t.Context(), p.client, "save", nil, nil, sources, nil)
		if e := <-saved; e == nil {
			t.Error("half a file was saved")
		}
	} else {
		p.server.CutAfter(half)
		_, err = files.Fetch(t.Context(), p.client, "give", nil, nil, dir, &files.Options{Existing: files.Replace})
	}
	if err == nil {
		t.Error("nothing was cut")
	}
	synctest.Wait()
	got := tree(t, dir)
	part := got[files.PartialID(src.Name)]
	if len(part) < half-slack || len(part) > half || !bytes.Equal(part, pattern(large)[:len(part)]) {
		t.Errorf("of %d bytes %d are there", half, len(part))
	}
	return len(part)
}

// resumed transfers a file on a connection that breaks after most bytes, and
// returns where the transfer began.
func resumed(t *testing.T, o *mem.Options, dir *os.Root, src files.Source, up bool, most int) (from int64) {
	t.Helper()
	opts := &files.Options{Existing: files.Replace, Progress: func(p files.Progress) { from = p.From }}
	sources := []files.Source{src}
	p := connect(t, o, handlers{"give": giver(sources), "save": saver(dir, opts)})
	var err error
	if up {
		p.carrier.CutAfter(int64(most))
		err = files.Call(t.Context(), p.client, "save", nil, nil, sources, nil)
	} else {
		p.server.CutAfter(int64(most))
		_, err = files.Fetch(t.Context(), p.client, "give", nil, nil, dir, opts)
	}
	if err != nil {
		t.Error(err)
	}
	return from
}

// A transfer that was cut goes on where it was, and no more than the rest is
// sent.
func TestResume(t *testing.T) {
	data := pattern(large)
	sources := map[string]func() files.Source{
		"bytes":  func() files.Source { return files.Bytes("a/b", data) },
		"seeker": func() files.Source { return files.Reader("a/b", files.Unknown, bytes.NewReader(data)) },
		"hashed": func() files.Source {
			s := files.Bytes("a/b", data)
			s.Hash = hash(data)
			return s
		},
		"fs": func() files.Source {
			s, err := files.FS(fstest.MapFS{"a/b": {Data: data}}, "a")
			if err != nil {
				t.Fatal(err)
			}
			return s[0]
		},
	}
	for name, source := range sources {
		for _, up := range []bool{true, false} {
			t.Run(map[bool]string{true: "up ", false: "down "}[up]+name, func(t *testing.T) {
				run(t, func(t *testing.T, o *mem.Options) {
					dir := root(t)
					n := begun(t, o, dir, source(), up)
					if from := resumed(t, o, dir, source(), up, large-n+slack); from != int64(n) {
						t.Errorf("transfer went on at %d, not at %d", from, n)
					}
					wantTree(t, dir, map[string][]byte{"a/b": data})
				})
			})
		}
	}
}

// A transfer also goes on where one was whose receiver does not know yet that
// the connection is gone.
func TestResumeBeforeNoticed(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		dir := root(t)
		data := pattern(large)
		p := connect(t, o, handlers{"save": saver(dir, nil)})
		ctx, cancel := context.WithCancel(t.Context())
		src := files.Reader("a", large, io.MultiReader(bytes.NewReader(data[:half]), readerFunc(func([]byte) (int, error) {
			synctest.Wait()
			p.carrier.Stall(mem.AllLanes)
			cancel()
			return 0, io.ErrUnexpectedEOF
		})))
		if err := files.Call(ctx, p.client, "save", nil, nil, []files.Source{src}, nil); !errors.Is(err, twinwire.Canceled) {
			t.Errorf("Call = %v", err)
		}
		if from := resumed(t, o, dir, files.Bytes("a", data), true, half+slack); from < half-slack {
			t.Errorf("transfer went on at %d", from)
		}
		p.carrier.Unstall(mem.AllLanes)
		synctest.Wait()
		if got := tree(t, dir)["a"]; !bytes.Equal(got, data) {
			t.Errorf("there are %d bytes", len(got))
		}
	})
}

// A source that has changed is noticed: where it begins otherwise it is sent
// from its beginning, where it only goes on otherwise what is there is used.
func TestResumeChanged(t *testing.T) {
	first, last, short := pattern(large), pattern(large), pattern(1000)
	first[0]++
	last[large-1]++
	tests := map[string]struct {
		data   []byte
		resume bool
	}{"first byte": {first, false}, "last byte": {last, true}, "shorter": {short, false}, "empty": {nil, false}, "longer": {pattern(large + 1), true}}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, o *mem.Options) {
				dir := root(t)
				n := begun(t, o, dir, files.Bytes("a", pattern(large)), true)
				src := files.Bytes("a", tt.data)
				if name == "shorter" {
					src = files.Reader("a", files.Unknown, bytes.NewReader(tt.data))
				}
				from := resumed(t, o, dir, src, true, 2*large)
				if (from == int64(n)) != tt.resume || from != 0 && !tt.resume {
					t.Errorf("transfer went on at %d of %d", from, n)
				}
				wantTree(t, dir, map[string][]byte{"a": tt.data})
			})
		})
	}
}

// What cannot be read again is sent from its beginning.
func TestResumeOnce(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		dir := root(t)
		begun(t, o, dir, files.Bytes("a", pattern(large)), true)
		src := files.Reader("a", large, io.MultiReader(bytes.NewReader(pattern(large))))
		if from := resumed(t, o, dir, src, true, 2*large); from != 0 {
			t.Errorf("transfer went on at %d", from)
		}
		wantTree(t, dir, map[string][]byte{"a": pattern(large)})
	})
}

// A connection that stalls costs the transfer its deadline and nothing else.
func TestResumeStalled(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		dir := root(t)
		src := files.Bytes("a", pattern(large))
		ended := make(chan error, 1)
		p := connect(t, o, handlers{"save": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			_, err := files.Save(ctx, r, dir, nil)
			ended <- err
			return nil, err
		}})
		open := src.Open
		src.Open = func() (io.ReadCloser, error) {
			r, err := open()
			return struct {
				io.Reader
				io.Closer
			}{io.MultiReader(io.LimitReader(r, half), readerFunc(func(b []byte) (int, error) {
				p.carrier.Stall(mem.AllLanes)
				return r.Read(b)
			})), r}, err
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err := files.Call(ctx, p.client, "save", nil, nil, []files.Source{src}, nil)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Call = %v", err)
		}
		if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Save = %v", err)
		}
		p.carrier.Unstall(mem.AllLanes)
		n := len(tree(t, dir)[files.PartialID("a")])
		if n < half/2 {
			t.Errorf("%d bytes are there", n)
		}
		if from := resumed(t, o, dir, files.Bytes("a", pattern(large)), true, large-n+slack); from != int64(n) {
			t.Errorf("transfer went on at %d, not at %d", from, n)
		}
		wantTree(t, dir, map[string][]byte{"a": pattern(large)})
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// What a process that was killed has left is used too, as is what one is still
// writing, of which a copy is made.
func TestResumeKilled(t *testing.T) {
	for name, age := range map[string]time.Duration{"old": time.Hour, "new": 0} {
		t.Run(name, func(t *testing.T) {
			dir := root(t)
			data := pattern(large)
			left := files.PartialID("a") + "-XYZ"
			err := errors.Join(dir.Mkdir(".twinwire", 0o700), dir.WriteFile(left, data[:half], 0o600),
				dir.Chtimes(left, time.Now().Add(-age), time.Now().Add(-age)))
			if err != nil {
				t.Fatal(err)
			}
			want := map[string][]byte{"a": data}
			if age == 0 {
				want[left] = data[:half]
			}
			if from := resumed(t, nil, dir, files.Bytes("a", data), true, half+slack); from != half {
				t.Errorf("transfer went on at %d", from)
			}
			wantTree(t, dir, want)
		})
	}
}

func TestClean(t *testing.T) {
	dir := root(t)
	if err := files.Clean(dir, 0); err != nil {
		t.Error(err)
	}
	err := errors.Join(dir.Mkdir(".twinwire", 0o700), dir.WriteFile(".twinwire/old", nil, 0o600), dir.WriteFile(".twinwire/new", nil, 0o600),
		dir.WriteFile("other", nil, 0o600))
	day := 24 * time.Hour
	for _, name := range []string{".twinwire/old", "other"} {
		err = errors.Join(err, dir.Chtimes(name, time.Now().Add(-2*day), time.Now().Add(-2*day)))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := files.Clean(dir, day); err != nil {
		t.Error(err)
	}
	wantTree(t, dir, map[string][]byte{".twinwire/new": nil, "other": nil})
	if err := files.Clean(dir, 0); err != nil {
		t.Error(err)
	}
	if _, err := dir.Stat(".twinwire"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("directory is still there: %v", err)
	}
}
