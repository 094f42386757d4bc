package machine

import (
	"testing"
	"time"

	"github.com/twinwire/twinwire/frame"
)

// changesOf sends frames of states to a machine that expects rate of each in a
// second.
type changesOf struct {
	m   *Machine
	seq uint64
	now time.Duration
}

func newChangesOf(rate int) *changesOf {
	m := New(Config{Client: true, Lanes: 4, Rules: &Rules{StateRate: rate, MaxStates: 4, Own: Window{MaxMessage: 1 << 20}}}, 0)
	for i := range m.lanes {
		m.lanes[i].bound = true
	}
	return &changesOf{m: m}
}

func (c *changesOf) send(f frame.Frame) error {
	f.Kind, f.Lane, f.Seq = frame.State, 1, c.seq
	c.seq++
	var eff Effects
	return c.m.Receive(0, frame.Append(nil, &f), c.now, &eff)
}

func (c *changesOf) begin(id uint64) error {
	return c.send(frame.Frame{ID: id, Flags: frame.Snapshot | frame.HasName, Next: 1, Name: []byte("s"), Payload: []byte{0}})
}

func (c *changesOf) change() error { return c.send(frame.Frame{ID: 1, Payload: []byte{0}}) }

// Clause 5.7: an owner that keeps to the rate is never refused, also where its
// wire stood still for minutes and replies made it send more; one that does not
// is, soon.
func TestStateRateOfThePeer(t *testing.T) {
	c := newChangesOf(100)
	if err := c.begin(1); err != nil {
		t.Fatal(err)
	}
	for range 200_000 { // a thousand seconds, at twice the rate
		c.now += 5 * time.Millisecond
		if err := c.change(); err != nil {
			t.Fatal(err)
		}
	}
	for range 100_000 { // one before each reply, however fast
		c.m.in.replies++
		if err := c.change(); err != nil {
			t.Fatal(err)
		}
	}
	c.now += 150 * time.Second // the longest that a wire stands still
	for range 150 * 100 {
		if err := c.change(); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	n := 0
	for ; err == nil && n < 100_000; n++ {
		err = c.change()
	}
	if err == nil || err.Error() != protocolError("too many changes of a state").Error() {
		t.Errorf("after %d changes at once: %v", n, err)
	}
}

// Clause 5.7: what every peer may send is taken where fewer are expected.
func TestLeastStateRate(t *testing.T) {
	c := newChangesOf(10)
	if err := c.begin(1); err != nil {
		t.Fatal(err)
	}
	for i := range 100_000 {
		c.now += 10 * time.Millisecond
		if err := c.change(); err != nil {
			t.Fatalf("after %d changes: %v", i, err)
		}
	}
}

// Who opens another state each time does not begin anew.
func TestStatesThatComeAndGo(t *testing.T) {
	c := newChangesOf(100)
	var err error
	id := uint64(0)
	for err == nil && id < 100_000 {
		id++
		if err = c.begin(id); err == nil {
			err = c.send(frame.Frame{ID: id, Flags: frame.End})
		}
	}
	if err == nil || err.Error() != protocolError("states that come and go").Error() || id < 15_000 {
		t.Errorf("after %d states: %v", id, err)
	}
}

// Changes that wait for a peer that does not read are bounded in number too.
func TestDeltasThatWaitAreCounted(t *testing.T) {
	m := New(Config{Lanes: 4, Peer: Window{MaxMessage: 1 << 20}, Rules: &Rules{MaxStateBytes: 1 << 20}}, 0)
	s := m.OpenState("s")
	if err := m.Snapshot(s, 1, []byte{0}); err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; n < 10_000; n++ {
		if ok, err := m.Delta(s, []byte{0, 0}); err != nil {
			t.Fatal(err)
		} else if !ok {
			break
		}
	}
	if n != maxDeltas {
		t.Errorf("%d changes wait", n)
	}
}
