// Package streams has methods of every shape with streams.
package streams

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/golden/other"
)

// Flow has streams in both directions, of both kinds.
//
//twinwire:service
type Flow interface {
	// Watch yields readings until the caller has enough.
	//
	//twinwire:priority high
	Watch(ctx context.Context, from int32, every time.Duration) iter.Seq2[Reading, error]
	// Fail yields n numbers and then an error.
	Fail(ctx context.Context, n uint32) iter.Seq2[uint32, error]
	// Sum adds numbers up, at most limit of them.
	//
	//twinwire:idempotent
	Sum(ctx context.Context, limit int, in iter.Seq2[uint32, error]) (uint64, error)
	// Drop takes points and says how far it came and why it ended.
	Drop(ctx context.Context, core iter.Seq2[*other.Point, error]) (n int, why string, err error)
	// Ignore returns at once.
	Ignore(ctx context.Context, in iter.Seq2[string, error]) error
	// Sums answers each number with the sum so far.
	//
	//twinwire:unordered
	Sums(ctx context.Context, r iter.Seq2[uint32, error]) iter.Seq2[uint64, error]
	// Put takes bytes.
	//
	//twinwire:priority low
	Put(ctx context.Context, name string, body io.Reader) (Receipt, error)
	// Get returns bytes.
	Get(ctx context.Context, name string) (io.ReadCloser, error)
	// Upper returns what it is given in capital letters.
	Upper(ctx context.Context, io io.Reader) (io.ReadCloser, error)
	// Words yields the words of a text.
	Words(ctx context.Context, text io.Reader) iter.Seq2[string, error]
	// Join returns the words as one text.
	Join(ctx context.Context, words iter.Seq2[string, error]) (io.ReadCloser, error)
	// Anything yields what it is given.
	//
	//twinwire:any
	Anything(ctx context.Context, in iter.Seq2[any, error]) Values
}

// Values is another name for an iterator.
type Values = iter.Seq2[any, error]

// A Reading is what Watch yields.
type Reading struct {
	At    time.Time
	Value int32
	Tags  []string
}

// A Receipt is for what was put.
type Receipt struct {
	Name string
	Size int64
}
