package machine

import (
	"cmp"
	"slices"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// What happens to a topic's events when a session's queue is full.
type Overflow uint8

const (
	// DropOldest drops events that wait longest, and says how many.
	DropOldest Overflow = iota
	// Disconnect ends the session with SlowConsumer.
	Disconnect
	// Latest has only the newest event count: it takes the place of one that
	// waits, without a word (clause 7.6).
	Latest
)

// A Sub is the subscription of one session to one topic, on the sending side.
type Sub struct {
	id       uint64
	name     string
	overflow Overflow
	live     bool
	begun    bool   // TOPIC was sent
	used     bool   // an event was emitted
	begin    uint64 // the ordinal of its begin
	missed   uint64 // dropped and not yet told
	gapped   bool   // is in eventQueue.gaps
	latest   newest
}

// Name returns the name of the topic.
func (s *Sub) Name() string { return s.name }

// ErrSlowConsumer is how a session ends that does not keep up with a topic
// that may not lose anything.
var ErrSlowConsumer = &twinwire.Error{Code: twinwire.SlowConsumer, Message: "events wait faster than the peer takes them"}

type eventKind uint8

const (
	eventEmit eventKind = iota
	eventBegin
	eventEnd
	eventDropped
	eventUnfit // an event that the peer does not accept: missed when its turn comes
)

// A queuedEvent waits to be sent on the event lane.
type queuedEvent struct {
	sub     *Sub
	typ     string
	payload []byte
	packed  [][]byte // its compressed parts, as in Call
	ordinal uint64
	kind    eventKind
	// overflow is the subscription's; that of events to every session may
	// change.
	overflow Overflow
	version  uint64 // of a subscription of which the newest counts, else 0
}

// eventOverhead is what an event counts beside its payload.
const eventOverhead = 64

// An eventQueue is the event lane's queue: bounded in bytes, in order.
type eventQueue struct {
	q       []queuedEvent
	head    int
	off     int // bytes of the head's payload that were sent
	bytes   int
	emitted int    // events among what waits
	ends    int    // of subscriptions, among what waits
	last    uint64 // the ordinal of the newest event; they begin at 1
	fixed   int    // no event before this index can be dropped
	dropped int    // events in q that were dropped
	gaps    []*Sub
	latest  latest
	all     Sub // the topic with id 0
}

// queuedEvents returns the queue of the event lane. A session without topics has
// none.
func (m *Machine) queuedEvents() *eventQueue {
	if m.events == nil {
		m.events = new(eventQueue)
	}
	return m.events
}

func (e *eventQueue) empty() bool { return e == nil || e.head == len(e.q) && len(e.gaps) == 0 }

// sentThrough reports whether the event with this ordinal is on the wire, or
// was dropped, as were all before it.
func (e *eventQueue) sentThrough(ordinal uint64) bool {
	if e == nil {
		return true
	}
	e.skipDropped()
	return e.head == len(e.q) || e.q[e.head].ordinal > ordinal
}

func (e *eventQueue) push(v queuedEvent) {
	e.last++
	v.ordinal = e.last
	e.q = append(e.q, v)
	e.bytes += len(v.payload) + eventOverhead
	if v.kind == eventEmit {
		e.emitted++
	}
}

// popHead takes the head, which was sent or dropped, off the queue.
func (e *eventQueue) popHead() {
	h := &e.q[e.head]
	if h.kind == eventDropped {
		e.dropped--
	} else {
		e.bytes -= len(h.payload) + eventOverhead
		switch h.kind {
		case eventEmit:
			e.emitted--
		case eventEnd:
			e.ends--
		}
	}
	*h = queuedEvent{}
	e.head++
	e.off = 0
	e.fixed = max(e.fixed, e.head)
	switch {
	case e.head == len(e.q):
		e.q, e.head, e.fixed = e.q[:0], 0, 0
		if cap(e.q) > 64 {
			e.q = nil // an idle session keeps no memory for events
		}
	case e.head >= 256 && e.head*2 >= len(e.q):
		e.compact()
	}
}

// compact moves what waits to the front and leaves out what was dropped.
func (e *eventQueue) compact() {
	n := 0
	for _, v := range e.q[e.head:] {
		if v.kind != eventDropped {
			e.q[n] = v
			n++
		}
	}
	clear(e.q[n:])
	e.q, e.head, e.fixed, e.dropped = e.q[:n], 0, 0, 0
}

// skipDropped takes dropped events off the head.
func (e *eventQueue) skipDropped() {
	for e.head < len(e.q) && e.q[e.head].kind == eventDropped {
		e.popHead()
	}
}

// miss counts an event that the subscriber will not see, to be told of.
func (e *eventQueue) miss(s *Sub) {
	s.missed++
	if !s.gapped {
		s.gapped = true
		e.gaps = append(e.gaps, s)
	}
}

// room makes room for n bytes by dropping what may be dropped, oldest first,
// and reports whether there is. One event always fits, also behind the begin of
// its subscription.
func (e *eventQueue) room(n, most int, stats *counters) bool {
	for e.bytes > 0 && e.bytes+n > most && e.fixed < len(e.q) {
		i := e.fixed
		e.fixed++
		v := &e.q[i]
		if v.kind != eventEmit && v.kind != eventUnfit || v.overflow != DropOldest || i == e.head && e.off > 0 {
			continue
		}
		if v.kind == eventEmit {
			stats.EventsMissed++
		}
		e.miss(v.sub)
		e.drop(v)
	}
	e.tidy()
	return e.emitted == 0 || e.bytes+n <= most
}

// drop takes what v holds out of the queue; its place is taken off later.
func (e *eventQueue) drop(v *queuedEvent) {
	e.bytes -= len(v.payload) + eventOverhead
	if v.kind == eventEmit {
		e.emitted--
	}
	v.kind, v.payload, v.packed = eventDropped, nil, nil
	e.dropped++
}

// tidy frees the places of what was dropped: those behind something that
// cannot be dropped must not take memory until that is sent.
func (e *eventQueue) tidy() {
	if e.skipDropped(); e.dropped > 256 && e.dropped*2 > len(e.q)-e.head {
		e.compact()
	}
}

// withdraw takes the begin of a subscription back that was not sent and that
// no event followed, and reports whether it could.
func (e *eventQueue) withdraw(s *Sub) bool {
	if s.begun || s.used {
		return false
	}
	i, found := slices.BinarySearchFunc(e.q[e.head:], s.begin, func(v queuedEvent, ordinal uint64) int {
		return cmp.Compare(v.ordinal, ordinal)
	})
	if !found {
		return false
	}
	e.drop(&e.q[e.head+i])
	e.tidy()
	return true
}

// Subscribe begins a subscription of this session to a topic. The caller keeps
// names unique. The peer sees every event that is emitted to it from now on.
func (m *Machine) Subscribe(topic string, overflow Overflow) (*Sub, error) {
	if m.takesNothing() {
		return nil, ErrEnded
	}
	m.nextSub++
	s := &Sub{id: m.nextSub, name: topic, overflow: overflow, live: true}
	e := m.queuedEvents()
	// Who subscribes to one topic after another, and leaves each, is bounded too.
	if e.ends*eventOverhead > m.cfg.MaxEventBytes || !e.room(len(topic)+eventOverhead, m.cfg.MaxEventBytes, &m.stats) {
		m.limited(LimitEventBytes)
		return nil, ErrSlowConsumer
	}
	e.push(queuedEvent{sub: s, kind: eventBegin})
	s.begin = e.last
	return s, nil
}

// Unsubscribe ends a subscription. Events that were emitted before still
// arrive; of a subscription that the peer has not heard of, and that had none,
// it hears nothing. Unsubscribe reports whether the subscription had not ended
// before.
func (m *Machine) Unsubscribe(s *Sub) bool {
	if !s.live {
		return false
	}
	s.live = false
	m.settle(s)
	if !m.takesNothing() && !m.events.withdraw(s) {
		m.events.ends++
		m.events.push(queuedEvent{sub: s, kind: eventEnd})
	}
	return true
}

// Emit queues an event. A nil sub stands for the topic that every session has.
// The payload is shared: it is only read, as are its compressed parts
// (Call.Packed). Emit returns the ordinal of the
// event for Caused. The error is ErrEnded, or a *twinwire.Error that is the end
// of the session because the topic may not lose anything: ErrSlowConsumer, or
// ErrTooLarge if the peer does not accept an event of this size.
func (m *Machine) Emit(s *Sub, typ string, payload []byte, overflow Overflow, packed ...[]byte) (uint64, error) {
	e := m.queuedEvents()
	if s == nil {
		s = &e.all
		s.live = true
		if s.overflow = overflow; overflow == Latest {
			s.overflow = DropOldest // they are no values of one topic
		}
	}
	if m.takesNothing() || !s.live {
		return 0, ErrEnded
	}
	s.used = true
	v := queuedEvent{sub: s, typ: typ, payload: payload, packed: packed, overflow: s.overflow}
	if s.overflow == Latest {
		s.latest.version++
		v.version = s.latest.version
		if m.newest(&v) {
			return m.events.last, nil
		}
	}
	if len(payload) > m.cfg.Peer.MaxMessage {
		if s.overflow == Disconnect {
			return 0, ErrTooLarge
		}
		v.kind, v.payload, v.packed = eventUnfit, nil, nil
		m.stats.EventsMissed++
	}
	missed := m.stats.EventsMissed
	fits := e.room(len(v.payload)+eventOverhead, m.cfg.MaxEventBytes, &m.stats)
	if !fits || m.stats.EventsMissed != missed {
		m.limited(LimitEventBytes)
	}
	if !fits {
		if s.overflow == Disconnect {
			return 0, ErrSlowConsumer
		}
		// Nothing that waits may be dropped, but this may.
		e.miss(s)
		if v.kind == eventEmit {
			m.stats.EventsMissed++
		}
		return e.last, nil
	}
	e.push(v)
	if s.overflow == Latest && v.kind == eventEmit {
		s.latest.waits = e.last
	}
	return e.last, nil
}

// EventPipe returns the pipe that events travel in.
func (m *Machine) EventPipe() int {
	if m.cfg.Independent {
		return m.role.event
	}
	return 0
}

// batchEvents appends events until the batch has grown by budget bytes. It
// reports whether it appended any.
func (m *Machine) batchEvents(budget int) bool {
	e := m.events
	if e.empty() {
		return false
	}
	ln := &m.lanes[m.role.event]
	start := len(m.appended)
	for len(m.appended)-start < budget && m.open(m.role.event) {
		e.skipDropped()
		if e.head == len(e.q) {
			m.batchGaps(start + budget)
			break
		}
		h := &e.q[e.head]
		f := new(frame.Frame)
		switch h.kind {
		case eventUnfit:
			e.miss(h.sub)
			e.popHead()
			continue
		case eventBegin:
			*f = frame.Frame{Kind: frame.Topic, Flags: frame.Begin, ID: h.sub.id, Name: []byte(h.sub.name)}
			h.sub.begun = true
		case eventEnd:
			m.gap(h.sub)
			*f = frame.Frame{Kind: frame.Topic, ID: h.sub.id}
		default:
			if e.off > 0 {
				*f = frame.Frame{Kind: frame.More, Flags: frame.OfFlags(frame.OfEvent), ID: h.sub.id}
			} else {
				*f = frame.Frame{Kind: frame.Event, ID: h.sub.id, Ref: ln.reference(h.typ, m.cfg.Peer.Names)}
				if frame.NamedRef(f.Ref) {
					f.Name = []byte(h.typ)
				}
				if h.sub.latest.waits == h.ordinal {
					h.sub.latest.waits = 0
				}
				if h.version > 0 && m.cfg.Latest {
					f.Flags |= frame.Versioned
					f.Version = h.version
				}
				if h.sub.missed > 0 {
					f.Flags |= frame.Missed
					f.Next = h.sub.missed
					h.sub.missed = 0
				}
				m.stats.EventsSent++
			}
			if !m.part(f, h.payload, h.packed, &e.off) {
				m.append(m.role.event, f)
				continue
			}
		}
		m.append(m.role.event, f)
		e.popHead()
	}
	return len(m.appended) > start
}

// batchGaps tells of events that were dropped and are followed by none, until the
// batch has grown to full bytes.
func (m *Machine) batchGaps(full int) {
	e := m.events
	kept := 0
	for _, s := range e.gaps {
		if len(m.appended) >= full || !m.open(m.role.event) {
			e.gaps[kept] = s
			kept++
			continue
		}
		m.gap(s)
		s.gapped = false
	}
	clear(e.gaps[kept:])
	e.gaps = e.gaps[:kept]
}

func (m *Machine) gap(s *Sub) {
	if s.missed > 0 && (s.begun || s.id == 0) {
		m.append(m.role.event, &frame.Frame{Kind: frame.Gap, ID: s.id, Next: s.missed})
	}
	s.missed = 0
}

// An InTopic is a topic that the peer has subscribed this session to.
type InTopic struct {
	// Name is the topic's name.
	Name string
	// Live says that the subscription has not ended.
	Live bool
	// Families is the driver's own: the families of the events that it saw.
	Families []string
	// Missed is the driver's own too: how many events were dropped of which only
	// those families were told.
	Missed uint64

	typ     string
	missed  uint64
	size    int
	parts   []byte
	version uint64 // of the event that is not whole
	newest  uint64 // the highest version that was seen
}

// An EventIn is something that arrived on the event lane.
type EventIn struct {
	Topic *InTopic
	// Kind says what: a subscription that began or ended, an event, or a gap
	// that no event followed.
	Kind EventInKind
	// Type is the type of an event, Missed the number dropped before it.
	Type   string
	Missed uint64
	// Payload is borrowed unless Owned is set.
	Payload []byte
	Owned   bool
}

// EventInKind is the kind of an EventIn.
type EventInKind uint8

const (
	Emitted EventInKind = iota
	Subscribed
	Unsubscribed
	Missing
)

// MaxTopics is how many topics a session may be subscribed to at once at most,
// whatever its limits say: the peer does not know those, and what it makes this
// side remember must have a bound.
const MaxTopics = 1 << 14

func (m *Machine) receiveTopic(f *frame.Frame, eff *Effects) error {
	if m.topics == nil {
		m.topics = make(map[uint64]*InTopic)
	}
	if m.openEvent != nil {
		return protocolError("event is not whole")
	}
	t := m.topics[f.ID]
	if f.Flags&frame.Begin == 0 {
		if t == nil || f.ID == 0 {
			return protocolError("end of an unknown topic")
		}
		t.Live = false
		delete(m.topics, f.ID)
		eff.Events = append(eff.Events, EventIn{Topic: t, Kind: Unsubscribed})
		return nil
	}
	switch {
	case f.ID <= m.nextTopic:
		return protocolError("topic id out of order")
	case len(m.topics) > MaxTopics:
		return protocolError("too many topics")
	}
	m.nextTopic = f.ID
	t = &InTopic{Name: string(f.Name), Live: true}
	m.topics[f.ID] = t
	eff.Events = append(eff.Events, EventIn{Topic: t, Kind: Subscribed})
	return nil
}

// topic returns the topic with this id; the one with id 0 is always there.
func (m *Machine) topic(id uint64) (*InTopic, error) {
	if t := m.topics[id]; t != nil {
		return t, nil
	}
	if id != 0 {
		return nil, protocolError("event of an unknown topic")
	}
	if m.topics == nil {
		m.topics = make(map[uint64]*InTopic)
	}
	t := &InTopic{Live: true}
	m.topics[0] = t
	return t, nil
}

func (m *Machine) receiveEvent(f *frame.Frame, ln *lane, eff *Effects) error {
	t, err := m.topic(f.ID)
	if err != nil {
		return err
	}
	if m.openEvent != nil {
		return protocolError("event is not whole")
	}
	if f.Kind == frame.Gap {
		eff.Events = append(eff.Events, EventIn{Topic: t, Kind: Missing, Missed: f.Next})
		return nil
	}
	n, err := ln.resolve(f, m.cfg.Own.Names, frame.ValidType[[]byte], nil)
	if err != nil {
		return err
	}
	if f.Flags&frame.Versioned != 0 && (f.ID == 0 || f.Version == 0 || !m.cfg.Latest) {
		return protocolError("version of an event that has none")
	}
	m.sawLatest = m.sawLatest || f.Version > 0
	if f.Flags&frame.HasMore == 0 {
		if t.outdated(f.Version) {
			return nil
		}
		eff.Events = append(eff.Events, EventIn{Topic: t, Type: n.text, Missed: f.Next, Payload: f.Payload})
		return nil
	}
	if f.Size > uint64(m.cfg.Own.MaxMessage) {
		return m.beyond(LimitMessageSize, "event over the size limit")
	}
	m.openEvent = t
	t.typ, t.missed, t.size, t.version = n.text, f.Next, int(f.Size), f.Version
	t.parts = new(Rooms).begin(t.size, f)
	return nil
}

func (m *Machine) continueEvent(f *frame.Frame, eff *Effects) error {
	t, err := m.topic(f.ID)
	if err != nil {
		return err
	}
	if t != m.openEvent {
		return protocolError("part of a message that was not begun")
	}
	whole, err := new(Rooms).add(&t.parts, t.size, f)
	if err != nil || !whole {
		return err
	}
	if !t.outdated(t.version) {
		eff.Events = append(eff.Events, EventIn{Topic: t, Type: t.typ, Missed: t.missed, Payload: t.parts, Owned: true})
	}
	t.parts, m.openEvent = nil, nil
	return nil
}
