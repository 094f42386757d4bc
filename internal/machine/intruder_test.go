package machine

import (
	"slices"
	"strings"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// An intruder has a peer do something that the protocol forbids. It returns
// false if there is no way to do that at this moment.
type intruder struct {
	name string
	do   func(e *end) bool
}

// intrude has both ends meet some of what the other must not do. The histories
// before are those of honest peers; what a machine has to refuse nobody else
// would try.
func (w *world) intrude() {
	for _, e := range w.ends {
		if e.m.closing.got || e.m.detached {
			continue
		}
		if e.m.early != nil { // no number and no id is of what was taken early
			*e.m.early = copies{}
			e.m.in.lastID = e.peer.m.out.nextID
		}
		for _, i := range w.rng.Perm(len(intruders))[:6] {
			intruders[i].do(e)
		}
	}
}

// forge has an end receive one frame, with the number that it expects next.
func (e *end) forge(f frame.Frame, payload ...byte) error {
	if f.Kind.Numbered() {
		f.Seq += e.m.lanes[f.Lane].next
	}
	f.Payload = payload
	pipe := int(f.Lane)
	if !e.m.cfg.Independent || !f.Kind.Numbered() && f.Kind != frame.Attach {
		pipe = 0
	}
	e.eff.Reset()
	return e.m.Receive(pipe, frame.Append(nil, &f), e.w.now, &e.eff)
}

// refused checks that what was forged was refused for a reason.
func (e *end) refused(err error, reason string) {
	e.w.t.Helper()
	te, ok := err.(*twinwire.Error)
	if !ok || te.Code != twinwire.ProtocolError || !strings.Contains(te.Message, reason) {
		e.w.fatalf("%s: %q was not refused: %v", e.name, reason, err)
	}
}

// bound reports whether frames can arrive on a lane.
func (e *end) bound(ln int) bool { return e.m.lanes[ln].bound }

// eventsWhole reports whether no event, which another could interrupt, is under way.
func (e *end) eventsWhole() bool { return e.bound(e.m.role.event) && e.m.openEvent == nil }

var intruders = []intruder{
	{"number skipped", func(e *end) bool {
		ln := e.m.role.call
		if !e.bound(ln) {
			return false
		}
		e.refused(e.forge(frame.Frame{Kind: frame.Cancel, Lane: uint8(ln), Seq: 1, ID: 1}), "sequence number was skipped")
		return true
	}},
	{"acknowledgement of what was not sent", func(e *end) bool {
		e.refused(e.forge(frame.Frame{Kind: frame.Ack, Next: e.m.lanes[0].sent + 1}), "never sent")
		return true
	}},
	{"attach of an old generation", func(e *end) bool {
		if e.m.cfg.Client {
			return false
		}
		f := frame.Frame{Kind: frame.Attach, ID: e.m.cfg.Generation - 1}
		if !e.m.cfg.Independent {
			f.Flags = frame.AllLanes
		}
		e.refused(e.forge(f), "another generation")
		return true
	}},
	{"messages beyond the window", func(e *end) bool {
		in, ln := &e.m.in, uint8(e.m.role.call)
		if !e.bound(int(ln)) || in.messages > in.messagesGranted {
			return false
		}
		for range in.messagesGranted - in.messages {
			if err := e.forge(frame.Frame{Kind: frame.Message, Lane: ln, Name: []byte("t.x")}); err != nil {
				e.w.fatalf("%s: message within the window: %v", e.name, err)
			}
		}
		e.refused(e.forge(frame.Frame{Kind: frame.Message, Lane: ln, Name: []byte("t.x")}), "message beyond the window")
		return true
	}},
	{"calls beyond the window", func(e *end) bool {
		in, ln := &e.m.in, uint8(e.m.role.call)
		if !e.bound(int(ln)) {
			return false
		}
		for range 2*e.m.cfg.Own.Calls + 1 {
			err := e.forge(frame.Frame{Kind: frame.Call, Lane: ln, ID: in.lastID + 1, Name: []byte("t.x")})
			if in.running.len() > e.m.cfg.Own.Calls {
				e.w.fatalf("%s: %d calls run", e.name, in.running.len())
			}
			if err != nil {
				e.refused(err, "too many calls that cannot be run")
				return true
			}
		}
		e.w.fatalf("%s: calls beyond the window are answered without end", e.name)
		return true
	}},
	{"call id used again", func(e *end) bool {
		in, ln := &e.m.in, uint8(e.m.role.call)
		if !e.bound(int(ln)) || in.lastID == 0 || int(in.refused) >= e.m.cfg.Own.Calls {
			return false
		}
		in.running.remove(in.lastID) // as if it had been answered
		err := e.forge(frame.Frame{Kind: frame.Call, Lane: ln, ID: in.lastID, Name: []byte("t.x")})
		if err != nil || len(e.eff.Start) > 0 || in.running.get(in.lastID) != nil {
			e.w.fatalf("%s: a duplicate of call %d was taken: %v", e.name, in.lastID, err)
		}
		return true
	}},
	{"large messages beyond the credit", func(e *end) bool {
		in, ln := &e.m.in, uint8(e.m.role.call)
		if !e.bound(int(ln)) {
			return false
		}
		in.messagesGranted = in.messages + 1000
		f := frame.Frame{Kind: frame.Message, Flags: frame.HasMore, Lane: ln, Name: []byte("t.x")}
		f.ID, f.Size = in.lastID+1, uint64(e.m.cfg.Own.MaxMessage)+1
		part := make([]byte, frame.MaxPayload)
		e.refused(e.forge(f, part...), "over the size limit")
		f.Size--
		for n := 0; n < 100 && in.largeReserved+f.Size <= in.largeGranted; n++ {
			f.ID = in.lastID + 1
			if err := e.forge(f, part...); err != nil {
				e.w.fatalf("%s: message within the credit: %v", e.name, err)
			}
		}
		f.ID = in.lastID + 1
		e.refused(e.forge(f, part...), "beyond the credit")
		return true
	}},
	{"parts that are too many", func(e *end) bool {
		in, ln := &e.m.in, uint8(e.m.role.call)
		if !e.bound(int(ln)) || in.largeReserved+40_000 > in.largeGranted {
			return false
		}
		in.messagesGranted = in.messages + 1000
		part := make([]byte, frame.MaxPayload)
		f := frame.Frame{Kind: frame.Message, Flags: frame.HasMore, Lane: ln, Name: []byte("t.x"), ID: in.lastID + 1, Size: 40_000}
		if err := e.forge(f, part...); err != nil {
			e.w.fatalf("%s: head of a large message: %v", e.name, err)
		}
		f = frame.Frame{Kind: frame.More, Lane: ln, ID: f.ID, Flags: frame.OfFlags(frame.OfCall)}
		e.refused(e.forge(f, part...), "do not add up")
		return true
	}},
	{"data beyond the window", func(e *end) bool {
		st, ln := &e.m.str, uint8(e.m.role.stream)
		if !e.bound(int(ln)) || st.opened >= st.granted {
			return false
		}
		f := frame.Frame{Kind: frame.Data, Flags: frame.First, Lane: ln, ID: e.m.in.lastID + 1000}
		for range 1000 {
			err := e.forge(f, make([]byte, frame.MaxPayload)...)
			if s := st.early[len(st.early)-1]; err != nil {
				e.refused(err, "beyond its window")
				return true
			} else if s.received > s.limit {
				break
			}
			f.Flags = 0
		}
		e.w.fatalf("%s: data beyond the window is taken", e.name)
		return true
	}},
	{"data after the end", func(e *end) bool {
		st, ln := &e.m.str, uint8(e.m.role.stream)
		if !e.bound(int(ln)) || st.opened >= st.granted {
			return false
		}
		f := frame.Frame{Kind: frame.Data, Flags: frame.First | frame.Last, Lane: ln, ID: e.m.in.lastID + 2000}
		if err := e.forge(f); err != nil {
			e.w.fatalf("%s: an empty stream: %v", e.name, err)
		}
		f.Flags = 0
		e.refused(e.forge(f, 1), "after its end")
		return true
	}},
	{"streams beyond the limit", func(e *end) bool {
		st, ln := &e.m.str, uint8(e.m.role.stream)
		if !e.bound(int(ln)) || st.opened > st.granted {
			return false
		}
		f := frame.Frame{Kind: frame.Data, Flags: frame.First | frame.Last, Lane: ln, ID: e.m.in.lastID + 3000}
		for range st.granted - st.opened {
			if err := e.forge(f); err != nil {
				e.w.fatalf("%s: a stream within the limit: %v", e.name, err)
			}
			f.ID++
		}
		e.refused(e.forge(f), "stream beyond the limit")
		return true
	}},
	{"stream that began twice", func(e *end) bool {
		st, ln := &e.m.str, uint8(e.m.role.stream)
		if !e.bound(int(ln)) || st.opened+1 >= st.granted {
			return false
		}
		f := frame.Frame{Kind: frame.Data, Flags: frame.First, Lane: ln, ID: e.m.in.lastID + 900}
		if err := e.forge(f, 1); err != nil {
			e.w.fatalf("%s: a stream: %v", e.name, err)
		}
		e.refused(e.forge(f, 2), "began twice")
		return true
	}},
	{"streams of calls that do not come", func(e *end) bool {
		st, in, ln := &e.m.str, &e.m.in, uint8(e.m.role.stream)
		if !e.bound(int(ln)) || !e.bound(e.m.role.call) || st.opened >= st.granted || len(st.early) > 0 || in.running.len() >= e.m.cfg.Own.Calls {
			return false
		}
		f := frame.Frame{Kind: frame.Data, Flags: frame.First, Lane: ln, ID: in.lastID + 1}
		if err := e.forge(f, 1); err != nil {
			e.w.fatalf("%s: an early stream: %v", e.name, err)
		}
		over := st.over
		err := e.forge(frame.Frame{Kind: frame.Call, Lane: uint8(e.m.role.call), ID: in.lastID + 2, Name: []byte("t.x")})
		if err != nil || len(e.eff.Dropped) != 1 || st.over != over+1 {
			e.w.fatalf("%s: a stream whose call did not come is kept: %v", e.name, err)
		}
		return true
	}},
	{"reply to nothing", func(e *end) bool {
		ln := uint8(e.m.role.call)
		if !e.bound(int(ln)) {
			return false
		}
		e.refused(e.forge(frame.Frame{Kind: frame.Reply, Lane: ln, ID: e.m.out.nextID + 1}), "not running")
		return true
	}},
	{"event of a topic that is unknown", func(e *end) bool {
		if !e.eventsWhole() {
			return false
		}
		f := frame.Frame{Kind: frame.Event, Lane: uint8(e.m.role.event), ID: e.m.nextTopic + 1, Name: []byte("t.x")}
		e.refused(e.forge(f), "unknown topic")
		return true
	}},
	{"topic id used again", func(e *end) bool {
		if !e.eventsWhole() || e.m.nextTopic == 0 {
			return false
		}
		f := frame.Frame{Kind: frame.Topic, Flags: frame.Begin, Lane: uint8(e.m.role.event), ID: e.m.nextTopic, Name: []byte("x")}
		e.refused(e.forge(f), "out of order")
		return true
	}},
	{"name that was not introduced", func(e *end) bool {
		ln := e.m.role.call
		if !e.bound(ln) {
			return false
		}
		ref := uint64(len(e.m.heardNames(int(ln)))+1) << 1
		e.refused(e.forge(frame.Frame{Kind: frame.Message, Lane: uint8(ln), Ref: ref}), "unknown name")
		return true
	}},
	{"more names than are remembered", func(e *end) bool {
		ln := e.m.role.call
		if !e.bound(ln) {
			return false
		}
		e.m.in.messagesGranted = e.m.in.messages + 10_000
		for range 2000 {
			ref := uint64(len(e.m.heardNames(int(ln)))+1)<<1 | 1
			err := e.forge(frame.Frame{Kind: frame.Message, Lane: uint8(ln), Ref: ref, Name: []byte("t.x")})
			if err != nil {
				e.refused(err, "name id out of range")
				break
			}
		}
		if n := len(e.m.heardNames(int(ln))); n != e.m.cfg.Own.Names {
			e.w.fatalf("%s: %d names are remembered", e.name, n)
		}
		return true
	}},
	{"heartbeats without end", func(e *end) bool {
		for range maxPings {
			_ = e.forge(frame.Frame{Kind: frame.Ping, ID: 1}) // there may have been others
		}
		e.refused(e.forge(frame.Frame{Kind: frame.Ping, ID: 1}), "too many heartbeats")
		return true
	}},
	{"lane that there is not", func(e *end) bool {
		if e.m.cfg.Lanes == frame.MaxLanes {
			return false
		}
		e.refused(e.forge(frame.Frame{Kind: frame.Ack, Lane: uint8(e.m.cfg.Lanes)}), "lane out of range")
		return true
	}},
	{"frame on the wrong lane", func(e *end) bool {
		ln := slices.IndexFunc(e.m.lanes[:e.m.cfg.Lanes], func(l lane) bool { return l.bound })
		if ln == e.m.role.call || ln < 0 {
			return false
		}
		e.refused(e.forge(frame.Frame{Kind: frame.Cancel, Lane: uint8(ln), ID: 1}), "wrong lane")
		return true
	}},
	{"credit and acknowledgements that are lower", func(e *end) bool {
		o, acked := e.m.out, e.m.lanes[0].acked
		streams := e.m.str.limit
		for what := range uint64(3) {
			if err := e.forge(frame.Frame{Kind: frame.Credit, ID: what}); err != nil {
				e.w.fatalf("%s: credit: %v", e.name, err)
			}
		}
		if err := e.forge(frame.Frame{Kind: frame.Ack}); err != nil {
			e.w.fatalf("%s: acknowledgement: %v", e.name, err)
		}
		if n := &e.m.out; n.messageLimit < o.messageLimit || n.largeLimit < o.largeLimit || e.m.str.limit < streams || e.m.lanes[0].acked < acked {
			e.w.fatalf("%s: a limit went back: %+v, was %+v", e.name, n, o)
		}
		return true
	}},
}

func (m *Machine) heardNames(ln int) []name {
	if n := m.lanes[ln].names; n != nil {
		return n.heard
	}
	return nil
}
