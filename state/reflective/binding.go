package reflective

import "github.com/twinwire/twinwire/state"

// A binding says which fields of a struct of ours the fields of a struct of the
// sender's are.
type binding struct{ fields []boundField }

// A boundField is one field of the sender's.
type boundField struct {
	own  *field   // nil if we have no such field
	leaf *binding // of the structs in it; nil if there are none
}

// A pair is a struct of the sender's table and one of ours. One struct of
// theirs can be several of ours, and the other way round.
type pair struct {
	theirs int
	own    *structNode
}

type binder struct {
	table state.Table
	done  map[pair]*binding
}

// bind binds the sender's struct with this number to own. There are no more
// pairs than structs there times structs here.
func (b *binder) bind(theirs int, own *structNode) *binding {
	key := pair{theirs, own}
	if bound := b.done[key]; bound != nil {
		return bound
	}
	fields := b.table[theirs]
	bound := &binding{fields: make([]boundField, len(fields))}
	b.done[key] = bound
	taken := make(map[*field]bool, len(fields))
	for i, f := range fields {
		ours := own.byName[f.Name]
		if ours == nil || taken[ours] {
			continue // a name and its alias, or one name twice: the first counts
		}
		taken[ours] = true
		bound.fields[i].own = ours
		if leaf := leafOf(ours.node); leaf != nil && f.Type >= 0 {
			bound.fields[i].leaf = b.bind(f.Type, leaf)
		}
	}
	return bound
}
