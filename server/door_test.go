package server

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire/core"
)

func testDoor(t *testing.T, most core.Admission) *door {
	t.Helper()
	a, err := core.NewAcceptor(&core.Config{Limits: &core.Limits{Admission: most}})
	if err != nil {
		t.Fatal(err)
	}
	return newDoor(a.Limits(), a.Counts())
}

var here, there = netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32")

// knock asks n times and returns how often the door opened.
func knock(d *door, from netip.Prefix, n int) (leave []func()) {
	for range n {
		if l, ok := d.enter(from); ok {
			leave = append(leave, l.leave)
		}
	}
	return leave
}

func TestDoorCounts(t *testing.T) {
	for _, n := range []int{1, 2, 10} {
		synctest.Test(t, func(t *testing.T) {
			d := testDoor(t, core.Admission{AddressConnections: n, ConnectRate: -1, ConnectBurst: -1})
			in := knock(d, here, n+1)
			if len(in) != n || d.counts.Of(core.LimitConnections) != 1 {
				t.Fatalf("%d of %d were let in, %d counted", len(in), n+1, d.counts.Of(core.LimitConnections))
			}
			if len(knock(d, there, 1)) != 1 {
				t.Error("another address was not let in")
			}
			in[0]()
			in[0]() // once counts
			if got := len(knock(d, here, 2)); got != 1 {
				t.Errorf("%d were let in after one had gone", got)
			}
		})
	}
}

func TestDoorRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := testDoor(t, core.Admission{AddressConnections: -1})
		if n := len(knock(d, here, 100)); n != 40 {
			t.Errorf("%d at once, want 40", n)
		}
		time.Sleep(500 * time.Millisecond)
		if n := len(knock(d, here, 100)); n != 10 {
			t.Errorf("%d after half a second, want 10", n)
		}
		if n := d.counts.Of(core.LimitConnectRate); n != 150 {
			t.Errorf("%d were counted, want 150", n)
		}
		// What others pretend does not count against an address, and the other
		// way round.
		for i := range 41 {
			if got := d.doubts(there); got != (i == 40) {
				t.Errorf("handshake %d: doubted: %v", i, got)
			}
		}
		if n := len(knock(d, there, 100)); n != 40 {
			t.Errorf("%d after a flood in its name, want 40", n)
		}
	})
}

// An address that has sessions here is let in once more for each of them, so
// that they can be resumed.
func TestDoorForSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := testDoor(t, core.Admission{AddressConnections: -1})
		for range 100 {
			d.began(here)
		}
		if n := len(knock(d, here, 500)); n != 140 {
			t.Errorf("%d of an address with 100 sessions, want 140", n)
		}
		time.Sleep(time.Second)
		if n := len(knock(d, here, 500)); n != 40 { // 20 of anybody, 100 sessions in 5 s
			t.Errorf("%d a second later, want 40", n)
		}
		for range 100 {
			d.ended(here)
		}
		time.Sleep(time.Second)
		if n := len(knock(d, here, 500)); n != 20 {
			t.Errorf("%d when the sessions have ended, want 20", n)
		}
	})
}

// The door forgets addresses that are gone.
func TestDoorForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := testDoor(t, core.Admission{})
		for i := range 100_000 {
			from := netip.MustParsePrefix(fmt.Sprintf("10.%d.%d.%d/32", i>>16, i>>8&255, i&255))
			if i%2 == 0 {
				d.doubts(from)
			} else {
				knock(d, from, 1)[0]()
			}
			time.Sleep(100 * time.Microsecond)
		}
		if n := len(d.visitors); n > 25_000 {
			t.Errorf("%d addresses are remembered", n)
		}
		time.Sleep(3 * time.Second)
		d.doubts(here)
		if n := len(d.visitors); n != 1 {
			t.Errorf("%d addresses are remembered, want 1", n)
		}
	})
}
