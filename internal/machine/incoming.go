package machine

import (
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// An Inbound is a call or a message of the peer, from Effects.Start to its
// Reply, or to Consumed for a message.
type Inbound struct {
	// Target is what Config.Resolve returned for Method.
	Target any
	Method string
	// Payload is the encoded arguments. It is borrowed unless Owned is set.
	Payload []byte
	// Meta is the metadata string, borrowed unless Owned is set.
	Meta []byte
	// Deadline is when the time for the call is up; 0 for never.
	Deadline time.Duration
	// Owner is the driver's own.
	Owner any
	// Answer is what Reply is to use for the answer, which is the machine's
	// until Sent returns the call. Nil has Reply make one.
	Answer *Answer
	// Owned says that Payload and Meta are not borrowed.
	Owned bool
	// OneWay says that it is a message, which has no reply.
	OneWay, Unordered, Idempotent bool
	// Canceled is why the caller no longer waits, in Effects.Cancel.
	Canceled twinwire.Code

	replied    bool
	canceled   bool
	replyWaits bool   // for the streams of this end (clause 12.8)
	share      uint16 // of the window for messages
	size       int32  // of a message of several frames (clause 2.4)
	id         uint64
	// barrier is the newest event that was caused for this session by the
	// handler (clause 6.10).
	barrier uint64
	x       *exchange // nil without streams
}

// Reusable reports whether the machine does not look at v any more, once Sent has
// returned it or Consumed has taken it, nor will whoever carries out Effects.
func (v *Inbound) Reusable() bool { return v.x == nil && !v.canceled }

// Settled returns a call that is answered, and nobody's.
func Settled() *Inbound { return &Inbound{replied: true, canceled: true} }

// An Answer is what a reply on its way out needs beside its payload. The driver
// may use it again: a call would otherwise leave twice as much behind.
type Answer struct {
	reply   item
	content Content
}

// incoming are the calls and messages of the peer.
type incoming struct {
	lastID  uint64
	partial map[uint64]*Inbound // of which not all parts have arrived
	running table[Inbound]      // from Start to the end of the reply's sending
	refused int32               // refusals that wait to be sent
	serving int32               // messages that were received and not consumed

	states    map[uint64]*inState
	lastState uint64
	openState *inState // of which not all parts have arrived
	opened    flow     // of states
	replies   uint64   // that were received

	messages        uint64 // received, as 5.4 counts them
	messagesDone    uint64
	messagesGranted uint64
	largeReserved   uint64
	largeDone       uint64
	largeGranted    uint64
}

func (in *incoming) init(own *Window) {
	in.messagesGranted = uint64(own.Messages)
	in.largeGranted = uint64(own.Large)
}

// reserve takes the size of a message of several frames off the peer's credit
// (clause 5.5).
func (m *Machine) reserve(size uint64) error {
	in := &m.in
	if size > uint64(m.cfg.Own.MaxMessage) {
		return m.beyond(LimitMessageSize, "message over the size limit")
	}
	if in.largeReserved+size > in.largeGranted {
		return m.beyond(LimitLargeBytes, "message beyond the credit")
	}
	in.largeReserved += size
	return nil
}

// receiveCall takes a CALL or a MESSAGE (clauses 6.1 to 6.5).
func (m *Machine) receiveCall(f *frame.Frame, ln *lane, now time.Duration, eff *Effects) error {
	n, err := ln.resolve(f, m.cfg.Own.Names, frame.ValidMethod[[]byte], m.cfg.Resolve)
	if err != nil {
		return err
	}
	in := &m.in
	oneWay := f.Kind == frame.Message
	if !oneWay || f.Flags&frame.HasMore != 0 {
		if f.ID <= in.lastID {
			return m.refuse(f, twinwire.BadRequest, "duplicate call id")
		}
		if m.isEarly(f.ID) { // under another number
			return protocolError("duplicate call id")
		}
		in.lastID = f.ID
		if len(m.str.early) > 0 {
			defer func() { m.attachEarly(f.ID, in.running.get(f.ID), eff, false) }()
		}
	}
	if f.Flags&frame.HasMeta != 0 {
		if err := frame.ParseMetadata(f.Meta, func(_, _ []byte) {}); err != nil {
			return protocolError("malformed metadata")
		}
	}
	var share uint64
	if oneWay {
		share = m.cfg.Own.share(max(len(f.Payload), int(f.Size)))
		if in.messages += share; in.messages > in.messagesGranted {
			return m.beyond(LimitMessages, "message beyond the window")
		}
		in.serving++
	} else if in.running.len() >= m.cfg.Own.Calls {
		m.limited(LimitCalls)
		return m.refuse(f, twinwire.ResourceExhausted, "call beyond the window")
	}
	if n.target == nil && m.role.call == m.role.event && m.cfg.Resolve != nil {
		// The lane's names are those of event types as well (clause 6.2).
		if n.text == "" {
			return protocolError("malformed name")
		}
		n.target = m.cfg.Resolve(n.text)
	}
	v := m.cfg.NewInbound()
	v.Target, v.Method, v.OneWay, v.id, v.share = n.target, n.text, oneWay, f.ID, uint16(share)
	v.Unordered = f.Flags&frame.Unordered != 0
	if !oneWay {
		v.Idempotent = f.Flags&frame.Idempotent != 0
		if f.Flags&frame.Deadline != 0 {
			v.Deadline = now + time.Duration(min(f.Millis, 1<<40))*time.Millisecond
		}
		in.running.put(f.ID, v)
	}
	if f.Flags&frame.HasMore == 0 {
		v.Payload, v.Meta = f.Payload, f.Meta
		m.start(v, eff)
		return nil
	}
	if err := m.reserve(f.Size); err != nil {
		return err
	}
	v.size, v.Owned = int32(f.Size), true
	v.Payload = m.cfg.Rooms.begin(int(v.size), f)
	v.Meta = append([]byte(nil), f.Meta...)
	if in.partial == nil {
		in.partial = make(map[uint64]*Inbound)
	}
	in.partial[f.ID] = v
	return nil
}

// start hands a complete call or message to the driver. No call starts after a
// goodbye was begun here: if the answer is not sent any more, because CLOSE
// was, its caller concludes the same from the ACKs that went with it (clause
// 8.3).
func (m *Machine) start(v *Inbound, eff *Effects) {
	switch {
	case v.OneWay:
	case m.closing.wanted:
		if v.x != nil {
			eff.Dropped = append(eff.Dropped, v.x.ins...)
		}
		m.Reply(v, uint16(twinwire.Unavailable), Rejection("session is closing", nil), nil)
		return
	default:
		m.stats.CallsServed++
	}
	eff.Start = append(eff.Start, v)
}

// refuse answers a call that is not run, such as one beyond the window (clause
// 5.2). It waits for nothing, so a peer that goes on regardless is cut off.
func (m *Machine) refuse(f *frame.Frame, code twinwire.Code, text string) error {
	if f.Kind == frame.Message || f.Flags&frame.HasMore != 0 {
		return protocolError(text)
	}
	if m.in.refused++; int(m.in.refused) > m.cfg.Own.Calls {
		return protocolError("too many calls that cannot be run")
	}
	m.queues[Normal].push(&item{kind: itemReply, id: f.ID, code: uint16(code), content: &Content{Payload: Rejection(text, nil)}})
	return nil
}

// continueCall takes a part of a call or message (clause 6.6).
func (m *Machine) continueCall(f *frame.Frame, eff *Effects) error {
	v := m.in.partial[f.ID]
	if v == nil {
		return protocolError("part of a message that was not begun")
	}
	whole, err := m.cfg.Rooms.add(&v.Payload, int(v.size), f)
	if err != nil || !whole {
		return err
	}
	delete(m.in.partial, f.ID)
	m.start(v, eff)
	return nil
}

// receiveCancel takes a CANCEL (clause 6.8).
func (m *Machine) receiveCancel(f *frame.Frame, eff *Effects) {
	v := m.in.running.get(f.ID)
	if v == nil || v.replied && !v.replyWaits {
		return
	}
	v.canceled = true
	defer m.dropStreams(v.x, twinwire.Canceled) // may queue the reply
	if v.replied {
		a := v.Answer
		m.out.replyBytes -= len(a.content.Payload)
		a.reply.code, a.content = uint16(twinwire.Canceled), Content{}
		return
	}
	if m.in.partial[f.ID] != nil {
		delete(m.in.partial, f.ID)
		m.cfg.Rooms.drop(&v.Payload)
		if v.x != nil {
			eff.Dropped = append(eff.Dropped, v.x.ins...) // no handler has seen them
		}
		m.Reply(v, uint16(twinwire.Canceled), nil, nil)
		return
	}
	v.Canceled = twinwire.Code(f.Code)
	eff.Cancel = append(eff.Cancel, v)
}

// Caused notes that the handler of v caused the event of this session that
// Emit numbered; the reply will not overtake it (clause 6.10).
func (m *Machine) Caused(v *Inbound, event uint64) { v.barrier = max(v.barrier, event) }

// Reply queues the answer to a call. The payload is the machine's until
// Batch has sent it whole and Sent returns it. Its compressed parts are as in
// Call.Packed. A reply of a call that was
// answered already, and one after the end, does nothing.
func (m *Machine) Reply(v *Inbound, code uint16, payload, meta []byte, packed ...[]byte) {
	if v.replied || v.OneWay {
		return
	}
	v.replied = true
	if m.ended {
		return
	}
	if v.size > 0 {
		m.consumedLarge(int(v.size))
	}
	switch {
	case len(payload) > m.cfg.Peer.MaxMessage:
		code, payload, meta, packed = uint16(twinwire.TooLarge), Rejection("reply is larger than the caller accepts", nil), nil, nil
	case m.out.replyBytes > 0 && m.out.replyBytes+len(payload) > m.cfg.MaxReplyBytes:
		m.limited(LimitReplyBytes)
		code, payload, meta, packed = uint16(twinwire.ResourceExhausted), Rejection("too many replies wait to be sent", nil), nil, nil
	}
	m.out.replyBytes += len(payload)
	if v.Answer == nil {
		v.Answer = new(Answer)
	}
	a := v.Answer
	a.content = Content{payload, packed, meta}
	a.reply = item{kind: itemReply, id: v.id, code: code, content: &a.content, mark: v.barrier, reply: v}
	if v.x != nil && m.finishStreams(v) {
		return
	}
	m.queueReply(v)
}

// finishStreams ends the streams of a call that is answered, and reports
// whether the reply has to wait for them (clause 12.8).
func (m *Machine) finishStreams(v *Inbound) bool {
	for _, s := range v.x.outs {
		switch {
		case v.Answer.reply.code == 0:
			m.EndStream(s)
		case !s.ended: // what the handler has ended arrives whole, before its error
			m.ResetStream(s, twinwire.Code(v.Answer.reply.code), nil)
		}
	}
	if !v.x.sending() {
		return false
	}
	v.replyWaits = true
	m.str.replies++
	for _, s := range v.x.ins {
		m.StopStream(s, twinwire.Code(v.Answer.reply.code), nil) // the reply would do, but is late
	}
	return true
}

// queueReply queues the reply of a call whose streams have been sent.
func (m *Machine) queueReply(v *Inbound) {
	if v.replyWaits {
		v.replyWaits = false
		m.str.replies--
	}
	m.dropIns(v.x)
	m.queues[Normal].push(&v.Answer.reply)
}

// Consumed says that the application is done with a message, so that the peer
// may send another.
func (m *Machine) Consumed(v *Inbound) {
	if !v.OneWay || v.replied {
		return
	}
	v.replied = true
	in := &m.in
	in.serving--
	in.messagesDone += uint64(v.share)
	// A quarter at a time, but at once where the peer may be waiting for it.
	limit := in.messagesDone + uint64(m.cfg.Own.Messages)
	if limit-in.messagesGranted >= uint64(max(1, m.cfg.Own.Messages/4)) || in.messagesGranted-in.messages < m.cfg.Own.share(m.cfg.Own.MaxMessage) {
		in.messagesGranted = limit
		m.control.messages = true
	}
	if v.size > 0 {
		m.consumedLarge(int(v.size))
	}
}

// consumedLarge gives back the credit of a message of several frames.
func (m *Machine) consumedLarge(size int) {
	in := &m.in
	in.largeDone += uint64(size)
	// Always at once: the peer may need all of the window for one message.
	in.largeGranted = in.largeDone + uint64(m.cfg.Own.Large)
	m.control.largeSize = true
}

// maxRejectionText is the most text of a rejection (clause 6.7).
const (
	maxRejectionText    = 1024
	maxRejectionDetails = 4096
	maxRejection        = 2 + maxRejectionText + maxRejectionDetails
)

// Rejection returns the payload of a reply with a code other than 0 (clause
// 6.7): nil for neither text nor details.
func Rejection(text string, details []byte) []byte {
	if len(details) > maxRejectionDetails {
		details = nil
	}
	if text == "" && len(details) == 0 {
		return nil
	}
	text = cut(text, maxRejectionText)
	b := frame.AppendVarint(nil, uint64(len(text)))
	b = append(b, text...)
	return append(b, details...)
}

// ParseRejection takes the payload of a rejection apart. What it returns is
// borrowed. A malformed one gives nothing.
func ParseRejection(b []byte) (text, details []byte) {
	v, n := frame.Varint(b)
	if n <= 0 || v > maxRejectionText || v > uint64(len(b)-n) {
		return nil, nil
	}
	text, details = b[n:n+int(v)], b[n+int(v):]
	if len(details) > maxRejectionDetails {
		details = nil
	}
	return text, details
}
