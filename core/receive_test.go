package core_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// A watcher notes the states and events that it receives.
type watcher struct {
	got []string
	err error // what ReceiveState returns
}

func (w *watcher) ReceiveState(u core.StateUpdate) error {
	switch {
	case u.Ended:
		w.got = append(w.got, fmt.Sprint("ended ", twinwire.CodeOf(u.Err)))
	case u.End:
		w.got = append(w.got, "end")
	default:
		w.got = append(w.got, fmt.Sprint(u.Version, u.Snapshot, " ", string(u.Payload)))
	}
	return w.err
}

func (w *watcher) ReceiveEvent(ev core.Event) {
	w.got = append(w.got, fmt.Sprint(ev.Kind, ev.Topic, ".", ev.Type, ev.Missed, " ", string(ev.Payload)))
}

func (w *watcher) EventsEnded(err error) {
	w.got = append(w.got, fmt.Sprint("ended ", twinwire.CodeOf(err)))
}

func (w *watcher) check(t *testing.T, want ...string) {
	t.Helper()
	if synctest.Wait(); !slices.Equal(w.got, want) {
		t.Errorf("received %q, want %q", w.got, want)
	}
	w.got = nil
}

// States and events that arrive before anybody asks for them wait, in order;
// the end is told last, also to who comes later.
func TestReceiveLate(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		p := connect(t, o, &core.Config{}, &core.Config{})
		st := p.server.OpenState("s")
		if err := st.Snapshot(1, []byte("a")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if ok, err := st.Delta([]byte("b")); !ok || err != nil {
			t.Fatal(ok, err)
		}
		sub, err := p.server.Subscribe("t", core.DropOldest)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			if _, err := sub.Emit("f.E", []byte{byte('x' + i)}, nil); err != nil {
				t.Fatal(err)
			}
		}
		p.server.Flush()
		synctest.Wait()
		var states, events watcher
		if err := p.client.ReceiveState("s", &states); err != nil {
			t.Fatal(err)
		}
		states.check(t, "1 true a", "2 false b")
		if err := p.client.ReceiveEvents("f", &events); err != nil {
			t.Fatal(err)
		}
		if n := len(events.got); n < 3 || !slices.Equal(events.got[n-3:], []string{"0t.f.E0 x", "0t.f.E0 y", "0t.f.E0 z"}) {
			t.Errorf("received %q", events.got)
		}
		events.got = nil
		wantCode(t, p.client.ReceiveState("s", &states), twinwire.AlreadyExists)
		wantCode(t, p.client.ReceiveEvents("f", &events), twinwire.AlreadyExists)
		if ok, err := st.Delta([]byte("c")); !ok || err != nil {
			t.Fatal(ok, err)
		}
		st.Close()
		states.check(t, "3 false c", "end")
		p.server.CloseWith(2000, "", 0)
		<-p.client.Done()
		states.check(t, "ended code 2000")
		events.check(t, "ended code 2000")
		var late watcher
		if err := p.client.ReceiveState("other", &late); err != nil {
			t.Fatal(err)
		}
		late.check(t, "ended code 2000")
	})
}

// A reply comes after what its handler did to states and events, on whatever
// lanes, also if the lane of the events is slow (6.9, 6.10).
func TestReadYourWrites(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		var st *core.StateWriter
		cfg, _ := serving(map[string]core.Handler{"test.Change": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
			if err := st.Snapshot(uint64(r.Raw()[1]), []byte("new")); err != nil {
				return nil, err
			}
			_, err := r.Session().Emit("f.Changed", r.Raw()[1:], core.DropOldest, r)
			return nil, err
		}})
		p := connect(t, o, cfg, &core.Config{})
		st = p.server.OpenState("s")
		var states, events watcher
		if err := p.client.ReceiveState("s", &states); err != nil {
			t.Fatal(err)
		}
		if err := p.client.ReceiveEvents("f", &events); err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			lane := 0
			if !o.OnePipe {
				lane = 2 // events
			}
			p.sc.Delay(lane, time.Duration(i)*50*time.Millisecond)
			if _, err := call(t.Context(), p.client, "test.Change", string(rune('a'+i))); err != nil {
				t.Fatal(err)
			}
			if len(states.got) != i+1 || len(events.got) != i+1 {
				t.Errorf("after %d calls %q and %q were seen", i+1, states.got, events.got)
			}
		}
	})
}

// A state that cannot be read ends the session; so does a receiver that
// panics. Neither ends the process.
func TestUnreadableState(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		log := new(recorder)
		for _, r := range []core.StateReceiver{&watcher{err: codec.ErrRange}, panicking{}} {
			p := connect(t, o, &core.Config{Logger: newLogger(log)}, &core.Config{Logger: newLogger(log)})
			if err := p.client.ReceiveState("s", r); err != nil {
				t.Fatal(err)
			}
			if err := p.server.OpenState("s").Snapshot(1, nil); err != nil {
				t.Fatal(err)
			}
			<-p.client.Done()
			wantCode(t, p.client.Err(), twinwire.ProtocolError)
			<-p.server.Done()
			if err := p.server.OpenState("s").Snapshot(2, nil); twinwire.CodeOf(err) != twinwire.Unavailable {
				t.Errorf("Snapshot after the end = %v", err)
			}
		}
		if !log.has("callback panicked", "in a receiver") {
			t.Errorf("log: %q", log.lines)
		}
	})
}

type panicking struct{}

func (panicking) ReceiveState(core.StateUpdate) error { panic("in a receiver") }

// A slow peer whose topic may lose nothing is ended as a slow consumer, and
// learns why.
func TestSlowConsumer(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		p := connect(t, o, &core.Config{Limits: &core.Limits{EventBytes: 10_000}}, &core.Config{})
		sub, err := p.server.Subscribe("t", core.Disconnect)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for err == nil {
			_, err = sub.Emit("f.E", make([]byte, 1000), nil)
		}
		wantCode(t, err, twinwire.SlowConsumer)
		<-p.server.Done()
		<-p.client.Done()
		wantCode(t, p.server.Err(), twinwire.SlowConsumer)
		wantCode(t, p.client.Err(), twinwire.SlowConsumer)
		_, err = sub.Emit("f.E", nil, nil)
		wantCode(t, err, twinwire.Unavailable)
	})
}

// A type of event that cannot be one is refused where it is emitted, and the
// session goes on.
func TestEventTypeRefused(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(map[string]core.Handler{"test.Echo": echo})
		p := connect(t, o, cfg, &core.Config{})
		sub, err := p.server.Subscribe("t", core.Disconnect)
		if err != nil {
			t.Fatal(err)
		}
		for _, typ := range []string{strings.Repeat("x", 256), "no name", "é"} {
			_, err := sub.Emit(typ, nil, nil)
			wantCode(t, err, twinwire.BadRequest)
			_, err = p.server.Emit(typ, nil, core.DropOldest, nil)
			wantCode(t, err, twinwire.BadRequest)
		}
		for range 2 {
			if _, err := sub.Emit(strings.Repeat("x", 255), nil, nil); err != nil {
				t.Error(err)
			}
		}
		p.server.Flush()
		if _, err := call(t.Context(), p.client, "test.Echo", ""); err != nil {
			t.Error(err)
		}
	})
}
