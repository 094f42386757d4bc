package files_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/files"
	"github.com/twinwire/twinwire/transport/mem"
)

// A value is a value of a hostile peer's.
type value map[string]any

func (v value) AppendMsgpack(b []byte) ([]byte, error) { return codec.AppendAny(b, map[string]any(v)) }

// pieces returns data as one piece, and the end of the content.
func pieces(data string) []byte {
	return append(append([]byte{byte(len(data) >> 8), byte(len(data))}, data...), 0, 0)
}

func entry(name string, size int) value { return value{"name": name, "size": size} }
func end(data string) value             { return value{"size": len(data), "sum": hash([]byte(data))} }

// file is a whole conversation about one file.
func file(info value, data string, end value) []any {
	return []any{value{"files": 1}, info, value{"at": 0}, pieces(data), end}
}

// script sends values, and bytes as they are. The end of the script is that of
// the stream, unless it is "open".
func script(w *core.StreamWriter, steps []any) {
	for _, step := range steps {
		switch v := step.(type) {
		case value:
			_ = w.Send(v)
		case []byte:
			_, _ = w.Write(v)
		case error:
			w.Abort(v)
			return
		case string:
			return
		}
	}
	_ = w.Close()
}

// A sender that lies gets a clear error, as does the handler, and nothing is
// saved.
func TestHostileSender(t *testing.T) {
	ok := end("hello")
	tests := map[string]struct {
		steps []any
		code  twinwire.Code
		is    error
	}{
		"too short":               {file(entry("a", 10), "hello", ok), twinwire.FailedPrecondition, files.ErrMismatch},
		"too short, and says no":  {file(entry("a", 10), "hello", value{"size": 10, "sum": hash([]byte("hello"))}), twinwire.FailedPrecondition, files.ErrMismatch},
		"too long":                {file(entry("a", 3), "hello", ok), twinwire.FailedPrecondition, files.ErrMismatch},
		"other size at the end":   {file(value{"name": "a"}, "hello", value{"size": 6, "sum": hash([]byte("hello"))}), twinwire.FailedPrecondition, files.ErrMismatch},
		"wrong hash":              {file(entry("a", 5), "hello", end("hullo")), twinwire.FailedPrecondition, files.ErrMismatch},
		"other hash than before":  {file(value{"name": "a", "size": 5, "sum": hash(nil)}, "hello", ok), twinwire.FailedPrecondition, files.ErrMismatch},
		"short hash":              {file(entry("a", 5), "hello", value{"size": 5, "sum": []byte("x")}), twinwire.BadRequest, nil},
		"begins elsewhere":        {[]any{value{"files": 1}, entry("a", 5), value{"at": 2}, pieces("llo"), ok}, twinwire.BadRequest, files.ErrPeer},
		"ends before it begins":   {[]any{value{"files": 1}, entry("a", 5), ok}, twinwire.BadRequest, files.ErrPeer},
		"begins twice":            {file(entry("a", 5), "hello", value{"at": 0}), twinwire.BadRequest, files.ErrPeer},
		"goes on after the end":   {append(file(entry("a", 5), "hello", ok), []byte("more")), twinwire.BadRequest, files.ErrPeer},
		"ends in a piece":         {[]any{value{"files": 1}, entry("a", 5), value{"at": 0}, []byte{0, 5, 'h'}}, twinwire.BadRequest, files.ErrPeer},
		"ends in the manifest":    {[]any{value{"files": 2}, entry("a", 5)}, twinwire.BadRequest, files.ErrPeer},
		"no manifest":             {nil, twinwire.FailedPrecondition, nil},
		"no number of files":      {[]any{value{"x": 1}}, twinwire.BadRequest, codec.ErrRange},
		"no name":                 {file(value{"size": 5}, "hello", ok), twinwire.BadRequest, nil},
		"negative size":           {file(entry("a", -1), "hello", ok), twinwire.BadRequest, codec.ErrRange},
		"a million files":         {[]any{value{"files": 1_000_000}, "open"}, twinwire.TooLarge, nil},
		"2^32 files":              {[]any{value{"files": 1 << 32}, "open"}, twinwire.BadRequest, codec.ErrRange},
		"too large":               {file(entry("a", 1001), "hello", ok), twinwire.TooLarge, nil},
		"too large, not said":     {file(value{"name": "a"}, strings.Repeat("x", 1001), ok), twinwire.TooLarge, nil},
		"too much":                {[]any{value{"files": 3}, entry("a", 900), entry("b", 900), entry("c", 900)}, twinwire.TooLarge, nil},
		"same name":               {[]any{value{"files": 2}, entry("a", 5), entry("a", 5)}, twinwire.BadRequest, nil},
		"text that is not UTF-8":  {file(entry("a\xff", 5), "hello", ok), twinwire.BadRequest, codec.ErrUTF8},
		"not values":              {[]any{bytes.Repeat([]byte{0x7f, 0xc1}, 5000)}, twinwire.BadRequest, nil},
		"value that is too large": {[]any{[]byte{0xbf, 0xff, 0xff, 0xff}, "open"}, twinwire.TooLarge, nil},
		"gives up at once":        {[]any{value{"code": 8, "text": "gone\x1b[2J"}}, twinwire.NotFound, nil},
		"gives up a file":         {[]any{value{"files": 1}, entry("a", 5), value{"code": 8, "text": "gone"}}, twinwire.NotFound, nil},
		"gives up in the content": {file(entry("a", 9), "hello", value{"code": 8, "text": "gone"}), twinwire.NotFound, nil},
		"aborts":                  {[]any{value{"files": 1}, entry("a", 5), value{"at": 0}, twinwire.NotFound}, twinwire.NotFound, nil},
	}
	for _, name := range badNames {
		if name == "a\xff" || name == "\xed\xa0\x80" {
			continue // tried above; AppendAny does not mind
		}
		code := twinwire.BadRequest
		if len(name) > 1024 {
			code = twinwire.TooLarge
		}
		tests["name "+name] = struct {
			steps []any
			code  twinwire.Code
			is    error
		}{file(entry(name, 5), "hello", ok), code, nil}
	}
	run(t, func(t *testing.T, o *mem.Options) {
		var dir *os.Root
		failed := make(chan error, 1)
		limits := &files.Limits{FileBytes: 1000, TotalBytes: 2000}
		p := connect(t, o, handlers{"save": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			_, err := files.Save(ctx, r, dir, &files.Options{Limits: limits})
			failed <- err
			return nil, err
		}})
		for name, tt := range tests {
			dir = root(t)
			x, err := p.client.Begin(t.Context(), "save", nil)
			if err != nil {
				t.Fatal(err)
			}
			go io.Copy(io.Discard, x.Reader(1))
			script(x.Writer(1, core.Bulk), tt.steps)
			there, here := <-failed, x.Result(nil)
			if twinwire.CodeOf(there) != tt.code || tt.is != nil && !errors.Is(there, tt.is) {
				t.Errorf("%.30q: handler has %v (%v), want %v", name, there, twinwire.CodeOf(there), tt.code)
			}
			if twinwire.CodeOf(here) != tt.code || strings.ContainsFunc(here.Error(), func(r rune) bool { return r < ' ' }) {
				t.Errorf("%.30q: caller has %q (%v), want %v", name, here, twinwire.CodeOf(here), tt.code)
			}
			var want map[string][]byte
			switch name {
			case "goes on after the end":
				want = map[string][]byte{"a": []byte("hello")}
			case "gives up in the content": // it may be resumed
				want = map[string][]byte{files.PartialID("a"): []byte("hello")}
			}
			wantTree(t, dir, want)
		}
	})
}

// A sender that goes on with what was refused is stopped.
func TestHostileFlood(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		dir := root(t)
		p := connect(t, o, handlers{"save": saver(dir, nil)})
		x, err := p.client.Begin(t.Context(), "save", nil)
		if err != nil {
			t.Fatal(err)
		}
		w := x.Writer(1, core.Bulk)
		script(w, []any{value{"files": 1}, entry("a", 5), value{"at": 0}, "open"})
		piece := append([]byte{0xff, 0xff}, make([]byte, 0xffff)...)
		for err == nil {
			_, err = w.Write(piece)
		}
		wantCode(t, x.Result(nil), twinwire.FailedPrecondition)
		wantTree(t, dir, nil)
	})
}

// A receiver that lies gets a clear error, as does the sender.
func TestHostileReceiver(t *testing.T) {
	tests := map[string]struct {
		steps []any
		code  twinwire.Code
	}{
		"there is no such file":   {[]any{value{"file": 1, "at": 0}, "open"}, twinwire.BadRequest},
		"says it twice":           {[]any{value{"file": 0, "at": 0}, value{"file": 0, "at": 0}, "open"}, twinwire.BadRequest},
		"has it before it has it": {[]any{value{"file": 0, "code": 0, "text": ""}, "open"}, twinwire.BadRequest},
		"code beyond all":         {[]any{value{"file": 0, "code": 4096, "text": ""}, "open"}, twinwire.BadRequest},
		"offset without hash":     {[]any{value{"file": 0, "at": 1}, "open"}, twinwire.BadRequest},
		"negative offset":         {[]any{value{"file": 0, "at": -1}, "open"}, twinwire.BadRequest},
		"not values":              {[]any{[]byte{1, 0xc1}, "open"}, twinwire.BadRequest},
		"refuses":                 {[]any{value{"file": 0, "code": 1024, "text": "\x1b[2Jno"}, "open"}, 1024},
		"refuses while it comes":  {[]any{value{"file": 0, "at": 0}, value{"file": 0, "code": 11, "text": "full"}, "open"}, twinwire.ResourceExhausted},
		"aborts":                  {[]any{value{"file": 0, "at": 0}, twinwire.NotFound}, twinwire.NotFound},
		"ends":                    {[]any{value{"file": 0, "at": 0}}, twinwire.FailedPrecondition},
		"says nothing":            {[]any{"open"}, twinwire.DeadlineExceeded},
		"reads nothing":           {[]any{value{"file": 0, "at": 0}, "open"}, twinwire.DeadlineExceeded},
	}
	run(t, func(t *testing.T, o *mem.Options) {
		for name, tt := range tests {
			p := connect(t, o, handlers{"take": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
				if name != "reads nothing" {
					go io.Copy(io.Discard, r.Reader(1))
				}
				script(r.Writer(1, core.Normal), tt.steps)
				<-ctx.Done()
				return nil, ctx.Err()
			}})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			x, err := p.client.Begin(ctx, "take", nil)
			if err != nil {
				t.Fatal(err)
			}
			err = files.Send(ctx, x, []files.Source{files.Bytes("a", pattern(1<<20))}, nil)
			if twinwire.CodeOf(err) != tt.code || strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) {
				t.Errorf("%s: sender has %q (%v), want %v", name, err, twinwire.CodeOf(err), tt.code)
			}
			cancel()
			_ = x.Result(nil)
		}
	})
}

// A receiver that claims to have what it has not is sent everything.
func TestHostileOffset(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		for _, claim := range []value{
			{"file": 0, "at": 5, "sum": hash([]byte("hallo"))},
			{"file": 0, "at": 100, "sum": hash([]byte("hello"))},
			{"file": 0, "at": int64(1) << 62, "sum": hash([]byte("hello"))},
		} {
			for _, size := range []int64{7, files.Unknown} {
				var got []byte
				p := connect(t, o, handlers{"take": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
					w := r.Writer(1, core.Normal)
					_ = w.Send(claim)
					got, _ = io.ReadAll(r.Reader(1))
					return nil, w.Send(value{"file": 0, "code": 0, "text": ""})
				}})
				src := files.Reader("a", size, strings.NewReader("hello 7"))
				if err := files.Call(t.Context(), p.client, "take", nil, nil, []files.Source{src}, nil); err != nil {
					t.Error(err)
				}
				if !bytes.Contains(got, pieces("hello 7")) {
					t.Errorf("after %v was sent %q", claim, got)
				}
			}
		}
	})
}

// A handler that takes no files, or not all of them, does not block its
// caller.
func TestNotTaken(t *testing.T) {
	sources := []files.Source{files.Bytes("a", pattern(1<<20)), files.Bytes("b", pattern(1<<20)), files.Bytes("c", nil)}
	run(t, func(t *testing.T, o *mem.Options) {
		p := connect(t, o, handlers{
			"none": func(context.Context, *core.Request) (codec.Marshaler, error) { return nil, nil },
			"fail": func(context.Context, *core.Request) (codec.Marshaler, error) { return nil, twinwire.NotFound },
			"skip": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
				for f, err := range files.Incoming(ctx, r, nil) {
					switch {
					case err != nil:
						return nil, err
					case f.Info().Name == "a":
						_, _ = f.Read(make([]byte, 10))
					case f.Info().Name == "b":
						_ = f.Refuse(twinwire.PermissionDenied)
					default:
						_, err = io.Copy(io.Discard, f)
					}
					if err != nil {
						return nil, err
					}
				}
				return nil, nil
			},
			"break": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
				for f := range files.Incoming(ctx, r, nil) {
					_, err := io.Copy(io.Discard, f)
					return nil, err
				}
				return nil, nil
			},
		})
		send := func(method string) error {
			return files.Call(t.Context(), p.client, method, nil, nil, sources, nil)
		}
		wantCode(t, send("none"), twinwire.FailedPrecondition)
		wantCode(t, send("fail"), twinwire.NotFound)
		wantCode(t, send("break"), twinwire.Rejected)
		err := send("skip")
		if !errors.Is(err, twinwire.Rejected) || !errors.Is(err, twinwire.PermissionDenied) || strings.Count(err.Error(), "\n") != 1 {
			t.Errorf("skip: %v", err)
		}
	})
}
