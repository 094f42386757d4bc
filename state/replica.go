package state

import (
	"errors"

	"github.com/twinwire/twinwire/codec"
)

// A replica is a value that is built from snapshots and deltas: the copy of a
// view, and the owner's copy of what its clients have. It bounds what the value
// takes over its whole life, not only what one message may ask for.
type replica[T any] struct {
	schema Schema[T]
	// memory is what the reading of one snapshot may be charged.
	memory int

	value   T
	decoder Decoder[T] // of the sender of the last snapshot; nil without one
	// used is at least what value takes: what was charged for all that was
	// read since the last snapshot, and the bytes that it was read from.
	used   int
	reader codec.Reader
}

func newReplica[T any](schema Schema[T], memory int) replica[T] {
	limits := codec.Limits{Memory: memory}
	if memory == 0 {
		limits.Memory = -1 // none, for zero is the default
	}
	return replica[T]{schema: schema, memory: memory, reader: *codec.NewReader(nil, &limits)}
}

// load replaces the value by that of a snapshot (clause S2).
func (c *replica[T]) load(snapshot []byte) error {
	r := &c.reader
	r.Reset(snapshot)
	defer r.Reset(nil) // keeps no reference to the message
	decoder, err := c.schema.ReadTable(r)
	if err != nil {
		return err
	}
	var value T
	if err := decoder.ReadValue(r, &value); err != nil {
		return err
	}
	if err := r.Finish(); err != nil {
		return err
	}
	c.value, c.decoder = value, decoder
	c.used = c.charged(len(snapshot)) + len(snapshot)
	return nil
}

// apply changes the value by a delta. After an error the value is not to be
// used.
func (c *replica[T]) apply(delta []byte) error {
	if c.decoder == nil {
		return errNoSnapshot
	}
	r := &c.reader
	r.Reset(delta)
	defer r.Reset(nil)
	if err := c.decoder.ApplyDelta(r, &c.value); err != nil {
		return err
	}
	if err := r.Finish(); err != nil {
		return err
	}
	c.used += c.charged(amplification*len(delta)) + len(delta)
	return nil
}

var errNoSnapshot = errors.New("state: delta without a snapshot before it")

const (
	// maxValue is the most that a value may take when it is encoded: more does
	// not fit into a message (docs/protocol.md, clause 2.4).
	maxValue = 4 << 20
	// amplification is how many bytes of memory a byte of a delta is taken to
	// make, where asking would cost more than knowing better is worth.
	amplification = 64
)

// settle keeps used honest: what was charged for values that were replaced
// since adds up. When it comes to twice what a snapshot can come to, the value
// is written and read as if it had come as a snapshot, which fails if it would
// be too much for one. So there is at least as much as a whole snapshot between
// two of these, and a peer cannot ask for them with every delta.
func (c *replica[T]) settle() error {
	if c.used <= 2*(c.memory+maxValue) {
		return nil
	}
	snapshot, err := c.schema.AppendValue(c.schema.AppendTable(nil), &c.value)
	if err != nil {
		return err
	}
	if len(snapshot) > maxValue {
		return errGrown
	}
	decoder := c.decoder
	if err := c.load(snapshot); err != nil {
		return err
	}
	c.decoder = decoder // that of the sender
	return nil
}

var errGrown = errors.New("state: value grew over the limit")

// charged returns what the reading of the message was charged, or guess if it
// was less. It asks copies of the reader, which has no method that tells.
func (c *replica[T]) charged(guess int) int {
	within := func(n int) bool {
		r := c.reader
		return r.Charge(c.memory-n, 1)
	}
	if guess >= c.memory || within(guess) {
		return min(guess, c.memory)
	}
	low, high := guess, c.memory // more than low was charged, at most high
	for high-low > 1<<10 {
		if mid := low + (high-low)/2; within(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}

// forget drops the value after a failure.
func (c *replica[T]) forget() {
	var zero T
	c.value, c.decoder, c.used = zero, nil, 0
}
