package machine

import "github.com/twinwire/twinwire/frame"

// An exchange is what the streams of a call hang on (clause 12), at either
// end. Most calls have none.
type exchange struct {
	outs []*OutStream
	ins  []*InStream
	// began is how many streams of this end began, and wanted how many of the
	// peer's a reply comes after (clause 12.8).
	began, wanted int
}

// out returns the stream that this end sends in a slot, or nil.
func (x *exchange) out(slot uint8) *OutStream {
	if x != nil {
		for _, s := range x.outs {
			if s.slot == slot {
				return s
			}
		}
	}
	return nil
}

// in returns the stream that the peer sends in a slot, or nil.
func (x *exchange) in(slot uint8) *InStream {
	if x != nil {
		for _, s := range x.ins {
			if s.slot == slot {
				return s
			}
		}
	}
	return nil
}

// sending reports whether a stream of this end has not been sent whole.
func (x *exchange) sending() bool {
	if x != nil {
		for _, s := range x.outs {
			if !s.over {
				return true
			}
		}
	}
	return false
}

// arrived reports whether the streams that a reply comes after have ended.
func (x *exchange) arrived() bool {
	if x == nil {
		return true
	}
	n := 0
	for _, s := range x.ins {
		if s.begun && (s.ended || s.stopped) {
			n++
		}
	}
	return n >= x.wanted
}

// A party is one end of a call, as its streams see it: a *Call or an *Inbound.
type party interface {
	// number is the call's id, 0 as long as it has none.
	number() uint64
	// existing returns the exchange, nil if there is none, and streams makes
	// it.
	existing() *exchange
	streams() *exchange
	// callee says that this end serves the call.
	callee() bool
	// settled says that no stream of this end can begin any more.
	settled() bool
}

func (c *Call) number() uint64      { return c.item.id }
func (c *Call) callee() bool        { return false }
func (c *Call) settled() bool       { return c.ended || c.canceled || c.held || c.size > 0 }
func (c *Call) existing() *exchange { return c.x }
func (c *Call) streams() *exchange {
	if c.x == nil {
		c.x = new(exchange)
	}
	return c.x
}

func (v *Inbound) number() uint64      { return v.id }
func (v *Inbound) callee() bool        { return true }
func (v *Inbound) settled() bool       { return v.replied || v.canceled || v.OneWay }
func (v *Inbound) existing() *exchange { return v.x }
func (v *Inbound) streams() *exchange {
	if v.x == nil {
		v.x = new(exchange)
	}
	return v.x
}

// calleeFlag is the flag of frames about a stream.
func calleeFlag(callee bool) frame.Flags {
	if callee {
		return frame.OfCallee
	}
	return 0
}

// A Chunk is a buffer of a stream. The driver makes them.
type Chunk struct {
	next     *Chunk
	from, to int
	refs     int  // frames that are kept and are in it (keep.go)
	done     bool // the stream does not need it any more
	b        [frame.MaxPayload]byte
}

// Bytes returns what is in the chunk.
func (c *Chunk) Bytes() []byte { return c.b[c.from:c.to] }

// Free returns the room behind what is in the chunk, and Fill says how much of
// it was filled.
func (c *Chunk) Free() []byte { return c.b[c.to:] }
func (c *Chunk) Fill(n int)   { c.to += n }

// Drop takes n bytes off the front.
func (c *Chunk) Drop(n int) { c.from += n }

// Reset empties the chunk, for it to be used again.
func (c *Chunk) Reset() { c.next, c.from, c.to, c.refs, c.done = nil, 0, 0, 0, false }

// streams are the streams of a session in both directions.
type streams struct {
	// Sending.
	*turns         // nil before the first stream of this end
	begun   uint64 // of this end, so far
	limit   uint64
	replies int // that wait for the streams of their call

	// Receiving.
	early   []*InStream // of calls that have not arrived (clause 12.3)
	opened  uint64      // of the peer, so far
	over    uint64
	granted uint64
	spare   int // bytes by which windows may still grow
	windows []*InStream
}

// turns are the streams of this end that have something to send. The active
// ones may, in the order of their turns; the waiting ones must not begin yet
// (clause 12.5).
type turns struct {
	active  [priorities]ring
	waiting ring
	freed   []*OutStream // with room again, or over
}

func (st *streams) make() {
	if st.turns == nil {
		st.turns = new(turns)
	}
}

func (st *streams) init(own, peer Window, spare int) {
	st.limit = uint64(peer.Streams)
	st.granted = uint64(own.Streams)
	st.spare = spare
}
