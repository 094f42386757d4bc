// Package counter is the contract of the counter example: what both ends
// agree on, as a Go interface and Go types.
package counter

import (
	"context"
	"iter"
	"time"

	"github.com/twinwire/twinwire/events"
)

// In a module that has the command as a tool it is go tool twinwire gen.
//go:generate go run -C ../../../cmd/twinwire . gen ../../examples/counter/counter

// Counter is served by the server and called by clients.
//
//twinwire:service state=State events=Event
type Counter interface {
	// Create makes a counter that starts at 0 and subscribes the caller to its
	// topic, which the state then names.
	Create(ctx context.Context) error
	// Join joins the counter of another client.
	Join(ctx context.Context, topic events.Topic) error
	// Increment adds to the counter and returns its new value. It fails with
	// FailedPrecondition for a client without a counter.
	Increment(ctx context.Context, by uint32) (uint32, error)
	// Watch yields the value of the counter, and then again when it has changed,
	// at most once in every interval, until the caller leaves the loop.
	Watch(ctx context.Context, every time.Duration) iter.Seq2[uint32, error]
	// Note puts a remark into the server's log. It has no answer.
	//
	//twinwire:oneway
	Note(ctx context.Context, text string) error
}

// State is what a client sees of its counter.
type State struct {
	Count uint32
	Topic events.Topic
}

// Event is something that happened to a counter.
type Event interface{ isEvent() }

// Incremented says that somebody added to the counter.
type Incremented struct{ From, To uint32 }

func (Incremented) isEvent() {}
