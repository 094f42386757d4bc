package state

import (
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/internal/plain"
)

// A View is a live, read-only copy of a value that the peer owns.
type View[T any] struct {
	mu sync.RWMutex

	// Guarded by mu.
	copy    replica[T]
	status  Status
	changed chan struct{} // closed at the next change or end; nil while nobody waits
	err     error         // why nothing more comes; nil before
}

// Status says what a view has received.
type Status struct {
	// Version counts the changes that the view has seen, from 1; 0 means that
	// nothing has arrived yet. It is the view's own count: it never goes back,
	// and views of one value differ in it.
	Version uint64
	// Owner is the owner's count of Updates when it sent the whole value, and
	// one for each change that it has sent since. It jumps where the view fell
	// behind, and begins anew when the owner does.
	Owner uint64
	// Snapshots is how many times the whole value came. More than one means
	// that the view fell behind or that the owner closed the value and made
	// another.
	Snapshots uint64
}

// NewView makes a view of the peer's value of this name, which may come into
// being before or after. A nil opts means the defaults.
//
// There is one view of a name in a session: the error is AlreadyExists if
// there is another. It is ResourceExhausted if so much arrived before that the
// session did not keep it.
func NewView[T any](s *core.Session, name string, schema Schema[T], opts *ViewOptions) (*View[T], error) {
	v := newView(schema, opts)
	if err := s.ReceiveState(name, (*receiver[T])(v)); err != nil {
		return nil, err
	}
	return v, nil
}

func newView[T any](schema Schema[T], opts *ViewOptions) *View[T] {
	return &View[T]{copy: newReplica(schema, opts.memory())}
}

// Load returns a copy of the value, which belongs to the caller, and its
// version; the zero value and 0 if nothing has arrived yet. It takes time and
// memory in proportion to the value.
func (v *View[T]) Load() (value T, version uint64) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.status.Version == 0 {
		return value, 0
	}
	return v.copy.schema.Clone(&v.copy.value), v.status.Version
}

// Read lends the value, and its version, to f, which must not change it, keep
// parts of it or call methods of v. The session's reading waits for f, and with
// it everything else that the session receives, so f must be quick.
func (v *View[T]) Read(f func(value *T, version uint64)) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	f(&v.copy.value, v.status.Version)
}

// Status returns what the view has received so far.
func (v *View[T]) Status() Status {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.status
}

// Err returns why nothing more comes: nil while the view is live, ErrClosed if
// the owner closed the value or took the session off it, and the error that
// the session ended with. ErrClosed is not for ever: the owner may open the
// value again.
func (v *View[T]) Err() error {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.err
}

// Wait waits until the view's version is above the given one, and returns it.
// With 0 it waits for the value to be there. The error is that of Err, or the
// cause of the context's end; what has arrived before is returned first.
func (v *View[T]) Wait(ctx context.Context, version uint64) (uint64, error) {
	for {
		now, changed, err := v.poll(version)
		if changed == nil {
			return now, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return now, context.Cause(ctx)
		}
	}
}

// poll returns a channel that will be closed at the next change if there is
// something to wait for.
func (v *View[T]) poll(version uint64) (now uint64, changed <-chan struct{}, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now = v.status.Version
	switch {
	case now > version:
		return now, nil, nil
	case v.err != nil:
		return now, nil, v.err
	}
	if v.changed == nil {
		v.changed = make(chan struct{})
	}
	return now, v.changed, nil
}

// Changes yields the value, as soon as there is one, and then again whenever
// it has changed: always the newest, so a loop that is slower than the changes
// skips some and misses none for ever. Each is a copy, as from Load.
//
// The sequence ends with the context, and when nothing more comes, after the
// last value; Err then says why.
func (v *View[T]) Changes(ctx context.Context) iter.Seq[T] {
	return func(yield func(T) bool) {
		var seen uint64
		for {
			if _, err := v.Wait(ctx, seen); err != nil {
				return
			}
			value, version := v.Load()
			if seen = version; !yield(value) {
				return
			}
		}
	}
}

// receiver is the side of a View that the session sees.
type receiver[T any] View[T]

var errOrder = errors.New("state: version out of order")

// ReceiveState takes what the session received.
func (r *receiver[T]) ReceiveState(u core.StateUpdate) error {
	v := (*View[T])(r)
	v.mu.Lock()
	defer v.mu.Unlock()
	defer v.wakeLocked()
	if u.Ended {
		if v.err == nil || errors.Is(v.err, ErrClosed) {
			v.err = u.Err
		}
		return nil
	}
	if err := v.takeLocked(&u); err != nil {
		v.copy.forget()
		v.status = Status{}
		v.err = plain.Wrap("state: what the owner sent cannot be read", err)
		return v.err
	}
	if u.End {
		v.err = ErrClosed
	}
	return nil
}

func (v *View[T]) takeLocked(u *core.StateUpdate) error {
	switch {
	case u.Snapshot:
		if err := v.copy.load(u.Payload); err != nil {
			return err
		}
		v.err = nil
		v.status.Snapshots++
	case u.End:
		return nil
	default:
		if v.err != nil || u.Version != v.status.Owner+1 {
			return errOrder
		}
		if err := v.copy.apply(u.Payload); err != nil {
			return err
		}
		if err := v.copy.settle(); err != nil {
			return err
		}
	}
	v.status.Owner = u.Version
	v.status.Version++
	return nil
}

func (v *View[T]) wakeLocked() {
	if v.changed != nil {
		close(v.changed)
		v.changed = nil
	}
}
