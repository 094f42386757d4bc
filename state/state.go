// Package state keeps a struct that one side of a session owns in step with a
// read-only copy at the other: the owner changes it in place, the other side
// loads it, waits for changes or ranges over them. The format is that of
// docs/state.md, whose clauses (S1, S2, ...) the comments cite; the frames are
// those of docs/protocol.md, clause 6.9.
//
//	value, err := state.New(session, "counter", schema, Counter{}, nil) // owner
//	err = value.Update(func(c *Counter) { c.Count++ })
//
//	view, err := state.NewView(session, "counter", schema, nil) // other side
//	for c := range view.Changes(ctx) { ... }
//
// A [Value] belongs to one session. A [Shared] value is one that any number of
// sessions see, as a room or a board: what changes is encoded once for all of
// them. What has to be known about the struct's type is a [Schema], which the
// generator writes, or package state/reflective finds out when the program
// runs.
//
// # What is sent
//
// An Update compares the value with what was sent before, and sends fields,
// entries of maps and elements of slices that differ: nothing if nothing does.
// What changes more than core.Limits.StateRate times a second is sent together,
// the newest value always (docs/protocol.md, clause 5.7). A client that does not keep up is sent the whole value again in place of what
// still waits for it; views skip the versions between.
//
// # Large maps and slices
//
// To find what differs, an Update looks at all of the value: one entry of a map
// of 10,000 takes about half a millisecond, and Load copies the map. A [Map]
// and a [Slice] in place of the plain ones remember what they have in common
// with their copies, so that an Update takes time for what it changes, some ten
// microseconds for that entry, and Load takes none for them. The wire has plain
// maps and slices either way. This needs a generated schema: by reflection they
// cost as much as plain ones. Inside a plain map they are compared faster than
// plain ones, but what they remember of its entries is lost with time; put a
// Map in a Map.
//
// # Order
//
// A view never goes back: changes arrive in the order of the Updates, whichever
// goroutine called them. What an Update changed is in the copy of the caller
// before the reply to the call is, if the handler called Update before it
// returned; messages and streams promise nothing of the kind. A session that is
// attached to a shared value gets the whole value and then every change after
// it.
//
// # Memory
//
// Nothing that can be changed is shared: what the owner passes in is copied, and
// so is what Load and Changes give out, which costs time and memory in
// proportion to what is not in a Map or a Slice.
// The Read methods lend the value instead, for the time of a function. The
// owner keeps a second copy of its value, which is what the clients have, and a
// third while changes wait to be sent together; a shared value has these, not
// its sessions.
//
// What is carried is the exported fields. Unexported ones are zero in every
// copy.
//
// # Trust
//
// A view takes bytes from anyone. They make it neither panic nor take more
// memory than its limits allow, however many deltas they come in; a snapshot or
// a delta that is not well formed ends the session with ProtocolError, and the
// view then holds nothing.
//
// # Goroutines
//
// The package starts none but those of timers, which do not wait. All methods
// may be called from any goroutine.
// The functions given to Update and Read run with the value's lock held: they
// must not call methods of the same value or view.
package state

import (
	"errors"

	"github.com/twinwire/twinwire/codec"
)

// A Schema knows how values of T are written, compared, read and copied. It is
// immutable and used from several goroutines at once. Generated code and
// state/reflective implement it; the functions of this package that begin with
// Append, Open, Close and Read are what an implementation is made of.
type Schema[T any] interface {
	// AppendTable appends the table of the fields of T (clause S3).
	AppendTable(b []byte) []byte

	// AppendValue appends *v as one MessagePack value. The error says which
	// field cannot be carried.
	AppendValue(b []byte, v *T) ([]byte, error)

	// AppendDelta appends what makes *prev equal to *next (clause S4), and
	// nothing if it is; it changes neither, but may let the Maps and Slices of
	// *prev share more with those of *next, so nobody else may use *prev
	// meanwhile. The error is as in AppendValue.
	AppendDelta(b []byte, prev, next *T) ([]byte, error)

	// ReadTable reads the table of a sender, whose T may be another version of
	// this one, and returns what reads the sender's values and deltas.
	ReadTable(r *codec.Reader) (Decoder[T], error)

	// Clone returns a copy of *v that shares nothing with it that could be
	// changed.
	Clone(v *T) T
}

// A Decoder reads what a sender with a certain table sends: it finds the
// sender's fields by their names and steps over those that T does not have. It
// is immutable. What it builds is charged to the Reader as [codec.Limits] says.
type Decoder[T any] interface {
	// ReadValue reads one MessagePack value into *v, which is zero.
	ReadValue(r *codec.Reader, v *T) error

	// ApplyDelta changes *v by what is left of r (clause S4). After an error
	// *v may be anything.
	ApplyDelta(r *codec.Reader, v *T) error
}

// Options are the settings of a [Value] or a [Shared] value. Nil and zero
// fields mean the defaults.
type Options struct {
	// Limit is how many bytes the encoded value may take. An Update that makes
	// it larger is undone and fails with TooLarge. Zero means 1 MiB; it has no
	// use beyond what clients accept (docs/protocol.md, clause 2.4), and
	// negative means that no value is allowed.
	Limit int
	// Memory is how many bytes of slices, maps and pointers the value may be
	// made of, counted as [codec.Limits] does. It protects the clients, whose
	// limit this is too. Zero means 32 MiB, negative none.
	Memory int
}

// ViewOptions are the settings of a [View]. Nil and zero fields mean the
// defaults.
type ViewOptions struct {
	// Memory is how many bytes of slices, maps and pointers the copy may be
	// made of, counted as [codec.Limits] does. A peer that wants more ends the
	// session. Zero means 32 MiB, negative none.
	Memory int
}

const (
	defaultLimit  = 1 << 20
	defaultMemory = 32 << 20
)

func (o *Options) resolved() Options {
	r := Options{Limit: defaultLimit, Memory: defaultMemory}
	if o != nil && o.Limit != 0 {
		r.Limit = max(o.Limit, 0)
	}
	if o != nil && o.Memory != 0 {
		r.Memory = max(o.Memory, 0)
	}
	return r
}

func (o *ViewOptions) memory() int {
	if o == nil || o.Memory == 0 {
		return defaultMemory
	}
	return max(o.Memory, 0)
}

// ErrClosed means that the owner of a value has closed it, or has taken the
// session off a shared value; the view keeps the last copy.
var ErrClosed = errors.New("state: the owner closed the value")
