// Package held has states with the containers of package state, and the same
// with plain ones.
package held

import (
	"time"

	"github.com/twinwire/twinwire/state"
)

// A Seat is a place in a room.
type Seat struct {
	Player string
	Points int
	Since  time.Time
	Marks  state.Slice[int]
}

// A Table is in a hall.
type Table struct {
	Name  string
	Seats state.Map[uint16, Seat]
}

// Hall has Maps and Slices, one inside another.
//
//twinwire:state
type Hall struct {
	Title  string
	Scores state.Map[string, int64]
	Log    state.Slice[string]
	Seats  state.Slice[Seat]
	Tables state.Map[string, Table]
	Empty  state.Map[string, bool] `msgpack:",omitempty"`
	Named  map[string]Table
	Best   *Table
}

// PlainSeat is a Seat without them.
type PlainSeat struct {
	Player string
	Points int
	Since  time.Time
	Marks  []int
}

// PlainTable is a Table without them.
type PlainTable struct {
	Name  string
	Seats map[uint16]PlainSeat
}

// PlainHall is a Hall without them: peers may have either.
//
//twinwire:state
type PlainHall struct {
	Title  string
	Scores map[string]int64
	Log    []string
	Seats  []PlainSeat
	Tables map[string]PlainTable
	Empty  map[string]bool `msgpack:",omitempty"`
	Named  map[string]PlainTable
	Best   *PlainTable
}

// Message is a Hall that travels in a call.
//
//twinwire:codec
type Message struct {
	Hall  Hall
	Notes state.Map[int32, state.Slice[string]] `msgpack:",omitempty"`
}

// Twenty is a struct of 20 fields.
//
//twinwire:state
type Twenty struct {
	A0, A1, A2, A3, A4, A5, A6, A7 int64
	B0, B1, B2, B3, B4, B5         string
	C0, C1, C2, C3                 float64
	D0, D1                         bool
}
