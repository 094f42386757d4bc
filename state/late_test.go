package state_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/state"
)

const interval = 10 * time.Millisecond

// spaced is owned with an interval between changes, of which one has passed.
func spaced[T any](t testing.TB, initial T, opts *state.Options) (*state.Value[T], *state.View[T], *wire) {
	t.Helper()
	w := &wire{interval: interval}
	v, err := state.NewValueTo(w, "room", schemaOf[T](t), initial, opts)
	if err != nil {
		t.Fatal(err)
	}
	view := state.NewViewAlone(schemaOf[T](t), nil)
	w.deliver(t, view)
	time.Sleep(interval)
	return v, view, w
}

// Clause 5.7: the first change after a pause goes out at once, those that
// follow together, and the last always.
func TestChangesAreSpacedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, view, w := spaced(t, room{Players: map[string]player{}}, nil)
		update(t, v, func(r *room) { r.Title = "first" })
		if s, d := w.count(); s != 0 || d != 1 {
			t.Fatalf("after the first change: %d snapshots and %d deltas", s, d)
		}
		before := w.sent
		for i := range 1000 {
			time.Sleep(time.Millisecond)
			update(t, v, func(r *room) { r.Players[fmt.Sprint(i%7)] = player{X: i} })
		}
		time.Sleep(interval)
		synctest.Wait()
		if n := w.sent - before; n < 95 || n > 101 {
			t.Errorf("%d changes were sent in a second", n)
		}
		w.deliver(t, view)
		same(t, v, view)
		if s := view.Status(); s.Snapshots != 1 {
			t.Errorf("%d snapshots", s.Snapshots)
		}
		before = w.sent
		time.Sleep(time.Second)
		synctest.Wait()
		if w.sent != before {
			t.Error("something was sent, and nothing had changed")
		}
	})
}

// Clause 6.9: a reply does not overtake what its handler changed.
func TestRepliesSendWhatIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, view, w := spaced(t, room{}, nil)
		for i := range 50 {
			for range i % 3 {
				update(t, v, func(r *room) { r.Log = append(r.Log, fmt.Sprint(i)) })
			}
			w.reply()
			if s, d := w.count(); s+d > 2 {
				t.Fatalf("%d snapshots and %d deltas for a reply", s, d)
			}
			w.deliver(t, view)
			same(t, v, view)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if s, d := w.count(); s+d > 0 {
			t.Error("something was sent twice")
		}
	})
}

func TestChangesThatTakeEachOtherBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, view, w := spaced(t, room{}, nil)
		update(t, v, func(r *room) { r.Title = "x" })
		w.deliver(t, view)
		update(t, v, func(r *room) { r.Title = "y" })
		update(t, v, func(r *room) { r.Title = "x" })
		time.Sleep(interval)
		synctest.Wait()
		if s, d := w.count(); s+d != 0 {
			t.Errorf("%d snapshots and %d deltas were sent", s, d)
		}
		if w.flush != nil {
			t.Error("the session believes that something is held")
		}
		update(t, v, func(r *room) { r.Log = []string{"on"} })
		time.Sleep(interval)
		synctest.Wait()
		w.deliver(t, view)
		same(t, v, view)
	})
}

// The same where there is no room left from before to tell nothing in.
func TestScalarsThatTakeEachOtherBack(t *testing.T) {
	type tally struct{ Count int }
	synctest.Test(t, func(t *testing.T) {
		v, view, w := spaced(t, tally{}, nil)
		update(t, v, func(c *tally) { c.Count = 1 })
		w.deliver(t, view)
		update(t, v, func(c *tally) { c.Count = 2 })
		update(t, v, func(c *tally) { c.Count = 1 })
		runtime.GC() // empties pools
		runtime.GC()
		time.Sleep(interval)
		synctest.Wait()
		if s, d := w.count(); s+d != 0 {
			t.Errorf("%d snapshots and %d deltas were sent", s, d)
		}
	})
}

// An Update that is undone takes nothing back of those that wait.
func TestUndoingWhileChangesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, view, w := spaced(t, room{}, &state.Options{Limit: 1000})
		for range 3 {
			update(t, v, func(r *room) { r.Log = append(r.Log, "counts") })
			if err := v.Update(func(r *room) { r.Log = nil; r.Title = "\xff" }); err == nil {
				t.Fatal("a string that is no text was taken")
			}
			if err := v.Update(func(r *room) { r.Title = strings.Repeat("x", 1001) }); !errors.Is(err, twinwire.TooLarge) {
				t.Fatalf("a value over its limit: %v", err)
			}
			func() {
				defer func() { _ = recover() }()
				_ = v.Update(func(r *room) { r.Log = nil; panic("mine") })
			}()
		}
		time.Sleep(interval)
		synctest.Wait()
		w.deliver(t, view)
		same(t, v, view)
		if got, _ := view.Load(); len(got.Log) != 3 {
			t.Errorf("the view has %v", got.Log)
		}
	})
}

func TestEndsSendWhatIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, view, w := spaced(t, room{}, nil)
		all := shared(t, room{}, nil)
		guests := make([]*guest, 3)
		for i := range guests {
			guests[i] = &guest{wire: wire{interval: interval}, view: state.NewViewAlone(schemaOf[room](t), nil)}
			if err := all.AttachTo(i, guests[i]); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 3 {
			update(t, v, func(r *room) { r.Log = append(r.Log, fmt.Sprint(i)) })
			update(t, all, func(r *room) { r.Log = append(r.Log, fmt.Sprint(i)) })
		}
		v.Close()
		all.DetachFrom(0)
		all.Close()
		w.deliver(t, view)
		same(t, v, view)
		for _, g := range guests {
			g.deliver(t, g.view)
			same(t, all, g.view)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if len(w.queue) > 0 {
			t.Error("something was sent after the end")
		}
	})
}

// A session that has ended is told from one that has something to wait for.
func TestUpdateOfAnEndedSessionWhileChangesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, _, w := spaced(t, room{}, nil)
		update(t, v, func(r *room) { r.Title = "x" })
		w.err = errGone
		if err := v.Update(func(r *room) { r.Title = "y" }); !errors.Is(err, twinwire.Unavailable) {
			t.Errorf("error is %v", err)
		}
		time.Sleep(interval)
		synctest.Wait()
	})
}

// Sessions of a shared value whose replies come at any time see the same in
// the end, each in as few changes as promised.
func TestSharedValuesAreSpacedOut(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			big := seed%3 == 0
			v := shared(t, room{Players: map[string]player{}}, nil)
			if big {
				update(t, v, func(r *room) { r.Title = strings.Repeat("x", 50_000) })
			}
			var guests []*guest
			replies := make(map[*guest]int)
			began := make(map[*guest]time.Time)
			join := func() {
				g := &guest{wire: wire{interval: interval}, view: state.NewViewAlone(schemaOf[room](t), nil)}
				if err := v.AttachTo(len(guests), g); err != nil {
					t.Fatal(err)
				}
				guests = append(guests, g)
				began[g] = time.Now()
			}
			join()
			for i := range 2000 {
				switch rnd.IntN(12) {
				case 0:
					time.Sleep(time.Duration(rnd.IntN(15)) * time.Millisecond)
				case 1, 2:
					g := guests[rnd.IntN(len(guests))]
					g.reply()
					replies[g]++
					g.deliver(t, g.view)
					same(t, v, g.view)
				case 3:
					if len(guests) < 8 && rnd.IntN(20) == 0 {
						join()
					}
				case 4:
					update(t, v, func(r *room) { r.Log = append(r.Log, fmt.Sprint(i))[max(0, len(r.Log)-20):] })
				case 5:
					update(t, v, func(r *room) { delete(r.Players, fmt.Sprint(rnd.IntN(50))) })
				default:
					update(t, v, func(r *room) { r.Players[fmt.Sprint(rnd.IntN(50))] = player{X: i} })
				}
			}
			time.Sleep(interval)
			synctest.Wait()
			for i, g := range guests {
				g.deliver(t, g.view)
				same(t, v, g.view)
				if most := 2 + int(time.Since(began[g])/interval) + replies[g]; g.sent > most {
					t.Errorf("seed %d, session %d: %d changes, want %d at most", seed, i, g.sent, most)
				}
				if s := g.view.Status(); big && s.Snapshots > 1 {
					t.Errorf("seed %d, session %d: %d snapshots of a large value", seed, i, s.Snapshots)
				}
			}
		})
	}
}
