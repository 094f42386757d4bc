package core_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// A file is a body that notes whether it was closed.
type file struct {
	io.Reader
	closed chan error // what Close returns
	err    error
}

func (f *file) Close() error {
	f.closed <- f.err
	return f.err
}

// bodies serves methods that answer with a body.
func bodies(make func(ctx context.Context, in io.Reader) (io.ReadCloser, error)) *core.Config {
	cfg, _ := serving(map[string]core.Handler{
		"test.Echo": echo,
		"test.Body": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			body, err := make(ctx, r.Reader(0))
			if err != nil {
				return nil, err
			}
			return nil, r.ReplyBody(core.Bulk, body)
		},
	})
	return cfg
}

// A body arrives whole, both ways of reading it, and the outcome with it.
func TestCallBody(t *testing.T) {
	cut := iotest.ErrReader(errSoldOut)
	bytesOf := func(b []byte) func() io.Reader { return func() io.Reader { return bytes.NewReader(b) } }
	for _, c := range []struct {
		name  string
		body  func() io.Reader
		close error
		want  []byte
		code  twinwire.Code
	}{
		{"empty", bytesOf(nil), nil, nil, 0},
		{"small", func() io.Reader { return iotest.OneByteReader(strings.NewReader("hello")) }, nil, []byte("hello"), 0},
		{"large", bytesOf(pattern(3 << 20)), nil, pattern(3 << 20), 0},
		{"fails at once", func() io.Reader { return cut }, nil, nil, twinwire.NotFound},
		{"fails later", func() io.Reader { return io.MultiReader(bytes.NewReader(pattern(1<<20)), cut) }, nil, nil, twinwire.NotFound},
		{"fails to close", bytesOf([]byte("hello")), errSoldOut, nil, twinwire.NotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, func(t *testing.T, o *mem.Options) {
				closed := make(chan error, 1)
				cfg := bodies(func(context.Context, io.Reader) (io.ReadCloser, error) {
					return &file{c.body(), closed, c.close}, nil
				})
				p := connect(t, o, cfg, cfg)
				body, err := p.client.CallBody(t.Context(), "test.Body", nil, nil)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(body)
				if twinwire.CodeOf(err) != c.code || c.code == 0 && !bytes.Equal(got, c.want) {
					t.Errorf("read %d bytes, %v, want %d, %v", len(got), err, len(c.want), c.code)
				}
				if c.code == twinwire.NotFound && !strings.Contains(err.Error(), "sold out") {
					t.Errorf("error is %v", err)
				}
				if err := must(t, closed); err != c.close {
					t.Error(err)
				}
				if _, again := body.Read(make([]byte, 1)); err == nil && again != io.EOF || err != nil && again != err {
					t.Errorf("read again: %v, want %v", again, err)
				}
				if err := body.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// An error in front of the first byte is the call's, and a body is there in
// front of its first byte.
func TestCallBodyBegins(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg := bodies(func(context.Context, io.Reader) (io.ReadCloser, error) { return nil, errSoldOut })
		p := connect(t, o, cfg, cfg)
		for _, s := range []*core.Session{p.client, p.server} {
			_, err := s.CallBody(t.Context(), "test.Body", nil, nil)
			wantCode(t, err, twinwire.NotFound)
			_, err = s.CallBody(t.Context(), "test.Missing", nil, core.ByteSource(bytes.NewReader(pattern(1<<20))))
			wantCode(t, err, twinwire.NotImplemented)
		}
		if body, err := p.client.CallBody(t.Context(), "test.Echo", str("no stream"), nil); err != nil {
			t.Error(err)
		} else if b, err := io.ReadAll(body); len(b) > 0 || err != nil {
			t.Errorf("read %q, %v", b, err)
		}
	})
	run(t, func(t *testing.T, o *mem.Options) {
		in, out := io.Pipe()
		cfg := bodies(func(context.Context, io.Reader) (io.ReadCloser, error) { return in, nil })
		p := connect(t, o, cfg, cfg)
		body, err := p.client.CallBody(t.Context(), "test.Body", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{"one", "two"} {
			if _, err := io.WriteString(out, s); err != nil {
				t.Error(err)
			}
			b := make([]byte, 3)
			if _, err := io.ReadFull(body, b); err != nil || string(b) != s {
				t.Errorf("read %q, %v", b, err)
			}
		}
		_ = out.Close()
		if n, err := io.Copy(io.Discard, body); n != 0 || err != nil {
			t.Errorf("Copy = %d, %v", n, err)
		}
	})
}

// Close cancels the call, and so does the context; either wakes a Read.
func TestCallBodyCanceled(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		over := make(chan error, 1)
		cfg := bodies(func(ctx context.Context, in io.Reader) (io.ReadCloser, error) {
			r, w := io.Pipe()
			context.AfterFunc(ctx, func() { _ = w.CloseWithError(ctx.Err()) })
			return &file{io.MultiReader(io.LimitReader(in, 100), r), over, nil}, nil
		})
		p := connect(t, o, cfg, cfg)
		endless := core.ByteSource(zeros{})
		begin := func(ctx context.Context) (io.ReadCloser, chan error) {
			body, err := p.client.CallBody(ctx, "test.Body", nil, endless)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(body, make([]byte, 100)); err != nil {
				t.Error(err)
			}
			read := make(chan error, 1)
			go func() { _, err := io.Copy(io.Discard, body); read <- err }()
			none(t, read)
			return body, read
		}
		body, read := begin(t.Context())
		if err := body.Close(); err != nil {
			t.Error(err)
		}
		if err := must(t, read); err == nil {
			t.Error("Read of a body that was closed: no error")
		}
		must(t, over)
		ctx, cancel := context.WithCancel(t.Context())
		body, read = begin(ctx)
		cancel()
		if err := must(t, read); !errors.Is(err, context.Canceled) {
			t.Errorf("Read after its context was done: %v", err)
		}
		must(t, over)
		_ = body.Close()
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// Bytes go up, whole, as far as they are wanted, or with what they fail with.
func TestCallSourceOfBytes(t *testing.T) {
	size := func(v *codec.Value[int64]) *int64 { return &v.V }
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(map[string]core.Handler{
			"test.Size": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
				n, err := io.Copy(io.Discard, r.Reader(0))
				return codec.Value[int64]{V: n}, err
			},
			"test.Ten": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
				n, err := io.ReadFull(r.Reader(0), make([]byte, 10))
				return codec.Value[int64]{V: int64(n)}, err
			},
			"test.Parts": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
				return nil, core.ReplyValues(r, core.Normal, func(yield func(int64, error) bool) {
					for b := make([]byte, 1000); ; {
						n, err := r.Reader(0).Read(b)
						if err == io.EOF || !yield(int64(n), err) {
							return
						}
					}
				}, size)
			},
		})
		p := connect(t, o, cfg, cfg)
		for _, c := range []struct {
			method string
			body   io.Reader
			want   int64
			err    error
		}{
			{"test.Size", bytes.NewReader(pattern(3 << 20)), 3 << 20, nil},
			{"test.Size", nil, 0, nil},
			{"test.Size", io.MultiReader(bytes.NewReader(pattern(100)), iotest.ErrReader(errSoldOut)), 0, errSoldOut},
			{"test.Size", iotest.ErrReader(io.ErrNoProgress), 0, io.ErrNoProgress},
			{"test.Ten", zeros{}, 10, nil},
		} {
			var n codec.Value[int64]
			err := p.client.CallSource(t.Context(), c.method, nil, &n, core.ByteSource(c.body))
			if n.V != c.want || !errors.Is(err, c.err) {
				t.Errorf("%s answered %d, %v, want %d, %v", c.method, n.V, err, c.want, c.err)
			}
		}
		var sum int64
		for n, err := range core.CallValues(t.Context(), p.client, "test.Parts", nil, core.ByteSource(bytes.NewReader(pattern(100_000))), size) {
			if err != nil {
				t.Error(err)
			}
			sum += n
		}
		if sum != 100_000 {
			t.Errorf("parts of %d bytes", sum)
		}
		synctest.Wait()
	})
}
