// Package world has states with a field of every kind.
package world

import (
	"time"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/golden/other"
	"github.com/twinwire/twinwire/cmd/twinwire/internal/golden/shapes"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/events"
)

type (
	Color string
	Key   [4]byte
	Grid  [2][2]int
	Names []string
)

// A Player is in the world.
type Player struct {
	Name string
	X, Y float32
	Bag  []Item          `msgpack:"bag,omitempty"`
	Best *Item           `msgpack:",omitempty"`
	Tags map[string]bool `msgpack:",omitempty"`
}

// An Item is in a bag.
type Item struct {
	Kind  Color
	Count uint16
	Parts []Item
}

// Base is embedded.
type Base struct {
	ID  uint64
	Rev int `msgpack:"rev,alias:revision"`
}

// World is everything.
//
//twinwire:state
type World struct {
	Base
	Title   string
	Open    bool
	Players map[string]*Player
	ByID    map[int32]Player
	Log     []string
	Names   Names
	Items   []Item
	Friends []*Player
	Grid    Grid
	Key     Key
	Fixed   [2]Player
	Data    []byte
	At      time.Time
	Opt     time.Time `msgpack:",omitempty"`
	Delay   time.Duration
	Topic   events.Topic
	Version other.Version
	Bits    map[string]other.Bits
	Raw     codec.Raw
	Point   other.Point
	I8      int8
	U       uint
	F       float64
	Ptr     *int
	PtrArr  *[2]int
	Page    other.Page[Item]
	Nested  map[string]map[string][]int
	Inner   struct{ A, B int }
	Line    shapes.Line // its codec is generated
	Lines   map[string]*shapes.Line
	local   int
}

// Local returns what is not carried.
func (w *World) Local() int { return w.local }
