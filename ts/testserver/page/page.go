// Package page is what the test server calls on the TypeScript client.
package page

import (
	"context"
	"io"
	"iter"
)

//go:generate go run -C ../../../cmd/twinwire . gen ../../ts/testserver/page
//go:generate go run -C ../../../cmd/twinwire . gen -ts ../../ts/test/generated ../../ts/testserver/page

// Page is served by the TypeScript client.
//
//twinwire:service
type Page interface {
	// Greet returns a greeting.
	Greet(ctx context.Context, name string) (string, error)
	// Letters yields the letters of a text.
	Letters(ctx context.Context, text string) iter.Seq2[string, error]
	// Shout returns what it is sent in capital letters.
	Shout(ctx context.Context, body io.Reader) (io.ReadCloser, error)
	// Add adds up what it is sent.
	Add(ctx context.Context, in iter.Seq2[uint32, error]) (uint64, error)
	// Wait waits until its caller gives up.
	Wait(ctx context.Context) error
	// Tick is kept.
	//
	//twinwire:oneway
	Tick(ctx context.Context, n uint32) error
}
