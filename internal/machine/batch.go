package machine

import (
	"math/bits"
	"time"

	"github.com/twinwire/twinwire/frame"
)

const (
	// batchTarget is when a batch is full. A frame that is begun below it is
	// finished, so that a batch is at most batchTarget + frame.MaxFrame, which
	// is within frame.MaxBatch.
	batchTarget = 31 << 10
	// dataTarget is when a batch takes no more DATA.
	dataTarget = frame.MaxBatch - frame.MaxPayload - 64 - closeRoom
	// closeRoom is what the end of a batch may need beside: CLOSE and its ACKs.
	closeRoom = 512
	// share is what small messages, events and large messages each take of a
	// batch before it is the others' turn.
	share = 16 << 10
	// largeSoon is how soon after each other batches are made where the wire
	// takes 250 Mbit/s and more.
	largeSoon = time.Millisecond
)

// Ready reports whether there is something to send in a pipe. Now and then
// the batch turns out empty, because what waited is of no use any more.
func (m *Machine) Ready(pipe int) bool {
	if m.ended || m.detached {
		return false
	}
	silent := m.silent()
	if m.carries(pipe, 0) {
		if m.client() && !m.control.attach || (m.control.waits() || len(m.str.windows) > 0) && !silent || m.closeReady() {
			return true
		}
	}
	first, last := 0, m.cfg.Lanes-1
	if m.cfg.Independent && pipe != 0 { // it has nothing of another lane: this is asked for each event
		first, last = pipe, pipe
	}
	for i := first; i <= last; i++ {
		if m.lanes[i].due() && m.acksIn(pipe, i) {
			return true
		}
		if !m.carries(pipe, i) {
			continue
		}
		if (!silent || m.asksToBind(i)) && m.wants(i) && m.usable(i) {
			return true
		}
	}
	return false
}

// acksIn reports whether acknowledgements of a lane are sent in a pipe: its
// own, or that of lane 0 while it is not bound.
func (m *Machine) acksIn(pipe, ln int) bool {
	if m.cfg.Independent && !m.lanes[ln].bound {
		return pipe == 0
	}
	return m.carries(pipe, ln)
}

// asksToBind reports whether a client has been asked to bind a lane.
func (m *Machine) asksToBind(ln int) bool {
	l := &m.lanes[ln]
	return m.client() && l.asked && !l.bound
}

// wants reports whether messages wait for a lane.
func (m *Machine) wants(ln int) bool {
	l := &m.lanes[ln]
	if l.replays() || m.asksToBind(ln) {
		return true
	}
	if !m.open(ln) {
		return false
	}
	if ln == m.role.event && !m.events.empty() {
		return true
	}
	if m.streamsReady(ln) {
		return true
	}
	return ln == m.role.call && (m.queuesReady() || !m.large.empty() || m.creditReady())
}

// queuesReady reports whether the head of any queue can be sent.
func (m *Machine) queuesReady() bool {
	for p := range m.queues {
		if m.queueReady(Priority(p)) {
			return true
		}
	}
	return false
}

// queueReady reports whether a queue's head can be sent: a reply waits for the
// events that it must not overtake (clause 6.10).
func (m *Machine) queueReady(p Priority) bool {
	it := m.queues[p].first
	return it != nil && (it.kind != itemReply || it.mark == 0 || it.off > 0 || m.events.sentThrough(it.mark))
}

// creditReady reports whether the first large message that waits has credit.
func (m *Machine) creditReady() bool {
	it := m.credit.first
	return it != nil && m.out.largeReserved+uint64(len(it.content.Payload)) <= m.out.largeLimit
}

// LargeWaits reports whether parts of large messages wait to be sent.
func (m *Machine) LargeWaits() bool { return !m.large.empty() || m.creditReady() }

// usable reports whether a lane is bound. If not, a client binds it with the
// next batch, and a server asks the client to (clauses 4.5 and 4.6).
func (m *Machine) usable(ln int) bool {
	l := &m.lanes[ln]
	if l.bound || m.client() && m.control.attach {
		return true
	}
	if !m.client() && !l.asked {
		l.asked = true
		m.control.open[ln] = true
		m.control.anyOpen = true
	}
	return false
}

// Wake returns the pipes, as a bit set, that have something to send; a driver
// asks after anything that may have queued something.
func (m *Machine) Wake() (pipes uint32) { return m.WakeBut(0) }

// WakeBut is Wake without looking at some pipes.
func (m *Machine) WakeBut(but uint32) (pipes uint32) {
	// Lane 0 last: asking for a lane queues a frame there.
	for p := m.Pipes() - 1; p >= 0; p-- {
		if but&(1<<p) == 0 && m.Ready(p) {
			pipes |= 1 << p
		}
	}
	return pipes
}

// Unacknowledged returns the bytes that were sent in a pipe and that the peer
// has not acknowledged: while they are few, a write will not block.
func (m *Machine) Unacknowledged(pipe int) int {
	n := 0
	for i := range m.cfg.Lanes {
		if m.carries(pipe, i) {
			n += m.lanes[i].pending
		}
	}
	return n
}

// Batch appends the next batch of a pipe to b and returns the extended slice;
// nothing is appended if the pipe has nothing to send. At most
// frame.MaxBatch bytes are appended.
func (m *Machine) Batch(pipe int, now time.Duration, b []byte) []byte {
	if m.ended || m.detached {
		return b
	}
	m.appended = b
	start := len(b)
	if m.cfg.Watchdog && !m.awaits() {
		m.beat.since = now
	}
	if !page && m.early != nil {
		m.early.now = now
	}
	if m.carries(pipe, 0) {
		m.batchControl(now)
	}
	if m.cfg.Independent && pipe != 0 && !m.lanes[pipe].bound {
		if !m.client() || !m.control.attach || !m.wants(pipe) || m.silent() && !m.asksToBind(pipe) {
			return m.batched(start)
		}
		m.bind(pipe, 0)
	}
	for i := range m.cfg.Lanes {
		// The last ones are all sent where the carrier is about to be closed.
		if l := &m.lanes[i]; l.owes() && (m.acksIn(pipe, i) || pipe == 0 && m.closing.got) {
			m.append(i, &frame.Frame{Kind: frame.Ack, Next: l.next})
			l.acknowledged()
		}
	}
	if m.silent() {
		return m.batched(start)
	}
	for i := range m.cfg.Lanes {
		if m.carries(pipe, i) {
			if p := m.lanes[i].pace; p != nil {
				p.burst = 0
			}
		}
	}
	large := m.carries(pipe, m.role.call) && m.largeWaited && m.batchLarge(now)
	left := func() int { return batchTarget - (len(m.appended) - start) }
	for progress := true; progress && left() > 0; {
		progress = m.batchReplays(pipe, left)
		for _, p := range order {
			if p == Low && m.carries(pipe, m.role.event) {
				progress = m.batchEvents(min(share, left())) || progress
			}
			budget := share
			if p == Bulk {
				budget = 1 // one frame at a time
			}
			if m.carries(pipe, m.role.call) {
				progress = m.batchQueue(p, min(budget, left()), now) || progress
				if p == Bulk && left() > 0 && !large {
					// One frame of a batch: what comes meanwhile waits for all of it.
					large = m.batchLarge(now)
					progress = large || progress
				}
			}
			progress = m.batchStreams(pipe, p, min(budget, left()), now) || progress
		}
	}
	// What is left of the room holds more of the streams: large writes cost
	// less. A DATA fits whole.
	if m.carries(pipe, m.role.bulk) {
		m.batchStreams(pipe, Bulk, dataTarget-(len(m.appended)-start), now)
	}
	if large {
		m.fillLarge(dataTarget-(len(m.appended)-start), now)
	}
	if m.carries(pipe, m.role.call) {
		// If small messages and events took all of the batch, the next one
		// begins with a large one.
		m.largeWaited = !large && !m.large.empty()
	}
	if m.called {
		m.called, m.calledAt = false, now
		for _, ln := range []int{m.role.bulk, m.role.stream} {
			if p := m.lanes[ln].pace; p != nil {
				p.called = now
			}
		}
	}
	if m.carries(pipe, 0) && m.closeReady() {
		m.batchClose()
	}
	return m.batched(start)
}

// batched ends a batch that began at start, and returns it with what was there
// before it.
func (m *Machine) batched(start int) (b []byte) {
	b, m.appended = m.appended, nil
	n := len(b) - start
	if m.touched != 0 {
		// One of them is enough: the bytes are to be counted once.
		m.lanes[bits.TrailingZeros8(m.touched)].batched(n)
		m.touched = 0
	}
	m.stats.BytesSent += uint64(n)
	return b
}

// append writes one frame of a lane and numbers it.
func (m *Machine) append(ln int, f *frame.Frame) {
	f.Lane = uint8(ln)
	if f.Kind.Numbered() {
		l := &m.lanes[ln]
		f.Seq = l.sent
		l.sent++
		m.touched |= 1 << ln
		if m.cfg.Retention > 0 {
			start := len(m.appended)
			m.appended = frame.Append(m.appended, f)
			if l.keep == nil {
				l.keep = &keep{next: f.Seq}
			}
			l.keep.add(m.appended[start:], m.chunk, len(f.Payload))
			m.kept += len(m.appended) - start
			if !page && m.early != nil && m.early.sends {
				m.early.copy(m, ln, f, m.appended[start:])
			}
			m.stats.FramesSent++
			return
		}
	}
	m.appended = frame.Append(m.appended, f)
	m.stats.FramesSent++
}

// bind writes the ATTACH of a lane (clause 4.5).
func (m *Machine) bind(ln int, flags frame.Flags) {
	m.append(ln, &frame.Frame{Kind: frame.Attach, Flags: flags, ID: m.cfg.Generation})
	m.lanes[ln].bound = true
	if flags&frame.AllLanes != 0 {
		for i := range m.lanes {
			m.lanes[i].bound = true
		}
	}
}

func (m *Machine) batchControl(now time.Duration) {
	c := &m.control
	if m.client() && !c.attach {
		c.attach = true
		if m.cfg.Independent {
			m.bind(0, 0)
		} else {
			m.bind(0, frame.AllLanes)
		}
	}
	if !c.waits() && len(m.str.windows) == 0 || m.silent() {
		return
	}
	if !m.client() && c.anyOpen {
		for i := range c.open {
			if c.open[i] {
				m.append(i, &frame.Frame{Kind: frame.Open})
			}
		}
		c.anyOpen, c.open = false, [frame.MaxLanes]bool{}
	}
	if c.ping {
		m.append(0, &frame.Frame{Kind: frame.Ping, ID: c.token})
	}
	for _, token := range c.pongs {
		m.append(0, &frame.Frame{Kind: frame.Pong, ID: token})
	}
	c.ping, c.pongs = false, c.pongs[:0]
	if c.messages {
		m.append(0, &frame.Frame{Kind: frame.Credit, ID: frame.CreditMessages, Next: m.in.messagesGranted})
	}
	if c.largeSize {
		m.append(0, &frame.Frame{Kind: frame.Credit, ID: frame.CreditLarge, Next: m.in.largeGranted})
	}
	if c.streams {
		m.append(0, &frame.Frame{Kind: frame.Credit, ID: frame.CreditStreams, Next: m.str.granted})
	}
	c.messages, c.largeSize, c.streams = false, false, false
	if c.early {
		m.append(0, &frame.Frame{Kind: frame.Early})
		c.early = false
	}
	if !m.client() && c.leaving {
		m.batchLeaving(now)
	}
	m.batchRenewal()
	m.batchWindows()
}

// batchQueue appends what leaves on the call lane with a priority in order,
// until the batch has grown by budget bytes. It reports whether it got any
// further.
func (m *Machine) batchQueue(p Priority, budget int, now time.Duration) bool {
	start := len(m.appended)
	moved := false
	for len(m.appended)-start < budget && m.open(m.role.call) && m.queueReady(p) {
		it := m.queues[p].first
		if it.kind != itemState && len(it.content.Payload) > frame.MaxPayload {
			// Large: it goes on beside the others, once it has credit.
			it.unlink()
			m.credit.push(it)
			moved = true
			continue
		}
		if m.batchItem(it, now) {
			it.unlink()
			m.sentWhole(it)
		}
	}
	return moved || len(m.appended) > start
}

// batchLarge appends one frame of a large message; they take turns.
func (m *Machine) batchLarge(now time.Duration) bool {
	if !m.open(m.role.call) {
		return false
	}
	for m.creditReady() {
		it := m.credit.pop()
		m.out.largeReserved += uint64(len(it.content.Payload))
		m.large.push(it)
	}
	it := m.large.pop()
	if it == nil {
		return false
	}
	if m.batchItem(it, now) {
		m.sentWhole(it)
	} else {
		m.large.push(it)
	}
	return true
}

// fillLarge fills a batch that has a part of a large message with more of them,
// budget bytes, where the wire takes batches so fast that a call which comes
// behind them does not notice: on a slow one it would wait for all of them.
func (m *Machine) fillLarge(budget int, now time.Duration) {
	if m.largeRun++; now-m.largeAt > largeSoon {
		m.largeRun = 0
	}
	m.largeAt = now
	if m.largeRun < 2 { // the first two go to the kernel's buffers, whatever the wire
		return
	}
	for begun := len(m.appended); len(m.appended)-begun < budget && m.batchLarge(now); {
	}
}

// batchItem appends the next frame of an item and reports whether it was the
// last.
func (m *Machine) batchItem(it *item, now time.Duration) bool {
	f := new(frame.Frame) // on the stack
	if it.off > 0 {
		*f = frame.Frame{Kind: frame.More, Flags: frame.OfFlags(owner(it.kind)), ID: it.id}
		last := m.part(f, it.content.Payload, it.content.Packed, &it.off)
		m.append(m.role.call, f)
		return last
	}
	switch it.kind {
	case itemCall, itemMessage:
		m.head(f, it, now)
	case itemReply:
		*f = frame.Frame{Kind: frame.Reply, ID: it.id, Code: it.code}
		if it.mark > 0 {
			f.Flags |= frame.Barrier
			f.Next = m.lanes[m.role.event].sent
		}
		if it.reply != nil && it.reply.x != nil && it.reply.x.began > 0 {
			f.Flags |= frame.Streamed
			f.Slot = uint64(it.reply.x.began)
		}
	case itemCancel:
		*f = frame.Frame{Kind: frame.Cancel, ID: it.id, Code: it.code}
	case itemStop:
		*f = frame.Frame{Kind: frame.Stop, Flags: frame.Flags(it.flags), ID: it.id, Slot: uint64(it.slot), Code: it.code}
	case itemState:
		*f = frame.Frame{Kind: frame.State, Flags: frame.Flags(it.flags), Next: it.mark}
		if s := it.state; s.id == 0 {
			m.nextState++
			s.id = m.nextState
			f.Flags |= frame.HasName
			f.Name = []byte(s.name)
		}
		it.id = it.state.id
		f.ID = it.id
	}
	if len(it.content.Meta) > 0 {
		f.Flags |= frame.HasMeta
		f.Meta = it.content.Meta
	}
	last := m.part(f, it.content.Payload, it.content.Packed, &it.off)
	m.append(m.role.call, f)
	return last
}

// head fills in the first frame of a call or message.
func (m *Machine) head(f *frame.Frame, it *item, now time.Duration) {
	*f = frame.Frame{Kind: frame.Message, Flags: frame.Flags(it.flags)}
	f.Ref = m.lanes[m.role.call].reference(it.call.Method, m.cfg.Peer.Names)
	if frame.NamedRef(f.Ref) {
		f.Name = []byte(it.call.Method)
	}
	if it.kind == itemMessage && len(it.content.Payload) <= frame.MaxPayload {
		m.stats.Messages++
		return
	}
	m.out.nextID++
	it.id = m.out.nextID
	f.ID = it.id
	if it.kind == itemMessage {
		m.stats.Messages++
		return
	}
	f.Kind = frame.Call
	m.out.running.put(it.id, it.call)
	m.stats.CallsStarted++
	if x := it.call.x; x != nil {
		for _, s := range x.outs {
			m.activate(s)
		}
	}
	if it.call.Deadline != 0 {
		f.Flags |= frame.Deadline
		f.Millis = millis(it.call.Deadline - now)
	}
}

// part puts the next part of a payload, compressed if it is, into f, with the flags and the size of
// clause 2.4, and reports whether it was the last.
func (m *Machine) part(f *frame.Frame, payload []byte, packed [][]byte, off *int) (last bool) {
	at, rest := *off/frame.MaxPayload, payload[*off:]
	if last = len(rest) <= frame.MaxPayload; !last {
		if *off == 0 {
			f.Size = uint64(len(payload))
		}
		f.Flags |= frame.HasMore
		rest = rest[:frame.MaxPayload]
	}
	f.Payload = rest
	*off += len(rest)
	if at < len(packed) && packed[at] != nil {
		f.Payload, f.Packed = packed[at], true
	}
	return last
}

// sentWhole takes note that the last frame of an item is in a batch.
func (m *Machine) sentWhole(it *item) {
	it.whole = true
	m.called = m.called || it.brief()
	it.mark = m.lanes[m.role.call].sent
	switch it.kind {
	case itemCall:
		m.out.dequeued(it)
		if it.tracked {
			m.track(it.call)
		}
	case itemMessage:
		m.out.dequeued(it)
		if it.tracked {
			m.track(it.call)
		} else {
			m.messagesOut = append(m.messagesOut, it.call)
		}
	case itemReply:
		if it.reply == nil {
			m.in.refused--
			return
		}
		m.out.replyBytes -= len(it.content.Payload)
		m.in.running.remove(it.id)
		m.sent = append(m.sent, it.reply)
	case itemState:
		it.state.sent(it)
	}
}

// Sent returns the calls and messages whose payload the machine is done with,
// since it was last asked: replies by their Inbound, one-way messages that are
// not tracked by their Call. The slices are valid until the next Batch.
func (m *Machine) Sent() (replies []*Inbound, messages []*Call) {
	replies, messages = m.sent, m.messagesOut
	m.sent, m.messagesOut = m.sent[:0], m.messagesOut[:0]
	return replies, messages
}

// owner returns whose message a MORE frame of an item of this kind continues.
func owner(k itemKind) int {
	switch k {
	case itemReply:
		return frame.OfReply
	case itemState:
		return frame.OfState
	}
	return frame.OfCall
}

// millis returns d in milliseconds, rounded up (clause 6.4), at least 1.
func millis(d time.Duration) uint64 {
	return uint64(max(1, (d+time.Millisecond-1)/time.Millisecond))
}
