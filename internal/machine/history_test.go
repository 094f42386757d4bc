package machine

import (
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// How many histories TestHistories runs, and which is the first. A number of a
// history is its seed, from which all that happens in it follows.
var (
	histories    = flag.Int("histories", 900, "run so many random histories")
	firstHistory = flag.Uint64("history", 0, "the number of the first history; alone if -histories is not given")
)

// TestHistories runs two machines through random histories: of calls,
// messages, states and events of all sizes, of streams both ways, of lanes that stop and go on
// independently of each other, of contexts that end, and of an end that is
// agreed on, or not; of carriers that break, of sessions that go on over
// others, and of peers that do what they must not.
func TestHistories(t *testing.T) {
	n := *histories
	if testing.Short() {
		n = min(n, 90)
	}
	flag.Visit(func(f *flag.Flag) {
		if f.Name == "history" {
			n = 1
		}
	})
	flag.Visit(func(f *flag.Flag) {
		if f.Name == "histories" {
			n = *histories
		}
	})
	// Each history is one goroutine's; several goroutines share them out.
	shards := uint64(runtime.GOMAXPROCS(0))
	for shard := range shards {
		t.Run(fmt.Sprint("shard", shard), func(t *testing.T) {
			t.Parallel()
			for seed := *firstHistory + shard; seed < *firstHistory+uint64(n); seed += shards {
				runHistory(t, seed)
			}
		})
	}
}

// A history can be had again: what its machines send follows from the seed.
func TestHistoriesRepeat(t *testing.T) {
	for seed := range uint64(60) {
		if a, b := runHistory(t, seed), runHistory(t, seed); a != b {
			t.Fatalf("history %d is another one the second time", seed)
		}
	}
}

// newHistory returns the world of a history, and what happens in it. A third
// of them are of sessions that roam.
func newHistory(t testing.TB, seed uint64) (*world, func()) {
	independent := seed%2 == 1
	lanes := []int{4, 2, 4, 1, 4, 4, 4, 4}[seed/8%8]
	copies := seed%5 == 4 && seed%3 != 2
	limits := []string{"defaults", "small", "resumed", "small resumed"}[seed/2%4]
	roams := seed%3 == 2
	adapt := func(c Config) Config {
		c.Lanes = lanes
		if limits == "small" || limits == "small resumed" {
			w := Window{Calls: 3, Messages: 4, Large: 150_000, MaxMessage: 100_000, Names: 4, Streams: 2, Stream: 1000}
			c.MaxStream, c.MaxStreams = 20_000, 30_000
			c.Own, c.Peer = w, w
			c.MaxQueuedCalls, c.MaxQueuedBytes, c.MaxReplyBytes = 6, 200_000, 150_000
			c.MaxEventBytes, c.MaxStateBytes = 2_000, 1_000
		}
		if roams || limits == "resumed" || limits == "small resumed" {
			c.Retention = 50_000 // so that it gets full
		}
		if copies {
			c.Early, c.Copies, c.Lanes, c.Retention = true, 600+int32(seed%500), usualLanes, 50_000
		}
		c.Watchdog = roams && c.Client && seed%5 > 0
		return c
	}
	w := newWorld(t, seed, adapt(testConfig(true, independent)), adapt(testConfig(false, independent)))
	w.strict = limits == "defaults" || limits == "resumed"
	w.copies = copies
	w.kind = fmt.Sprintf("history %d (independent=%v lanes=%d %s roams=%v)", seed, independent, lanes, limits, roams)
	w.replay = fmt.Sprintf("again: go test ./internal/machine -run 'Histories$' -history %d", seed)
	if roams {
		return w, newRoamer(w).history
	}
	return w, w.history
}

// runHistory runs one history and returns a digest of what was sent in it.
func runHistory(t *testing.T, seed uint64) uint32 {
	w, history := newHistory(t, seed)
	late := time.AfterFunc(5*time.Minute, func() { panic(w.kind + ": does not end") })
	defer late.Stop()
	defer func() {
		if p := recover(); p != nil {
			w.fatalf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	history()
	return w.digest.Sum32()
}

// history is one history.
func (w *world) history() {
	steps := 100 + w.rng.IntN(400)
	for range steps {
		w.step()
		w.check()
	}
	switch w.rng.IntN(5) {
	case 0: // cut
		w.end()
	case 4: // one of them breaks the rules
		w.intrude()
	case 1: // one of them says goodbye, or both do
		w.goodbye()
	default:
		w.finish()
		w.end()
	}
}

// step is one thing that happens.
func (w *world) step() {
	if w.ends[0].m.Resumable() && w.ends[1].m.Resumable() && w.rng.IntN(60) == 0 {
		w.resume()
		return
	}
	e := w.ends[w.rng.IntN(2)]
	if w.copies && w.rng.IntN(2) == 0 {
		e.copyStep()
	}
	switch r := w.rng.IntN(100); {
	case r < 20:
		p := w.rng.IntN(e.m.Pipes())
		if e.m.Wake()&(1<<p) != 0 {
			e.flush(p)
		}
	case r < 50:
		p := w.rng.IntN(e.m.Pipes())
		if e.block[p] > 0 {
			e.block[p]--
			return
		}
		e.deliver(p)
	case r < 53:
		e.block[w.rng.IntN(e.m.Pipes())] = w.rng.IntN(30)
	case r < 58:
		w.tick(time.Duration(w.rng.IntN(30)) * time.Millisecond)
	default:
		e.act()
	}
}

// act is something that an application does.
func (e *end) act() {
	w := e.w
	switch r := w.rng.IntN(42); {
	case r < 12:
		e.call(w.size(), func(c *testCall) {
			c.OneWay, c.Unordered, c.Tracked = w.rng.IntN(3) == 0, w.rng.IntN(5) == 0, w.rng.IntN(3) == 0
			c.Streams = w.rng.IntN(10) > 0
			c.Idempotent = w.rng.IntN(4) == 0
			if w.rng.IntN(4) == 0 {
				c.Deadline = w.now + 1 + time.Duration(w.rng.IntN(1000))*time.Millisecond
			}
			if w.rng.IntN(4) == 0 {
				c.Meta = frame.AppendPair(nil, "key", "value")
			}
		})
	case r < 24:
		if len(e.inbox) > 0 {
			e.answer(e.inbox[w.rng.IntN(len(e.inbox))], w.size())
		}
	case r < 26:
		if len(e.calls) > 0 {
			e.abandon(e.calls[w.rng.IntN(len(e.calls))])
		}
	case r < 31:
		e.topicStep()
	case r < 34:
		e.stateStep()
	default:
		for range w.rng.IntN(4) {
			e.sendStep()
			e.readStep()
		}
	}
}

// size is the size of some payload: mostly small.
func (w *world) size() int {
	switch w.rng.IntN(12) {
	case 0:
		return w.rng.IntN(100_000)
	case 1:
		return frame.MaxPayload - 2 + w.rng.IntN(5)
	}
	return w.rng.IntN(200)
}

func (e *end) abandon(c *testCall) {
	if c.abandoned || c.Ended() {
		return
	}
	e.dropIns(&c.Call)
	if out, notRun := e.m.Abandon(&c.Call, twinwire.Canceled); out {
		c.notRun = notRun
		for i := range e.calls {
			if e.calls[i] == c {
				e.calls = append(e.calls[:i], e.calls[i+1:]...)
				break
			}
		}
		clear(c.Payload)
		return
	}
	c.abandoned = true
	for slot := range uint8(3) {
		if s := e.outs[streamKey{c.number, false, slot}]; s != nil && !s.out.over {
			e.w.fatalf("%s: stream %v goes on after its call was canceled (12.9)", e.name, s.streamKey)
		}
	}
}

func (e *end) topicStep() {
	w := e.w
	switch r := w.rng.IntN(10); {
	case r == 0:
		w.names++
		name := fmt.Sprint("topic", w.names)
		sub, err := e.m.Subscribe(name, DropOldest)
		if err == ErrSlowConsumer || err == ErrEnded {
			return // the session would end; here it goes on
		}
		if err != nil {
			w.fatalf("%v", err)
		}
		e.subs = append(e.subs, &testSub{sub: sub, name: name})
	case r == 1 && len(e.subs) > 0:
		s := e.subs[w.rng.IntN(len(e.subs))]
		if e.m.Unsubscribe(s.sub) == s.over {
			w.fatalf("subscription that was over %v ended", s.over)
		}
		s.over = true
	default:
		s := &e.all
		if n := w.rng.IntN(len(e.subs) + 1); n > 0 {
			s = e.subs[n-1]
		}
		size := w.rng.IntN(300)
		if w.rng.IntN(20) == 0 {
			size = w.rng.IntN(60_000)
		}
		e.emit(s, size)
		if w.rng.IntN(10) == 0 { // more than wait
			for range w.rng.IntN(12) {
				e.emit(s, size)
			}
		}
	}
}

func (e *end) stateStep() {
	w := e.w
	switch r := w.rng.IntN(10); {
	case r == 0 && len(e.states) < 20:
		w.names++
		name := fmt.Sprint("s", w.names)
		e.states = append(e.states, &testState{out: e.m.OpenState(name), name: name})
	case r == 1 && len(e.states) > 0:
		s := e.states[w.rng.IntN(len(e.states))]
		s.ended = true
		e.m.EndState(s.out)
	case len(e.states) > 0:
		e.change(e.states[w.rng.IntN(len(e.states))])
	}
}

// finish lets everything finish: handlers return, nothing is blocked, time
// passes. Then nothing may be left.
func (w *world) finish() {
	w.finishReading()
	for _, e := range w.ends {
		e.canceled()
	}
	for range 1000 {
		w.settle()
		w.check()
		busy := false
		for _, e := range w.ends {
			busy = busy || e.m.Regulated() || e.unacknowledged() // the tick lets more leave
			for len(e.inbox) > 0 {
				busy = true
				e.answer(e.inbox[0], w.size())
			}
			for _, s := range e.open() {
				busy = true
				e.consume(s, s.got-s.consumed)
			}
		}
		w.tick(25 * time.Millisecond)
		if !busy {
			w.settle()
			break
		}
	}
	for _, e := range w.ends {
		m := e.m
		if len(e.calls) > 0 || m.out.queued != 0 || m.out.queuedBytes != 0 || m.out.replyBytes != 0 || m.out.calls != 0 || len(m.out.held) != 0 || !m.drained() {
			w.fatalf("%s: %d calls do not end; %d wait to be sent, %d in the queue, %d for credit", e.name, len(e.calls), m.out.queued, m.queues[Normal].len(), m.credit.len())
		}
		if in := &e.peer.m.in; m.out.messages != in.messages || in.messages != in.messagesDone || in.serving != 0 {
			w.fatalf("%s: messages of %d were sent, of %d received, of %d consumed", e.name, m.out.messages, in.messages, in.messagesDone)
		}
		if m.in.running.len() != 0 || len(m.in.partial) != 0 || m.in.refused != 0 {
			w.fatalf("%s: %d calls of the peer still run", e.name, m.in.running.len())
		}
		for _, s := range e.states {
			if len(s.out.queue) != 0 || s.out.bytes != 0 {
				w.fatalf("%s: %d bytes in %d changes of %s wait", e.name, s.out.bytes, len(s.out.queue), s.name)
			}
		}
		e.streamsQuiet()
		for i := range m.lanes {
			if l := &m.lanes[i]; l.acked != l.sent || l.pending != 0 {
				w.fatalf("%s: lane %d: %d of %d acknowledged", e.name, i, l.acked, l.sent)
			}
		}
	}
	w.compare()
}

// unacknowledged reports whether the peer has not acknowledged all of a lane:
// more may wait until it has.
func (e *end) unacknowledged() bool {
	return slices.ContainsFunc(e.m.lanes, func(l lane) bool { return l.acked != l.sent })
}

// canceled checks that handlers know of callers that no longer wait (6.8).
func (e *end) canceled() {
	for _, v := range e.inbox {
		if c := e.peer.byNumber[e.w.numbersOf(v.Payload, 1)[0]]; c.abandoned && !e.told[v] && !c.Ended() && c.item.whole {
			e.w.fatalf("%s: the handler of call %d does not know that it was canceled", e.name, c.number)
		}
	}
}

// compare checks that what was sent before arrived, for both.
func (w *world) compare() {
	for _, e := range w.ends {
		w.arrived(e)
	}
}

// arrived checks that all that e sent has arrived.
func (w *world) arrived(e *end) {
	for n, c := range e.byNumber {
		if c.OneWay && !c.notRun && e.peer.started[n] != 1 {
			w.fatalf("%s: message %d was handled %d times", e.name, n, e.peer.started[n])
		}
	}
	for _, s := range append(e.subs, &e.all) {
		log := e.peer.topics[s.name]
		if log == nil {
			// Perhaps it ended before the peer heard of it.
			log = &inLog{over: s.over}
		}
		if log.last != s.emitted || log.over != s.over && !e.m.closing.wanted {
			w.fatalf("%s: %d of %d events of topic %q accounted for, over %v", e.name, log.last, s.emitted, s.name, log.over)
		}
	}
	for _, s := range e.states {
		if v := e.peer.seen[s.name]; v != s.version && !s.ended {
			w.fatalf("%s: the peer sees version %d of %s, which has %d", e.name, v, s.name, s.version)
		}
	}
}

// goodbye ends the session by agreement (8.2): all that the one who said
// goodbye sent before arrives.
func (w *world) goodbye() {
	e := w.ends[w.rng.IntN(2)]
	both := w.rng.IntN(3) == 0
	for range w.rng.IntN(8) {
		e.topicStep()
	}
	if w.rng.IntN(2) == 0 {
		// What was sent last, and what acknowledges it, may arrive behind the
		// goodbye, in other pipes.
		for range 3 {
			e.peer.call(100, nil)
		}
		for _, from := range []*end{e.peer, e} {
			for p := range from.m.Pipes() {
				from.flush(p)
				if from == e.peer {
					from.deliver(p)
				}
			}
			w.tick(25 * time.Millisecond)
		}
		e.block[w.rng.IntN(e.m.Pipes())] = 30
		e.block[0] = 0
	}
	// Messages may wait for the peer's handlers.
	e.close()
	if e.m.Resumable() && e.peer.m.Resumable() && w.rng.IntN(2) == 0 {
		w.resume() // the goodbye may be lost
	}
	if both {
		for range w.rng.IntN(20) {
			w.step()
		}
		e.peer.close()
	}
	for range 10_000 {
		if e.peer.closed || e.closed {
			break
		}
		for range 20 {
			w.step()
		}
		for _, e := range w.ends {
			if w.rng.IntN(3) == 0 {
				e.block = [frame.MaxLanes]int{}
			}
			if len(e.inbox) > 0 {
				e.answer(e.inbox[0], 32)
			}
			for _, s := range e.open() {
				e.consume(s, s.got-s.consumed)
			}
		}
	}
	said := e
	if e.closed {
		said = e.peer
	}
	if !said.peer.closed {
		w.fatalf("nobody agreed to the end")
	}
	code, reason, retry, ok := said.peer.m.Goodbye()
	if code != 1024 || reason != "enough" || retry != time.Second || !ok {
		w.fatalf("goodbye was %v %q %v %v", code, reason, retry, ok)
	}
	w.arrived(said)
	if w.rng.IntN(2) == 0 {
		// The last acknowledgements, then the carrier is closed.
		said.peer.flush(0)
		for len(said.peer.out[0]) > 0 {
			said.peer.deliver(0)
		}
	}
	w.end()
}

func (e *end) close() {
	e.eff.Reset()
	e.m.Close(twinwire.Code(1024), "enough", time.Second, &e.eff)
	e.carryOut()
}
