package machine

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire/frame"
)

// newLatestFeed returns a feed over a carrier with datagrams of at most so many
// bytes.
func newLatestFeed(t testing.TB, datagram int32) *feed {
	return newFeed(t, func(server, client *Config) {
		server.Latest, client.Latest = true, true
		server.Datagram, client.Datagram = datagram, datagram
		server.Retention, client.Retention = 1<<20, 1<<20
	})
}

func (f *feed) follow(topic string) *Sub {
	f.t.Helper()
	s, err := f.server.Subscribe(topic, Latest)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

// datagrams has the server's datagrams arrive and returns what comes of them.
func (f *feed) datagrams() (got []string) {
	f.t.Helper()
	for f.server.DatagramsReady() {
		b := f.server.Datagram(0, nil)
		if len(b) > int(f.server.cfg.Datagram) {
			f.t.Errorf("a datagram of %d bytes", len(b))
		}
		var eff Effects
		if err := f.client.ReceiveDatagram(b, 0, &eff); err != nil {
			f.t.Fatal(err)
		}
		for _, ev := range eff.Events {
			got = append(got, fmt.Sprint(ev.Topic.Name, " ", len(ev.Payload)))
		}
	}
	return got
}

// Clause 7.7: what waits is replaced, on any wire, and nothing is said of it.
func TestLatestReplacesWhatWaits(t *testing.T) {
	for _, agreed := range []bool{true, false} {
		f := newFeed(t, func(server, client *Config) {
			server.Latest, client.Latest = agreed, agreed
			server.Datagram, client.Datagram = 1000, 1000
		})
		a, b := f.follow("a"), f.follow("b")
		other := f.subscribe("other")
		for size := range 5 {
			f.emit(a, size)
			f.emit(other, size)
		}
		f.emit(b, 7)
		if n := f.server.events.bytes; n > 10*(eventOverhead+10) {
			t.Errorf("%d bytes wait", n)
		}
		f.expect("begin a 0 0", "begin b 0 0", "begin other 0 0", "emit a 4 0", "emit other 0 0", "emit other 1 0",
			"emit other 2 0", "emit other 3 0", "emit other 4 0", "emit b 7 0")
		f.emit(a, 1)
		if f.server.DatagramsReady() != agreed {
			t.Errorf("agreed: %v, datagrams are ready: %v", agreed, !agreed)
		}
		f.server.Unsubscribe(a)
		f.expect("emit a 1 0", "end a 0 0")
	}
}

// A replacement that the queue has no room for goes the way of any event.
func TestLatestGrowsBeyondTheQueue(t *testing.T) {
	f := newFeed(t, func(server, client *Config) { server.MaxEventBytes = 10_000 })
	s := f.follow("s")
	f.emit(s, 10)
	f.emit(s, 9_000)
	f.emit(s, 9_500)
	f.emit(s, 9_700)
	f.expect("begin s 0 0", "emit s 9700 0")
	if f.server.events.bytes != 0 || f.server.stats.EventsMissed != 0 {
		t.Errorf("%d bytes wait, %d events were missed", f.server.events.bytes, f.server.stats.EventsMissed)
	}
}

// Clauses 7.8 and 7.9: the first event of a topic goes to the lane, those after
// it to datagrams as far as they fit, and what is followed by nothing is said
// again.
func TestLatestByDatagram(t *testing.T) {
	f := newLatestFeed(t, 200)
	a, b := f.follow("a"), f.follow("b")
	f.emit(a, 1)
	f.emit(b, 1)
	f.expect("begin a 0 0", "begin b 0 0", "emit a 1 0", "emit b 1 0")
	f.emit(a, 2)
	f.emit(b, 2)
	f.emit(a, 3) // in place of 2
	f.expect()
	if got := f.datagrams(); !slices.Equal(got, []string{"a 3", "b 2"}) {
		t.Errorf("datagrams bring %q", got)
	}
	f.emit(a, 120) // too large for one datagram
	f.emit(b, 121)
	if got := f.datagrams(); !slices.Equal(got, []string{"a 120", "b 121"}) {
		t.Errorf("datagrams bring %q", got)
	}
	f.emit(a, 500) // too large for any
	f.expect("emit a 500 0")

	// That of b is repaired, that of a needs it not; what has arrived is not
	// delivered twice.
	if due := f.server.Deadline(); due > repairTime {
		t.Errorf("the deadline is at %v", due)
	}
	if err := f.server.Tick(repairTime); err != nil {
		t.Fatal(err)
	}
	if f.server.events.empty() {
		t.Error("nothing is repaired")
	}
	f.expect()
	f.emit(b, 4)
	lost := f.server.Datagram(repairTime, nil)
	if err := f.server.Tick(2*repairTime - 1); err != nil {
		t.Fatal(err)
	}
	f.expect()
	if err := f.server.Tick(2 * repairTime); err != nil {
		t.Fatal(err)
	}
	f.expect("emit b 4 0")
	var eff Effects
	if err := f.client.ReceiveDatagram(lost, 0, &eff); err != nil || len(eff.Events) != 0 {
		t.Errorf("a datagram that comes late: %v, %v", eff.Events, err)
	}

	// What was emitted before a subscription ends arrives before its end.
	f.emit(a, 5)
	f.server.Unsubscribe(a)
	f.expect("emit a 5 0", "end a 0 0")
	if got := f.datagrams(); len(got) != 0 {
		t.Errorf("datagrams of a topic that has ended: %q", got)
	}
	f.server.Detach()
	f.emit(b, 6)
	f.emit(b, 7)
	if f.server.DatagramsReady() {
		t.Error("a datagram without a carrier")
	}
}

// A peer that sends anything else in a datagram, or versions where there are
// none, breaks the protocol.
func TestLatestViolations(t *testing.T) {
	latest := frame.Frame{Kind: frame.Latest, Lane: 2, ID: 1, Version: 1, Name: []byte("t.E")}
	change := func(f func(*frame.Frame)) []byte { v := latest; f(&v); return frame.Append(nil, &v) }
	good := change(func(*frame.Frame) {})
	for name, b := range map[string][]byte{
		"another kind": frame.Append(nil, &frame.Frame{Kind: frame.Ping}),
		"an EVENT":     change(func(f *frame.Frame) { f.Kind, f.Flags = frame.Event, frame.Versioned }),
		"another lane": change(func(f *frame.Frame) { f.Lane = 1 }),
		"no topic":     change(func(f *frame.Frame) { f.ID = 0 }),
		"no version":   change(func(f *frame.Frame) { f.Version = 0 }),
		"a bad type":   change(func(f *frame.Frame) { f.Name = []byte("\n") }),
		"a cut frame":  good[:len(good)-1],
	} {
		f := newLatestFeed(t, 1000)
		if err := f.client.ReceiveDatagram(b, 0, new(Effects)); err == nil {
			t.Errorf("a datagram with %s is taken", name)
		}
	}
	f := newFeed(t, nil)
	if err := f.client.ReceiveDatagram(good, 0, new(Effects)); err == nil {
		t.Error("a datagram without agreement is taken")
	}
	f = newLatestFeed(t, 1000)
	if err := f.client.ReceiveDatagram(good, 0, new(Effects)); err != nil {
		t.Errorf("a datagram of a topic that is not known yet: %v", err)
	}
	if err := f.client.Receive(0, good, 0, new(Effects)); err == nil {
		t.Error("LATEST in a lane is taken")
	}
}

func FuzzReceiveDatagram(f *testing.F) {
	v := frame.Frame{Kind: frame.Latest, Lane: 2, ID: 1, Version: 1, Name: []byte("t.E"), Payload: []byte("x")}
	one := frame.Append(nil, &v)
	v.Version = 2
	f.Add(one)
	f.Add(frame.Append(one, &v))
	f.Fuzz(func(t *testing.T, b []byte) {
		w := newLatestFeed(t, 1000)
		w.emit(w.follow("a"), 1)
		w.expect("begin a 0 0", "emit a 1 0")
		var eff Effects
		_ = w.client.ReceiveDatagram(b, 0, &eff)
		newest := uint64(1)
		for _, ev := range eff.Events {
			if ev.Topic.newest <= newest || !frame.ValidType(ev.Type) {
				t.Fatalf("event of type %q, version %d after %d", ev.Type, ev.Topic.newest, newest)
			}
		}
	})
}

// Datagrams are lost, doubled and late, the lane is slow, carriers change,
// subscriptions end, and so does the session: nothing older comes after
// something newer, and the last is there in the end.
func TestLatestHistories(t *testing.T) {
	for seed := range uint64(400) {
		h := latestHistory{rand: rand.New(rand.NewPCG(seed, 7)), t: t, seed: seed}
		h.run()
	}
}

type latestHistory struct {
	t    *testing.T
	seed uint64
	rand *rand.Rand
	*feed
	now     time.Duration
	topics  []*latestTopic // all that there have been
	byName  map[string]*latestTopic
	goodbye bool // the client has it, and everything before it
	lane    []arriving
	air     []arriving
}

type latestTopic struct {
	*Sub
	sent, seen uint64 // the newest
}

type arriving struct {
	at time.Duration
	b  []byte
}

func (h *latestHistory) run() {
	h.feed = newLatestFeed(h.t, 100+h.rand.Int32N(1000))
	h.byName = make(map[string]*latestTopic)
	followed := make([]*latestTopic, 1+h.rand.IntN(5))
	for i := range followed {
		followed[i] = h.another()
	}
	generation := uint64(1)
	for range 300 {
		h.now += time.Duration(h.rand.IntN(20)) * time.Millisecond
		if i := h.rand.IntN(2 * len(followed)); i < len(followed) {
			h.emit(followed[i])
		}
		if h.rand.IntN(60) == 0 {
			generation++
			h.move(generation)
		}
		if h.rand.IntN(60) == 0 {
			i := h.rand.IntN(len(followed))
			h.server.Unsubscribe(followed[i].Sub)
			followed[i] = h.another()
		}
		h.step(true)
	}
	closes := h.rand.IntN(2) == 0
	if closes {
		h.server.Close(0, "", 0, new(Effects))
	}
	for range 1000 {
		h.now += 20 * time.Millisecond
		h.step(false)
	}
	if closes != h.goodbye {
		h.fatal("closed: ", closes, ", arrived: ", h.goodbye)
	}
	for i, v := range h.topics {
		if v.seen != v.sent {
			h.fatal("of topic ", i, " was seen last ", v.seen, ", not ", v.sent)
		}
	}
	if h.server.events.latest.due != 0 || h.server.DatagramsReady() || h.server.events.bytes != 0 {
		h.fatal("something waits")
	}
}

// another has the client subscribed to a topic that it never was.
func (h *latestHistory) another() *latestTopic {
	name := fmt.Sprint(len(h.topics))
	v := &latestTopic{Sub: h.follow(name)}
	h.topics, h.byName[name] = append(h.topics, v), v
	return v
}

func (h *latestHistory) emit(v *latestTopic) {
	v.sent++
	payload := binary.BigEndian.AppendUint64(nil, v.sent)
	if h.rand.IntN(10) == 0 {
		payload = append(payload, make([]byte, 2000)...)
	}
	if h.rand.IntN(20) == 0 {
		payload = append(payload, make([]byte, 2*frame.MaxFrame)...)
	}
	if _, err := h.server.Emit(v.Sub, "t.E", payload, DropOldest); err != nil {
		h.fatal(err)
	}
}

// move has the session go on with another carrier; what is under way is lost.
func (h *latestHistory) move(generation uint64) {
	h.server.Detach()
	h.client.Detach()
	h.lane, h.air = nil, nil
	var eff Effects
	b := Binding{Generation: generation, Heartbeat: time.Minute, Datagram: h.rand.Int32N(2) * 500}
	b.Nexts, b.Told = h.client.Nexts(), h.server.Nexts()
	if err := h.server.Rebind(&b, h.now, &eff); err != nil {
		h.fatal(err)
	}
	b.Nexts, b.Told = b.Told, b.Nexts
	if err := h.client.Rebind(&b, h.now, &eff); err != nil {
		h.fatal(err)
	}
}

func (h *latestHistory) step(lossy bool) {
	if err := h.server.Tick(h.now); err != nil {
		h.fatal(err)
	}
	if b := h.client.Batch(0, h.now, nil); len(b) > 0 {
		if err := h.server.Receive(0, b, h.now, new(Effects)); err != nil {
			h.fatal(err)
		}
	}
	last := h.now
	if n := len(h.lane); n > 0 {
		last = max(last, h.lane[n-1].at)
	}
	for !lossy || h.rand.IntN(4) > 0 { // the writer may be slow
		b := h.server.Batch(0, h.now, nil)
		if len(b) == 0 {
			break
		}
		last += time.Duration(h.rand.IntN(80)) * time.Millisecond
		h.lane = append(h.lane, arriving{last, b})
	}
	for h.server.DatagramsReady() && (!lossy || h.rand.IntN(3) > 0) {
		b := h.server.Datagram(h.now, nil)
		if len(b) > int(h.server.cfg.Datagram) {
			h.fatal("datagram of ", len(b), " bytes")
		}
		for range h.rand.IntN(3) { // lost, once or twice
			h.air = append(h.air, arriving{h.now + time.Duration(h.rand.IntN(200))*time.Millisecond, b})
		}
	}
	h.lane = h.arrive(h.lane, func(b []byte, eff *Effects) error { return h.client.Receive(0, b, h.now, eff) })
	h.air = h.arrive(h.air, func(b []byte, eff *Effects) error { return h.client.ReceiveDatagram(b, h.now, eff) })
}

func (h *latestHistory) arrive(all []arriving, take func(b []byte, eff *Effects) error) (later []arriving) {
	for _, a := range all {
		if a.at > h.now {
			later = append(later, a)
			continue
		}
		var eff Effects
		if err := take(a.b, &eff); err != nil {
			h.fatal(err)
		}
		h.goodbye = h.goodbye || eff.Closed
		for _, ev := range eff.Events {
			if ev.Kind != Emitted {
				continue
			}
			n, v := binary.BigEndian.Uint64(ev.Payload), h.byName[ev.Topic.Name]
			if n <= v.seen || ev.Missed > 0 || !strings.HasPrefix(ev.Type, "t.") {
				h.fatal("topic ", ev.Topic.Name, ": ", n, " after ", v.seen)
			}
			v.seen = n
		}
	}
	return later
}

func (h *latestHistory) fatal(why ...any) {
	h.t.Fatalf("history %d (newest events): %s", h.seed, fmt.Sprint(why...))
}
