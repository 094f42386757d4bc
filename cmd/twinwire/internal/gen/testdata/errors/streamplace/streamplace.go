package streamplace

import (
	"context"
	"io"
	"iter"
)

//twinwire:service
type Service interface {
	Sum(ctx context.Context, in iter.Seq2[int, error], limit int) (int, error)
	Put(ctx context.Context, body io.Reader, name string) error
	Many(ctx context.Context, in ...iter.Seq2[int, error]) error
	Inside(ctx context.Context, p Parts) error
}

type Parts struct {
	Values iter.Seq2[int, error]
	Body   io.Reader
}

// want 11:27: parameter in of Sum is a stream and not the last parameter: move it to the end
// want 12:27: parameter body of Put is a stream and not the last parameter: move it to the end
// want 13:28: iter.Seq2[int, error] stands for a stream, which belongs to a method: make it the last parameter or the result of one
// want 18:2: iter.Seq2[int, error] stands for a stream, which belongs to a method: make it the last parameter or the result of one
// want 19:2: io.Reader stands for a stream, which belongs to a method: make it the last parameter or the result of one
