package machine

import (
	"testing"

	"github.com/twinwire/twinwire/frame"
)

// A snapshot that waits for a peer that does not read is not made anew for
// every change: as many bytes of deltas may wait behind it as it has itself.
func TestDeltasBehindALargeSnapshot(t *testing.T) {
	const most, whole = 1000, 50_000
	m := New(Config{
		Lanes: 4,
		Peer:  Window{MaxMessage: 1 << 20},
		Rules: &Rules{MaxStateBytes: most},
	}, 0)
	s := m.OpenState("board")
	if err := m.Snapshot(s, 1, make([]byte, whole)); err != nil {
		t.Fatal(err)
	}
	waiting := 0
	for {
		ok, err := m.Delta(s, make([]byte, 100))
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		if waiting += 100; waiting > whole {
			t.Fatalf("%d bytes of deltas wait behind a snapshot of %d", waiting, whole)
		}
	}
	if waiting != whole {
		t.Errorf("%d bytes of deltas wait behind a snapshot of %d, want as many", waiting, whole)
	}
	// A snapshot takes the place of what waits, and the bound begins anew.
	if err := m.Snapshot(s, 1000, make([]byte, frame.MaxPayload)); err != nil {
		t.Fatal(err)
	}
	if ok, err := m.Delta(s, make([]byte, 100)); !ok || err != nil {
		t.Errorf("delta behind a new snapshot: %v, %v", ok, err)
	}
}
