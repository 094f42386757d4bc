package state_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/state"
)

func TestEmptyView(t *testing.T) {
	view := state.NewViewAlone(schemaOf[room](t), nil)
	if got, version := view.Load(); version != 0 || got.Title != "" {
		t.Errorf("view is %+v, version %d", got, version)
	}
	if err := view.Err(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	if _, err := view.Wait(ctx, 0); err != cause {
		t.Errorf("Wait returns %v", err)
	}
	for range view.Changes(ctx) {
		t.Error("there was a change")
	}
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		view := state.NewViewAlone(schemaOf[room](t), nil)
		waits := func(after uint64) <-chan string {
			c := make(chan string, 1)
			go func() {
				version, err := view.Wait(t.Context(), after)
				c <- fmt.Sprint(version, err)
			}()
			synctest.Wait()
			select {
			case got := <-c:
				t.Fatalf("Wait(%d) does not wait and returns %s", after, got)
			default:
			}
			return c
		}
		first, also := waits(0), waits(0)
		v, err := state.NewValueTo(w, "room", schemaOf[room](t), room{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.deliver(t, view)
		for _, c := range []<-chan string{first, also} {
			if got := <-c; got != "1<nil>" && got != "1 <nil>" {
				t.Errorf("Wait returns %s", got)
			}
		}
		second := waits(1)
		update(t, v, func(r *room) { r.Title = "x" })
		w.deliver(t, view)
		if got := <-second; got != "2 <nil>" {
			t.Errorf("Wait returns %s", got)
		}
		if version, err := view.Wait(t.Context(), 0); version != 2 || err != nil {
			t.Errorf("Wait returns %d, %v", version, err)
		}
		third := waits(2)
		if err := view.Receive(core.StateUpdate{Ended: true, Err: errGone}); err != nil {
			t.Error(err)
		}
		if got := <-third; got != "2 "+errGone.Error() {
			t.Errorf("Wait returns %s", got)
		}
	})
}

// A loop that is slower than the changes sees the newest, and the last one
// before the end.
func TestChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, view, w := owned(t, room{Title: "0"}, nil)
		seen := make(chan string)
		proceed := make(chan struct{})
		go func() {
			defer close(seen)
			for r := range view.Changes(t.Context()) {
				seen <- r.Title
				<-proceed
			}
		}()
		if got := <-seen; got != "0" {
			t.Errorf("first is %q", got)
		}
		for i := range 5 {
			update(t, v, func(r *room) { r.Title = fmt.Sprint(i + 1) })
			w.deliver(t, view)
		}
		proceed <- struct{}{}
		if got := <-seen; got != "5" {
			t.Errorf("second is %q", got)
		}
		update(t, v, func(r *room) { r.Title = "6" })
		w.deliver(t, view)
		if err := view.Receive(core.StateUpdate{Ended: true, Err: errGone}); err != nil {
			t.Error(err)
		}
		proceed <- struct{}{}
		if got := <-seen; got != "6" {
			t.Errorf("third is %q", got)
		}
		proceed <- struct{}{}
		if got, ok := <-seen; ok {
			t.Errorf("fourth is %q", got)
		}
		if !errors.Is(view.Err(), twinwire.Unavailable) {
			t.Errorf("Err is %v", view.Err())
		}
		for r := range view.Changes(t.Context()) {
			if r.Title != "6" {
				t.Errorf("after the end it is %q", r.Title)
			}
			break
		}
	})
}

func TestClosedAndOpenedAgain(t *testing.T) {
	v, view, w := owned(t, room{Title: "one"}, nil)
	update(t, v, func(r *room) { r.Title = "last" })
	v.Close()
	w.deliver(t, view)
	if got, version := view.Load(); got.Title != "last" || version != 2 {
		t.Errorf("view is %+v, version %d", got, version)
	}
	if view.Err() != state.ErrClosed {
		t.Errorf("Err is %v", view.Err())
	}
	if _, err := view.Wait(t.Context(), 2); err != state.ErrClosed {
		t.Errorf("Wait returns %v", err)
	}
	n := 0
	for range view.Changes(t.Context()) {
		n++
	}
	if n != 1 {
		t.Errorf("%d changes", n)
	}
	if _, err := state.NewValueTo(w, "room", schemaOf[room](t), room{Title: "two"}, nil); err != nil {
		t.Fatal(err)
	}
	w.deliver(t, view)
	if got, version := view.Load(); got.Title != "two" || version != 3 || view.Err() != nil {
		t.Errorf("view is %+v, version %d, %v", got, version, view.Err())
	}
	if s := view.Status(); s != (state.Status{Version: 3, Owner: 1, Snapshots: 2}) {
		t.Errorf("status is %+v", s)
	}
	// The end of the session says more than that of the value.
	if err := errors.Join(view.Receive(core.StateUpdate{End: true}), view.Receive(core.StateUpdate{Ended: true, Err: errGone})); err != nil {
		t.Error(err)
	}
	if view.Err() != error(errGone) {
		t.Errorf("Err is %v", view.Err())
	}
}

func TestHostileOwner(t *testing.T) {
	s := schemaOf[room](t)
	value := room{Title: "hall"}
	snapshot, err := s.AppendValue(s.AppendTable(nil), &value)
	if err != nil {
		t.Fatal(err)
	}
	next := room{Title: "x"}
	delta, err := s.AppendDelta(nil, &value, &next)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		updates []core.StateUpdate
	}{
		{"delta first", []core.StateUpdate{{Version: 1, Payload: delta}}},
		{"gap", []core.StateUpdate{{Version: 1, Snapshot: true, Payload: snapshot}, {Version: 3, Payload: delta}}},
		{"repeated", []core.StateUpdate{{Version: 1, Snapshot: true, Payload: snapshot}, {Version: 1, Payload: delta}}},
		{"delta after the end", []core.StateUpdate{{Version: 1, Snapshot: true, Payload: snapshot}, {End: true}, {Version: 2, Payload: delta}}},
		{"empty snapshot", []core.StateUpdate{{Version: 1, Snapshot: true}}},
		{"trailing bytes", []core.StateUpdate{{Version: 1, Snapshot: true, Payload: append(snapshot[:len(snapshot):len(snapshot)], 1)}}},
		{"no table", []core.StateUpdate{{Version: 1, Snapshot: true, Payload: snapshot[1:]}}},
		{"bad delta", []core.StateUpdate{{Version: 1, Snapshot: true, Payload: snapshot}, {Version: 2, Payload: []byte{0, 1}}}},
		{"wrong type", []core.StateUpdate{{Version: 1, Snapshot: true, Payload: append(s.AppendTable(nil), 0x81, 0xa5, 'T', 'i', 't', 'l', 'e', 1)}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			view := state.NewViewAlone(s, nil)
			last := len(test.updates) - 1
			for _, u := range test.updates[:last] {
				if err := view.Receive(u); err != nil {
					t.Fatal(err)
				}
			}
			err := view.Receive(test.updates[last])
			if err == nil || view.Err() == nil {
				t.Fatal("was accepted")
			}
			if got, version := view.Load(); version != 0 || got.Title != "" {
				t.Errorf("view is %+v, version %d", got, version)
			}
			if _, waitErr := view.Wait(t.Context(), 0); waitErr != err {
				t.Errorf("Wait returns %v, not %v", waitErr, err)
			}
		})
	}
}

// sparse is small on the wire and large in memory.
type sparse struct {
	L []block
	M map[string]block
	S string
	P *block
}

type block struct {
	A, B, C, D, E, F, G, H [16]int64 `msgpack:"-"`
	X                      int       `msgpack:",omitempty"`
}

// However many deltas an owner sends, they come to no more than a snapshot may.
func TestGrowthByDeltasIsBounded(t *testing.T) {
	s := schemaOf[sparse](t)
	const memory = 1 << 20
	for _, test := range []struct {
		name  string
		delta func(i int) []byte
	}{
		{"elements", func(i int) []byte { return []byte{0<<2 | state.OpAppend, 0x80} }},
		{"entries", func(i int) []byte {
			return append(codec.AppendString([]byte{1<<2 | state.OpPut}, fmt.Sprint(i)), 0x80)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			view := state.NewViewAlone(s, &state.ViewOptions{Memory: memory})
			if err := view.Receive(core.StateUpdate{Version: 1, Snapshot: true, Payload: append(s.AppendTable(nil), 0x80)}); err != nil {
				t.Fatal(err)
			}
			most := 0
			for i := 1; ; i++ {
				err := view.Receive(core.StateUpdate{Version: uint64(i + 1), Payload: test.delta(i)})
				if err != nil {
					if !errors.Is(err, codec.ErrLimit) {
						t.Error(err)
					}
					break
				}
				view.Read(func(v *sparse, _ uint64) { most = max(most, len(v.L)+len(v.M)) })
				if i > 100_000 {
					t.Fatal("no end of it")
				}
			}
			// Twice what a snapshot may come to, strings included.
			if bytes := most * 1032; bytes > 2*(memory+4<<20) || bytes < memory/2 {
				t.Errorf("it came to %d elements, %d bytes", most, bytes)
			}
		})
	}
	t.Run("text", func(t *testing.T) {
		type texts struct{ M map[string]string }
		s := schemaOf[texts](t)
		view := state.NewViewAlone(s, nil)
		if err := view.Receive(core.StateUpdate{Version: 1, Snapshot: true, Payload: append(s.AppendTable(nil), 0x80)}); err != nil {
			t.Fatal(err)
		}
		text := codec.AppendString(nil, strings.Repeat("x", 1<<20))
		for i := 1; ; i++ {
			delta := append(codec.AppendString([]byte{state.OpPut}, fmt.Sprint(i)), text...)
			if err := view.Receive(core.StateUpdate{Version: uint64(i + 1), Payload: delta}); err != nil {
				break
			}
			if i > 80 {
				t.Fatal("no end of it")
			}
		}
	})
}

// What is replaced again and again is not taken for growth.
func TestReplacingIsNotGrowth(t *testing.T) {
	s := schemaOf[sparse](t)
	view := state.NewViewAlone(s, &state.ViewOptions{Memory: 1 << 20})
	if err := view.Receive(core.StateUpdate{Version: 1, Snapshot: true, Payload: append(s.AppendTable(nil), 0x80)}); err != nil {
		t.Fatal(err)
	}
	for i := range uint64(50_000) {
		if err := view.Receive(core.StateUpdate{Version: i + 2, Payload: []byte{3 << 2, 0x81, 0xa1, 'X', byte(i % 100)}}); err != nil {
			t.Fatalf("delta %d: %v", i, err)
		}
	}
	if got, _ := view.Load(); got.P.X != 99 {
		t.Errorf("X is %d", got.P.X)
	}
}
