// Package cursors is the contract of the cursors example: a board that many
// people point at and draw on.
package cursors

import (
	"context"
	"iter"
)

// In a module that has the command as a tool it is go tool twinwire gen.
//go:generate go run -C ../../../cmd/twinwire . gen ../../examples/cursors/cursors
//go:generate go run -C ../../../cmd/twinwire . gen -ts ../../examples/cursors/web -numbers -dates ../../examples/cursors/cursors

// Side is the length of each side of the board. Coordinates are 0 to Side.
const Side = 1000

// Board is served by the server and called by clients.
//
//twinwire:service events=Event
type Board interface {
	// Enter comes to the board, or takes another name and color there. It returns
	// the id under which the others see the caller. It fails with BadRequest for
	// a name that is empty or longer than 20 characters.
	Enter(ctx context.Context, name string, color uint8) (uint32, error)
	// Move says where the caller's pointer is, and whether it draws.
	//twinwire:oneway
	Move(ctx context.Context, x, y uint16, down bool) error
	// Draw adds a line to the board, at which the others see it. It fails with
	// ResourceExhausted if the board is full.
	Draw(ctx context.Context, line Line) error
	// Lines yields what is on the board, the oldest first.
	Lines(ctx context.Context) iter.Seq2[Drawn, error]
	// Clear wipes the board.
	Clear(ctx context.Context) error
}

// PeopleName is the name of the state of type People that every client sees.
const PeopleName = "cursors.people"

// People is who is at the board, by id.
//
//twinwire:state
type People struct{ People map[uint32]Person }

// A Person is somebody at the board.
type Person struct {
	Name  string
	Color uint8
}

// A Line is drawn in one go.
type Line struct {
	Color, Width uint8
	// Points are x and y in turn.
	Points []uint16
}

// Event is something that happened at the board.
type Event interface{ isEvent() }

// Moved says where the pointer of somebody is. Only the newest counts.
type Moved struct {
	ID   uint32
	X, Y uint16
	Down bool
}

// Drawn says that a line is on the board. Lines are numbered from 1, and the
// numbers go on when the board is wiped.
type Drawn struct {
	Number uint32
	By     uint32
	Line   Line
}

// Cleared says that the lines up to this number are gone.
type Cleared struct{ Number uint32 }

func (Moved) isEvent()   {}
func (Drawn) isEvent()   {}
func (Cleared) isEvent() {}
