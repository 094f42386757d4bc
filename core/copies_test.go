package core_test

import (
	"testing"
	"time"

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

var _ transport.Lossy = (*aired)(nil)
