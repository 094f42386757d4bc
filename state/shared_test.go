package state_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/state"
)

type guest struct {
	wire
	view *state.View[room]
}

func attach(t testing.TB, v *state.Shared[room], key any) *guest {
	t.Helper()
	g := &guest{view: state.NewViewAlone(schemaOf[room](t), nil)}
	if err := v.AttachTo(key, g); err != nil {
		t.Fatal(err)
	}
	return g
}

func shared(t testing.TB, initial room, opts *state.Options) *state.Shared[room] {
	t.Helper()
	v, err := state.NewShared("room", schemaOf[room](t), initial, opts)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSharedIsEncodedOnce(t *testing.T) {
	v := shared(t, room{Title: "hall"}, nil)
	guests := []*guest{attach(t, v, 1), attach(t, v, 2), attach(t, v, 3)}
	update(t, v, func(r *room) { r.Title = "x" })
	for _, g := range guests[1:] {
		for i := range g.queue {
			if &g.queue[i].Payload[0] != &guests[0].queue[i].Payload[0] {
				t.Errorf("update %d was encoded again", i)
			}
		}
	}
	for _, g := range guests {
		g.deliver(t, g.view)
		same(t, v, g.view)
	}
}

func TestNewcomerGetsSnapshotAndThenDeltas(t *testing.T) {
	v := shared(t, room{}, nil)
	for i := range 5 {
		update(t, v, func(r *room) { r.Log = append(r.Log, fmt.Sprint(i)) })
	}
	g := attach(t, v, 1)
	update(t, v, func(r *room) { r.Log = append(r.Log, "after") })
	if s, d := g.count(); s != 1 || d != 1 {
		t.Errorf("%d snapshots and %d deltas", s, d)
	}
	g.deliver(t, g.view)
	same(t, v, g.view)
	if s := g.view.Status(); s.Owner != 7 {
		t.Errorf("status is %+v", s)
	}
}

func TestAttachTwice(t *testing.T) {
	v := shared(t, room{}, nil)
	g := attach(t, v, 1)
	if err := v.AttachTo(1, new(wire)); err != nil {
		t.Error(err)
	}
	update(t, v, func(r *room) { r.Title = "x" })
	g.deliver(t, g.view)
	same(t, v, g.view)
	if n := v.Sessions(); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

func TestDetach(t *testing.T) {
	v := shared(t, room{}, nil)
	a, b, c := attach(t, v, 1), attach(t, v, 2), attach(t, v, 3)
	v.DetachFrom(1)
	v.DetachFrom(1)
	v.DetachFrom(4)
	update(t, v, func(r *room) { r.Title = "x" })
	for _, g := range []*guest{a, b, c} {
		g.deliver(t, g.view)
	}
	if got, _ := a.view.Load(); got.Title != "" || a.view.Err() != state.ErrClosed {
		t.Errorf("detached view is %+v, %v", got, a.view.Err())
	}
	same(t, v, b.view)
	// It may come back.
	a.wire = wire{}
	if err := v.AttachTo(1, a); err != nil {
		t.Fatal(err)
	}
	a.deliver(t, a.view)
	same(t, v, a.view)
	if a.view.Err() != nil {
		t.Error(a.view.Err())
	}
	v.Close()
	for _, g := range []*guest{a, b, c} {
		if !g.closed {
			t.Error("a session was not told of the end")
		}
	}
	if n := v.Sessions(); n != 0 {
		t.Errorf("%d sessions", n)
	}
	update(t, v, func(r *room) { r.Title = "alone" })
}

func TestOneSlowSession(t *testing.T) {
	v := shared(t, room{}, nil)
	slow, fast := attach(t, v, 1), attach(t, v, 2)
	slow.limit = 1
	for i := range 20 {
		update(t, v, func(r *room) { r.Log = append(r.Log, fmt.Sprint(i)) })
		fast.deliver(t, fast.view)
	}
	if s, d := slow.count(); s != 1 || d != 0 {
		t.Errorf("%d snapshots and %d deltas wait", s, d)
	}
	slow.deliver(t, slow.view)
	same(t, v, slow.view)
	same(t, v, fast.view)
	if s := fast.view.Status(); s.Snapshots != 1 {
		t.Errorf("the fast one was sent %d snapshots", s.Snapshots)
	}
}

func TestSessionsThatFailAreDetached(t *testing.T) {
	v := shared(t, room{}, nil)
	gone, well := attach(t, v, 1), attach(t, v, 2)
	gone.err = errGone
	update(t, v, func(r *room) { r.Title = "x" })
	if n := v.Sessions(); n != 1 {
		t.Errorf("%d sessions", n)
	}
	well.deliver(t, well.view)
	same(t, v, well.view)
	if err := v.AttachTo(3, &wire{err: errGone}); !errors.Is(err, twinwire.Unavailable) {
		t.Errorf("attaching an ended session: %v", err)
	}
}

func TestSharedUndoes(t *testing.T) {
	v := shared(t, room{}, &state.Options{Limit: 100})
	g := attach(t, v, 1)
	if err := v.Update(func(r *room) { r.Log = make([]string, 200) }); !errors.Is(err, twinwire.TooLarge) {
		t.Errorf("error is %v", err)
	}
	late := attach(t, v, 2)
	update(t, v, func(r *room) { r.Title = "x" })
	for _, g := range []*guest{g, late} {
		g.deliver(t, g.view)
		same(t, v, g.view)
	}
}

// Sessions come while the value changes: none misses anything.
func TestAttachWithoutAGap(t *testing.T) {
	v := shared(t, room{Players: map[string]player{}}, nil)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var guests []*guest
	for i := range 2 {
		wg.Go(func() {
			for j := range 300 {
				update(t, v, func(r *room) { r.Players[fmt.Sprint(i)] = player{X: j} })
			}
		})
		wg.Go(func() {
			for j := range 20 {
				g := attach(t, v, [2]int{i, j})
				mu.Lock()
				guests = append(guests, g)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, g := range guests {
		g.deliver(t, g.view)
		same(t, v, g.view)
	}
}
