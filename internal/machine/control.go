package machine

import (
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// control is what waits to be sent on lane 0 (clause 2.7).
type control struct {
	attach    bool // a client has bound lane 0
	open      [frame.MaxLanes]bool
	ping      bool // PING with token
	anyOpen   bool
	messages  bool   // CREDIT for messages
	largeSize bool   // CREDIT for large messages
	streams   bool   // CREDIT for streams
	leaving   bool   // LEAVING
	early     bool   // EARLY, which says that copies will come
	token     uint64 // of the newest PING; an older one that was not sent is of no use
	pongs     []uint64
	renewal   *renewal // nil before the first
}

func (c *control) waits() bool {
	return c.anyOpen || c.ping || len(c.pongs) > 0 || c.messages || c.largeSize || c.streams || c.leaving || c.early || c.renewal.due()
}

// closing is the goodbye in both directions (clause 8.2).
type closing struct {
	wanted   bool // Close was called
	sent     bool
	got      bool   // the peer said goodbye
	agreed   bool   // everything up to the peer's numbers has arrived
	gotIn    uint64 // the generation in which it did
	*parting        // nil before either
}

// parting is what is said for a goodbye.
type parting struct {
	// By this side.
	code   twinwire.Code
	reason string
	retry  time.Duration

	// By the peer.
	peer  twinwire.Code
	why   string
	nexts [frame.MaxLanes]uint64
	after time.Duration
}

func (c *closing) parts() {
	if c.parting == nil {
		c.parting = new(parting)
	}
}

// Close begins the goodbye: nothing new is taken, calls that wait for a window
// end as Unavailable, what is queued is still sent, messages that wait for
// credit too, and then CLOSE.
func (m *Machine) Close(code twinwire.Code, reason string, retry time.Duration, eff *Effects) {
	if m.closing.wanted || m.ended {
		return
	}
	m.settleAll() // a datagram is no promise
	m.closing.wanted = true
	m.closing.parts()
	m.closing.code, m.closing.reason, m.closing.retry = code, cut(reason, frame.MaxReason), retry
	for i := range m.waiting {
		for it, next := m.waiting[i].first, (*item)(nil); it != nil; it = next {
			if next = it.next; it.kind == itemCall {
				it.unlink()
				m.out.dequeued(it)
				it.call.finish(twinwire.Unavailable, "session is closing")
				m.finished(it.call, eff)
			}
		}
	}
	m.admit()
}

// takesNothing reports whether the session has nothing to do with what its
// application begins.
func (m *Machine) takesNothing() bool { return m.ended || m.closing.wanted || m.closing.got }

// Closing reports whether one of both sides has said goodbye.
func (m *Machine) Closing() bool { return m.closing.wanted || m.closing.got }

// silent reports whether nothing but acknowledgements may be sent (clause
// 8.2).
func (m *Machine) silent() bool { return m.closing.sent || m.closing.got }

// Goodbye returns what the peer said when it closed, and whether it did.
func (m *Machine) Goodbye() (code twinwire.Code, reason string, retry time.Duration, ok bool) {
	c := &m.closing
	if c.parting == nil {
		return 0, "", 0, false
	}
	return c.peer, c.why, c.after, c.got
}

// drained reports whether nothing but control frames waits.
func (m *Machine) drained() bool {
	for i := range m.queues {
		if !m.waiting[i].empty() || !m.queues[i].empty() {
			return false
		}
	}
	for i := range m.cfg.Lanes {
		if m.lanes[i].replays() {
			return false
		}
	}
	return m.str.replies == 0 && m.large.empty() && m.credit.empty() && m.events.empty()
}

// Mark returns the numbers behind all that the machine had to send, if all of it
// was sent.
func (m *Machine) Mark() (nexts [frame.MaxLanes]uint64, all bool) {
	for i := range m.cfg.Lanes {
		nexts[i] = m.lanes[i].sent
	}
	return nexts, m.drained()
}

// Has reports whether the peer has acknowledged everything up to these numbers.
func (m *Machine) Has(nexts *[frame.MaxLanes]uint64) bool {
	for i := range m.cfg.Lanes {
		if m.lanes[i].acked < nexts[i] {
			return false
		}
	}
	return true
}

// closeReady reports whether CLOSE is the next thing to send.
func (m *Machine) closeReady() bool {
	return m.closing.wanted && !m.silent() && m.drained()
}

func (m *Machine) receiveClose(f *frame.Frame) error {
	c := &m.closing
	if c.got && c.gotIn == m.cfg.Generation {
		return protocolError("second CLOSE")
	}
	c.gotIn = m.cfg.Generation
	c.parts()
	c.got, c.peer, c.why = true, twinwire.Code(f.Code), string(f.Name)
	c.nexts = f.Nexts
	c.after = time.Duration(min(f.Millis, 1<<40)) * time.Millisecond
	return nil
}

// agree reports, once, that everything before the peer's CLOSE has arrived.
func (m *Machine) agree() bool {
	if !m.closing.got || m.closing.agreed {
		return false
	}
	for i := range m.cfg.Lanes {
		if m.lanes[i].next < m.closing.nexts[i] {
			return false
		}
	}
	m.closing.agreed = true
	return true
}

// cut shortens s to at most n bytes and leaves it valid UTF-8.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
