package files_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/files"
	"github.com/twinwire/twinwire/transport/mem"
)

var sizes = []int{0, 1, 100, 8 << 10, 8<<10 + 1, 16<<10 - 2, 16 << 10, 100_000, 3 << 20}

// many returns files of all sizes, and what they are.
func many() (sources []files.Source, want map[string][]byte) {
	want = make(map[string][]byte)
	for i, n := range sizes {
		name := fmt.Sprintf("dir%d/a/%d.bin", i%2, n)
		want[name] = pattern(n)
		sources = append(sources, files.Bytes(name, want[name]))
		name = fmt.Sprintf("unknown-%d", n)
		want[name] = pattern(n)
		sources = append(sources, files.Reader(name, files.Unknown, io.MultiReader(bytes.NewReader(want[name]))))
	}
	return sources, want
}

// Files of all sizes, of known and unknown size, arrive whole, in one call.
func TestSave(t *testing.T) {
	t.Run("Call", func(t *testing.T) {
		run(t, func(t *testing.T, o *mem.Options) {
			dir := root(t)
			p := connect(t, o, handlers{"save": saver(dir, nil)})
			sources, want := many()
			var n codec.Value[int]
			if err := files.Call(t.Context(), p.client, "save", nil, &n, sources, nil); err != nil || n.V != len(sources) {
				t.Errorf("%d files were saved, %v", n.V, err)
			}
			wantTree(t, dir, want)
		})
	})
	t.Run("Fetch", func(t *testing.T) {
		run(t, func(t *testing.T, o *mem.Options) {
			dir := root(t)
			sources, want := many()
			p := connect(t, o, handlers{"give": giver(sources)})
			saved, err := files.Fetch(t.Context(), p.client, "give", nil, nil, dir, nil)
			if err != nil || len(saved) != len(sources) {
				t.Errorf("%d files were saved, %v", len(saved), err)
			}
			for _, info := range saved {
				if data := want[info.Name]; info.Size != int64(len(data)) || !bytes.Equal(info.Hash, hash(data)) {
					t.Errorf("%s has %d bytes and hash %x", info.Name, info.Size, info.Hash)
				}
			}
			wantTree(t, dir, want)
		})
	})
}

// Files can be read without being saved.
func TestRead(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		sources, want := many()
		p := connect(t, o, handlers{"read": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			n := 0
			for f, err := range files.Incoming(ctx, r, nil) {
				if err != nil {
					return nil, err
				}
				if err := iotest.TestReader(f, want[f.Info().Name]); err != nil {
					t.Error(err)
				}
				if !bytes.Equal(f.Info().Hash, hash(want[f.Info().Name])) {
					t.Errorf("hash of %s is %x", f.Info().Name, f.Info().Hash)
				}
				n++
			}
			return codec.Value[int]{V: n}, nil
		}})
		var n codec.Value[int]
		if err := files.Call(t.Context(), p.client, "read", nil, &n, sources, nil); err != nil || n.V != len(sources) {
			t.Errorf("%d files were read, %v", n.V, err)
		}
	})
}

// Both directions in one call, each beside the stream of the signature.
func TestBothWays(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		there, here := root(t), root(t)
		sources, want := many()
		p := connect(t, o, handlers{"swap": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			w := r.Writer(0, core.Normal)
			if _, err := files.Save(ctx, r, there, nil); err != nil {
				return nil, err
			}
			back, err := files.FS(there.FS(), ".")
			if err != nil {
				return nil, err
			}
			if _, err := w.Write([]byte("between")); err != nil {
				return nil, err
			}
			return nil, files.Send(ctx, r, back, nil)
		}})
		x, err := p.client.Begin(t.Context(), "swap", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := files.Send(t.Context(), x, sources, nil); err != nil {
			t.Error(err)
		}
		if _, err := files.Save(t.Context(), x, here, nil); err != nil {
			t.Error(err)
		}
		if b, err := io.ReadAll(x.Reader(0)); string(b) != "between" || err != nil {
			t.Errorf("stream was %q, %v", b, err)
		}
		if err := x.Result(nil); err != nil {
			t.Error(err)
		}
		wantTree(t, here, want)
	})
}

// Time and the bit for execution are kept, the other bits are the receiver's
// to say.
func TestAttributes(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		dir := root(t)
		p := connect(t, o, handlers{"save": saver(dir, nil)})
		at := time.Date(2020, 2, 29, 12, 0, 0, 123456789, time.UTC)
		sources, err := files.FS(fstest.MapFS{
			"bin/run":  {Data: []byte("x"), Mode: 0o755, ModTime: at},
			"doc":      {Data: []byte("y"), Mode: 0o606 | os.ModeSetuid},
			"link":     {Data: []byte("doc"), Mode: os.ModeSymlink},
			"more/top": {Data: []byte("z"), ModTime: at},
		}, "bin", "doc", "more/top")
		if err != nil {
			t.Fatal(err)
		}
		if err := files.Call(t.Context(), p.client, "save", nil, nil, sources, nil); err != nil {
			t.Error(err)
		}
		for name, executable := range map[string]bool{"bin/run": true, "doc": false, "more/top": false} {
			info, err := dir.Stat(name)
			if err != nil {
				t.Error(err)
				continue
			}
			if info.Mode()&0o100 != 0 != executable || info.Mode()&(os.ModeSetuid|0o002) != 0 {
				t.Errorf("%s has mode %v", name, info.Mode())
			}
			if name != "doc" && !info.ModTime().Equal(at) {
				t.Errorf("%s has time %v", name, info.ModTime())
			}
		}
	})
}

// Progress adds up, is not told too often, and ends with every file.
func TestProgress(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		dir := root(t)
		var here, there []files.Progress
		p := connect(t, o, handlers{"save": saver(dir, &files.Options{Progress: func(p files.Progress) { there = append(there, p) }})})
		sources := []files.Source{files.Bytes("a", pattern(1<<20)), files.Bytes("b", nil), files.Bytes("c", pattern(10))}
		err := files.Call(t.Context(), p.client, "save", nil, nil, sources, &files.Options{Progress: func(p files.Progress) { here = append(here, p) }})
		if err != nil {
			t.Error(err)
		}
		for _, side := range [][]files.Progress{here, there} {
			if len(side) != 6 { // no time passes in the bubble
				t.Fatalf("told %d times: %v", len(side), side)
			}
			last := side[len(side)-1]
			want := files.Progress{Name: "c", File: 3, Files: 3, Done: 10, Size: 10, TotalDone: 1<<20 + 10, Total: 1<<20 + 10, Ended: true}
			if last != want {
				t.Errorf("last is %+v, want %+v", last, want)
			}
			if first := side[0]; first.Done != 0 || first.Ended || first.Total != last.Total {
				t.Errorf("first is %+v", first)
			}
		}
	})
}

// A call that fails, or whose context is done, ends a transfer in either
// direction, with the reason.
func TestEnds(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		dir := root(t)
		wait := func(ctx context.Context, _ *core.Request) (codec.Marshaler, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		p := connect(t, o, handlers{
			"fail": func(context.Context, *core.Request) (codec.Marshaler, error) { return nil, twinwire.NotFound },
			"none": func(context.Context, *core.Request) (codec.Marshaler, error) { return nil, nil },
			"wait": wait,
		})
		for method, code := range map[string]twinwire.Code{"fail": twinwire.NotFound, "none": twinwire.FailedPrecondition, "wait": twinwire.DeadlineExceeded} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := files.Fetch(ctx, p.client, method, nil, nil, dir, nil)
			wantCode(t, err, code)
			cancel()
		}
		// The context of a transfer may end before that of its call does.
		x, err := p.client.Begin(t.Context(), "wait", nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		sent := make(chan error)
		go func() { sent <- files.Send(ctx, x, []files.Source{files.Bytes("a", pattern(1<<20))}, nil) }()
		_, err = files.Save(ctx, x, dir, nil)
		wantCode(t, err, twinwire.DeadlineExceeded)
		wantCode(t, <-sent, twinwire.DeadlineExceeded)
		select {
		case <-x.Done():
			t.Error("call is over too")
		default:
		}
		x.Cancel()
		_ = x.Result(nil)
	})
}
