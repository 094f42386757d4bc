package body

import (
	"context"
	"io"
)

//twinwire:service
type Service interface {
	Put(ctx context.Context, body io.ReadCloser) error
	Write(ctx context.Context, w io.Writer) error
	Get(ctx context.Context) (io.Reader, error)
	Open(ctx context.Context) (io.WriteCloser, error)
	Alone(ctx context.Context) io.ReadCloser
	More(ctx context.Context) (body io.ReadCloser, size int64, err error)
}

// want 10:27: parameter body of Put is an io.ReadCloser: make it an io.Reader, which whoever opened it closes
// want 11:29: parameter w of Write is an io.Writer: return an io.ReadCloser, of which the handler makes what it would have written
// want 12:28: result of Get is an io.Reader: make it an io.ReadCloser, so that the caller can say that it has enough
// want 13:29: result of Open is an io.WriteCloser: take an io.Reader as the last parameter, which the caller fills
// want 14:29: result of Alone is an io.ReadCloser and not all of it: return (io.ReadCloser, error)
// want 15:29: result of More is an io.ReadCloser and not all of it: return (io.ReadCloser, error)
