package conformance

import (
	"bytes"
	"context"
	"io"
	"iter"

	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/ts/testserver/page"
)

// visitors are what a client serves, for the steps in which the server calls.
func visitors() []*core.Service {
	return []*core.Service{page.NewService(func(*page.Session) page.Page { return visitor{} })}
}

type visitor struct{}

func (visitor) Greet(_ context.Context, name string) (string, error) {
	return "Hello, " + name + "!", nil
}

func (visitor) Letters(_ context.Context, text string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, r := range text {
			if !yield(string(r), nil) {
				return
			}
		}
	}
}

func (visitor) Shout(_ context.Context, body io.Reader) (io.ReadCloser, error) {
	b, err := io.ReadAll(body)
	return io.NopCloser(bytes.NewReader(bytes.ToUpper(b))), err
}

func (visitor) Add(_ context.Context, in iter.Seq2[uint32, error]) (sum uint64, err error) {
	for n, err := range in {
		if err != nil {
			return 0, err
		}
		sum += uint64(n)
	}
	return sum, nil
}

func (visitor) Wait(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func (visitor) Tick(context.Context, uint32) error { return nil }
