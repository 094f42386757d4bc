package node_test

import (
	"fmt"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
	"github.com/twinwire/twinwire/state/node"
)

// A score is the struct of the example.
type score struct {
	Player string
	Points int
}

// scoreNode is what the generator writes for score.
type scoreNode struct{ node.Fields[score] }

func (scoreNode) Write(w *node.Writer, v *score, levels int) {
	if !w.Enter(levels) {
		return
	}
	w.B = codec.AppendMapHeader(w.B, 2)
	w.B = codec.AppendString(w.B, "Player")
	node.String[string]{}.Write(w, &v.Player, levels-1)
	if w.DoneAt(".Player") {
		return
	}
	w.B = codec.AppendString(w.B, "Points")
	node.Int[int]{}.Write(w, &v.Points, levels-1)
}

func (scoreNode) Read(r *codec.Reader, v *score) {
	for range r.MapHeader() {
		switch string(r.MapKey()) {
		case "Player":
			node.String[string]{}.Read(r, &v.Player)
		case "Points":
			node.Int[int]{}.Read(r, &v.Points)
		default:
			r.Skip()
		}
	}
	r.Leave()
}

func (scoreNode) Equal(x, y *score) bool { return *x == *y }
func (scoreNode) Clone(dst, src *score)  { *dst = *src }

func (scoreNode) Items(w *node.Writer, prev, next *score, levels int) node.Size {
	size := node.Size{Parts: 2}
	if !node.WriteField(w, &size, 0, ".Player", node.String[string]{}, &prev.Player, &next.Player, levels) {
		return size
	}
	node.WriteField(w, &size, 1, ".Points", node.Int[int]{}, &prev.Points, &next.Points, levels)
	return size
}

func (n scoreNode) Apply(r *codec.Reader, v *score, b *node.Binding, count int) {
	last := -1
	for values := 0; count > 0 && r.Err() == nil; count -= values {
		values, last = n.Item(r, v, b, count, last)
	}
}

func (scoreNode) Item(r *codec.Reader, v *score, b *node.Binding, count, last int) (values, theirs int) {
	tag := node.ReadTag(r, b, count, last)
	switch tag.Own {
	case 0:
		node.ReadField(r, node.String[string]{}, &v.Player, tag.What)
	case 1:
		node.ReadField(r, node.Int[int]{}, &v.Points, tag.What)
	}
	return tag.Values, tag.Theirs
}

// scoreRoot is a score that is a state of its own.
type scoreRoot struct{ scoreNode }

func (scoreRoot) Table() state.Table {
	return state.Table{{{Name: "Player", Type: -1}, {Name: "Points", Type: -1}}}
}

func (scoreRoot) Find(_ int, name string) (field, leaf int) {
	switch name {
	case "Player":
		return 0, -1
	case "Points":
		return 1, -1
	}
	return -1, -1
}

// A schema by hand. The generator writes the same.
func Example() {
	var schema state.Schema[score] = node.Schema[score, scoreRoot]{}
	old, now := score{"ada", 1}, score{"ada", 2}
	delta, err := schema.AppendDelta(nil, &old, &now)
	fmt.Printf("% x %v\n", delta, err)

	decoder, err := schema.ReadTable(codec.NewReader(schema.AppendTable(nil), nil))
	if err != nil {
		panic(err)
	}
	err = decoder.ApplyDelta(codec.NewReader(delta, nil), &old)
	fmt.Println(old, err)
	// Output:
	// 04 02 <nil>
	// {ada 2} <nil>
}
