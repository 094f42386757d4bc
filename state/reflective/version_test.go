package reflective_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/twinwire/twinwire/codec"
)

// Two versions of one program: fields came, went, moved and were renamed, at
// both levels, and one struct type became two.
type (
	boardV1 struct {
		Title   string
		Gone    map[string][]cardV1
		Cards   map[string]cardV1
		Pinned  *cardV1
		Columns []columnV1
		GoneOne []int
		GoneBin []byte
		Count   int
	}
	cardV1 struct {
		Text string
		Gone *cardV1
		Done bool
		Tags []string
	}
	columnV1 struct {
		Name  string
		Cards []cardV1
	}

	boardV2 struct {
		Added   map[string]int
		Columns []columnV2
		Pinned  *pinV2
		Cards   map[string]cardV2
		Count   int64
		Heading string `msgpack:"Heading,alias:Title"`
		Since   time.Time
	}
	cardV2 struct {
		Tags  []string
		Added int
		Text  string
	}
	pinV2 struct {
		Done bool
		Text string
	}
	columnV2 struct {
		Cards []cardV2
		Width int
		Name  string
	}
)

func (v *boardV1) toV2() boardV2 {
	w := boardV2{Heading: v.Title, Count: int64(v.Count)}
	if v.Cards != nil {
		w.Cards = make(map[string]cardV2)
	}
	for k, c := range v.Cards {
		w.Cards[k] = cardV2{Tags: c.Tags, Text: c.Text}
	}
	if v.Pinned != nil {
		w.Pinned = &pinV2{Done: v.Pinned.Done, Text: v.Pinned.Text}
	}
	if v.Columns != nil {
		w.Columns = make([]columnV2, len(v.Columns))
	}
	for i, c := range v.Columns {
		w.Columns[i].Name = c.Name
		if c.Cards != nil {
			w.Columns[i].Cards = make([]cardV2, len(c.Cards))
		}
		for j, card := range c.Cards {
			w.Columns[i].Cards[j] = cardV2{Tags: card.Tags, Text: card.Text}
		}
	}
	return w
}

func (m maker) card() cardV1 {
	c := cardV1{Text: m.word(), Done: m.one(2), Tags: m.words()}
	if m.one(3) {
		c.Gone = &cardV1{Text: "gone"}
	}
	return c
}

var boardChanges = []func(m maker, v *boardV1){
	func(m maker, v *boardV1) { v.Title = m.word() },
	func(m maker, v *boardV1) { v.Count = m.IntN(1000) },
	func(m maker, v *boardV1) { v.GoneOne = append(v.GoneOne, m.IntN(9), m.IntN(9)) },
	func(m maker, v *boardV1) { v.GoneOne = append(v.GoneOne, m.IntN(9)) },
	func(m maker, v *boardV1) {
		if len(v.GoneOne) > 0 {
			v.GoneOne[m.IntN(len(v.GoneOne))]++
		}
	},
	func(m maker, v *boardV1) { v.GoneBin = append(v.GoneBin, 1, 2, 3) },
	func(m maker, v *boardV1) {
		if v.Gone == nil {
			v.Gone = make(map[string][]cardV1)
		}
		k := m.word()
		v.Gone[k] = append(v.Gone[k], m.card())
	},
	func(m maker, v *boardV1) {
		for _, cards := range v.Gone {
			cards[0].Text = m.word()
		}
	},
	func(m maker, v *boardV1) { delete(v.Gone, m.word()) },
	func(m maker, v *boardV1) {
		if v.Cards == nil {
			v.Cards = make(map[string]cardV1)
		}
		v.Cards[m.word()] = m.card()
	},
	func(m maker, v *boardV1) {
		for k, c := range v.Cards {
			c.Gone = &cardV1{Text: m.word()}
			c.Tags = m.words()
			v.Cards[k] = c
		}
	},
	func(m maker, v *boardV1) { delete(v.Cards, m.word()) },
	func(m maker, v *boardV1) { c := m.card(); v.Pinned = &c },
	func(m maker, v *boardV1) { v.Pinned = nil },
	func(m maker, v *boardV1) {
		if v.Pinned != nil {
			v.Pinned.Done = !v.Pinned.Done
			v.Pinned.Tags = m.words()
		}
	},
	func(m maker, v *boardV1) {
		v.Columns = append(v.Columns, columnV1{Name: m.word(), Cards: []cardV1{m.card()}})
	},
	func(m maker, v *boardV1) {
		for i := range v.Columns {
			v.Columns[i].Cards = append(v.Columns[i].Cards, m.card())
		}
	},
	func(m maker, v *boardV1) {
		for i := range v.Columns {
			for j := range v.Columns[i].Cards {
				v.Columns[i].Cards[j].Done = m.one(2)
				v.Columns[i].Cards[j].Text = m.word()
			}
		}
	},
}

// An older owner and a newer view.
func TestVersions(t *testing.T) {
	v1, v2 := schemaOf[boardV1](t), schemaOf[boardV2](t)
	d := decoderOf(t, v2, v1.AppendTable(nil))
	for seed := range uint64(100) {
		m := newMaker(seed)
		var owner boardV1
		for range m.IntN(20) {
			boardChanges[m.IntN(len(boardChanges))](m, &owner)
		}
		sent := v1.Clone(&owner)
		view := decode(t, d, encode(t, v1, &owner))
		view.Added = map[string]int{"kept": 1} // of no concern to the owner
		for range 20 {
			for range m.IntN(4) {
				boardChanges[m.IntN(len(boardChanges))](m, &owner)
			}
			apply(t, d, &view, diff(t, v1, &sent, &owner))
			sent = v1.Clone(&owner)
			want := owner.toV2()
			want.Heading, view.Heading = "", "" // has a test of its own
			want.Added = map[string]int{"kept": 1}
			if !reflect.DeepEqual(view, want) {
				t.Fatalf("seed %d: view is\n%+v, want\n%+v", seed, view, want)
			}
		}
	}
}

// A newer owner and an older view: fields that the view has and the owner does
// not stay zero.
func TestOlderView(t *testing.T) {
	v1, v2 := schemaOf[boardV1](t), schemaOf[boardV2](t)
	d := decoderOf(t, v1, v2.AppendTable(nil))
	old := boardV2{Count: 1, Since: time.Unix(1, 0)}
	owner := boardV2{Count: 2, Since: time.Unix(2, 0), Added: map[string]int{"a": 1}, Pinned: &pinV2{Text: "x"}}
	view := decode(t, d, encode(t, v2, &old))
	apply(t, d, &view, diff(t, v2, &old, &owner))
	if want := (boardV1{Count: 2, Pinned: &cardV1{Text: "x"}}); !reflect.DeepEqual(view, want) {
		t.Errorf("view is %+v, want %+v", view, want)
	}
}

func TestAlias(t *testing.T) {
	v1, v2 := schemaOf[boardV1](t), schemaOf[boardV2](t)
	d := decoderOf(t, v2, v1.AppendTable(nil))
	old, owner := boardV1{Title: "a"}, boardV1{Title: "b"}
	view := decode(t, d, encode(t, v1, &old))
	if view.Heading != "a" {
		t.Errorf("snapshot: Heading is %q", view.Heading)
	}
	apply(t, d, &view, diff(t, v1, &old, &owner))
	if view.Heading != "b" {
		t.Errorf("delta: Heading is %q", view.Heading)
	}
}

// A name that stands twice in a table is one field, which no patch may change
// twice.
func TestNameTwice(t *testing.T) {
	s := schemaOf[room](t)
	d := decoderOf(t, s, raw([]any{[]any{"Log", "Log"}}))
	var v room
	apply(t, d, &v, raw(1, "a", 5, "b"))
	if len(v.Log) != 1 || v.Log[0] != "a" {
		t.Errorf("Log is %q", v.Log)
	}
}

// A table in which everything is everything else costs no more than its size.
func TestTangledTable(t *testing.T) {
	type node struct{ A, B, C, D *node }
	s := schemaOf[node](t)
	table := make([]any, 900)
	for i := range table {
		table[i] = []any{"A", (i + 1) % 900, "B", (i * 7) % 900, "C", (i * i) % 900, "D", 899 - i}
	}
	d := decoderOf(t, s, raw(table))
	var v node
	apply(t, d, &v, raw(3, []any{7, []any{0, fields{}}}))
	if v.A == nil || v.A.B == nil || v.A.B.A == nil {
		t.Errorf("value is %+v", v)
	}
}

// What types that encode themselves come to.
func TestMethods(t *testing.T) {
	s := schemaOf[world](t)
	check(t, world{}, "own form", func(w *world) { w.Point.x = 1 }, raw(fieldOf(t, s.AppendTable(nil), "Point")*4, []any{1, 0}))
	check(t, world{}, "conventional", func(w *world) { w.Written.A = 1 }, raw(fieldOf(t, s.AppendTable(nil), "Written")*4+3, []any{0, 1}))
}

// fieldOf returns the number of a field of the first struct of a table.
func fieldOf(t *testing.T, table []byte, name string) int {
	t.Helper()
	r := codec.NewReader(table, nil)
	r.ArrayHeader()
	n := -1
	for range r.ArrayHeader() {
		if r.Peek() != codec.TypeString {
			r.Skip()
			continue
		}
		if n++; r.Str() == name {
			return n
		}
	}
	t.Fatalf("no field %s", name)
	return 0
}
