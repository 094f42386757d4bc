// Package v1 is a contract as it was; its generated code is that of its time
// and is not made again.
package v1

import "context"

// Room is the first version. Its directive is gone, so that the generator lets
// the package be; it was service state=State events=Event.
type Room interface {
	Enter(ctx context.Context) (int, error)
	Say(ctx context.Context, text string) (Line, error)
}

// A Line was said.
type Line struct {
	Text string
	Gone string
}

// State is the room.
type State struct {
	Gone  int
	Lines []Line
	Seats map[string]Line
}

// Event happens.
type Event interface{ isEvent() }

// Said is an event.
type Said struct{ Line Line }

func (Said) isEvent() {}
