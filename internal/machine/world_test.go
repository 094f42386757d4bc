package machine

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// A world is two machines and what is between them, driven by one goroutine
// and a clock that only the test moves. Everything that happens in it follows
// from its seed.
type world struct {
	t     testing.TB
	rng   *rand.Rand
	now   time.Duration
	ends  [2]*end // client, server
	names int
	// strict says that nothing may be dropped: queues are large.
	strict bool
	copies bool // frames may be copied
	// kind says which history it is, and digest is of all that was sent.
	kind   string
	digest hash.Hash32
	replay string // the command that runs it again
}

// An end is a machine with a driver and an application that remembers what
// the other one is owed.
type end struct {
	w     *world
	name  string
	m     *Machine
	peer  *end
	out   *pipes              // batches on their way, of the carrier that it is bound to
	block [frame.MaxLanes]int // steps for which a pipe does not move
	buf   []byte              // for a batch that is being made
	eff   Effects

	calls    []*testCall          // of this end, not done
	byNumber map[uint64]*testCall // calls and messages of this end, all
	inbox    []*Inbound           // of the peer, being served
	started  map[uint64]int       // numbers of the peer's that were started
	lastSeq  uint64               // of the ordered ones of one frame
	nextSeq  uint64
	order    map[uint64]uint64 // seq by number, of those that are ordered

	subs   []*testSub
	all    testSub           // the topic without a name
	topics map[string]*inLog // what arrived, by topic
	states []*testState
	seen   map[string]uint64 // versions of the peer's states
	gone   map[string]bool   // those that ended
	outs   map[streamKey]*testOut
	ins    map[*InStream]*testIn // that are not over
	chunks map[*Chunk]bool       // in use
	told   map[*Inbound]bool     // that their callers no longer wait
	acked  [frame.MaxLanes]uint64
	closed bool     // Effects said so
	air    [][]byte // datagrams on their way
	early  int      // frames of the peer whose copies came first
	dead   error
}

// pipes are the batches on their way in one direction, by pipe.
type pipes [frame.MaxLanes][][]byte

type testCall struct {
	Call
	number    uint64
	done      int
	notRun    bool
	abandoned bool
	began     time.Duration
	sent      int  // times it was told that it was sent, if it is tracked
	received  bool // it was told that it was received
}

type testSub struct {
	sub     *Sub
	name    string
	emitted uint64
	over    bool
}

// An inLog is what has arrived of a topic.
type inLog struct {
	last uint64 // the number of the last event, missed ones included
	over bool
}

type testState struct {
	out     *OutState
	name    string
	version uint64
	ended   bool
}

func testConfig(client, independent bool) Config {
	w := Window{
		Calls: 256, Messages: 256, Large: 16 << 20, MaxMessage: 4 << 20, Names: 1024,
		Streams: 100, Stream: 64 << 10,
	}
	return Config{
		Client: client, Generation: 1, Lanes: 4, Independent: independent, Peer: w, Heartbeat: 10 * time.Second,
		NewStream: func(*InStream) any { return nil },
		Rules:     testRules(w),
	}
}

func testRules(own Window) *Rules {
	return &Rules{
		Own: own, MaxQueuedCalls: 4096, MaxQueuedBytes: 16 << 20, MaxReplyBytes: 16 << 20,
		MaxEventBytes: 1 << 20, MaxStateBytes: 256 << 10, MaxStates: 64,
		MaxStream: 4 << 20, MaxStreams: 16 << 20,
		Resolve: func(m string) any {
			if strings.HasPrefix(m, "t.") {
				return m
			}
			return nil
		},
		NewInbound: func() *Inbound { return new(Inbound) },
		NewChunk:   func() *Chunk { return new(Chunk) },
		FreeChunk:  func(c *Chunk) { c.Reset() },
	}
}

func newWorld(t testing.TB, seed uint64, client, server Config) *world {
	w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 1)), digest: crc32.New(castagnoli)}
	for i, cfg := range []Config{client, server} {
		e := &end{
			w: w, name: []string{"client", "server"}[i], byNumber: map[uint64]*testCall{}, started: map[uint64]int{},
			out: new(pipes), order: map[uint64]uint64{}, topics: map[string]*inLog{}, seen: map[string]uint64{}, gone: map[string]bool{},
			told: map[*Inbound]bool{},
		}
		e.useStreams(&cfg)
		e.m = New(cfg, 0)
		w.ends[i] = e
	}
	w.ends[0].peer, w.ends[1].peer = w.ends[1], w.ends[0]
	// A server's session begins with the client's ATTACH (3.2).
	w.ends[0].flush(0)
	w.ends[0].deliver(0)
	return w
}

// pairOf returns a quiet world with the usual settings.
func pairOf(t testing.TB, independent bool) *world {
	w := newWorld(t, 1, testConfig(true, independent), testConfig(false, independent))
	w.settle()
	return w
}

func (w *world) fatalf(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("%s: at %v: "+format+"\n%s", slices.Concat([]any{w.kind, w.now}, args, []any{w.replay})...)
}

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// filler is what payloads consist of. It repeats itself after 65,536 bytes.
var filler = func() []byte {
	b := make([]byte, 65<<16) // a little more than the largest message
	for i := range b {
		b[i] = byte(i) ^ byte(i>>8)*31
	}
	return b
}()

// body returns a payload that begins with some numbers.
func body(size int, numbers ...uint64) []byte {
	b := make([]byte, max(size, 8*len(numbers)))
	for i, n := range numbers {
		binary.BigEndian.PutUint64(b[8*i:], n)
	}
	rest := b[8*len(numbers):]
	copy(rest, filler[:len(rest)])
	return b
}

// numbersOf returns the first n numbers of a payload that body made.
func (w *world) numbersOf(b []byte, n int) []uint64 {
	w.t.Helper()
	if len(b) < 8*n {
		w.fatalf("payload of %d bytes is too short", len(b))
	}
	var numbers []uint64
	for i := range n {
		numbers = append(numbers, binary.BigEndian.Uint64(b[8*i:]))
	}
	if rest := b[8*n:]; !bytes.Equal(rest, filler[:len(rest)]) {
		w.fatalf("payload of %d bytes is corrupt", len(b))
	}
	return numbers
}

// flush lets an end send what waits in a pipe, one batch.
func (e *end) flush(pipe int) bool { return e.send(pipe, e.m.Batch(pipe, e.w.now, e.buf[:0])) }

// send sends a batch in a pipe, unless it is empty.
func (e *end) send(pipe int, batch []byte) bool {
	e.buf = batch
	b := bytes.Clone(e.buf)
	replies, messages := e.m.Sent()
	for _, v := range replies {
		clear(v.Answer.content.Payload) // the machine is done with it, or the test fails
	}
	for _, c := range messages {
		clear(c.Payload)
	}
	e.tracked()
	if len(b) == 0 {
		return false
	}
	if len(b) > frame.MaxBatch {
		e.w.fatalf("%s: batch of %d bytes", e.name, len(b))
	}
	_, _ = e.w.digest.Write(b)
	if e.dead == nil {
		e.out[pipe] = append(e.out[pipe], b)
	}
	return true
}

// deliver gives the peer of e what e sent, the oldest batch of a pipe, or a
// part of it that ends between frames.
func (e *end) deliver(pipe int) {
	q := e.out[pipe]
	if len(q) == 0 {
		return
	}
	b := q[0]
	n := len(b)
	if e.w.rng.IntN(4) == 0 {
		for n = 0; n < len(b) && (n == 0 || e.w.rng.IntN(3) > 0); {
			size, _ := frame.Size(b[n:])
			n += size
		}
	}
	if n == len(b) {
		e.out[pipe] = q[1:]
	} else {
		q[0] = b[n:]
	}
	var again []byte
	if e.w.rng.IntN(50) == 0 {
		again = numbered(b[:n])
	}
	e.peer.receive(pipe, b[:n:n])
	if len(again) > 0 {
		e.peer.receive(pipe, again)
	}
}

// numbered returns a copy of the numbered frames, which may arrive twice and
// are to be dropped then (4.1).
func numbered(frames []byte) (some []byte) {
	var f frame.Frame
	for len(frames) > 0 {
		n, err := f.Parse(frames)
		if err != nil {
			return nil
		}
		if f.Kind.Numbered() {
			some = append(some, frames[:n]...)
		}
		frames = frames[n:]
	}
	return some
}

// receive takes frames and carries out the effects.
func (e *end) receive(pipe int, frames []byte) {
	e.eff.Reset()
	err := e.m.Receive(pipe, frames, e.w.now, &e.eff)
	e.carryOut()
	clear(frames) // what was borrowed may not be used any more
	if err != nil {
		e.w.fatalf("%s: %v", e.name, err)
	}
	if e.eff.Closed {
		e.closed = true
	}
}

func (e *end) carryOut() {
	w := e.w
	for _, s := range e.eff.States {
		if s.End {
			delete(e.seen, s.Name)
			e.gone[s.Name] = true
			continue
		}
		version := w.numbersOf(s.Payload, 1)[0]
		last, ok := e.seen[s.Name]
		switch {
		case version != s.Version:
			w.fatalf("%s: state version %d carries %d", e.name, s.Version, version)
		case s.Snapshot && ok && version <= last, !s.Snapshot && version != last+1:
			w.fatalf("%s: state %s went from version %d to %d, snapshot %v", e.name, s.Name, last, version, s.Snapshot)
		}
		e.seen[s.Name] = version
	}
	for _, ev := range e.eff.Events {
		log := e.topics[ev.Topic.Name]
		switch ev.Kind {
		case Subscribed:
			if log != nil {
				w.fatalf("%s: subscribed to %s twice", e.name, ev.Topic.Name)
			}
			e.topics[ev.Topic.Name] = &inLog{}
			continue
		case Unsubscribed:
			log.over = true
			continue
		}
		if log == nil && ev.Topic.Name == "" {
			log = &inLog{}
			e.topics[""] = log
		}
		if log == nil || log.over {
			w.fatalf("%s: event of topic %q, which is not subscribed to", e.name, ev.Topic.Name)
		}
		if log.last += ev.Missed; ev.Kind == Emitted {
			log.last++
			if n := w.numbersOf(ev.Payload, 1)[0]; n != log.last {
				w.fatalf("%s: event %d of topic %q where %d was expected", e.name, n, ev.Topic.Name, log.last)
			}
		}
	}
	for i := range e.eff.Data {
		e.arrived(&e.eff.Data[i])
	}
	e.received()
	for _, c := range e.eff.Done {
		e.done(c.Owner.(*testCall))
	}
	for _, v := range e.eff.Start {
		e.start(v)
	}
	for _, in := range e.eff.Dropped {
		in.Owner.(*testIn).gone = true
	}
	for _, v := range e.eff.Cancel {
		if v.OneWay || v.replied {
			w.fatalf("%s: cancel of what is not running", e.name)
		}
		e.told[v] = true
	}
}

// done checks the outcome of a call against what the peer did (8.3).
func (e *end) done(c *testCall) {
	w := e.w
	if c.done++; c.done > 1 || c.notRun {
		w.fatalf("%s: call %d ended %d times, not run %v", e.name, c.number, c.done, c.notRun)
	}
	for i := range e.calls {
		if e.calls[i] == c {
			e.calls = append(e.calls[:i], e.calls[i+1:]...)
			break
		}
	}
	ran := e.peer.started[c.number]
	switch c.Code {
	case twinwire.Rejected:
		if ran != 1 {
			w.fatalf("%s: call %d ran %d times and was rejected", e.name, c.number, ran)
		}
		e.whole(c)
	case twinwire.Accepted:
		if c.OneWay {
			if ran != 1 {
				w.fatalf("%s: message %d was received and ran %d times", e.name, c.number, ran)
			}
			return
		}
		e.whole(c)
		n := w.numbersOf(c.Reply, 4)
		if n[0] != c.number || ran != 1 {
			w.fatalf("%s: call %d ran %d times and was answered with the reply to %d", e.name, c.number, ran, n[0])
		}
		// What the handler changed before it answered is here (6.9, 6.10).
		if st := n[1]; st > 0 {
			name := fmt.Sprint("s", st)
			if v, ok := e.seen[name]; ok && v < n[2] || w.strict && !ok && !e.gone[name] {
				w.fatalf("%s: reply to %d overtook version %d of %s, seen %d", e.name, c.number, n[2], name, v)
			}
		}
		if w.strict && !e.m.ended && (e.topics[""] == nil || e.topics[""].last < n[3]) && n[3] > 0 {
			w.fatalf("%s: reply to %d overtook event %d", e.name, c.number, n[3])
		}
	case twinwire.Unavailable:
		if ran != 0 {
			w.fatalf("%s: call %d ran and ended as Unavailable: %s", e.name, c.number, c.Text)
		}
	case twinwire.OutcomeUnknown:
		if !c.item.whole {
			w.fatalf("%s: call %d was not sent whole and ended as unknown", e.name, c.number)
		}
	case twinwire.Canceled, twinwire.ResourceExhausted:
	default:
		w.fatalf("%s: call %d ended with %v", e.name, c.number, c.Code)
	}
	clear(c.Payload)
}

// start takes a call or message of the peer.
func (e *end) start(v *Inbound) {
	w := e.w
	n := w.numbersOf(v.Payload, 1)[0]
	c := e.peer.byNumber[n]
	if e.started[n]++; e.started[n] > 1 || c == nil || c.notRun || c.done > 0 || c.OneWay != v.OneWay || v.Method != c.Method {
		w.fatalf("%s: start number %d of %q, a call of the peer's: %v", e.name, e.started[n], v.Method, c)
	}
	if v.Unordered != c.Unordered || v.Idempotent != (c.Idempotent && !c.OneWay) || !bytes.Equal(v.Meta, c.Meta) {
		w.fatalf("%s: flags or metadata of %d changed on the way: %+v, were %+v", e.name, n, v, c)
	}
	// What is left is rounded up, and does not shrink on the way (6.4).
	if late := max(c.Deadline, c.began) + w.now - c.began + time.Millisecond; (v.Deadline != 0) != (c.Deadline != 0 && !c.OneWay) ||
		v.Deadline != 0 && (v.Deadline < c.Deadline || v.Deadline > late) {
		w.fatalf("%s: deadline of %d is %v, was %v", e.name, n, v.Deadline, c.Deadline)
	}
	if seq, ok := e.peer.order[n]; ok {
		if seq < e.lastSeq {
			w.fatalf("%s: %d was started after %d (6.5)", e.name, seq, e.lastSeq)
		}
		e.lastSeq = seq
	}
	if !v.Owned {
		v.Payload, v.Meta = append([]byte(nil), v.Payload...), append([]byte(nil), v.Meta...)
	}
	e.inbox = append(e.inbox, v)
	running, messages := 0, 0
	for _, v := range e.inbox {
		if v.OneWay {
			messages += int(v.share)
			if uint64(v.share) != min(1+uint64(len(v.Payload))/4096, 5, uint64(e.m.cfg.Own.Messages)) {
				w.fatalf("%s: message of %d bytes counts as %d", e.name, len(v.Payload), v.share)
			}
		} else {
			running++
		}
	}
	if running > e.m.cfg.Own.Calls || messages > e.m.cfg.Own.Messages {
		w.fatalf("%s: %d calls and %d messages are being served", e.name, running, messages)
	}
}

// call begins a call or message of some size; it returns nil if that is
// refused.
func (e *end) call(size int, change func(*testCall)) *testCall {
	e.w.names++
	c := &testCall{number: uint64(e.w.names), began: e.w.now}
	c.Owner = c
	c.Method = fmt.Sprint("t.", c.number%5)
	c.Payload = body(size, c.number)
	if change != nil {
		change(c)
	}
	err := e.m.Start(&c.Call)
	switch {
	case err == nil:
	case err == ErrQueueFull, err == ErrTooLarge, err == ErrEnded:
		return nil
	default:
		e.w.fatalf("%v", err)
	}
	e.byNumber[c.number] = c
	if !c.Unordered && size <= frame.MaxPayload {
		e.nextSeq++
		e.order[c.number] = e.nextSeq
	}
	if !c.OneWay {
		e.calls = append(e.calls, c)
	}
	return c
}

// answer ends the service of something, after it caused what it causes.
func (e *end) answer(v *Inbound, size int) {
	for i := range e.inbox {
		if e.inbox[i] == v {
			e.inbox = append(e.inbox[:i], e.inbox[i+1:]...)
			break
		}
	}
	if v.OneWay {
		e.m.Consumed(v)
		return
	}
	var state, version, events uint64
	if len(e.states) > 0 && e.w.rng.IntN(2) == 0 {
		st := e.states[e.w.rng.IntN(len(e.states))]
		e.change(st)
		if !st.ended && st.version > 0 {
			_, _ = fmt.Sscanf(st.name, "s%d", &state)
			version = st.version
		}
	}
	if e.w.rng.IntN(2) == 0 {
		if ordinal, ok := e.emit(&e.all, 24); ok {
			e.m.Caused(v, ordinal)
			events = e.all.emitted
		}
	}
	number := e.w.numbersOf(v.Payload, 1)[0]
	var code twinwire.Code
	if e.w.rng.IntN(8) == 0 {
		code = twinwire.Rejected
	}
	e.m.Reply(v, uint16(code), body(size, number, state, version, events), nil)
	e.replied(v, number, twinwire.Code(v.Answer.reply.code)) // too many may wait
	if e.w.rng.IntN(8) == 0 {
		e.m.Reply(v, uint16(twinwire.Internal), body(size, 0, 0, 0, 0), nil) // does nothing
	}
}

func (e *end) emit(s *testSub, size int) (uint64, bool) {
	if s.over {
		return 0, false
	}
	ordinal, err := e.m.Emit(s.sub, fmt.Sprint("t.Event", s.emitted%3), body(size, s.emitted+1), DropOldest)
	if err != nil {
		if err != ErrEnded {
			e.w.fatalf("%v", err)
		}
		return 0, false
	}
	s.emitted++
	return ordinal, true
}

// change makes the next version of a state.
func (e *end) change(s *testState) {
	if s.ended {
		return
	}
	size := e.w.rng.IntN(300)
	if e.w.rng.IntN(20) == 0 {
		size = e.w.rng.IntN(60_000)
	}
	next := s.version + 1
	if s.version > 0 && e.w.rng.IntN(4) > 0 {
		ok, err := e.m.Delta(s.out, body(size, next))
		if err != nil {
			return
		}
		if ok {
			s.version = next
			return
		}
	}
	if err := e.m.Snapshot(s.out, next, body(size, next)); err == nil {
		s.version = next
	}
}

// settle lets everything that is on its way or waits arrive, time passing as
// needed, without any new deed of an application.
func (w *world) settle() {
	for range 100_000 {
		moved := false
		for _, e := range w.ends {
			for p := e.m.Pipes() - 1; p >= 0; p-- {
				if e.m.Wake()&(1<<p) != 0 {
					moved = e.flush(p) || moved
				}
				for len(e.out[p]) > 0 {
					e.deliver(p)
					moved = true
				}
			}
		}
		if !moved {
			return
		}
	}
	w.fatalf("it never settles")
}

// tick lets time pass, and tells the machines.
func (w *world) tick(d time.Duration) {
	w.now += d
	for _, e := range w.ends {
		if w.now >= e.m.Deadline() && e.dead == nil {
			e.dead = e.m.Tick(w.now)
			if e.m.Deadline() <= w.now && e.dead == nil {
				w.fatalf("%s: deadline is not in the future after Tick", e.name)
			}
		}
	}
}

// end ends both machines, as a broken carrier does: what is on its way is lost.
func (w *world) end() {
	for _, e := range w.ends {
		e.eff.Reset()
		e.m.End(&e.eff)
		e.carryOut()
		for _, c := range e.calls {
			w.fatalf("%s: call %d never ended", e.name, c.number)
		}
		e.noChunks()
		e.trackedEnded()
	}
}

// check checks what must hold after every step.
func (w *world) check() {
	for _, e := range w.ends {
		m := e.m
		for i := range m.lanes {
			a, b := &m.lanes[i], &e.peer.m.lanes[i]
			if a.acked < e.acked[i] {
				w.fatalf("%s: lane %d: acknowledgements go back from %d to %d", e.name, i, e.acked[i], a.acked)
			}
			e.acked[i] = a.acked
			most := m.cfg.Retention
			if i == m.role.bulk || i == m.role.stream {
				most = max(most, streamRetention)
			}
			if a.keep.bytes() > 0 && a.keep.bytes() >= most+frame.MaxFrame {
				w.fatalf("%s: lane %d keeps %d bytes", e.name, i, a.keep.bytes())
			}
			if a.acked > a.sent || b.next > a.sent || a.acked > b.next || len(a.flight) > maxFlight {
				w.fatalf("%s: lane %d: sent %d, received %d, acknowledged %d", e.name, i, a.sent, b.next, a.acked)
			}
		}
		o, events := &m.out, 0
		if m.events != nil {
			events = m.events.bytes
		}
		switch {
		case o.calls > m.cfg.Peer.Calls, o.running.len() > m.cfg.Peer.Calls, o.messages > o.messageLimit, o.largeReserved > o.largeLimit:
			w.fatalf("%s: a window is exceeded: %d calls, %d of %d messages, %d of %d bytes", e.name, o.calls, o.messages, o.messageLimit, o.largeReserved, o.largeLimit)
		case o.queued > m.cfg.MaxQueuedCalls, o.queuedBytes > m.cfg.MaxQueuedBytes+m.cfg.Peer.MaxMessage:
			w.fatalf("%s: %d calls and %d bytes wait", e.name, o.queued, o.queuedBytes)
		case o.replyBytes > m.cfg.MaxReplyBytes+m.cfg.Peer.MaxMessage+m.cfg.Own.Calls*100:
			w.fatalf("%s: %d bytes of replies wait", e.name, o.replyBytes)
		case m.in.largeDone > m.in.largeReserved, m.in.messagesDone > m.in.messages,
			m.in.largeGranted > m.in.largeDone+uint64(m.cfg.Own.Large), m.in.messagesGranted > m.in.messagesDone+uint64(m.cfg.Own.Messages):
			w.fatalf("%s: more is given back than was taken: %+v", e.name, m.in)
		case events > m.cfg.MaxEventBytes+70_000:
			w.fatalf("%s: %d bytes of events wait", e.name, events)
		case o.queued < 0, o.queuedBytes < 0, o.replyBytes < 0, o.calls < 0, events < 0, m.in.refused < 0:
			w.fatalf("%s: a count is negative: %+v", e.name, *o)
		}
		e.checkStreams()
	}
}
