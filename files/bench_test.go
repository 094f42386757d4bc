package files_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/files"
)

const benchSize = 64 << 20

// BenchmarkStream is what the others are compared with: a bare stream of a
// call, and one whose both ends hash.
func BenchmarkStream(b *testing.B) {
	data := pattern(benchSize)
	for name, hashed := range map[string]bool{"bare": false, "hashed": true} {
		b.Run(name, func(b *testing.B) {
			p := connect(b, nil, handlers{"read": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
				to := io.Discard
				if hashed {
					to = sha256.New()
				}
				_, err := io.Copy(to, r.Reader(0))
				return nil, err
			}})
			b.SetBytes(benchSize)
			for b.Loop() {
				x, err := p.client.Begin(b.Context(), "read", nil)
				if err != nil {
					b.Fatal(err)
				}
				w := x.Writer(0, core.Bulk)
				for rest := data; len(rest) > 0; {
					n := min(len(rest), 64<<10)
					if hashed {
						sha256.Sum256(rest[:n])
					}
					if _, err := w.Write(rest[:n]); err != nil {
						b.Fatal(err)
					}
					rest = rest[n:]
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
				if err := x.Result(nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCall sends one large file, which is read or saved.
func BenchmarkCall(b *testing.B) {
	data := pattern(benchSize)
	dir := root(b)
	p := connect(b, nil, handlers{
		"save": saver(dir, &files.Options{Existing: files.Replace, NoSync: true}),
		"read": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			for f, err := range files.Incoming(ctx, r, nil) {
				if err != nil {
					return nil, err
				}
				if _, err := io.Copy(io.Discard, f); err != nil {
					return nil, err
				}
			}
			return nil, nil
		},
	})
	for _, method := range []string{"read", "save"} {
		b.Run(method, func(b *testing.B) {
			b.SetBytes(benchSize)
			for b.Loop() {
				if err := files.Call(b.Context(), p.client, method, nil, nil, []files.Source{files.Bytes("a", data)}, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSmall sends a thousand small files, which are saved.
func BenchmarkSmall(b *testing.B) {
	dir := root(b)
	p := connect(b, nil, handlers{"save": saver(dir, &files.Options{Existing: files.Replace, NoSync: true})})
	var sources []files.Source
	for i := range 1000 {
		sources = append(sources, files.Bytes(fmt.Sprintf("%d/%d", i%10, i), pattern(1000)))
	}
	for b.Loop() {
		if err := files.Call(b.Context(), p.client, "save", nil, nil, sources, nil); err != nil {
			b.Fatal(err)
		}
	}
}
