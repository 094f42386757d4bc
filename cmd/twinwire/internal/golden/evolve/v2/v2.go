// Package v2 is the contract of v1 with things added, and some taken away.
package v2

import "context"

// Room is the second version.
//
//twinwire:service state=State events=Event
type Room interface {
	Enter(ctx context.Context, name string) (int, error)
	Say(ctx context.Context, loud bool, text string, to []string) (Line, error)
	Leave(ctx context.Context) error
}

// A Line was said.
type Line struct {
	At   int64
	Text string
	Mood *string
}

// State is the room.
type State struct {
	Title string
	Seats map[string]Line
	Lines []Line
	Extra map[string]int
}

// Event happens.
type Event interface{ isEvent() }

// Said is an event.
type Said struct {
	By   string
	Line Line
}

// Left is new.
type Left struct{ By string }

func (Said) isEvent() {}
func (Left) isEvent() {}
