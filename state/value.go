package state

import "github.com/twinwire/twinwire/core"

// A Value is a struct that this side of a session owns and the other side sees
// a [View] of. Both sides name it alike.
type Value[T any] struct {
	owned[T]
	out outlet // guarded by mu
}

// New makes a value of session s and sends it. The name is 1 to 255 bytes; one
// value of a name can be open in a session at a time. A nil opts means the
// defaults.
//
// The error says which field of initial cannot be carried, is TooLarge if
// initial is, or is that of the session if it has ended.
func New[T any](s *core.Session, name string, schema Schema[T], initial T, opts *Options) (*Value[T], error) {
	return newValue(func() writer { return s.OpenState(name) }, name, schema, &initial, opts)
}

func newValue[T any](open func() writer, name string, schema Schema[T], initial *T, opts *Options) (*Value[T], error) {
	v := new(Value[T])
	if err := v.init(name, schema, initial, opts); err != nil {
		return nil, err
	}
	v.out.writer, v.out.flush = open(), v.flush
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.deliverLocked(&v.out); err != nil {
		return nil, err
	}
	v.late.interval = v.out.writer.Interval()
	v.flushedLocked()
	return v, nil
}

// Update lets f change the value and sends what it changed: at once, or with
// other changes if more are made than core.Limits.StateRate. When Update has
// returned, a reply that is sent next does not overtake the change.
//
// f runs with the value's lock held. It may keep nothing that it reached
// through its argument, must not call methods of v, and must not wait: replies
// of the session wait for it. Update never waits for the client.
//
// All of what f did counts or nothing: the value is as it was before if f
// panics, which goes on after that, and if the error says that the value
// cannot be carried, naming the field, or matches TooLarge because of
// [Options]. Undoing costs a copy of the value.
//
// An error of the session leaves the value changed: Unavailable means that the
// session has ended, TooLarge from the session that its peer does not accept
// messages of this size; the next Update tries to send the whole value.
func (v *Value[T]) Update(f func(*T)) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	changed, err := v.updateLocked(f, v.late.tooEarly)
	switch {
	case !changed:
		return err
	case v.late.tooEarly():
		v.late.arm(v.due)
		return v.out.hold()
	}
	err = v.deliverLocked(&v.out)
	v.flushedLocked()
	return err
}

// flushedLocked says that nothing waits, delivered or not.
func (v *Value[T]) flushedLocked() {
	v.deliveredLocked()
	v.snapshot = nil // nobody else will want it
}

// due is the timer's.
func (v *Value[T]) due() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.late.fired(v.due) {
		v.flushLocked()
	}
}

// flush sends what waits before a reply of the session.
func (v *Value[T]) flush(wait bool) {
	if !v.lock(wait) {
		return
	}
	defer v.mu.Unlock()
	v.flushLocked()
}

// flushLocked sends what waits. What cannot be sent will be by the next Update,
// which is told why not.
func (v *Value[T]) flushLocked() {
	if v.late.trail.open {
		_ = v.deliverLateLocked(&v.out)
		v.flushedLocked()
	}
}

// Load returns a copy of the value, which belongs to the caller. It takes time
// and memory in proportion to the value.
func (v *Value[T]) Load() T { return v.load() }

// Read lends the value to f, which must not change it, keep parts of it, or
// call methods of v; Updates wait for f.
func (v *Value[T]) Read(f func(*T)) { v.read(f) }

// Close tells the client that the value will change no more. It does not have
// to be called: the value ends with its session. Updates after it fail.
func (v *Value[T]) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.flushLocked()
	v.out.writer.Close()
}
