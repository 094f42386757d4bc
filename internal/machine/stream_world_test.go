package machine

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/twinwire/twinwire"
)

// streamKey says which stream it is: of the call with a number of the end
// that called, by the callee or not, in a slot.
type streamKey struct {
	number uint64
	callee bool
	slot   uint8
}

// bytes returns so many of the stream's bytes from a position on; they are
// not to be changed.
func (k streamKey) bytes(from, n int) []byte {
	from += int(k.number)*1021 + int(k.slot)*257
	if k.callee {
		from += 1 << 15
	}
	from %= 1 << 16
	return filler[from : from+n]
}

// A testOut is a stream that an end sends.
type testOut struct {
	streamKey
	out     *OutStream
	written int
	ended   bool // whole
	reset   bool
	code    twinwire.Code // of the reset
	waits   bool          // for room
}

// A testIn is a stream that an end receives, and the owner of its InStream.
type testIn struct {
	in       *InStream
	key      streamKey // once the first piece came
	got      int
	consumed int
	last     bool
	reset    bool
	gone     bool // this end wants no more, or was told that no more comes
}

// useStreams gives the machine's configuration what an end does for streams.
func (e *end) useStreams(cfg *Config) {
	e.outs, e.ins = map[streamKey]*testOut{}, map[*InStream]*testIn{}
	e.chunks = map[*Chunk]bool{}
	cfg.NewStream = func(in *InStream) any {
		s := &testIn{in: in}
		e.ins[in] = s
		return s
	}
	cfg.NewChunk = func() *Chunk {
		c := new(Chunk)
		e.chunks[c] = true
		return c
	}
	cfg.FreeChunk = func(c *Chunk) {
		if !e.chunks[c] {
			e.w.fatalf("%s: a buffer is freed that is not in use", e.name)
		}
		delete(e.chunks, c)
		clear(c.b[:])
	}
}

// keyOf finds out which stream it is.
func (e *end) keyOf(in *InStream) streamKey {
	k := streamKey{callee: in.isCallee, slot: in.slot}
	if c, ok := in.of.(*Call); ok {
		k.number = c.Owner.(*testCall).number
		return k
	}
	for n, c := range e.peer.byNumber {
		if !c.OneWay && c.item.id == in.id {
			k.number = n
			return k
		}
	}
	e.w.fatalf("%s: a stream of call %d, which nobody made", e.name, in.id)
	return k
}

// arrived takes a piece of a stream of the peer.
func (e *end) arrived(d *DataIn) {
	w := e.w
	s := d.Stream.Owner.(*testIn)
	if s.key.number == 0 {
		s.key = e.keyOf(d.Stream)
	}
	sent := e.peer.outs[s.key]
	if c := e.peer.byNumber[s.key.number]; sent == nil && !s.key.callee && !c.Streams && d.Last && len(d.Payload) == 0 {
		// The machine's own, in place of one that will not come (12.4).
		sent = &testOut{streamKey: s.key, out: c.x.out(s.key.slot), ended: true}
		e.peer.outs[s.key] = sent
	}
	switch {
	case sent == nil:
		w.fatalf("%s: stream %v was not sent", e.name, s.key)
	case s.gone || s.last || s.reset:
		w.fatalf("%s: stream %v goes on after its end: %+v", e.name, s.key, s)
	}
	if d.Reset {
		if s.reset = true; !sent.reset || d.Code != sent.code {
			w.fatalf("%s: stream %v was reset with %v", e.name, s.key, d.Code)
		}
		return
	}
	if !bytes.Equal(d.Payload, s.key.bytes(s.got, len(d.Payload))) {
		w.fatalf("%s: stream %v is wrong between %d and %d", e.name, s.key, s.got, s.got+len(d.Payload))
	}
	s.got += len(d.Payload)
	if s.got > sent.written || s.got-s.consumed > e.m.cfg.MaxStream {
		w.fatalf("%s: stream %v: %d of %d bytes, %d consumed", e.name, s.key, s.got, sent.written, s.consumed)
	}
	if s.last = d.Last; s.last && (!sent.ended || s.got != sent.written) {
		w.fatalf("%s: stream %v ended after %d of %d bytes, ended %v", e.name, s.key, s.got, sent.written, sent.ended)
	}
}

// sending returns a stream of this end of a call.
func (e *end) sending(of party, number uint64, callee bool) *testOut {
	k := streamKey{number, callee, uint8(e.w.rng.IntN(3))}
	s := e.outs[k]
	if s == nil {
		s = &testOut{streamKey: k, out: e.m.OpenStream(of, k.slot, Priority(e.w.rng.IntN(priorities)))}
		s.out.Owner = s
		s.ended = s.out.ended // by the machine itself (12.4)
		e.outs[k] = s
	}
	return s
}

// sendStep does something with a stream that this end sends.
func (e *end) sendStep() {
	w := e.w
	var s *testOut
	switch n, k := len(e.calls), len(e.inbox); {
	case n > 0 && (k == 0 || w.rng.IntN(2) == 0):
		c := e.calls[w.rng.IntN(n)]
		s = e.sending(&c.Call, c.number, false)
	case k > 0:
		v := e.inbox[w.rng.IntN(k)]
		if v.OneWay {
			return
		}
		s = e.sending(v, w.numbersOf(v.Payload, 1)[0], true)
	default:
		return
	}
	switch r := w.rng.IntN(20); {
	case s.ended || s.reset:
	case r == 0:
		if !s.out.Over() {
			s.reset, s.code = true, twinwire.Rejected
			e.m.ResetStream(s.out, s.code, nil)
		}
	case r < 4:
		if !s.out.Over() {
			s.ended = true
			e.m.EndStream(s.out)
		}
	case r < 6:
		e.m.Announce(s.out)
	default:
		b := s.bytes(s.written, w.size())
		if room := e.m.Room(s.out); r < 8 && len(b) <= len(Chunk{}.b) && room > 0 && !s.out.Over() {
			c := e.m.cfg.NewChunk()
			c.Fill(copy(c.Free(), b))
			e.m.WriteChunk(s.out, c)
			s.written += len(b)
			return
		}
		n := e.m.Write(s.out, b)
		if s.written += n; n < len(b) && !s.out.Over() {
			s.waits = true
			e.m.WantRoom(s.out)
		}
	}
}

// readStep does something with a stream that this end receives.
func (e *end) readStep() {
	w := e.w
	if w.rng.IntN(10) == 0 && len(e.inbox) > 0 {
		// Take one that may not have begun, and perhaps refuse it.
		if v := e.inbox[w.rng.IntN(len(e.inbox))]; !v.OneWay {
			s := e.m.InStream(v, uint8(w.rng.IntN(3)))
			if w.rng.IntN(5) == 0 {
				e.stop(s.Owner.(*testIn))
			}
		}
		return
	}
	open := e.open()
	if len(open) == 0 {
		return
	}
	s := open[w.rng.IntN(len(open))]
	if s.in.of != nil && w.rng.IntN(15) == 0 {
		e.stop(s)
		return
	}
	e.consume(s, w.rng.IntN(s.got-s.consumed+1))
}

// open are the streams of the peer that are held here, in an order that
// follows from the seed.
func (e *end) open() (open []*testIn) {
	for _, s := range e.ins {
		if !s.gone && s.key.number != 0 && s.in.of != nil && s.consumed < s.got {
			open = append(open, s)
		}
	}
	slices.SortFunc(open, func(a, b *testIn) int {
		if a.key.number != b.key.number {
			return int(a.key.number) - int(b.key.number)
		}
		return int(a.key.slot) - int(b.key.slot)
	})
	return open
}

func (e *end) consume(s *testIn, n int) {
	s.consumed += n
	e.m.ConsumedStream(s.in, n)
}

func (e *end) stop(s *testIn) {
	s.gone = true
	e.m.StopStream(s.in, twinwire.Rejected, nil)
}

// dropIns is what a driver does with the streams of a call that is over here.
func (e *end) dropIns(of party) {
	for _, in := range InStreams(of) {
		in.Owner.(*testIn).gone = true
	}
}

// replied takes note of what an answer does to the streams of its call.
func (e *end) replied(v *Inbound, number uint64, code twinwire.Code) {
	for slot := range uint8(3) {
		if s := e.outs[streamKey{number, true, slot}]; s != nil && !s.ended && !s.reset {
			s.ended, s.reset, s.code = code == 0, code != 0, code
		}
	}
	e.dropIns(v)
}

// whole checks that the streams before an answer have arrived (12.8).
func (e *end) whole(c *testCall) {
	if c.abandoned {
		return // it did not wait for them
	}
	for _, in := range InStreams(&c.Call) {
		s := in.Owner.(*testIn)
		if in.begun && !s.last && !s.reset && !s.gone && !in.stopped {
			e.w.fatalf("%s: call %d was answered before stream %v ended: %d bytes", e.name, c.number, s.key, s.got)
		}
	}
	for slot := range uint8(3) {
		k := streamKey{c.number, true, slot}
		if s := e.peer.outs[k]; s != nil && s.out.begun && c.x.in(slot) == nil {
			e.w.fatalf("%s: call %d was answered before stream %v began", e.name, c.number, k)
		}
	}
}

// finishReading has everything read that was written. Nothing waits then, but
// for the places of streams that have not ended.
func (w *world) finishReading() {
	for n, busy := 0, true; busy; n++ {
		busy = false
		w.settle()
		w.check()
		for _, e := range w.ends {
			// The tick lets more leave, and what comes to be acknowledged makes room.
			busy = busy || e.m.Regulated() || n < 100 && e.unacknowledged()
		}
		w.tick(25 * time.Millisecond)
		for _, e := range w.ends {
			for _, s := range e.open() {
				busy = true
				e.consume(s, s.got-s.consumed)
			}
		}
	}
	w.settle()
	for _, e := range w.ends {
		for _, s := range e.outs {
			if s.out.over || s.out.queued == 0 && !s.ended || s.out.in != nil && s.out.in == &e.m.str.waiting || s.out.of.number() == 0 {
				continue
			}
			if v := e.peer.m.in.running.get(s.out.of.number()); !s.callee && (v == nil || v.replied) {
				continue // the answer waits for credit
			}
			w.fatalf("%s: %d bytes wait of stream %v, %d were sent of %d", e.name, s.out.queued, s.streamKey, s.out.sent, s.out.limit)
		}
	}
}

// checkStreams checks what must hold after every step (12.4, 12.5).
func (e *end) checkStreams() {
	st, peer := &e.m.str, &e.peer.m.str
	own := e.m.cfg.Own
	spare := e.m.cfg.MaxStreams - own.Streams*own.Stream - st.spare
	open := 0
	for _, out := range e.m.Freed() {
		if s, ok := out.Owner.(*testOut); ok {
			if s.waits = false; e.m.Room(out) == 0 && !out.Over() {
				e.w.fatalf("%s: stream %v has no room", e.name, s.streamKey)
			}
		}
	}
	for in, s := range e.ins {
		if in.begun && !in.counted {
			open++
			spare -= in.window - own.Stream
		}
		if in.received-in.consumed > uint64(in.window) && !s.gone {
			e.w.fatalf("%s: %d bytes wait of stream %v, whose window is %d", e.name, in.received-in.consumed, s.key, in.window)
		}
		if in.counted && (s.gone || s.consumed == s.got) && (s.last || s.gone || s.reset) {
			delete(e.ins, in) // nothing more can happen to it
		}
	}
	switch {
	case spare != 0 || st.spare < 0:
		e.w.fatalf("%s: windows do not add up: %d bytes off, %d spare", e.name, spare, st.spare)
	case st.over > st.opened || st.opened > st.granted || st.granted > st.over+uint64(own.Streams) || peer.begun < st.opened:
		e.w.fatalf("%s: %d streams of %d began, %d are over, %d were let", e.name, st.opened, peer.begun, st.over, st.granted)
	case uint64(open) > st.opened-st.over || peer.begun > peer.limit || peer.limit > st.granted:
		e.w.fatalf("%s: %d streams are open of %d; the peer has begun %d of %d", e.name, open, st.opened-st.over, peer.begun, peer.limit)
	}
	for _, lane := range e.m.lanes {
		if lane.pace == nil {
			continue
		}
		if lane.pace.inFlight < 0 || lane.pace.inFlight > max(lane.pace.limit, paceStart)+1<<20 {
			e.w.fatalf("%s: %d bytes in flight", e.name, lane.pace.inFlight)
		}
	}
}

// streamsQuiet checks that nothing is left once everything has ended.
func (e *end) streamsQuiet() {
	st := e.m.str
	st.make()
	if st.opened != st.over || len(st.early) != 0 || st.waiting.count != 0 || st.replies != 0 || st.begun >= st.limit {
		e.w.fatalf("%s: %d streams began, %d are over; %d are early, %d wait; %d of %d sent", e.name, st.opened, st.over, len(st.early), st.waiting.count, st.begun, st.limit)
	}
	for _, s := range e.outs {
		if s.waits {
			e.w.fatalf("%s: stream %v still waits for room", e.name, s.streamKey)
		}
	}
	e.noChunks()
}

func (e *end) noChunks() {
	if len(e.chunks) != 0 {
		var of []string
		for _, s := range e.outs {
			if s.out.first != nil {
				of = append(of, fmt.Sprintf("%v: %+v", s.streamKey, s.out))
			}
		}
		e.w.fatalf("%s: %d buffers are lost: %v", e.name, len(e.chunks), of)
	}
}
