package state_test

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/state"
	"github.com/twinwire/twinwire/state/reflective"
)

func TestUpdateReachesView(t *testing.T) {
	v, view, w := owned(t, room{Title: "hall"}, nil)
	if got, version := view.Load(); got.Title != "hall" || version != 1 {
		t.Fatalf("view begins as %+v, version %d", got, version)
	}
	update(t, v, func(r *room) { r.Players = map[string]player{"amy": {1, 2}} })
	update(t, v, func(r *room) { r.Log = append(r.Log, "amy came") })
	w.deliver(t, view)
	same(t, v, view)
	if s := view.Status(); s != (state.Status{Version: 3, Owner: 3, Snapshots: 1}) {
		t.Errorf("status is %+v", s)
	}
}

func TestNothingIsSentIfNothingChanged(t *testing.T) {
	v, view, w := owned(t, room{Players: map[string]player{"amy": {1, 2}}}, nil)
	update(t, v, func(r *room) {})
	update(t, v, func(r *room) { r.Title = "x"; r.Title = "" })
	update(t, v, func(r *room) { r.secret = 7 })
	update(t, v, func(r *room) { delete(r.Players, "amy"); r.Players["amy"] = player{1, 2} })
	if s, d := w.count(); s+d != 0 {
		t.Errorf("%d snapshots and %d deltas were sent", s, d)
	}
	same(t, v, view)
}

func TestPanicUndoes(t *testing.T) {
	v, view, w := owned(t, room{Title: "hall", Players: map[string]player{"amy": {1, 2}}}, nil)
	before := v.Load()
	func() {
		defer func() {
			if r := recover(); r != "mine" {
				t.Errorf("recovered %v", r)
			}
		}()
		_ = v.Update(func(r *room) {
			r.Title = "half"
			delete(r.Players, "amy")
			panic("mine")
		})
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = v.Update(func(r *room) {
			r.Title = "half"
			runtime.Goexit()
		})
	}()
	<-done
	if got := v.Load(); !reflect.DeepEqual(got, before) {
		t.Errorf("value is %+v", got)
	}
	update(t, v, func(r *room) { r.Log = append(r.Log, "on it goes") })
	w.deliver(t, view)
	same(t, v, view)
}

func TestWhatCannotBeCarriedUndoes(t *testing.T) {
	v, view, w := owned(t, room{Title: "hall"}, nil)
	err := v.Update(func(r *room) {
		r.Log = []string{"fine"}
		r.Title = "\xff"
	})
	if !errors.Is(err, reflective.ErrInvalid) || !strings.HasPrefix(err.Error(), `state "room": .Title: `) {
		t.Errorf("error is %v", err)
	}
	if got := v.Load(); got.Title != "hall" || got.Log != nil {
		t.Errorf("value is %+v", got)
	}
	update(t, v, func(r *room) { r.Title = "x" })
	w.deliver(t, view)
	same(t, v, view)
	if _, err := state.NewValueTo(new(wire), "room", schemaOf[room](t), room{Title: "\xff"}, nil); !errors.Is(err, reflective.ErrInvalid) {
		t.Errorf("error of New is %v", err)
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{"", strings.Repeat("x", 256)} {
		if _, err := state.NewShared(name, schemaOf[room](t), room{}, nil); twinwire.CodeOf(err) != twinwire.BadRequest {
			t.Errorf("name of %d bytes: %v", len(name), err)
		}
	}
}

// The limit holds to the byte, however the value comes to it.
func TestLimit(t *testing.T) {
	type long struct {
		VeryLongNameOfAField      string         `msgpack:",omitempty"`
		AnotherVeryLongNameOfIt   []string       `msgpack:",omitempty"`
		AThirdVeryLongNameOfThese map[string]int `msgpack:",omitempty"`
		Parts                     map[int]*long  `msgpack:",omitempty"`
	}
	const limit = 1_500
	s := schemaOf[long](t)
	grow := []func(v *long, i int){
		func(v *long, i int) { v.AnotherVeryLongNameOfIt = append(v.AnotherVeryLongNameOfIt, "x") },
		func(v *long, i int) { v.AThirdVeryLongNameOfThese[fmt.Sprint(i)] = i },
		func(v *long, i int) { v.Parts[i] = &long{} },
		func(v *long, i int) { v.Parts[i%10].VeryLongNameOfAField = fmt.Sprint(i) },
		func(v *long, i int) {
			p := v.Parts[i%10]
			p.AnotherVeryLongNameOfIt = append(p.AnotherVeryLongNameOfIt, "")
		},
	}
	for which := range grow {
		initial := long{AThirdVeryLongNameOfThese: map[string]int{"x": 1}, Parts: map[int]*long{}}
		for i := range 10 {
			initial.Parts[i] = &long{}
		}
		v, view, w := owned(t, initial, &state.Options{Limit: limit})
		size := func() int {
			value := v.Load()
			b, err := s.AppendValue(nil, &value)
			if err != nil {
				t.Fatal(err)
			}
			return len(b)
		}
		for i := 0; ; i++ {
			before := size()
			err := v.Update(func(l *long) { grow[which](l, i+1000) })
			if err == nil {
				if size() > limit {
					t.Fatalf("way %d: the value has %d bytes", which, size())
				}
				w.deliver(t, view)
				if which == 3 && i == 100 {
					break // this one does not grow for ever
				}
				continue
			}
			if !errors.Is(err, twinwire.TooLarge) {
				t.Fatalf("way %d: %v", which, err)
			}
			if size() != before || before < limit-60 {
				t.Errorf("way %d: failed at %d bytes, which are %d now", which, before, size())
			}
			break
		}
		same(t, v, view)
	}
}

func TestLimitOfInitialValue(t *testing.T) {
	big := room{Title: strings.Repeat("x", 1<<20)}
	if _, err := state.NewValueTo(new(wire), "room", schemaOf[room](t), big, nil); !errors.Is(err, twinwire.TooLarge) {
		t.Errorf("default limit: %v", err)
	}
	if _, err := state.NewValueTo(new(wire), "room", schemaOf[room](t), big, &state.Options{Limit: 2 << 20}); err != nil {
		t.Errorf("larger limit: %v", err)
	}
	if _, err := state.NewValueTo(new(wire), "room", schemaOf[room](t), room{}, &state.Options{Limit: -1}); !errors.Is(err, twinwire.TooLarge) {
		t.Errorf("no limit at all: %v", err)
	}
}

// A value that is small on the wire and large in memory is refused where it is
// made, not by the clients.
func TestMemory(t *testing.T) {
	type large struct {
		A [1000]byte `msgpack:"-"`
		B int        `msgpack:",omitempty"`
	}
	type list struct{ L []large }
	v, view, w := owned(t, list{}, &state.Options{Memory: 1 << 20})
	err := v.Update(func(l *list) { l.L = make([]large, 2_000) })
	if !errors.Is(err, twinwire.TooLarge) || len(v.Load().L) != 0 {
		t.Errorf("%d elements, %v", len(v.Load().L), err)
	}
	n := 0
	for ; n < 10_000; n++ {
		if err := v.Update(func(l *list) { l.L = append(l.L, large{}) }); err != nil {
			if !errors.Is(err, twinwire.TooLarge) {
				t.Fatal(err)
			}
			break
		}
	}
	if n != 1<<20/1008 {
		t.Errorf("failed with %d elements", n)
	}
	w.deliver(t, view)
	same(t, v, view)
}

func TestSlowClientGetsTheWhole(t *testing.T) {
	v, view, w := owned(t, room{}, nil)
	w.limit = 3
	for i := range 10 {
		update(t, v, func(r *room) { r.Log = append(r.Log, fmt.Sprint(i)) })
	}
	if s, d := w.count(); s != 1 || d != 0 {
		t.Errorf("%d snapshots and %d deltas wait", s, d)
	}
	w.deliver(t, view)
	same(t, v, view)
	update(t, v, func(r *room) { r.Title = "x" })
	w.deliver(t, view)
	same(t, v, view)
	if s := view.Status(); s != (state.Status{Version: 3, Owner: 12, Snapshots: 2}) {
		t.Errorf("status is %+v", s)
	}
}

func TestEndedSession(t *testing.T) {
	v, _, w := owned(t, room{}, nil)
	w.err = errGone
	if err := v.Update(func(r *room) { r.Title = "x" }); !errors.Is(err, twinwire.Unavailable) {
		t.Errorf("error is %v", err)
	}
	if v.Load().Title != "x" {
		t.Error("the change was undone")
	}
	if _, err := state.NewValueTo(w, "room", schemaOf[room](t), room{}, nil); !errors.Is(err, twinwire.Unavailable) {
		t.Errorf("error of New is %v", err)
	}
}

// A change that did not go out is in the next that does.
func TestAfterAFailureTheWholeIsSent(t *testing.T) {
	v, view, w := owned(t, room{}, nil)
	w.err = twinwire.TooLarge
	if err := v.Update(func(r *room) { r.Title = "x" }); !errors.Is(err, twinwire.TooLarge) {
		t.Errorf("error is %v", err)
	}
	w.err = nil
	update(t, v, func(r *room) { r.Log = []string{"y"} })
	w.deliver(t, view)
	same(t, v, view)
}

func TestNothingIsShared(t *testing.T) {
	note := "n"
	initial := room{Players: map[string]player{"amy": {}}, Log: []string{"a"}, Note: &note}
	v, view, w := owned(t, initial, nil)
	spoil := func(r room) {
		r.Players["eve"] = player{}
		r.Log[0] = "spoilt"
		*r.Note = "spoilt"
	}
	spoil(initial)
	spoil(v.Load())
	got, _ := view.Load()
	spoil(got)
	update(t, v, func(r *room) { r.Title = "x" })
	w.deliver(t, view)
	same(t, v, view)
	got, _ = view.Load()
	if len(got.Players) != 1 || got.Log[0] != "a" || *got.Note != "n" {
		t.Errorf("view is %+v", got)
	}
}

func TestRead(t *testing.T) {
	v, view, _ := owned(t, room{Title: "hall"}, nil)
	v.Read(func(r *room) {
		if r.Title != "hall" {
			t.Errorf("value is %+v", r)
		}
	})
	view.Read(func(r *room, version uint64) {
		if r.Title != "hall" || version != 1 {
			t.Errorf("view is %+v, version %d", r, version)
		}
	})
}

func TestConcurrentUpdates(t *testing.T) {
	v, view, w := owned(t, room{Players: map[string]player{}}, nil)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 200 {
				update(t, v, func(r *room) {
					p := r.Players[fmt.Sprint(i)]
					p.X++
					r.Players[fmt.Sprint(i)] = p
				})
				v.Load()
			}
		})
	}
	wg.Wait()
	w.deliver(t, view)
	same(t, v, view)
	if got, version := view.Load(); got.Players["3"].X != 200 || version != 801 {
		t.Errorf("view is %+v, version %d", got, version)
	}
}

// fickle does not read everything that it writes.
type fickle struct{ N int }

func (f fickle) AppendMsgpack(b []byte) ([]byte, error) { return codec.AppendInt(b, int64(f.N)), nil }

func (f *fickle) ReadMsgpack(r *codec.Reader) error {
	if f.N = r.Int(); f.N == 13 {
		return errors.New("superstitious")
	}
	return r.Err()
}

func TestTypeThatDoesNotReadWhatItWrote(t *testing.T) {
	type box struct {
		Other string
		F     fickle
	}
	v, view, w := owned(t, box{F: fickle{1}}, nil)
	err := v.Update(func(b *box) { b.Other, b.F.N = "x", 13 })
	if !errors.Is(err, twinwire.TooLarge) && err == nil {
		t.Errorf("error is %v", err)
	}
	update(t, v, func(b *box) { b.F.N = 14 })
	w.deliver(t, view)
	same(t, v, view)
	if s := view.Status(); s.Snapshots != 2 {
		t.Errorf("status is %+v", s)
	}
}

// A fuse cannot be read where it is 13.
type fuse struct{ N int }

func (f fuse) AppendMsgpack(b []byte) ([]byte, error) { return codec.AppendInt(b, int64(f.N)), nil }

func (f *fuse) ReadMsgpack(r *codec.Reader) error {
	if f.N = int(r.Int64()); f.N == 13 {
		panic("thirteen")
	}
	return r.Err()
}

// After a panic in the middle of a change the peer gets to see what the owner has.
func TestPanicWhileReading(t *testing.T) {
	type box struct {
		Other string
		F     fuse
	}
	v, view, w := owned(t, box{F: fuse{1}}, nil)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("nothing panicked")
			}
		}()
		_ = v.Update(func(b *box) { b.Other, b.F.N = "x", 13 })
	}()
	update(t, v, func(b *box) { b.F.N = 14 })
	w.deliver(t, view)
	same(t, v, view)
}
