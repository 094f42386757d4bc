package reflective_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
	"github.com/twinwire/twinwire/state/reflective"
)

// room is the example of docs/state.md.
type room struct {
	Title   string
	Players map[string]*spot
	Log     []string
}

type spot struct{ X, Y int }

// raw puts values back to back; an []any is an array, a map of one entry a map.
func raw(values ...any) []byte {
	var b []byte
	for _, v := range values {
		switch v := v.(type) {
		case int:
			b = codec.AppendInt(b, int64(v))
		case int64:
			b = codec.AppendInt(b, v)
		case string:
			b = codec.AppendString(b, v)
		case []byte:
			b = codec.AppendBytes(b, v)
		case nil:
			b = codec.AppendNil(b)
		case []any:
			b = codec.AppendArrayHeader(b, len(v))
			b = append(b, raw(v...)...)
		case fields:
			b = codec.AppendMapHeader(b, len(v)/2)
			b = append(b, raw(v...)...)
		default:
			panic(fmt.Sprintf("%T", v))
		}
	}
	return b
}

// fields is a map: keys and values in turn.
type fields []any

// Clause S3.
func TestTable(t *testing.T) {
	got := schemaOf[room](t).AppendTable(nil)
	want := raw([]any{[]any{"Title", "Players", 1, "Log"}, []any{"X", "Y"}})
	if string(got) != string(want) {
		t.Errorf("table is %x, want %x", got, want)
	}
}

// The table below clause S10, and some more of clauses S4 to S8.
func TestPayloads(t *testing.T) {
	type blobs struct{ B []byte }
	type nest struct {
		Deep struct{ Rooms [2]room }
	}
	check(t, room{}, "title", func(v *room) { v.Title = "x" }, raw(0, "x"))
	full := room{Players: map[string]*spot{"amy": {}, "bob": {1, 2}, "cid": {}, "dan": {}, "eve": {}}, Log: strings.Split("abcdefghij", "")}
	check(t, full, "new entry", func(v *room) { v.Players["carl"] = &spot{1, 2} }, raw(6, "carl", fields{"X", 1, "Y", 2}))
	check(t, full, "field of an entry", func(v *room) { v.Players["bob"].Y = 3 }, raw(7, []any{3, "bob", []any{4, 3}}))
	check(t, full, "entry deleted", func(v *room) { delete(v.Players, "bob") }, raw(5, "bob"))
	check(t, full, "append", func(v *room) { v.Log = append(v.Log, "x") }, raw(9, "x"))
	check(t, full, "first removed", func(v *room) { v.Log = v.Log[1:] }, raw(11, []any{4, 0, 1, []any{}}))
	check(t, full, "append two", func(v *room) { v.Log = append(v.Log, "x", "y") }, raw(11, []any{4, 10, 0, []any{"x", "y"}}))
	check(t, full, "element", func(v *room) { v.Log[3] = "x" }, raw(10, 3, "x"))
	check(t, full, "range", func(v *room) { v.Log[3], v.Log[4] = "x", "y" }, raw(11, []any{4, 3, 2, []any{"x", "y"}}))
	check(t, full, "queue", func(v *room) { v.Log = append(v.Log[1:], "x") }, raw(11, []any{4, 0, 1, []any{}, 1, "x"}))
	check(t, full, "truncated", func(v *room) { v.Log = v.Log[:8] }, raw(11, []any{4, 8, 2, []any{}}))
	check(t, full, "insert", func(v *room) { v.Log = append([]string{"x"}, v.Log...) }, raw(11, []any{4, 0, 0, []any{"x"}}))
	check(t, full, "emptied", func(v *room) { v.Log = []string{} }, raw(8, []any{}))
	check(t, full, "nil", func(v *room) { v.Log = nil }, raw(8, nil))
	check(t, full, "map cleared", func(v *room) { clear(v.Players) }, raw(4, fields{}))
	check(t, full, "two fields", func(v *room) { v.Title = "x"; v.Players["bob"].X = 7; v.Players["amy"] = nil },
		raw(0, "x", 7, []any{2, "amy", nil, 3, "bob", []any{0, 7}}))
	check(t, blobs{[]byte("0123456789")}, "binary", func(v *blobs) { v.B[4] = 'x' }, raw(3, []any{4, 4, 1, []byte("x")}))
	check(t, blobs{[]byte("0123456789")}, "binary append", func(v *blobs) { v.B = append(v.B, "xy"...) }, raw(1, []byte("xy")))
	check(t, nest{}, "nested", func(v *nest) { v.Deep.Rooms[1].Title = "x" }, raw(3, []any{3, []any{3, 1, []any{0, "x"}}}))
}

func check[T any](t *testing.T, prev T, name string, change func(*T), want []byte) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Helper()
		s := schemaOf[T](t)
		next := s.Clone(&prev)
		change(&next)
		if got := diff(t, s, &prev, &next); string(got) != string(want) {
			t.Fatalf("delta is\n%x, want\n%x", got, want)
		}
		v := s.Clone(&prev)
		apply(t, decoderOf(t, s, s.AppendTable(nil)), &v, want)
		if left := diff(t, s, &v, &next); len(left) > 0 {
			t.Errorf("what the delta leads to differs by %x", left)
		}
	})
}

// Clause S9: what is out of order or does not fit is refused.
func TestRefused(t *testing.T) {
	type all struct {
		S   string
		L   []string
		M   map[string][]int
		A   [2]int
		B   []byte
		ID  [4]byte
		P   *spot
		I   map[int8]int
		U8s map[uint16]uint8
	}
	const fS, fL, fM, fA, fB, fID, fP, fI, fU = 0, 4, 8, 12, 16, 20, 24, 28, 32
	value := all{L: []string{"a", "b"}, M: map[string][]int{"k": {1}}, B: []byte("abc")}
	for _, test := range []struct {
		name  string
		delta []byte
	}{
		{"unknown field", raw(36, 1)},
		{"fields descend", raw(fL, nil, fS, "x")},
		{"field twice", raw(fS, "x", fS, "y")},
		{"no operand", raw(fS)},
		{"one operand of two", raw(fM+2, "k")},
		{"tag is no integer", raw("x")},
		{"tag beyond 32 bits", raw(int64(1<<40), 1)},
		{"negative tag", raw(-1, 1)},
		{"wrong type", raw(fS, 1)},
		{"append to a string", raw(fS+1, "x")},
		{"patch of a string", raw(fS+3, []any{})},
		{"put of a string", raw(fS+2, 0, "x")},
		{"index behind the slice", raw(fL+2, 2, "x")},
		{"negative index", raw(fL+2, -1, "x")},
		{"indices descend", raw(fL+3, []any{2, 1, "x", 2, 0, "y"})},
		{"index twice", raw(fL+3, []any{2, 1, "x", 2, 1, "y"})},
		{"splice behind the slice", raw(fL+3, []any{4, 3, 0, []any{}})},
		{"splice removes too much", raw(fL+3, []any{4, 1, 2, []any{}})},
		{"splice inside what was added", raw(fL+3, []any{4, 0, 0, []any{"x", "y"}, 4, 1, 0, []any{}})},
		{"put after append", raw(fL+3, []any{1, "x", 2, 0, "y"})},
		{"operation cut off", raw(fL+3, []any{1})},
		{"splice cut off", raw(fL+3, []any{4, 0, 0})},
		{"unknown operation", raw(fL+3, []any{5, 0})},
		{"set inside a patch", raw(fL+3, []any{0, "x"})},
		{"patch of an element that has none", raw(fL+3, []any{3, 0, []any{}})},
		{"patch is no array", raw(fL+3, "x")},
		{"keys descend", raw(fM+3, []any{1, "b", 1, "a"})},
		{"key twice", raw(fM+3, []any{1, "a", 1, "a"})},
		{"splice of a map", raw(fM+3, []any{4, "a", 0, []any{}})},
		{"patch of no entry", raw(fM+3, []any{3, "z", []any{1, 1}})},
		{"key of the wrong type", raw(fM+1, 1)},
		{"index behind the array", raw(fA+2, 2, 1)},
		{"append to an array", raw(fA+1, 1)},
		{"array of another length", raw(fA, []any{1})},
		{"two operations on a binary", raw(fB+3, []any{1, []byte("x"), 1, []byte("y")})},
		{"splice behind a binary", raw(fB+3, []any{4, 3, 1, []byte("x")})},
		{"put into a binary", raw(fB+2, 0, 1)},
		{"binary of another length", raw(fID, []byte("abc"))},
		{"operation on a struct", raw(fP+1, 1)},
		{"key out of range", raw(fI+2, 200, 1)},
		{"integer keys descend", raw(fI+3, []any{1, 3, 1, -3})},
		{"unsigned keys descend", raw(fU+3, []any{1, 300, 1, 3})},
		{"value out of range", raw(fU+2, 1, 256)},
		{"reserved byte", []byte{0xc1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := schemaOf[all](t)
			v := s.Clone(&value)
			r := codec.NewReader(test.delta, nil)
			err := decoderOf(t, s, s.AppendTable(nil)).ApplyDelta(r, &v)
			var wrong *codec.Error
			if !errors.As(err, &wrong) {
				t.Errorf("error is %v, want one of codec", err)
			}
		})
	}
}

func TestTablesRefused(t *testing.T) {
	many := make([]any, 1025)
	names := make([]any, 4097)
	for i := range many {
		many[i] = []any{}
	}
	for i := range names {
		names[i] = "x"
	}
	for _, test := range []struct {
		name  string
		table []byte
	}{
		{"empty", raw([]any{})},
		{"no table", raw(1)},
		{"nothing", nil},
		{"number of no struct", raw([]any{[]any{"A", 1}})},
		{"number without a name", raw([]any{[]any{0}})},
		{"two numbers", raw([]any{[]any{"A", 0, 0}})},
		{"long name", raw([]any{[]any{strings.Repeat("x", 256)}})},
		{"too many structs", raw(many)},
		{"too many fields", raw([]any{names})},
		{"cut off", raw([]any{[]any{"A", "B"}})[:3]},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := schemaOf[room](t).ReadTable(codec.NewReader(test.table, nil)); err == nil {
				t.Error("was accepted")
			}
		})
	}
}

func TestUnsupportedTypes(t *testing.T) {
	type embedded struct{ *spot }
	refuse[int](t, "int is not a struct")
	refuse[time.Time](t, "time.Time is not a struct")
	refuse[struct{ A, B func() }](t, ".A: func() cannot be carried")
	refuse[struct{ A any }](t, ".A: interface {} cannot be carried")
	refuse[struct{ A []map[string]chan int }](t, ".A[][]: chan int cannot be carried")
	refuse[struct{ A map[float64]int }](t, ".A: map[float64]int has keys that are neither strings nor integers")
	refuse[struct{ A map[point]int }](t, "has keys that are neither strings nor integers")
	refuse[struct{ A **int }](t, ".A: **int can be nil in two ways")
	refuse[struct{ A *[]int }](t, ".A: *[]int can be nil in two ways")
	refuse[struct{ A complex64 }](t, ".A: complex64 cannot be carried")
	refuse[struct{ A struct{ b int } }](t, ".A: struct { b int } has no exported fields")
	refuse[embedded](t, ".spot: embedded pointers cannot be carried")
	refuse[struct {
		A int `msgpack:",intern"`
	}](t, ".A: its tag asks for an encoding")
	refuse[struct {
		A int
		B int `msgpack:"A"`
	}](t, ".B: another field has the same name")
	refuse[struct {
		A int `msgpack:"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"`
	}](t, ".A: name is longer than 255 bytes")
}

func refuse[T any](t *testing.T, want string) {
	t.Helper()
	_, err := reflective.Of[T]()
	if !errors.Is(err, reflective.ErrUnsupported) || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %v, want %q", err, want)
	}
}

func TestInvalidValues(t *testing.T) {
	loop := &tree{}
	loop.Children = []*tree{loop}
	for _, test := range []struct {
		name   string
		change func(*world)
		want   string
	}{
		{"text", func(w *world) { w.Leader = &player{Items: []string{"\xff"}} }, ".Leader.Items[]: "},
		{"key", func(w *world) { w.Scores = map[string]int64{"\xff": 1} }, ".Scores[]: "},
		{"loop", func(w *world) { w.Tree = loop }, ".Tree.Children[].Children[]."},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := schemaOf[world](t)
			var prev, next world
			test.change(&next)
			b, err := s.AppendValue([]byte("kept"), &next)
			if !errors.Is(err, reflective.ErrInvalid) || !strings.HasPrefix(err.Error(), test.want) || string(b) != "kept" {
				t.Errorf("AppendValue returns %q, %v; want %q", b, err, test.want)
			}
			b, err = s.AppendDelta([]byte("kept"), &prev, &next)
			if !errors.Is(err, reflective.ErrInvalid) || !strings.HasPrefix(err.Error(), test.want) || string(b) != "kept" {
				t.Errorf("AppendDelta returns %q, %v; want %q", b, err, test.want)
			}
		})
	}
}

// What nests as deep as a reader allows goes through whole and in deltas.
func TestDepth(t *testing.T) {
	type node struct {
		V    int
		Next *node
		Many []*node
	}
	s := schemaOf[node](t)
	d := decoderOf(t, s, s.AppendTable(nil))
	var next node
	deepest := &next
	for range 31 {
		deepest.Next = new(node)
		deepest = deepest.Next
	}
	prev := s.Clone(&next)
	deepest.V = 7
	v := decode(t, d, encode(t, s, &prev))
	apply(t, d, &v, diff(t, s, &prev, &next))
	if left := diff(t, s, &v, &next); len(left) > 0 {
		t.Errorf("differs by %x", left)
	}
	deepest.Many = []*node{}
	if _, err := s.AppendDelta(nil, &prev, &next); !errors.Is(err, reflective.ErrInvalid) {
		t.Errorf("error is %v", err)
	}
	deepest.Many = nil
	deepest.Next = new(node)
	if _, err := s.AppendDelta(nil, &prev, &next); !errors.Is(err, reflective.ErrInvalid) {
		t.Errorf("error is %v", err)
	}

	// The splice of a slice has an array more than the slice.
	var many node
	deepest = &many
	for range 15 {
		deepest.Many = []*node{new(node)}
		deepest = deepest.Many[0]
	}
	before := s.Clone(&many)
	deepest.V = 9
	deepest.Next = new(node)
	w := decode(t, d, encode(t, s, &before))
	apply(t, d, &w, diff(t, s, &before, &many))
	deepest.Next = nil
	before = s.Clone(&many)
	*deepest = node{}
	parent := &many
	for range 14 {
		parent = parent.Many[0]
	}
	parent.Many = append(parent.Many, &node{Next: new(node)}, &node{Next: new(node)})
	w = decode(t, d, encode(t, s, &before))
	apply(t, d, &w, diff(t, s, &before, &many))
	if left := diff(t, s, &w, &many); len(left) > 0 {
		t.Errorf("differs by %x", left)
	}
}

func TestEquality(t *testing.T) {
	type v struct {
		F float64
		T time.Time
		S []int `msgpack:",omitempty"`
	}
	s := schemaOf[v](t)
	now := time.Now()
	a := v{F: math.NaN(), T: now, S: nil}
	b := v{F: math.Float64frombits(math.Float64bits(math.NaN()) + 1), T: now.UTC().Round(0), S: []int{}}
	if d := diff(t, s, &a, &b); len(d) != 0 {
		t.Errorf("differ by %x", d)
	}
}

var _ state.Schema[room] = nil
