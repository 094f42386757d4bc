package machine

import (
	"cmp"
	"slices"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// repairTime is how long no newer event may follow one that went by datagram
// before it is sent again on the event lane (clause 7.9).
const repairTime = 50 * time.Millisecond

// A newest is what a subscription of which the newest event counts needs
// besides: at most one event of it waits, in the queue or for a datagram.
type newest struct {
	version uint64 // of the newest event; they begin at 1
	waits   uint64 // the ordinal of the event in the queue, 0 for none
	told    bool   // an event went to the lane: the peer knows what topic it is

	// The newest event that goes or went by datagram, until it is repaired.
	typ     string
	payload []byte
	packed  [][]byte
	at      uint64        // its version; 0 for none
	fresh   bool          // it was not sent yet
	due     time.Duration // when it is repaired, if it was

	inFresh, inQuiet bool // is in latest.fresh, latest.quiet
}

// latest has the subscriptions that datagrams are about.
type latest struct {
	fresh []*Sub        // whose event waits for a datagram
	quiet []*Sub        // whose event went by datagram
	due   time.Duration // when Tick has something to repair, or before; 0 for never
}

// newest has the newest event of a subscription take the place of what waits
// of it, and reports whether it did. If not, it is for the queue.
func (m *Machine) newest(v *queuedEvent) bool {
	s, e := v.sub, m.events
	l := &s.latest
	if len(v.payload) > m.cfg.Peer.MaxMessage {
		return false
	}
	if l.waits != 0 {
		i, found := slices.BinarySearchFunc(e.q[e.head:], l.waits, func(v queuedEvent, ordinal uint64) int {
			return cmp.Compare(v.ordinal, ordinal)
		})
		if !found {
			return false
		}
		w := &e.q[e.head+i]
		if more := len(v.payload) - len(w.payload); more > 0 && e.bytes+more > m.cfg.MaxEventBytes {
			// The queue has room for it as for any other.
			e.drop(w)
			e.tidy()
			l.waits = 0
			return false
		}
		e.bytes += len(v.payload) - len(w.payload)
		w.typ, w.payload, w.packed, w.version = v.typ, v.payload, v.packed, v.version
		return true
	}
	if !m.cfg.Latest || !l.told || m.detached || latestHead+len(v.typ)+len(v.payload) > int(m.cfg.Datagram) {
		m.forget(s)
		l.told = true
		return false
	}
	l.typ, l.payload, l.packed, l.at = v.typ, v.payload, v.packed, v.version
	l.fresh, l.due = true, 0
	if !l.inFresh {
		l.inFresh = true
		m.events.latest.fresh = append(m.events.latest.fresh, s)
	}
	return true
}

// latestHead is the most bytes of a LATEST beside type and payload: length,
// kind, lane, topic id, version, and the length of the type.
const latestHead = 2 + 2 + 8 + 8 + 2

// DatagramsReady reports whether Datagram has something to send.
func (m *Machine) DatagramsReady() bool {
	return (m.latestReady() || !page && m.early.ready()) && !m.ended && !m.detached && !m.silent() && (!m.client() || m.control.attach)
}

func (m *Machine) latestReady() bool { return m.events != nil && len(m.events.latest.fresh) > 0 }

// Datagram appends the next datagram to b: copies that wait, or as many LATEST as
// it holds. What it sends of those is repaired if nothing newer follows.
func (m *Machine) Datagram(now time.Duration, b []byte) []byte {
	start := len(b)
	if !page && m.early.ready() && m.DatagramsReady() {
		b = append(b, m.early.waiting...)
		m.early.waiting = m.early.waiting[:0]
		m.stats.BytesSent += uint64(len(b) - start)
		return b
	}
	for m.latestReady() && m.DatagramsReady() {
		s := m.events.latest.fresh[0]
		l := &s.latest
		if l.fresh {
			f := frame.Frame{Kind: frame.Latest, Lane: uint8(m.role.event), ID: s.id, Version: l.at, Name: []byte(l.typ), Payload: l.payload}
			if n := latestHead + len(l.typ) + len(l.payload); len(b) > start && len(b)-start+n > int(m.cfg.Datagram) {
				break
			}
			b = frame.Append(b, &f)
			m.stats.EventsSent++
			m.stats.FramesSent++
			if !l.inQuiet {
				l.inQuiet = true
				m.events.latest.quiet = append(m.events.latest.quiet, s)
			}
			l.fresh, l.due = false, now+repairTime
			if m.events.latest.due == 0 {
				m.events.latest.due = l.due
			}
		}
		l.inFresh = false
		m.events.latest.fresh = m.events.latest.fresh[1:]
	}
	if m.events != nil && len(m.events.latest.fresh) == 0 {
		m.events.latest.fresh = nil
	}
	m.stats.BytesSent += uint64(len(b) - start)
	return b
}

// repair queues what went by datagram and was followed by nothing newer for a
// while.
func (m *Machine) repair(now time.Duration) {
	if m.events == nil || m.events.latest.due == 0 || m.events.latest.due > now {
		return
	}
	m.events.latest.due = 0
	quiet := m.events.latest.quiet
	m.events.latest.quiet = m.events.latest.quiet[:0]
	for _, s := range quiet {
		l := &s.latest
		switch {
		case l.at == 0: // something newer is in the queue, or was
			l.inQuiet = false
			continue
		case !l.fresh && l.due <= now:
			l.inQuiet = false
			m.settle(s)
			continue
		case !l.fresh && (m.events.latest.due == 0 || l.due < m.events.latest.due):
			m.events.latest.due = l.due
		}
		m.events.latest.quiet = append(m.events.latest.quiet, s)
	}
	clear(quiet[len(m.events.latest.quiet):])
	if m.events.latest.due == 0 && len(m.events.latest.quiet) > 0 {
		m.events.latest.due = now + repairTime // they wait for their datagrams
	}
	if len(m.events.latest.quiet) == 0 {
		m.events.latest.quiet = nil
	}
}

// settle has the lane carry what a datagram was to, or may not have.
func (m *Machine) settle(s *Sub) {
	l := &s.latest
	if l.at == 0 || m.takesNothing() {
		m.forget(s)
		return
	}
	v := queuedEvent{sub: s, typ: l.typ, payload: l.payload, packed: l.packed, overflow: s.overflow, version: l.at}
	m.forget(s)
	if !m.events.room(len(v.payload)+eventOverhead, m.cfg.MaxEventBytes, &m.stats) {
		m.limited(LimitEventBytes)
		m.events.miss(s)
		m.stats.EventsMissed++
		return
	}
	m.events.push(v)
	l.waits = m.events.last
}

// forget drops the event that was for a datagram.
func (m *Machine) forget(s *Sub) {
	l := &s.latest
	l.typ, l.payload, l.packed, l.at, l.fresh, l.due = "", nil, nil, 0, false, 0
}

// settleAll settles all subscriptions: there is no carrier for datagrams any
// more, or another one.
func (m *Machine) settleAll() {
	if m.events == nil {
		return
	}
	for _, s := range slices.Concat(m.events.latest.fresh, m.events.latest.quiet) {
		s.latest.inFresh, s.latest.inQuiet = false, false
		m.settle(s)
	}
	m.events.latest = latest{}
}

// outdated reports whether an event with this version is not newer than what
// was seen of the topic. Events without one never are.
func (t *InTopic) outdated(version uint64) bool {
	if version == 0 {
		return false
	}
	old := version <= t.newest
	t.newest = max(t.newest, version)
	return old
}

// ExpectsDatagrams reports whether datagrams may come: the peer has sent an event
// of which the newest counts, or has said that it copies.
func (m *Machine) ExpectsDatagrams() bool {
	return m.sawLatest && m.cfg.Datagram > 0 || !page && m.early != nil && m.early.hears
}

// ReceiveDatagram takes a datagram that arrived and adds to eff what follows
// from it (clause 7.8). An error is a violation as for Receive.
func (m *Machine) ReceiveDatagram(b []byte, now time.Duration, eff *Effects) error {
	if m.ended || m.detached {
		return nil
	}
	if !m.cfg.Latest && (page || !m.cfg.Early) {
		return protocolError("datagram without agreement")
	}
	m.beat.heard, m.beat.asked, m.beat.doubt = now, 0, false
	m.stats.BytesReceived += uint64(len(b))
	var f frame.Frame
	for len(b) > 0 {
		n, err := f.Parse(b)
		switch {
		case err != nil:
			return protocolError(err.Error())
		case !page && f.Kind == frame.Early && m.cfg.Early:
			if err := m.receiveEarly(&f, now, eff); err != nil {
				return err
			}
			b = b[n:]
			m.stats.FramesReceived++
			continue
		case !m.cfg.Latest:
			return protocolError("LATEST without agreement")
		case f.Kind != frame.Latest, int(f.Lane) != m.role.event, f.ID == 0, f.Version == 0:
			return protocolError("datagram with something else than LATEST and EARLY")
		case !frame.ValidType(f.Name):
			return &twinwire.Error{Code: twinwire.ProtocolError, Message: "malformed name of an event type"}
		}
		b = b[n:]
		m.stats.FramesReceived++
		// Of a topic that is not known yet the newest event comes on the lane
		// as well, and of one that has ended nothing counts.
		if t := m.topics[f.ID]; t != nil && !t.outdated(f.Version) {
			eff.Events = append(eff.Events, EventIn{Topic: t, Type: string(f.Name), Payload: f.Payload})
		}
	}
	return nil
}
