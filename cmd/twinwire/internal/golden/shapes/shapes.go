// Package shapes has a type of every kind that can be carried.
package shapes

import (
	"time"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/golden/other"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/events"
)

// Named types.
type (
	Color   string
	Level   int8
	Tags    []string
	Scores  map[Color]Level
	Matrix  [2][3]float64
	Key     [4]byte
	Blob    []byte
	Flag    bool
	Instant = time.Time // an alias
	Lines   = []Line
)

// Tree contains itself without a struct.
type Tree map[string]Tree

// Base is embedded.
type Base struct {
	ID      uint64
	Created time.Time `msgpack:"created"`
}

// A Line is a local struct.
type Line struct {
	SKU      string
	Quantity uint16
	Options  []string
}

// A Pair is generic.
type Pair[A, B any] struct {
	First  A
	Second B
}

// An Own type has a codec of its own.
type Own struct{ n int64 }

// OwnOf makes an Own.
func OwnOf(n int64) Own { return Own{n} }

// AppendMsgpack implements codec.Marshaler.
func (o Own) AppendMsgpack(b []byte) ([]byte, error) { return codec.AppendInt(b, o.n), nil }

// ReadMsgpack implements codec.Unmarshaler.
func (o *Own) ReadMsgpack(r *codec.Reader) error {
	o.n = r.Int64()
	return r.Err()
}

// Scalars are carried as they are.
//
//twinwire:codec
type Scalars struct {
	B   bool
	I   int
	I8  int8
	I16 int16
	I32 int32
	I64 int64
	U   uint
	U8  uint8
	U16 uint16
	U32 uint32
	U64 uint64
	F32 float32
	F64 float64
	S   string
	R   rune
	Raw []byte
	T   time.Time
	D   time.Duration
	C   Color
	L   Level
	Y   Flag
	At  Instant
}

// Containers hold others.
//
//twinwire:codec
type Containers struct {
	Tags    Tags
	Plain   []string
	Colors  []Color
	Ints    []int
	Deep    [][]uint8
	Lines   Lines
	Scores  Scores
	ByID    map[int64]Line
	Nested  map[string]map[uint8][]Line
	Matrix  Matrix
	Key     Key
	Keys    []Key
	Blob    Blob
	Pointer *Line
	Number  *int
	Many    []*Line
	Lookup  map[string]*Line
	Fixed   [2]Line
}

// Structs hold each other.
//
//twinwire:codec
type Structs struct {
	Base
	Name   string `msgpack:"name"`
	Hidden string `msgpack:"-"`
	secret int
	Line   Line
	Parent *Structs
	Kids   []Structs
	Point  other.Point
	Page   other.Page[Line]
	Pages  other.Page[other.Point]
	Pair   Pair[Color, []int]
	Inline struct {
		A int
		B *string
	}
	Tree Tree
}

// Secret returns what is not carried.
func (s Structs) Secret() int { return s.secret }

// Hooks encode themselves.
//
//twinwire:codec
type Hooks struct {
	Own      Own
	Owns     []Own
	PtrOwn   *Own
	Version  other.Version
	Versions map[string]other.Version
	Bits     other.Bits
	PtrBits  *other.Bits
	Raw      codec.Raw
	Topic    events.Topic
}

// Omits leaves out what is empty.
//
//twinwire:codec
type Omits struct {
	B bool           `msgpack:",omitempty"`
	I int            `msgpack:"i,omitempty"`
	F float64        `msgpack:",omitempty"`
	S string         `msgpack:",omitempty"`
	L []Line         `msgpack:",omitempty"`
	M map[string]int `msgpack:",omitempty"`
	P *Line          `msgpack:",omitempty"`
	T time.Time      `msgpack:",omitempty"`
	A [2]int         `msgpack:",omitempty"`
	O string         `msgpack:"new,omitempty,alias:old"`
}

// Dynamic holds whatever MessagePack can say.
//
//twinwire:codec
type Dynamic struct {
	One  any            `msgpack:"one"` //twinwire:any
	Many map[string]any //twinwire:any
}
