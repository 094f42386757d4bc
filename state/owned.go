package state

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/frame"
)

// writer is a *core.StateWriter, or what tests put in its place.
type writer interface {
	Snapshot(version uint64, payload []byte) error
	Delta(payload []byte) (ok bool, err error)
	Close()
	Interval() time.Duration
	Hold(flush func(wait bool)) error
}

// An outlet is one session that a value is sent to.
type outlet struct {
	writer  writer
	flush   func(wait bool) // sends what is held, for a reply (late.go)
	version uint64          // that was sent last; 0 before the first
	stale   bool            // a snapshot has to be next
	held    bool            // the writer knows that something is held
}

// owned is what a Value and a Shared value are made of: the value, the copy of
// it that clients have, and the making of snapshots and deltas.
type owned[T any] struct {
	// Immutable.
	name   string
	schema Schema[T]
	limit  int
	table  []byte // encoded, in front of every snapshot
	growth int    // most that a byte of a delta adds to the encoded value

	mu sync.Mutex

	// Guarded by mu.
	value    T
	sent     replica[T] // equal to value except during an Update
	size     int        // at least the bytes of the encoded value
	behind   bool       // sent is ahead of the clients: a snapshot has to be next
	version  uint64
	snapshot []byte // of this version, shared by all that it is sent to; nil if not made yet
	last     []byte // the change to this version; nil if only the whole value will do
	late     late[T]
}

// buffers are for values and deltas that are being made. What is sent is cut
// to size, for it is kept until it is acknowledged.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// maxPooled keeps single large values from staying in the pool.
const maxPooled = 256 << 10

func release(p *[]byte, b []byte) {
	if cap(b) <= maxPooled {
		*p = b[:0]
		buffers.Put(p)
	}
}

const (
	// maxFast is the largest delta that is applied to what was sent without
	// looking at the whole value first.
	maxFast = 16 << 10
	// maxBuilt is how many bytes of memory a byte of a delta is expected to
	// make at most: an element of 2 KiB that is written as one byte, and as
	// much again for the slice to grow.
	maxBuilt = 4 << 10
)

// init sets the value up; o is not in use yet.
func (o *owned[T]) init(name string, schema Schema[T], initial *T, opts *Options) error {
	if name == "" || len(name) > frame.MaxName {
		return twinwire.Errorf(twinwire.BadRequest, "state: a name has 1 to %d bytes, not %d", frame.MaxName, len(name))
	}
	options := opts.resolved()
	o.name, o.schema, o.limit = name, schema, options.Limit
	o.table = schema.AppendTable(nil)
	table := ReadTable(codec.NewReader(o.table, nil))
	if table == nil {
		return fmt.Errorf("state %q: the schema's table is not well formed or too large", name)
	}
	longest := 0
	for _, fields := range table {
		for _, f := range fields {
			longest = max(longest, len(f.Name))
		}
	}
	// A change takes two bytes at least, and may bring back a field that was
	// omitted because it was empty, with its name, and make a header longer.
	o.growth = 1 + (longest+6+1)/2
	o.sent = newReplica(schema, options.Memory)
	o.value = *initial
	if err := o.resendLocked(); err != nil {
		return err
	}
	o.value = schema.Clone(&o.sent.value)
	o.version = 1
	return nil
}

// updateLocked runs f on the value, and reports whether f changed anything. If
// it fails, or f panics, the value is what it was before. If later, what
// changed is sent later.
func (o *owned[T]) updateLocked(f func(*T), later func() bool) (changed bool, err error) {
	kept := false
	defer func() {
		if !kept {
			o.value = o.schema.Clone(&o.sent.value)
		}
	}()
	f(&o.value)

	p := buffers.Get().(*[]byte)
	b, err := o.schema.AppendDelta((*p)[:0], &o.sent.value, &o.value)
	defer func() { release(p, b) }()
	switch {
	case err != nil:
		return false, fmt.Errorf("state %q: %w", o.name, err)
	case len(b) == 0:
		kept = true
		return false, nil
	}
	o.snapshot = nil
	trail := &o.late.trail
	if !trail.open && later() {
		trail.begin(o.version, o.schema.Clone(&o.sent.value))
	}
	delta, err := o.followLocked(b)
	if err != nil {
		if trail.from == o.version {
			trail.end()
		}
		return false, err
	}
	kept = true
	o.version++
	o.last = delta
	if trail.open {
		trail.add(delta, max(minTrail, o.size))
	}
	return true, nil
}

// followLocked makes what was sent equal to the value, which delta leads to.
// It returns the delta to send, cut to size, or nil if a snapshot has to go out
// instead. After an error what was sent is what it was.
func (o *owned[T]) followLocked(delta []byte) ([]byte, error) {
	size := o.size + o.growth*(len(delta)+2)
	memory := o.sent.used + maxBuilt*len(delta)
	if !o.behind && size <= o.limit && memory <= o.sent.memory && len(delta) <= maxFast {
		o.behind = true // unless it is applied: methods of the value may panic
		if err := o.sent.apply(delta); err == nil {
			o.size, o.behind = size, false
			return slices.Clone(delta), nil
		}
		// Only elements larger than maxBuilt reckons with, and a type whose
		// methods do not read what they wrote, lead here. What was sent is no
		// longer whole; the value as it is takes its place, and stays, with an
		// error for each Update, until it can be sent.
		o.sent.value = o.schema.Clone(&o.value)
	}
	if err := o.resendLocked(); err != nil {
		return nil, err
	}
	if o.behind {
		o.behind = false
		return nil, nil
	}
	return slices.Clone(delta), nil
}

// resendLocked makes what was sent equal to the value by way of the value's
// encoding, and so finds out exactly how large the value is. After an error
// what was sent is what it was.
func (o *owned[T]) resendLocked() error {
	snapshot, err := o.encodeLocked()
	if err != nil {
		return err
	}
	if err := o.sent.load(snapshot); err != nil {
		return twinwire.Errorf(twinwire.TooLarge, "state %q: a client could not read the value: %v", o.name, err)
	}
	o.snapshot = snapshot
	o.size = len(snapshot) - len(o.table)
	return nil
}

// encodeLocked makes a snapshot of the value (clause S2).
func (o *owned[T]) encodeLocked() ([]byte, error) {
	p := buffers.Get().(*[]byte)
	b, err := o.schema.AppendValue(append((*p)[:0], o.table...), &o.value)
	defer func() { release(p, b) }()
	if err != nil {
		return nil, fmt.Errorf("state %q: %w", o.name, err)
	}
	if size := len(b) - len(o.table); size > o.limit {
		return nil, twinwire.Errorf(twinwire.TooLarge, "state %q takes %d bytes, over its limit of %d", o.name, size, o.limit)
	}
	return slices.Clone(b), nil
}

// deliverLocked brings out to this version: by a delta if there is one and out
// can take it, by the whole value otherwise. The error is that of the session,
// or TooLarge if the session's peer does not accept values of this size.
func (o *owned[T]) deliverLocked(out *outlet) error {
	if out.version == o.version && !out.stale {
		return nil
	}
	if out.version > 0 && !out.stale {
		if delta := o.sinceLocked(out.version); delta != nil {
			ok, err := out.deliver(delta)
			if err != nil || ok {
				out.stale = err != nil
				out.version = o.version
				return err
			}
		}
	}
	out.stale = true
	if o.snapshot == nil {
		snapshot, err := o.encodeLocked()
		if err != nil {
			return err
		}
		o.snapshot = snapshot
	}
	out.held = false // whatever becomes of it
	if err := out.writer.Snapshot(o.version, o.snapshot); err != nil {
		return err
	}
	out.stale, out.version = false, o.version
	return nil
}

// deliver sends a delta. One without anything in it, of changes that took each
// other back, has nothing to tell.
func (out *outlet) deliver(delta []byte) (ok bool, err error) {
	if len(delta) == 0 {
		ok, err = true, out.writer.Hold(nil)
	} else {
		ok, err = out.writer.Delta(delta)
	}
	if ok {
		out.held = false
	}
	return ok, err
}

func (o *owned[T]) load() T {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.schema.Clone(&o.value)
}

func (o *owned[T]) read(f func(*T)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f(&o.value)
}
