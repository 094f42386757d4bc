package core_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/mem"
)

// A session whose carrier loses packets sends small frames twice, until it has
// lost none for a while (clause 17): a call need not wait for its lane.
func TestCopies(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		server, _ := serving(map[string]core.Handler{"echo": echo})
		client, server2, cc, sc, end := connectAired(t, o, server, &core.Config{Reconnect: func(*core.Session, error) {}})
		defer end()
		trip := func() time.Duration {
			t.Helper()
			begin := time.Now()
			if got, err := call(t.Context(), client, "echo", "hello"); got != "hello" || err != nil {
				t.Fatal(got, err)
			}
			return time.Since(begin)
		}
		both := func() core.Stats {
			a, b := client.Stats(), server2.Stats()
			return core.Stats{FramesCopied: a.FramesCopied + b.FramesCopied, CopiesFirst: a.CopiesFirst + b.CopiesFirst}
		}
		trip()
		time.Sleep(time.Second)
		if trip(); both() != (core.Stats{}) {
			t.Errorf("copies without losses: %+v", both())
		}

		cc.losses.Store(1)
		sc.losses.Store(1)
		time.Sleep(time.Second)
		for range 3 { // the first announces the copies
			trip()
			time.Sleep(time.Second)
		}
		const late = 150 * time.Millisecond
		cc.Delay(mem.AllLanes, late)
		sc.Delay(mem.AllLanes, late)
		if d := trip(); d >= late {
			t.Errorf("a call took %v although copies arrive", d)
		}
		if n := both(); n.FramesCopied < 2 || n.CopiesFirst != 2 {
			t.Errorf("after the call: %+v", n)
		}
		time.Sleep(2 * late)
		cc.lost.Store(true)
		sc.lost.Store(true)
		if d := trip(); d < 2*late {
			t.Errorf("a call took %v although its copies were lost", d)
		}
		cc.lost.Store(false)
		sc.lost.Store(false)

		time.Sleep(time.Minute)
		trip()
		n := both()
		if d := trip(); d < 2*late || both() != n {
			t.Errorf("a minute after the last loss: a call took %v, %+v", d, both())
		}
	})
}

// A call does not wait for who writes to a carrier that takes nothing, as one does
// that has lost a packet.
func TestCopiesWhileWriting(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		received := make(chan int, 1)
		server, _ := serving(map[string]core.Handler{"echo": echo, "take": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
			var text codec.Value[string]
			err := r.Decode(&text)
			received <- len(text.V)
			return nil, err
		}})
		client, _, cc, sc, end := connectAired(t, o, server, &core.Config{Reconnect: func(*core.Session, error) {}})
		defer end()
		cc.losses.Store(1)
		sc.losses.Store(1)
		for range 3 {
			if _, err := call(t.Context(), client, "echo", "hello"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		// What introduces a name is not overtaken.
		if err := client.Send(t.Context(), "take", str("")); err != nil || must(t, received) != 0 {
			t.Fatal(err)
		}
		cc.Stall(mem.AllLanes)
		const large = 3 << 20
		if err := client.Send(t.Context(), "take", str(strings.Repeat("x", large))); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		begin := time.Now()
		for range 3 {
			if got, err := call(t.Context(), client, "echo", "small"); got != "small" || err != nil {
				t.Fatal(got, err)
			}
		}
		if d := time.Since(begin); d > 100*time.Millisecond {
			t.Errorf("three calls took %v", d)
		}
		none(t, received)
		cc.Unstall(mem.AllLanes)
		if n := must(t, received); n != large {
			t.Errorf("%d bytes arrived", n)
		}
	})
}

// Small frames that go ahead leave large ones, and acknowledgements, their turn.
func TestCopiesLeaveTurns(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		received := make(chan int, 1)
		server, _ := serving(map[string]core.Handler{
			"tick": func(context.Context, *core.Request) (codec.Marshaler, error) { return nil, nil },
			"take": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
				var text codec.Value[string]
				err := r.Decode(&text)
				received <- len(text.V)
				return nil, err
			},
		})
		client, _, cc, _, end := connectAired(t, o, server, &core.Config{Reconnect: func(*core.Session, error) {}})
		defer end()
		send := func(method, text string) {
			t.Helper()
			if err := client.Send(t.Context(), method, str(text)); err != nil {
				t.Error(err)
			}
		}
		for _, method := range []string{"tick", "take", "tick"} {
			cc.losses.Add(1)
			time.Sleep(time.Second)
			send(method, "")
		}
		must(t, received)
		cc.slow.Store(int64(5 * time.Millisecond))
		defer cc.slow.Store(0)
		send("take", strings.Repeat("x", 1<<20))
		for range 1000 { // there is always something small
			time.Sleep(2 * time.Millisecond)
			send("tick", "x")
		}
		must(t, received)
	})
}

var _ transport.Lossy = (*aired)(nil)
