package state

// A trail leads from what sessions have of a value to what it is now, while
// changes wait for their time. It is guarded by the value's mu.
type trail[T any] struct {
	open bool
	from uint64 // the version of base
	base T      // what those have that were sent everything at the last time

	// deltas lead from version to version, for those who were sent something
	// since because a reply could not wait. They are given up when the whole
	// value is shorter.
	deltas [][]byte
	bytes  int
	whole  bool // nothing but the whole value leads on

	// made are the changes that were put together, to version at, by the version
	// that they begin at; nil where only the whole value will do.
	made map[uint64][]byte
	at   uint64
}

const (
	// deltaCost is what keeping a delta takes besides its bytes.
	deltaCost = 48
	// minTrail is how many bytes of deltas are kept for any value.
	minTrail = 4 << 10
)

// begin starts a trail at a version, of which base is a copy.
func (t *trail[T]) begin(version uint64, base T) {
	*t = trail[T]{open: true, from: version, base: base}
}

func (t *trail[T]) end() { *t = trail[T]{} }

// add goes on by a delta, which is nil if only the whole value leads on. most
// is how many bytes of deltas are kept.
func (t *trail[T]) add(delta []byte, most int) {
	switch {
	case delta == nil:
		t.whole = true
		t.deltas, t.bytes = nil, 0
		var zero T
		t.base = zero
	case t.bytes < 0 || t.whole:
	default:
		t.deltas = append(t.deltas, delta)
		if t.bytes += len(delta) + deltaCost; t.bytes > most {
			t.deltas, t.bytes = nil, -1 // the base is still good
		}
	}
}

// sinceLocked returns what leads from a version to the present one, or nil if
// that is the whole value. The versions are not the same.
func (o *owned[T]) sinceLocked(version uint64) []byte {
	if version+1 == o.version {
		return o.last
	}
	t := &o.late.trail
	if !t.open || t.whole {
		return nil
	}
	if t.at != o.version || t.made == nil {
		t.made, t.at = make(map[uint64][]byte), o.version
	}
	delta, ok := t.made[version]
	if !ok {
		delta = o.mergeLocked(version)
		t.made[version] = delta
	}
	return delta
}

// mergeLocked puts together what has changed since a version on the trail.
func (o *owned[T]) mergeLocked(version uint64) []byte {
	t := &o.late.trail
	steps := version - t.from
	if version < t.from || steps > uint64(len(t.deltas)) {
		return nil // the deltas were given up, or were never there
	}
	base := &t.base
	if steps > 0 {
		behind := newReplica(o.schema, o.sent.memory)
		behind.value, behind.decoder = o.schema.Clone(base), o.sent.decoder
		for _, delta := range t.deltas[:steps] {
			if behind.apply(delta) != nil {
				return nil
			}
		}
		base = &behind.value
	}
	p := buffers.Get().(*[]byte)
	b, err := o.schema.AppendDelta((*p)[:0], base, &o.value)
	defer func() { release(p, b) }()
	if err != nil || len(b) > o.size+len(o.table) {
		return nil
	}
	return append([]byte{}, b...) // not nil, also if nothing has changed
}
