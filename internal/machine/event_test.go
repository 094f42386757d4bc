package machine

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// A feed is a server that emits and a client that listens.
type feed struct {
	t              testing.TB
	server, client *Machine
}

func newFeed(t testing.TB, change func(server, client *Config)) *feed {
	server, client := testConfig(false, false), testConfig(true, false)
	if change != nil {
		change(&server, &client)
	}
	f := &feed{t, New(server, 0), New(client, 0)}
	f.send(f.client, f.server)
	return f
}

// send moves what waits from one machine to the other, and returns what it was
// of the event lane.
func (f *feed) send(from, to *Machine) (got []string) {
	f.t.Helper()
	var eff Effects
	for {
		b := from.Batch(0, 0, nil)
		if len(b) == 0 {
			return got
		}
		eff.Reset()
		if err := to.Receive(0, b, 0, &eff); err != nil {
			f.t.Fatal(err)
		}
		for _, ev := range eff.Events {
			got = append(got, fmt.Sprint([]string{"emit", "begin", "end", "gap"}[ev.Kind], " ", ev.Topic.Name, " ", len(ev.Payload), " ", ev.Missed))
		}
	}
}

func (f *feed) expect(want ...string) {
	f.t.Helper()
	if got := f.send(f.server, f.client); !slices.Equal(got, want) {
		f.t.Errorf("got  %q\nwant %q", got, want)
	}
}

func (f *feed) subscribe(topic string) *Sub {
	f.t.Helper()
	s, err := f.server.Subscribe(topic, DropOldest)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

func (f *feed) emit(s *Sub, size int) uint64 {
	f.t.Helper()
	ordinal, err := f.server.Emit(s, "t.E", make([]byte, size), DropOldest)
	if err != nil {
		f.t.Fatal(err)
	}
	return ordinal
}

// A subscription that ends before the peer has heard of it is not spoken of,
// unless it had events.
func TestSubscriptionThatNobodyHeardOf(t *testing.T) {
	f := newFeed(t, nil)
	kept := f.subscribe("kept")
	gone := f.subscribe("gone")
	used := f.subscribe("used")
	f.emit(used, 1)
	if !f.server.Unsubscribe(gone) || !f.server.Unsubscribe(used) || f.server.Unsubscribe(gone) {
		t.Error("a subscription ends once")
	}
	f.expect("begin kept 0 0", "begin used 0 0", "emit used 1 0", "end used 0 0")
	f.server.Unsubscribe(kept)
	f.expect("end kept 0 0")
	// A subscription takes no room when it has gone again, whatever waits
	// before it.
	f.subscribe("first")
	before := f.server.events.bytes
	for range 1_000_000 {
		f.server.Unsubscribe(f.subscribe("churn"))
	}
	if e := f.server.events; e.bytes != before || cap(e.q) > 4096 {
		t.Errorf("%d bytes and room for %d events", e.bytes-before, cap(e.q))
	}
	f.expect("begin first 0 0")
}

// Who subscribes to one topic after another, emits and leaves, while nothing is
// sent, is held to the same bytes.
func TestSubscriptionsThatHadEvents(t *testing.T) {
	const most = 64 << 10
	f := newFeed(t, func(server, _ *Config) {
		rules := *server.Rules
		rules.MaxEventBytes = most
		server.Rules = &rules
	})
	n := 0
	for ; n < 100_000; n++ {
		s, err := f.server.Subscribe("churn", DropOldest)
		if err != nil {
			if err != ErrSlowConsumer {
				t.Fatal(err)
			}
			break
		}
		f.emit(s, 100)
		f.server.Unsubscribe(s)
	}
	if e := f.server.events; n == 100_000 || n < 100 || len(e.q)-e.head > 4*n+10 {
		t.Errorf("%d subscriptions, %d places", n, len(e.q)-e.head)
	}
}

// Gaps of however many topics take as many batches as they need.
func TestManyGaps(t *testing.T) {
	f := newFeed(t, func(server, _ *Config) {
		rules := *server.Rules
		rules.MaxEventBytes = 4 << 10
		server.Rules = &rules
	})
	const topics = 10_000
	var subs []*Sub
	for i := range topics {
		subs = append(subs, f.subscribe(fmt.Sprint("topic/", i)))
		f.send(f.server, f.client)
	}
	for _, s := range subs {
		f.emit(s, 1000)
	}
	gaps := 0
	var eff Effects
	for b := f.server.Batch(0, 0, nil); len(b) > 0; b = f.server.Batch(0, 0, nil) {
		if len(b) > frame.MaxBatch {
			t.Fatalf("a batch of %d bytes", len(b))
		}
		eff.Reset()
		if err := f.client.Receive(0, b, 0, &eff); err != nil {
			t.Fatal(err)
		}
		for _, ev := range eff.Events {
			gaps += int(ev.Missed)
		}
		f.send(f.client, f.server) // acknowledgements
	}
	if sent := 4; gaps < topics-sent || gaps >= topics {
		t.Errorf("told of %d events of %d", gaps, topics)
	}
}

// A reply waits for events by ordinal, also for one behind something that was
// taken back.
func TestBarrierBehindWhatWasTakenBack(t *testing.T) {
	f := newFeed(t, nil)
	gone, used := f.subscribe("gone"), f.subscribe("used")
	ordinal := f.emit(used, 1)
	f.server.Unsubscribe(gone)
	if f.server.events.sentThrough(ordinal) {
		t.Error("the event was not sent")
	}
	f.expect("begin used 0 0", "emit used 1 0")
	if !f.server.events.sentThrough(ordinal) {
		t.Error("the event was sent")
	}
}

// An event that the peer does not accept is missed where it would have been.
func TestUnfitEvents(t *testing.T) {
	f := newFeed(t, func(server, client *Config) {
		server.Peer.MaxMessage, client.Own.MaxMessage = 100, 100
	})
	s := f.subscribe("x")
	for _, size := range []int{1, 101, 2, 200, 300, 3, 101} {
		f.emit(s, size)
	}
	f.expect("begin x 0 0", "emit x 1 0", "emit x 2 1", "emit x 3 2", "gap x 0 1")
	if n := f.server.Stats().EventsMissed; n != 4 {
		t.Errorf("statistics know of %d, want 4", n)
	}
	strict, err := f.server.Subscribe("strict", Disconnect)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.server.Emit(strict, "t.E", make([]byte, 101), DropOldest); twinwire.CodeOf(err) != twinwire.TooLarge {
		t.Errorf("error is %v, want TooLarge", err)
	}
}

// Unfit events wait like others, and are dropped like others.
func TestUnfitEventsAreBounded(t *testing.T) {
	f := newFeed(t, func(server, client *Config) {
		server.Peer.MaxMessage, server.MaxEventBytes = 100, 10*eventOverhead
	})
	s := f.subscribe("x")
	f.expect("begin x 0 0")
	for range 100_000 {
		f.emit(s, 101)
	}
	if e := f.server.events; e.bytes > 10*eventOverhead || cap(e.q) > 2048 {
		t.Errorf("%d bytes and room for %d events", e.bytes, cap(e.q))
	}
	f.emit(s, 1)
	f.expect("emit x 1 100000")
	if n := f.server.Stats().EventsMissed; n != 100_000 {
		t.Errorf("statistics know of %d", n)
	}
}

// A peer cannot make this side remember any number of topics.
func TestTopicsOfThePeerAreBounded(t *testing.T) {
	f := newFeed(t, nil)
	var eff Effects
	for i := range uint64(MaxTopics + 2) { // one more than are allowed with the one of id 0
		b := frames(frame.Frame{Kind: frame.Topic, Flags: frame.Begin, Lane: 2, ID: i + 1, Seq: i, Name: []byte("x")})
		err := f.client.Receive(0, b, 0, &eff)
		if (i > MaxTopics) != (err != nil) {
			t.Fatalf("topic %d: %v", i+1, err)
		}
	}
}
