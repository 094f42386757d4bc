package streams

import (
	"context"
	"io"
	"iter"
)

//twinwire:service
type Service interface {
	Watch(ctx context.Context) iter.Seq2[int, error]
	Sum(ctx context.Context, in iter.Seq2[int, error]) (int, error)
	Put(ctx context.Context, body io.Reader) error
	Get(ctx context.Context) (io.ReadCloser, error)
}

// want 11:29: result of Watch is an iter.Seq2: streams are not carried yet; take or return a slice, or emit events
// want 12:27: parameter in of Sum is an iter.Seq2: streams are not carried yet; take or return a slice, or emit events
// want 13:27: parameter body of Put is an io.Reader: streams are not carried yet; take a []byte of at most 4 MiB
// want 14:28: result of Get is an io.ReadCloser: streams are not carried yet; return a []byte of at most 4 MiB
