package machine

import (
	"slices"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// copyStep has copies go on and off, leave, be lost, and arrive late and twice.
func (e *end) copyStep() {
	w := e.w
	if _, may := e.m.Copies(); may {
		e.m.SetCopies(w.rng.IntN(20) > 0)
	}
	if c := e.m.early; c != nil && w.rng.IntN(2) == 0 {
		c.tick(c.due)
		c.pause = 0
	}
	if p := w.rng.IntN(e.m.Pipes()); w.rng.IntN(4) == 0 {
		e.send(p, e.m.Ahead(p, w.now, e.buf[:0]))
	}
	if w.rng.IntN(10) == 0 { // the lanes stand still
		for p := range e.m.Pipes() {
			e.block[p] = w.rng.IntN(40)
		}
	}
	if e.m.DatagramsReady() {
		b := e.m.Datagram(w.now, nil)
		if len(b) > int(e.m.cfg.Copies) {
			w.fatalf("%s: datagram of %d bytes", e.name, len(b))
		}
		for range []int{0, 1, 1, 1, 1, 2}[w.rng.IntN(6)] {
			e.air = append(e.air, slices.Clone(b))
		}
	}
	if n := len(e.air); n > 0 && w.rng.IntN(4) > 0 {
		i := 0
		if w.rng.IntN(4) == 0 {
			i = w.rng.IntN(n)
		}
		b := e.air[i]
		e.air = slices.Delete(e.air, i, i+1)
		e.peer.receiveDatagram(b)
	}
}

func (e *end) receiveDatagram(b []byte) {
	before := e.taken()
	e.eff.Reset()
	err := e.m.ReceiveDatagram(b, e.w.now, &e.eff)
	e.carryOut()
	clear(b)
	if err != nil {
		e.w.fatalf("%s: %v", e.name, err)
	}
	e.early += e.taken() - before
}

// taken returns how many frames were taken early and have not arrived.
func (e *end) taken() (n int) {
	if e.m.early != nil {
		for i := range e.m.early.lanes {
			n += len(e.m.early.lanes[i].taken)
		}
	}
	return n
}

// The histories with copies are worth something only if many of them arrive
// first.
func TestCopiesInHistories(t *testing.T) {
	n, all := 0, 0
	for seed := range uint64(300) {
		w, history := newHistory(t, seed)
		if !w.copies {
			continue
		}
		history()
		all++
		n += w.ends[0].early + w.ends[1].early
		for _, e := range w.ends {
			if !e.peer.unacknowledged() && e.taken() > 0 {
				t.Errorf("history %d: %s: %d frames were taken early and have not arrived", seed, e.name, e.taken())
			}
		}
	}
	if t.Log(n, "copies in", all, "histories"); n < 5*all {
		t.Errorf("in %d histories %d copies arrived first", all, n)
	}
}

// newCopying returns two machines that copy what they send.
func newCopying(t testing.TB) *feed {
	f := newFeed(t, func(server, client *Config) {
		for _, c := range []*Config{server, client} {
			c.Early, c.Copies, c.Lanes, c.Retention = true, 1100, 5, 1<<20
		}
	})
	f.send(f.server, f.client)
	f.client.SetCopies(true)
	f.send(f.client, f.server)
	if !f.server.ExpectsDatagrams() {
		t.Fatal("the peer has not heard of copies")
	}
	return f
}

// begin starts a call or a message of so many bytes.
func (f *feed) begin(size int, oneWay bool) *Call {
	f.t.Helper()
	c := &Call{Method: "t.m", OneWay: oneWay, Content: Content{Payload: make([]byte, size)}}
	if err := f.client.Start(c); err != nil {
		f.t.Fatal(err)
	}
	return c
}

// copied has the client's copies arrive, and returns what they start.
func (f *feed) copied(now time.Duration) (started []*Inbound) {
	f.t.Helper()
	if err := f.client.Tick(now); err != nil {
		f.t.Fatal(err)
	}
	for f.client.DatagramsReady() {
		var eff Effects
		if err := f.server.ReceiveDatagram(f.client.Datagram(now, nil), now, &eff); err != nil {
			f.t.Fatal(err)
		}
		started = append(started, eff.Start...)
	}
	return started
}

// A copy of a call overtakes parts of a large message, but not a message of one
// frame that was sent before it (clause 17.3).
func TestCopyOvertakes(t *testing.T) {
	f := newCopying(t)
	f.begin(1, true) // so that the name is known
	f.send(f.client, f.server)
	f.copied(time.Hour)

	f.begin(100_000, true)
	lane := f.client.Batch(0, 0, nil)
	f.begin(10, false)
	lane = f.client.Batch(0, 0, lane)
	if n := len(f.copied(copyTime - 1)); n != 0 {
		t.Errorf("%d copies leave with the frame itself", n)
	}
	if got := f.copied(copyTime); len(got) != 1 || got[0].OneWay {
		t.Fatalf("copies start %+v, not the call", got)
	}
	// It is taken once.
	var eff Effects
	if err := f.server.Receive(0, lane, 0, &eff); err != nil || len(eff.Start) != 0 {
		t.Errorf("the lane starts %d more, %v", len(eff.Start), err)
	}
	f.send(f.client, f.server)
	if f.server.in.lastID != f.client.out.nextID {
		t.Errorf("the last id is %d, not %d", f.server.in.lastID, f.client.out.nextID)
	}

	f.begin(copyMost, true) // too large for a copy
	f.begin(10, false)
	_ = f.client.Batch(0, 2*copyTime, nil)
	if got := f.copied(3 * copyTime); len(got) != 0 {
		t.Errorf("a copy overtakes a message of one frame: %+v", got)
	}
}

// More than a datagram holds is not copied, nor is what follows for a while.
func TestCopiesOfFewOnly(t *testing.T) {
	f := newCopying(t)
	send := func(n int, now time.Duration) int {
		for range n {
			f.begin(100, true)
		}
		b := f.client.Batch(0, now, nil)
		started := len(f.copied(now + copyTime))
		if err := f.server.Receive(0, b, now, new(Effects)); err != nil {
			t.Fatal(err)
		}
		return started
	}
	if n := send(5, 0); n != 5 {
		t.Errorf("of 5 messages %d were copied", n)
	}
	if n := send(50, time.Second); n != 0 {
		t.Errorf("of 50 messages %d were copied", n)
	}
	if n := send(1, time.Second+copyPause/2); n != 0 {
		t.Error("a message was copied right after many")
	}
	if n := send(1, time.Second+2*copyPause); n != 1 {
		t.Error("a message was not copied a while after many")
	}
	f.client.SetCopies(false)
	if n := send(1, 2*time.Second); n != 0 || f.client.Regulated() {
		t.Error("a message was copied although that was turned off")
	}
}

// What is not as clause 17 says breaks the protocol, or changes nothing.
func TestCopyViolations(t *testing.T) {
	call := frame.Frame{Kind: frame.Call, Lane: 1, Seq: 1, ID: 2, Name: []byte("t.m"), Payload: []byte{1}}
	early := func(change func(outer, inner *frame.Frame)) []byte {
		inner, outer := call, frame.Frame{Kind: frame.Early, Lane: 1}
		change(&outer, &inner)
		if outer.Payload == nil {
			outer.Payload = frame.Append(nil, &inner)
		}
		return frame.Append(nil, &outer)
	}
	for name, b := range map[string][]byte{
		"no frame":                 early(func(o, _ *frame.Frame) { o.Payload = []byte{} }),
		"half a frame":             early(func(o, i *frame.Frame) { o.Payload = frame.Append(nil, i)[:4] }),
		"two frames":               early(func(o, i *frame.Frame) { o.Payload = frame.Append(frame.Append(nil, i), i) }),
		"a frame of another lane":  early(func(_, i *frame.Frame) { i.Lane = 2 }),
		"a frame of the call lane": early(func(o, _ *frame.Frame) { o.Lane = 2 }),
		"a call on the event lane": early(func(o, i *frame.Frame) { i.Lane, o.Lane = 2, 2 }),
		"a control frame":          early(func(o, i *frame.Frame) { *i = frame.Frame{Kind: frame.Ping}; o.Lane = 0 }),
		"a CANCEL":                 early(func(_, i *frame.Frame) { *i = frame.Frame{Kind: frame.Cancel, Lane: 1, ID: 1} }),
		"a frame before its turn":  early(func(o, i *frame.Frame) { o.Next = 5 }),
		"a compressed frame":       early(func(_, i *frame.Frame) { i.Packed = true }),
		"a bad method":             early(func(_, i *frame.Frame) { i.Name = []byte("\n") }),
		"a part of a call": early(func(_, i *frame.Frame) {
			i.Flags, i.Size, i.Packed = frame.HasMore, 20_000, true
		}),
	} {
		f := newCopying(t)
		if err := f.server.ReceiveDatagram(b, 0, new(Effects)); err == nil {
			t.Errorf("a copy of %s is taken", name)
		}
	}
	good := early(func(_, _ *frame.Frame) {})
	f := newCopying(t)
	var eff Effects
	if err := f.server.ReceiveDatagram(good, 0, &eff); err != nil || len(eff.Start) != 1 {
		t.Fatalf("a copy starts %d calls, %v", len(eff.Start), err)
	}
	if err := f.server.ReceiveDatagram(good, 0, &eff); err != nil || len(eff.Start) != 1 {
		t.Errorf("a copy that comes twice starts %d calls, %v", len(eff.Start), err)
	}
	again := early(func(o, i *frame.Frame) { i.Seq, o.Next = 2, 2 })
	if err := f.server.ReceiveDatagram(again, 0, &eff); err == nil {
		t.Error("a call with the id of one that runs is taken")
	}
	if err := f.server.Receive(0, good, 0, &eff); err == nil {
		t.Error("a copy in a lane is taken")
	}
	if err := newFeed(t, nil).server.Receive(0, frame.Append(nil, &frame.Frame{Kind: frame.Early}), 0, &eff); err == nil {
		t.Error("EARLY without agreement is taken")
	}
	if err := newLatestFeed(t, 1000).server.ReceiveDatagram(good, 0, &eff); err == nil {
		t.Error("a copy without agreement is taken")
	}

	// Who sends only copies is not remembered for ever.
	f = newCopying(t)
	for seq := range uint64(2 * maxTaken) {
		b := early(func(o, i *frame.Frame) {
			*i = frame.Frame{Kind: frame.Gap, Lane: 2, Seq: seq, Next: 1}
			o.Next, o.Lane = seq, 2
		})
		if err := f.server.ReceiveDatagram(b, 0, new(Effects)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(f.server.early.lanes[1].taken); n != maxTaken {
		t.Errorf("%d frames are remembered", n)
	}
}

// A call with an id that was taken early, which comes under another number.
func TestCallTwiceAfterItsCopy(t *testing.T) {
	f := newCopying(t)
	lane := func(kind frame.Kind, seq, id uint64) []byte {
		return frame.Append(nil, &frame.Frame{Kind: kind, Lane: 1, Seq: seq, ID: id, Name: []byte("t.m"), Payload: []byte{1}})
	}
	early := frame.Append(nil, &frame.Frame{Kind: frame.Early, Lane: 1, Next: 0, Payload: lane(frame.Call, 3, 7)})
	var eff Effects
	if err := f.server.ReceiveDatagram(early, 0, &eff); err != nil || len(eff.Start) != 1 {
		t.Fatalf("a copy starts %d calls, %v", len(eff.Start), err)
	}
	if err := f.server.Receive(0, lane(frame.Call, 0, 5), 0, &eff); err != nil || len(eff.Start) != 2 {
		t.Fatalf("a call with a lower id: %v", err)
	}
	if err := f.server.Receive(0, lane(frame.Call, 1, 7), 0, &eff); err == nil {
		t.Error("the id of a call that runs is taken again")
	}
}

func FuzzReceiveEarly(f *testing.F) {
	call := frame.Append(nil, &frame.Frame{Kind: frame.Call, Lane: 1, Seq: 2, ID: 2, Name: []byte("t.m"), Payload: []byte{1}})
	f.Add(frame.Append(nil, &frame.Frame{Kind: frame.Early, Lane: 1, Payload: call}), call)
	f.Add(frame.Append(nil, &frame.Frame{Kind: frame.Early, Lane: 1, Next: 2, Payload: call}), []byte{})
	f.Fuzz(func(t *testing.T, datagram, lane []byte) {
		w := newCopying(t)
		var eff Effects
		if w.server.ReceiveDatagram(datagram, 0, &eff) == nil {
			_ = w.server.Receive(0, lane, 0, &eff)
		}
		seen := map[uint64]bool{}
		for _, v := range eff.Start {
			if !v.OneWay && seen[v.id] {
				t.Fatalf("call %d is started twice", v.id)
			}
			seen[v.id] = true
		}
	})
}

// A call that was taken early may have been run, although its frame has not
// arrived when the peer says goodbye (clause 17.5).
func TestCopyOfUnacknowledgedCall(t *testing.T) {
	f := newCopying(t)
	c := f.begin(10, false)
	_ = f.client.Batch(0, 0, nil) // lost
	if n := len(f.copied(copyTime)); n != 1 {
		t.Fatalf("%d calls start", n)
	}
	f.server.Close(0, "", 0, new(Effects))
	f.send(f.server, f.client)
	var eff Effects
	if f.client.End(&eff); len(eff.Done) != 1 || c.Code != twinwire.OutcomeUnknown {
		t.Errorf("%d calls end, this one as %v", len(eff.Done), c.Code)
	}
}

// What arrives in place of a frame that was taken early is refused: it would
// leave room for another call with the id.
func TestCopyOfAnotherFrame(t *testing.T) {
	lane := func(kind frame.Kind, id uint64) []byte {
		f := frame.Frame{Kind: kind, Lane: 1, ID: id}
		if kind == frame.Call {
			f.Name, f.Payload = []byte("t.m"), []byte{1}
		}
		return frame.Append(nil, &f)
	}
	for name, b := range map[string][]byte{"a CANCEL": lane(frame.Cancel, 7), "another call": lane(frame.Call, 8)} {
		f := newCopying(t)
		early := frame.Append(nil, &frame.Frame{Kind: frame.Early, Lane: 1, Payload: lane(frame.Call, 7)})
		if err := f.server.ReceiveDatagram(early, 0, new(Effects)); err != nil {
			t.Fatal(err)
		}
		if err := f.server.Receive(0, b, 0, new(Effects)); err == nil {
			t.Errorf("%s in place of a call that was taken early is taken", name)
		}
	}
}

// A peer is waited for from when a frame was made, also where others write.
func TestAheadIsWaitedFor(t *testing.T) {
	f := newCopying(t)
	f.client.cfg.Watchdog = true
	f.server.lanes[1].ask()
	f.send(f.server, f.client)
	const now = 5 * time.Second
	f.begin(10, false)
	if b := f.client.Ahead(0, now, nil); len(b) == 0 {
		t.Fatal("nothing goes ahead")
	}
	if due := f.client.Deadline(); due <= now {
		t.Errorf("at %v the machine wants the time of %v", now, due)
	}
}

// A call that was taken early and is over has no streams, although its CALL has
// not arrived.
func TestCopyOfCallWithStream(t *testing.T) {
	f := newCopying(t)
	call := frame.Append(nil, &frame.Frame{Kind: frame.Call, Lane: 1, ID: 1, Name: []byte("t.m"), Payload: []byte{1}})
	var eff Effects
	if err := f.server.ReceiveDatagram(frame.Append(nil, &frame.Frame{Kind: frame.Early, Lane: 1, Payload: call}), 0, &eff); err != nil || len(eff.Start) != 1 {
		t.Fatalf("%d calls start, %v", len(eff.Start), err)
	}
	data := func(seq uint64, flags frame.Flags) {
		t.Helper()
		b := frame.Append(nil, &frame.Frame{Kind: frame.Data, Flags: flags, Lane: 3, Seq: seq, ID: 1, Payload: []byte{1}})
		if err := f.server.Receive(0, b, 0, new(Effects)); err != nil {
			t.Error(err)
		}
	}
	data(0, frame.First)
	f.server.Reply(eff.Start[0], 0, nil, nil)
	if b := f.server.Batch(0, 0, nil); len(b) == 0 || f.server.in.running.len() != 0 {
		t.Fatalf("%d calls run", f.server.in.running.len())
	}
	data(1, 0)
	data(2, frame.First|frame.Last)
	if n := len(f.server.str.early); n != 0 {
		t.Errorf("%d streams wait for a call that is over", n)
	}
}
