package main

import (
	"context"
	"io"
	"os"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/files"
)

// A blob is an argument that is bytes.
type blob []byte

func (b *blob) ReadMsgpack(r *codec.Reader) error {
	*b = r.Bytes()
	return r.Err()
}

// newAlbum serves files below root: what the tests of twinwire/files talk to.
func newAlbum(root *os.Root) *core.Service {
	return &core.Service{Methods: map[string]core.Method{
		// Add saves the files of the caller, and says how many.
		"album.Add": func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			saved, err := files.Save(ctx, r, root, &files.Options{Existing: files.Replace})
			if len(saved) > 0 {
				err = nil // the caller knows which are missing
			}
			return codec.Value[int]{V: len(saved)}, err
		},
		// Get sends all files below a path.
		"album.Get": func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			var path codec.Value[string]
			if err := r.Decode(&path); err != nil {
				return nil, err
			}
			sources, err := files.FS(root.FS(), path.V)
			if err != nil {
				return nil, err
			}
			_ = files.Send(ctx, r, sources, nil) // the caller knows
			return codec.Value[int]{V: len(sources)}, nil
		},
		// Lie sends three files, the second of which is not what it says.
		"album.Lie": func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			lie := files.Bytes("lie", []byte("not this"))
			lie.Hash = make([]byte, 32)
			_ = files.Send(ctx, r, []files.Source{files.Bytes("a", []byte("a")), lie, files.Bytes("b", []byte("b"))}, nil)
			return nil, nil
		},
		// Raw sends bytes in place of a conversation.
		"album.Raw": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			var b blob
			if err := r.Decode(&b); err != nil {
				return nil, err
			}
			w := r.Writer(2, core.Bulk)
			if _, err := w.Write(b); err != nil {
				return nil, nil // the caller has given it up
			}
			_ = w.Close()
			_, _ = io.Copy(io.Discard, r.Reader(2))
			return nil, nil
		},
		// Ask has the caller send the files that it has, and sends them back.
		"album.Ask": func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			dir, err := os.MkdirTemp("", "asked")
			if err != nil {
				return nil, err
			}
			defer os.RemoveAll(dir)
			root, err := os.OpenRoot(dir)
			if err != nil {
				return nil, err
			}
			defer root.Close()
			got, err := files.Fetch(ctx, r.Session(), "page.Give", nil, nil, root, nil)
			if err != nil {
				return nil, err
			}
			sources, err := files.FS(root.FS(), ".")
			if err != nil {
				return nil, err
			}
			return codec.Value[int]{V: len(got)}, files.Call(ctx, r.Session(), "page.Take", nil, nil, sources, nil)
		},
		// Ignore takes no files.
		"album.Ignore": func(context.Context, any, *core.Request) (codec.Marshaler, error) { return codec.Value[int]{V: 7}, nil },
		"album.Forbid": func(context.Context, any, *core.Request) (codec.Marshaler, error) {
			return nil, twinwire.PermissionDenied
		},
	}}
}
