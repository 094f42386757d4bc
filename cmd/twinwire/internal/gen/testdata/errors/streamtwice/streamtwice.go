package streamtwice

import (
	"context"
	"io"
	"iter"
)

//twinwire:service
type Service interface {
	Up(ctx context.Context, in iter.Seq2[int, error], body io.Reader) error
	Down(ctx context.Context) (io.ReadCloser, iter.Seq2[int, error], error)
}

// want 11:52: parameter body of Up is a second stream to the handler: a method takes one, so let another take this
// want 12:29: result of Down is an io.ReadCloser and not all of it: return (io.ReadCloser, error)
