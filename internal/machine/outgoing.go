package machine

import (
	"slices"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// A Call is a call of this side from Start to its end, or a one-way message.
// The driver allocates it and may use it again once Effects.Done returned it.
//
// Where many are under way each is out of the caches when it is sent, and again
// when it is answered: so it is small, and what is needed together is together.
type Call struct {
	// Set by the driver before Start.

	// Method is the name of the method; it must be valid (clause 6.2).
	Method string
	// Content belongs to the machine until the call is done.
	Content
	// Deadline is when the time for the call is up; 0 for never.
	Deadline time.Duration

	x    *exchange // nil without streams
	item item

	// Set by the driver before Start as well.

	// OneWay makes it a message, Unordered and Idempotent as in clause 2.6.
	OneWay, Unordered, Idempotent bool
	// Tracked asks for Effects.Received and SentTracked, and for a message to
	// be in Effects.Done in any case.
	Tracked bool
	// Streams says that the driver takes care of the callee's streams. If not,
	// they are stopped.
	Streams bool
	// Priority says what it waits behind.
	Priority Priority

	canceled bool
	held     bool // the reply is complete and waits for its barrier
	ended    bool

	// Set when the call is done, but for Owner, which is the driver's own.

	Owned bool
	// Code is the outcome.
	Code    twinwire.Code
	size    int32 // of a reply of several frames
	barrier uint64
	Owner   any
	// Reply is the payload of the reply, or what of it has arrived. It is
	// borrowed unless Owned is set.
	Reply []byte
	// ReplyMeta is the metadata string of the reply. It is always borrowed.
	ReplyMeta []byte
	// Text says why, where the machine itself ended the call.
	Text string
}

// Ended reports whether the call is in some Effects.Done, or will be no more.
func (c *Call) Ended() bool { return c.ended }

// finish ends a call that has no reply.
func (c *Call) finish(code twinwire.Code, text string) {
	c.Code, c.Text = code, text
	c.Reply, c.ReplyMeta, c.Owned = nil, nil, false
}

// outgoing are the calls and messages of this side.
type outgoing struct {
	nextID  uint64
	running table[Call] // of which a frame was sent, not answered
	calls   int         // that take a place in the window, canceled ones too
	held    []*Call

	messages      uint64 // sent so far
	messageLimit  uint64
	largeReserved uint64
	largeLimit    uint64

	queued      int // calls and messages not sent yet
	queuedBytes int
	replyBytes  int // replies not sent yet
}

func (o *outgoing) init(peer *Window) {
	o.messageLimit = uint64(peer.Messages)
	o.largeLimit = uint64(peer.Large)
}

// dequeued takes an item that will not be sent, or was sent, off the bounds.
func (o *outgoing) dequeued(it *item) {
	o.queued--
	o.queuedBytes -= len(it.content.Payload)
}

// Roomy reports whether there is room for more than a few calls and messages.
func (m *Machine) Roomy() bool {
	o := &m.out
	return o.queued <= m.cfg.MaxQueuedCalls/2 && o.queuedBytes <= m.cfg.MaxQueuedBytes/2
}

// Start queues a call or a message. The error is ErrEnded, ErrQueueFull or
// ErrTooLarge; the call then did not begin and is not in any Effects.
func (m *Machine) Start(c *Call) error {
	o := &m.out
	switch {
	case m.takesNothing():
		return ErrEnded
	case len(c.Payload) > m.cfg.Peer.MaxMessage:
		return ErrTooLarge
	case o.queued >= m.cfg.MaxQueuedCalls || o.queued > 0 && o.queuedBytes+len(c.Payload) > m.cfg.MaxQueuedBytes:
		m.limited(LimitQueue)
		return ErrQueueFull
	}
	it := &c.item
	*it = item{call: c, content: &c.Content, tracked: c.Tracked, streams: c.Streams}
	if c.OneWay {
		it.kind = itemMessage
	}
	if c.Unordered {
		it.flags |= uint8(frame.Unordered)
	}
	if c.Idempotent && !c.OneWay {
		it.flags |= uint8(frame.Idempotent)
	}
	c.Code, c.Text, c.Reply, c.Owned, c.ReplyMeta = 0, "", nil, false, nil
	c.canceled, c.size, c.barrier, c.held, c.ended = false, 0, 0, false, false
	c.x = nil
	o.queued++
	o.queuedBytes += len(c.Payload)
	m.waiting[c.Priority].push(it)
	m.admitFrom(c.Priority)
	return nil
}

// admit moves what the windows allow from waiting to the queue (5.2 and 5.4).
// It keeps the order of each priority: what is behind a call that has to wait,
// waits.
func (m *Machine) admit() {
	for _, p := range order {
		m.admitFrom(p)
	}
}

func (m *Machine) admitFrom(p Priority) {
	o := &m.out
	for it := m.waiting[p].first; it != nil; it = m.waiting[p].first {
		if it.kind == itemCall {
			if o.calls >= m.cfg.Peer.Calls {
				return
			}
			o.calls++
		} else {
			share := m.cfg.Peer.share(len(it.content.Payload))
			if o.messages+share > o.messageLimit {
				return
			}
			o.messages += share
		}
		it.unlink()
		m.queues[p].push(it)
	}
}

// Abandon ends the wait for a call whose context is done; code is why, for the
// peer to know. It returns whether the call was certainly not run, because it
// had not left this side, and whether it is out of the machine, so that the
// driver may use it again. If it is not out the peer is told, and the call
// comes back in Effects.Done when the peer has answered or the session ends (a
// canceled call keeps its slot until its handler returns); the driver must not
// touch it until then. A call that is already done must not be abandoned, nor may a
// message be.
func (m *Machine) Abandon(c *Call, code twinwire.Code) (out, notRun bool) {
	it := &c.item
	if it.in != nil && !it.begun() {
		if it.in != &m.waiting[c.Priority] {
			m.out.calls--
		}
		if it.in == &m.large {
			m.out.largeReserved -= uint64(len(it.content.Payload))
		}
		it.unlink()
		m.out.dequeued(it)
		m.dropStreams(c.x, code)
		m.admit()
		return true, true
	}
	c.canceled = true
	m.dropStreams(c.x, code)
	m.dropIns(c.x)
	if c.held { // the callee is done with it
		m.out.held = slices.DeleteFunc(m.out.held, func(h *Call) bool { return h == c })
		m.remove(c)
		m.admit()
		return true, false
	}
	if !it.whole {
		// Parts are still to be sent: the peer drops what it has.
		it.unlink()
		m.out.dequeued(it)
	}
	m.queues[Normal].push(&item{kind: itemCancel, id: it.id, code: uint16(code), content: &noContent})
	return false, false
}

// receiveReply takes a REPLY (clauses 6.7 and 6.10).
func (m *Machine) receiveReply(f *frame.Frame, eff *Effects) error {
	m.in.replies++
	c := m.out.running.get(f.ID)
	switch {
	case c == nil || c.size > 0 || c.held:
		return protocolError("reply to a call that is not running")
	case !c.item.whole && !c.canceled:
		// The callee gave up on a call before it was whole: what is left of it
		// need not be sent.
		c.item.unlink()
		m.out.dequeued(&c.item)
	}
	c.Code = twinwire.Code(f.Code)
	if f.Flags&frame.Barrier != 0 {
		c.barrier = f.Next
	}
	if f.Flags&frame.Streamed != 0 {
		c.streams().wanted = int(f.Slot)
	}
	m.dropStreams(c.x, c.Code)
	if f.Flags&frame.HasMeta != 0 {
		if err := frame.ParseMetadata(f.Meta, func(_, _ []byte) {}); err != nil {
			return protocolError("malformed metadata")
		}
		c.ReplyMeta = f.Meta
	}
	if f.Flags&frame.HasMore == 0 {
		c.Reply = f.Payload
		m.answered(c, eff)
		return nil
	}
	if err := m.reserve(f.Size); err != nil {
		return err
	}
	c.size = int32(f.Size)
	c.Reply = m.cfg.Rooms.begin(int(c.size), f)
	c.ReplyMeta = append([]byte(nil), c.ReplyMeta...)
	return nil
}

// continueReply takes a part of a reply of several frames (clause 6.6).
func (m *Machine) continueReply(f *frame.Frame, eff *Effects) error {
	c := m.out.running.get(f.ID)
	if c == nil || c.size == 0 || c.held {
		return protocolError("part of a message that was not begun")
	}
	whole, err := m.cfg.Rooms.add(&c.Reply, int(c.size), f)
	if err != nil || !whole {
		return err
	}
	c.Owned = true
	m.consumedLarge(int(c.size))
	m.answered(c, eff)
	return nil
}

// finished puts a call that is done into eff.
func (m *Machine) finished(c *Call, eff *Effects) {
	c.ended = true
	m.dropStreams(c.x, c.Code)
	eff.Done = append(eff.Done, c)
}

// waits reports whether a complete reply must wait for events or streams that
// it must not overtake (clauses 6.10 and 12.8).
func (m *Machine) waits(c *Call) bool {
	return c.barrier > m.lanes[m.role.event].next || !c.canceled && !c.x.arrived()
}

// answered ends a call whose reply is complete, or holds it until what it must
// not overtake has arrived.
func (m *Machine) answered(c *Call, eff *Effects) {
	if m.waits(c) {
		// It keeps its place in the window, which bounds how many are held.
		c.held = true
		if !c.Owned {
			c.Reply, c.Owned = append([]byte(nil), c.Reply...), true
			c.ReplyMeta = append([]byte(nil), c.ReplyMeta...)
		}
		m.out.held = append(m.out.held, c)
		return
	}
	m.delivered(c, eff)
}

// delivered ends a call with the reply of its callee.
func (m *Machine) delivered(c *Call, eff *Effects) {
	m.remove(c)
	m.finished(c, eff)
	m.admit()
}

// remove takes a call that was answered out of the window.
func (m *Machine) remove(c *Call) {
	c.held, c.ended = false, true
	if c.Tracked {
		c.item.unlink() // from unacked: an answer says more
	}
	m.out.calls--
	m.out.running.remove(c.item.id)
}

// release ends the calls whose reply need not wait any more.
func (m *Machine) release(eff *Effects) {
	if len(m.out.held) == 0 {
		return
	}
	kept := m.out.held[:0]
	for _, c := range m.out.held {
		if m.waits(c) {
			kept = append(kept, c)
			continue
		}
		m.delivered(c, eff)
	}
	clear(m.out.held[len(kept):])
	m.out.held = kept
}

// receiveCredit takes a CREDIT (clauses 5.4 to 5.6).
func (m *Machine) receiveCredit(f *frame.Frame) error {
	o := &m.out
	switch f.ID {
	case frame.CreditMessages:
		o.messageLimit = max(o.messageLimit, f.Next)
		m.admit()
	case frame.CreditLarge:
		o.largeLimit = max(o.largeLimit, f.Next)
	case frame.CreditStreams:
		m.str.limit = max(m.str.limit, f.Next)
		m.admitStreams()
	default:
		return protocolError("credit for an unknown resource")
	}
	return nil
}
