package node

import (
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
)

// A Binding says which fields of a struct here the fields of a struct of the
// sender are.
type Binding struct{ fields []bound }

type bound struct {
	own  int      // -1 if there is no such field here
	leaf *Binding // of the structs in it
}

// A Finder returns the number of a field of the struct number own of the table
// here, by its name, and the number of the struct in it: -1 if there is none.
type Finder func(own int, name string) (field, leaf int)

// A pair is a struct of the sender's table and one of the table here. One of
// theirs can be several of ours, and the other way round.
type pair struct{ theirs, own int }

// bind binds the sender's struct number theirs to the struct number own.
func bind(t state.Table, key pair, find Finder, done map[pair]*Binding) *Binding {
	if b := done[key]; b != nil {
		return b
	}
	b := &Binding{make([]bound, len(t[key.theirs]))}
	done[key] = b
	taken := make(map[int]bool)
	for i, f := range t[key.theirs] {
		field, leaf := find(key.own, f.Name)
		if field < 0 || taken[field] {
			b.fields[i].own = -1 // a name and its alias, or one name twice: the first counts
			continue
		}
		taken[field] = true
		b.fields[i].own = field
		if leaf >= 0 && f.Type >= 0 {
			b.fields[i].leaf = bind(t, pair{f.Type, leaf}, find, done)
		}
	}
	return b
}

// A Change is the beginning of the change of one field: its tag (clause S4).
type Change struct {
	// Own is the number of the field here, or -1 if there is nothing left to
	// do: there is no such field, or the Reader has an error.
	Own int
	// Theirs is the sender's number of the field.
	Theirs int
	// Values is how many values the change is, tag included.
	Values int
	// What is to be done to the field.
	What Operation
}

// An Operation is what a tag says is to be done to its field.
type Operation struct {
	leaf *Binding
	op   uint32
}

// ReadTag reads the tag of a change of at most count values together, and steps
// over the change of a field that is not here. last is the sender's number of
// the field before, -1 at the beginning.
func ReadTag(r *codec.Reader, b *Binding, count, last int) Change {
	t := r.Uint32()
	c := Change{Own: -1, Theirs: int(t >> 2), What: Operation{op: t & 3}}
	c.Values = 1 + state.Operands(uint64(c.What.op))
	switch {
	case r.Err() != nil:
		return c
	case b == nil || c.Theirs <= last || c.Theirs >= len(b.fields):
		r.Fail(codec.ErrRange, "fields of the table in ascending order")
		return c
	case c.Values > count:
		r.Fail(codec.ErrRange, "patch with all operands")
		return c
	}
	f := b.fields[c.Theirs]
	if f.own < 0 {
		for range c.Values - 1 {
			r.Skip()
		}
	}
	c.Own, c.What.leaf = f.own, f.leaf
	return c
}

// ReadField carries out what the tag of the field *v says.
func ReadField[T any, N Node[T]](r *codec.Reader, n N, v *T, what Operation) {
	if what.op == state.OpSet {
		*v = *new(T)
		n.Read(r, v)
		return
	}
	c, ok := any(n).(Container[T])
	switch {
	case !ok:
		r.Fail(codec.ErrRange, "operation that fits the field")
	case what.op == state.OpPatch:
		readPatch(r, c, v, what.leaf)
	default:
		c.ApplyOne(r, v, what.op)
	}
}

// readPatch reads an array of operations or changes and carries them out.
func readPatch[T any](r *codec.Reader, c Container[T], v *T, b *Binding) {
	count := r.ArrayHeader()
	if r.Err() == nil {
		c.Apply(r, v, b, count)
		r.Leave()
	}
}

// operands returns how many values an operation takes, itself included, if
// that is no more than count.
func operands(r *codec.Reader, op uint32, count int) (values int, ok bool) {
	switch op {
	case state.OpAppend:
		values = 2
	case state.OpPut, state.OpPatch:
		values = 3
	case state.OpSplice:
		values = 4
	}
	if r.Err() == nil && (values == 0 || values > count) {
		r.Fail(codec.ErrRange, "operation with all operands")
	}
	return values, r.Err() == nil
}
