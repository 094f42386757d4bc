package state

import "github.com/twinwire/twinwire/core"

// A Shared value is a struct that this process owns and any number of sessions
// see [View]s of: a room, a board. It is in no session until it is attached.
type Shared[T any] struct {
	owned[T]
	sessions map[any]*attachment // guarded by mu; the key is a *core.Session
}

// An attachment is one session that sees the value.
type attachment struct {
	outlet
	stop func() bool // takes the session's end hook back; nil until there is one
}

// NewShared makes a value that sessions can be attached to, under a name of 1
// to 255 bytes. A nil opts means the defaults. The error says which field of
// initial cannot be carried, or is TooLarge if initial is.
func NewShared[T any](name string, schema Schema[T], initial T, opts *Options) (*Shared[T], error) {
	v := &Shared[T]{sessions: make(map[any]*attachment)}
	if err := v.init(name, schema, &initial, opts); err != nil {
		return nil, err
	}
	return v, nil
}

// Attach lets session s see the value: it is sent the whole value and then
// every change after it. A reply that is sent when Attach has returned does
// not overtake the value. Attaching a session again does nothing; a session
// that ends is detached.
//
// The error is Unavailable if the session has ended, and TooLarge if its peer
// does not accept messages of this size.
func (v *Shared[T]) Attach(s *core.Session) error {
	a, err := v.attach(s, func() writer { return s.OpenState(v.name) })
	if a == nil {
		return err
	}
	// Without the lock, for the hook may run at once.
	stop := s.OnEnd(func(error) { v.remove(s, a) })
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.sessions[s] == a {
		a.stop = stop
	} else {
		stop() // detached in the meantime
	}
	return nil
}

// attach adds the session known by key, and returns nil if it is there or
// cannot be added.
func (v *Shared[T]) attach(key any, open func() writer) (*attachment, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.sessions[key] != nil {
		return nil, nil
	}
	a := &attachment{outlet: outlet{writer: open()}}
	a.flush = func(wait bool) { v.flush(key, a, wait) }
	if err := v.deliverLocked(&a.outlet); err != nil {
		a.writer.Close()
		return nil, err
	}
	// The slowest counts for all, so that what is sent to them is the same.
	v.late.interval = max(v.late.interval, a.writer.Interval())
	if len(v.sessions) == 0 {
		v.late.interval = a.writer.Interval()
		v.deliveredLocked()
	}
	v.sessions[key] = a
	return a, nil
}

// remove forgets a, unless its session was attached anew since.
func (v *Shared[T]) remove(key any, a *attachment) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.sessions[key] == a {
		delete(v.sessions, key)
	}
}

// Detach takes session s off the value. Its view keeps the last copy and says
// ErrClosed. Detaching a session that is not attached does nothing.
func (v *Shared[T]) Detach(s *core.Session) { v.detach(s) }

func (v *Shared[T]) detach(key any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if a := v.sessions[key]; a != nil {
		_ = v.deliverLateLocked(&a.outlet)
		v.dropLocked(key, a)
	}
}

func (v *Shared[T]) dropLocked(key any, a *attachment) {
	delete(v.sessions, key)
	a.writer.Close()
	if a.stop != nil {
		a.stop()
	}
}

// Close detaches every session. The value can be used on.
func (v *Shared[T]) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for key, a := range v.sessions {
		_ = v.deliverLateLocked(&a.outlet)
		v.dropLocked(key, a)
	}
}

// Sessions returns how many sessions are attached.
func (v *Shared[T]) Sessions() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.sessions)
}

// Update is [Value.Update] for all attached sessions: what f changed is encoded
// once. It never waits for a client; one that does not keep up is sent the
// whole value later, in place of what still waits for it. What is sent later
// because of core.Limits.StateRate, the lowest of the sessions', is sent to all
// together, but to a session that is about to be sent a reply.
//
// Its error is never about a session. One that has ended, or whose peer does
// not accept messages of the size that it now needs, is detached.
func (v *Shared[T]) Update(f func(*T)) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	changed, err := v.updateLocked(f, v.tooEarlyLocked)
	switch {
	case !changed:
		return err
	case v.tooEarlyLocked():
		v.late.arm(v.due)
		for key, a := range v.sessions {
			if a.hold() != nil {
				v.dropLocked(key, a)
			}
		}
		return nil
	}
	for key, a := range v.sessions {
		if v.deliverLocked(&a.outlet) != nil {
			v.dropLocked(key, a)
		}
	}
	v.deliveredLocked()
	return nil
}

func (v *Shared[T]) tooEarlyLocked() bool { return len(v.sessions) > 0 && v.late.tooEarly() }

// due is the timer's.
func (v *Shared[T]) due() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.late.fired(v.due) {
		return
	}
	for key, a := range v.sessions {
		if v.deliverLateLocked(&a.outlet) != nil {
			v.dropLocked(key, a)
		}
	}
	v.deliveredLocked()
}

// flush sends one session what waits for it, before a reply of it.
func (v *Shared[T]) flush(key any, a *attachment, wait bool) {
	if !v.lock(wait) {
		return
	}
	defer v.mu.Unlock()
	switch {
	case v.sessions[key] != a:
	case v.deliverLateLocked(&a.outlet) != nil:
		v.dropLocked(key, a)
	case len(v.sessions) == 1:
		v.deliveredLocked()
	}
}

// Load returns a copy of the value, which belongs to the caller. It takes time
// and memory in proportion to the value.
func (v *Shared[T]) Load() T { return v.load() }

// Read lends the value to f, which must not change it, keep parts of it, or
// call methods of v; Updates wait for f.
func (v *Shared[T]) Read(f func(*T)) { v.read(f) }
