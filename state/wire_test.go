package state_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/state"
	"github.com/twinwire/twinwire/state/reflective"
)

// A wire is a session's way of a state to a receiver, without the session: it
// keeps what is sent until deliver is called.
type wire struct {
	mu      sync.Mutex
	queue   []core.StateUpdate
	limit   int   // of updates in the queue, beyond which deltas are refused; 0 is none
	err     error // what sending ends in
	closed  bool
	payload int    // bytes sent
	frames  int    // bytes of the frames, headers included
	sent    int    // updates
	version uint64 // of the newest

	interval time.Duration   // between changes
	flush    func(wait bool) // what holds something
}

func (w *wire) Interval() time.Duration { return w.interval }

func (w *wire) Hold(flush func(wait bool)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flush = flush
	return w.err
}

// reply has what is held sent, as before a reply.
func (w *wire) reply() {
	w.mu.Lock()
	flush := w.flush
	w.mu.Unlock()
	if flush != nil {
		flush(true)
	}
}

func (w *wire) Snapshot(version uint64, payload []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	w.queue = w.queue[:0]
	w.version = version
	w.push(core.StateUpdate{Version: version, Snapshot: true, Payload: payload})
	return nil
}

func (w *wire) Delta(payload []byte) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return false, w.err
	}
	if w.limit > 0 && len(w.queue) >= w.limit {
		return false, nil
	}
	w.version++
	w.push(core.StateUpdate{Version: w.version, Payload: payload})
	return true, nil
}

func (w *wire) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.push(core.StateUpdate{End: true})
}

func (w *wire) push(u core.StateUpdate) {
	w.queue, w.flush = append(w.queue, u), nil
	w.payload += len(u.Payload)
	if len(u.Payload) <= frame.MaxPayload {
		f := frame.Frame{Kind: frame.State, Lane: 1, Seq: uint64(w.sent), ID: 1, Payload: u.Payload}
		if u.Snapshot {
			f.Flags, f.Next = frame.Snapshot, u.Version
		}
		w.frames += len(frame.Append(nil, &f))
	}
	w.sent++
}

// count returns how many snapshots and deltas wait.
func (w *wire) count() (snapshots, deltas int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, u := range w.queue {
		switch {
		case u.Snapshot:
			snapshots++
		case !u.End:
			deltas++
		}
	}
	return snapshots, deltas
}

type receiver interface {
	Receive(u core.StateUpdate) error
}

// deliver gives what waits to r. The payloads are lent, as by a session.
func (w *wire) deliver(t testing.TB, r receiver) {
	t.Helper()
	w.mu.Lock()
	queue := w.queue
	w.queue = nil
	w.mu.Unlock()
	for _, u := range queue {
		lent := append([]byte(nil), u.Payload...)
		u.Payload = lent
		if err := r.Receive(u); err != nil {
			t.Fatalf("version %d: %v", u.Version, err)
		}
		for i := range lent {
			lent[i] = 0xc1
		}
	}
}

// room is what most tests are about.
type room struct {
	Title   string
	Players map[string]player
	Log     []string
	Note    *string
	secret  int
}

type player struct{ X, Y int }

func schemaOf[T any](t testing.TB) state.Schema[T] {
	t.Helper()
	s, err := reflective.Of[T]()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// owned returns a value, and a view that has seen its beginning.
func owned[T any](t testing.TB, initial T, opts *state.Options) (*state.Value[T], *state.View[T], *wire) {
	t.Helper()
	w := new(wire)
	v, err := state.NewValueTo(w, "room", schemaOf[T](t), initial, opts)
	if err != nil {
		t.Fatal(err)
	}
	view := state.NewViewAlone(schemaOf[T](t), nil)
	w.deliver(t, view)
	return v, view, w
}

func update[T any](t testing.TB, v interface{ Update(func(*T)) error }, f func(*T)) {
	t.Helper()
	if err := v.Update(f); err != nil {
		t.Fatal(err)
	}
}

// same fails unless the owner's and the other's values are equal.
func same[T any](t testing.TB, owner interface{ Load() T }, view *state.View[T]) {
	t.Helper()
	a := owner.Load()
	b, _ := view.Load()
	d, err := schemaOf[T](t).AppendDelta(nil, &b, &a)
	if err != nil || len(d) > 0 {
		t.Fatalf("view has %.500s, owner %.500s", fmt.Sprint(b), fmt.Sprint(a))
	}
}

var errGone = &twinwire.Error{Code: twinwire.Unavailable, Message: "session has ended"}
