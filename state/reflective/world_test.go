package reflective_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/twinwire/twinwire/codec"
)

// The world is a value that has everything that can be carried.
type world struct {
	place // embedded

	Bool     bool
	Int8     int8
	Int16    int16
	Int      int
	Int64    int64
	Uint8    uint8
	Uint64   uint64
	Float32  float32
	Float64  float64
	Name     string `msgpack:"name"`
	Omitted  string `msgpack:"-"`
	hidden   int    //lint:ignore U1000 what is not exported is not carried
	At       time.Time
	For      time.Duration
	Colour   colour
	Address  netip.Addr
	Point    point
	Written  written
	Blob     []byte
	ID       [16]byte
	Triple   [3]player
	Numbers  []int64
	Words    []string
	Players  []player
	Friends  []*player
	Pointer  *int
	Leader   *player
	Tree     *tree
	Scores   map[string]int64
	ByID     map[uint32]player
	ByColour map[colour]*player
	Nested   map[string]map[int8][]player
	Grid     [][]int16
	Empty    struct{}

	MaybeInt   int              `msgpack:",omitempty"`
	MaybeWords []string         `msgpack:"mw,omitempty"`
	MaybeMap   map[string]int   `msgpack:",omitempty"`
	MaybeAt    time.Time        `msgpack:",omitempty"`
	Maybe      *player          `msgpack:",omitempty"`
	MaybeFloat float64          `msgpack:",omitempty"`
	Last       map[string]optio `msgpack:"last,alias:latest"`
}

type place struct {
	Country string
	Zip     uint32
}

type player struct {
	Name   string
	X, Y   int32
	Health float32
	Items  []string
	Tags   map[string]bool
}

type optio struct {
	A int    `msgpack:"a,omitempty"`
	B string `msgpack:"b,omitempty"`
	C []int  `msgpack:"c,omitempty"`
}

type tree struct {
	Value    int
	Children []*tree
}

type colour string

// A point encodes itself as an array.
type point struct{ x, y int32 }

func (p point) AppendMsgpack(b []byte) ([]byte, error) {
	b = codec.AppendArrayHeader(b, 2)
	b = codec.AppendInt(b, int64(p.x))
	return codec.AppendInt(b, int64(p.y)), nil
}

func (p *point) ReadMsgpack(r *codec.Reader) error {
	if r.FixedArray(2) {
		p.x, p.y = r.Int32(), r.Int32()
		r.Leave()
	}
	return r.Err()
}

// A written value encodes itself as the package would, as generated codecs do.
type written struct {
	A int
	B []string
}

func (v written) AppendMsgpack(b []byte) ([]byte, error) {
	b = codec.AppendMapHeader(b, 2)
	b = codec.AppendInt(codec.AppendString(b, "A"), int64(v.A))
	b = codec.AppendString(b, "B")
	if v.B == nil {
		return codec.AppendNil(b), nil
	}
	b = codec.AppendArrayHeader(b, len(v.B))
	for _, s := range v.B {
		b = codec.AppendString(b, s)
	}
	return b, nil
}

func (v *written) ReadMsgpack(r *codec.Reader) error {
	for range r.MapHeader() {
		switch string(r.MapKey()) {
		case "A":
			v.A = r.Int()
		case "B":
			if codec.ReadSlice(r, &v.B) {
				for i := range v.B {
					v.B[i] = r.Str()
				}
				r.Leave()
			}
		default:
			r.Skip()
		}
	}
	r.Leave()
	return r.Err()
}

// A maker makes random values.
type maker struct{ *rand.Rand }

func newMaker(seed uint64) maker { return maker{rand.New(rand.NewPCG(seed, 7))} }

func (m maker) one(n int) bool { return m.IntN(n) == 0 }

func (m maker) word() string {
	return []string{"", "a", "b", "Ω", "hello", "a longer text that is not short at all"}[m.IntN(6)]
}

func (m maker) integer() int64 {
	return int64(m.Uint64()) >> m.IntN(64)
}

func (m maker) words() []string {
	if m.one(5) {
		return nil
	}
	s := make([]string, m.IntN(4))
	for i := range s {
		s[i] = m.word()
	}
	return s
}

func (m maker) player() player {
	p := player{Name: m.word(), X: int32(m.integer()), Y: int32(m.IntN(3)), Health: m.Float32(), Items: m.words()}
	if !m.one(3) {
		p.Tags = map[string]bool{m.word(): m.one(2), m.word(): true}
	}
	return p
}

func (m maker) playerPointer() *player {
	if m.one(4) {
		return nil
	}
	p := m.player()
	return &p
}

func (m maker) tree(depth int) *tree {
	if depth == 0 || m.one(3) {
		return nil
	}
	t := &tree{Value: m.IntN(9)}
	for range m.IntN(3) {
		t.Children = append(t.Children, m.tree(depth-1))
	}
	return t
}

func (m maker) colour() colour { return colour(m.word()) }

func (m maker) float() float64 {
	return []float64{0, math.Copysign(0, -1), 1.5, math.NaN(), math.Inf(1), m.Float64()}[m.IntN(6)]
}

func (m maker) time() time.Time {
	if m.one(3) {
		return time.Time{}
	}
	return time.Unix(m.integer()>>24, int64(m.IntN(1e9))).In(time.FixedZone("x", 3600))
}

// changes are what can be changed about a world, one thing each.
var changes = []func(m maker, w *world){
	func(m maker, w *world) { w.Country = m.word() },
	func(m maker, w *world) { w.Zip = uint32(m.integer()) },
	func(m maker, w *world) { w.Bool = !w.Bool },
	func(m maker, w *world) { w.Int8 = int8(m.integer()) },
	func(m maker, w *world) { w.Int16 = int16(m.integer()) },
	func(m maker, w *world) { w.Int = int(m.integer()) },
	func(m maker, w *world) { w.Int64 = m.integer() },
	func(m maker, w *world) { w.Uint8 = uint8(m.integer()) },
	func(m maker, w *world) { w.Uint64 = uint64(m.integer()) },
	func(m maker, w *world) { w.Float32 = float32(m.float()) },
	func(m maker, w *world) { w.Float64 = m.float() },
	func(m maker, w *world) { w.Name = m.word() },
	func(m maker, w *world) { w.At = m.time() },
	func(m maker, w *world) { w.For = time.Duration(m.integer()) },
	func(m maker, w *world) { w.Colour = m.colour() },
	func(m maker, w *world) { w.Address = netip.AddrFrom4([4]byte{10, 0, 0, byte(m.IntN(9))}) },
	func(m maker, w *world) { w.Point.x = int32(m.integer()) },
	func(m maker, w *world) { w.Written.A = m.IntN(5) },
	func(m maker, w *world) { w.Written.B = m.words() },
	func(m maker, w *world) { w.Blob = append(w.Blob, m.word()...) },
	func(m maker, w *world) {
		if len(w.Blob) > 0 {
			i := m.IntN(len(w.Blob))
			w.Blob = slices.Replace(w.Blob, i, i+m.IntN(len(w.Blob)-i), []byte(m.word())...)
		}
	},
	func(m maker, w *world) { w.Blob = nil },
	func(m maker, w *world) { w.ID[m.IntN(16)]++ },
	func(m maker, w *world) { w.Triple[m.IntN(3)] = m.player() },
	func(m maker, w *world) { w.Triple[m.IntN(3)].X++ },
	func(m maker, w *world) {
		for range m.IntN(20) {
			w.Numbers = append(w.Numbers, m.Int64N(5))
		}
	},
	func(m maker, w *world) {
		for i := range w.Numbers {
			if m.one(4) {
				w.Numbers[i] = m.integer()
			}
		}
	},
	func(m maker, w *world) {
		if n := len(w.Numbers); n > 0 {
			i := m.IntN(n)
			j := i + m.IntN(n-i)
			w.Numbers = slices.Replace(w.Numbers, i, j, make([]int64, m.IntN(3))...)
		}
	},
	func(m maker, w *world) { w.Numbers = nil },
	func(m maker, w *world) { w.Words = append(w.Words, m.words()...) },
	func(m maker, w *world) { w.Words = w.Words[:len(w.Words)/2] },
	func(m maker, w *world) {
		if len(w.Words) > 0 {
			w.Words = append(w.Words[1:], m.word())
		}
	},
	func(m maker, w *world) { w.Players = append(w.Players, m.player()) },
	func(m maker, w *world) { w.Players = slices.Insert(w.Players, m.IntN(len(w.Players)+1), m.player()) },
	func(m maker, w *world) {
		if len(w.Players) > 0 {
			i := m.IntN(len(w.Players))
			w.Players = slices.Delete(w.Players, i, i+1)
		}
	},
	func(m maker, w *world) {
		for i := range w.Players {
			if m.one(3) {
				w.Players[i].Items = append(w.Players[i].Items, m.word())
			}
		}
	},
	func(m maker, w *world) {
		m.Shuffle(len(w.Players), func(i, j int) { w.Players[i], w.Players[j] = w.Players[j], w.Players[i] })
	},
	func(m maker, w *world) { w.Friends = append(w.Friends, m.playerPointer()) },
	func(m maker, w *world) {
		for _, f := range w.Friends {
			if f != nil && m.one(2) {
				f.Y++
			}
		}
	},
	func(m maker, w *world) {
		if len(w.Friends) > 0 {
			w.Friends[m.IntN(len(w.Friends))] = m.playerPointer()
		}
	},
	func(m maker, w *world) { w.Pointer = nil },
	func(m maker, w *world) { i := m.IntN(3); w.Pointer = &i },
	func(m maker, w *world) { w.Leader = m.playerPointer() },
	func(m maker, w *world) {
		if w.Leader != nil {
			w.Leader.Items = m.words()
		}
	},
	func(m maker, w *world) { w.Tree = m.tree(6) },
	func(m maker, w *world) {
		t := w.Tree
		for t != nil && len(t.Children) > 0 {
			t.Value++
			t = t.Children[m.IntN(len(t.Children))]
		}
	},
	func(m maker, w *world) {
		if w.Scores == nil {
			w.Scores = make(map[string]int64)
		}
		for range m.IntN(30) {
			w.Scores[fmt.Sprint(m.IntN(50))] = m.integer()
		}
	},
	func(m maker, w *world) { delete(w.Scores, fmt.Sprint(m.IntN(50))) },
	func(m maker, w *world) { clear(w.Scores) },
	func(m maker, w *world) { w.Scores = nil },
	func(m maker, w *world) {
		if w.ByID == nil {
			w.ByID = make(map[uint32]player)
		}
		w.ByID[uint32(m.integer())] = m.player()
	},
	func(m maker, w *world) {
		for id, p := range w.ByID {
			p.X++
			w.ByID[id] = p
			break
		}
	},
	func(m maker, w *world) {
		w.ByColour = map[colour]*player{m.colour(): m.playerPointer(), m.colour(): m.playerPointer()}
	},
	func(m maker, w *world) {
		for _, p := range w.ByColour {
			if p != nil {
				p.Tags = map[string]bool{"x": m.one(2)}
			}
		}
	},
	func(m maker, w *world) {
		if w.Nested == nil {
			w.Nested = make(map[string]map[int8][]player)
		}
		k := m.word()
		if w.Nested[k] == nil {
			w.Nested[k] = make(map[int8][]player)
		}
		i := int8(m.integer())
		w.Nested[k][i] = append(w.Nested[k][i], m.player())
	},
	func(m maker, w *world) {
		for _, byInt := range w.Nested {
			for _, players := range byInt {
				for i := range players {
					players[i].X++
				}
			}
		}
	},
	func(m maker, w *world) { w.Grid = make([][]int16, 5); w.Grid[2] = make([]int16, 5) },
	func(m maker, w *world) {
		if len(w.Grid) > 0 {
			if row := w.Grid[2]; len(row) > 0 {
				row[m.IntN(len(row))] = int16(m.integer())
			}
		}
	},
	func(m maker, w *world) { w.MaybeInt = m.IntN(2) },
	func(m maker, w *world) { w.MaybeWords = m.words() },
	func(m maker, w *world) {
		if w.MaybeMap = nil; m.one(2) {
			w.MaybeMap = map[string]int{m.word(): 1}
		}
	},
	func(m maker, w *world) { w.MaybeAt = m.time() },
	func(m maker, w *world) { w.Maybe = m.playerPointer() },
	func(m maker, w *world) { w.MaybeFloat = m.float() },
	func(m maker, w *world) {
		if w.Last == nil {
			w.Last = make(map[string]optio)
		}
		w.Last[m.word()] = optio{A: m.IntN(2), B: m.word(), C: make([]int, m.IntN(2))}
	},
}

// change changes some things of w.
func (m maker) change(w *world, most int) {
	for range m.IntN(most + 1) {
		changes[m.IntN(len(changes))](m, w)
	}
}
