// Package traffic is the contract of the roaming example: what goes on in a
// session while its network comes and goes.
package traffic

import (
	"context"
	"io"
)

// In a module that has the command as a tool it is go tool twinwire gen.
//go:generate go run -C ../../../cmd/twinwire . gen ../../examples/roaming/traffic

// Traffic is served by the server and called by clients.
//
//twinwire:service events=Event
type Traffic interface {
	// Count has the server note that call n has run, and returns n.
	Count(ctx context.Context, n uint64) (uint64, error)
	// Upload returns the SHA-256 hash of what the server received.
	Upload(ctx context.Context, body io.Reader) ([]byte, error)
	// Follow subscribes the caller to the ticks, and returns the number of the
	// last one that it does not get.
	Follow(ctx context.Context) (uint64, error)
}

// Event is something that happens while a client follows.
type Event interface{ isEvent() }

// Tick is an event with a number, one higher than that of the tick before.
type Tick struct{ N uint64 }

func (Tick) isEvent() {}
