package machine

import "github.com/twinwire/twinwire/frame"

// Content is what a message is made of.
type Content struct {
	// Payload is the encoded arguments, or the result.
	Payload []byte
	// Packed are the compressed parts of Payload, of frame.MaxPayload bytes each
	// but the last; nil, or none at all, for what is sent as it is.
	Packed [][]byte
	// Meta is the metadata string (clause 6.3), or nil.
	Meta []byte
}

// noContent is that of what has none.
var noContent Content

type itemKind uint8

const (
	itemCall itemKind = iota
	itemMessage
	itemReply
	itemCancel
	itemState
	itemStop
)

// An item is one message on its way out: a call, a message, a reply, a
// cancellation, a state or the stop of a stream. It is in at most one list at a time.
type item struct {
	prev, next *item
	in         *list

	kind    itemKind
	flags   uint8 // of the frame: Unordered, Idempotent; Snapshot, End
	slot    uint8 // of a stream
	whole   bool  // the last frame was put into a batch
	code    uint16
	tracked bool // copy of the call's, which is elsewhere in memory
	streams bool // likewise
	id      uint64
	content *Content // never nil
	off     int      // bytes of the payload that were sent
	// mark is the event that a reply must not overtake (clause 6.10), or the
	// version of a state; and once the item was sent whole, the number after its
	// last frame.
	mark uint64

	call  *Call
	reply *Inbound
	state *OutState
}

// begun reports whether a frame of the item was put into a batch.
func (it *item) begun() bool { return it.off > 0 || it.whole }

// brief reports whether the item is a call, a message or a reply that fits into
// a frame and is not of a call with streams.
func (it *item) brief() bool {
	if len(it.content.Payload) > frame.MaxPayload {
		return false
	}
	switch it.kind {
	case itemCall:
		return !it.streams && it.call.x == nil
	case itemMessage:
		return true
	case itemReply:
		return it.reply != nil && it.reply.x == nil
	}
	return false
}

// A list is a doubly linked list of items.
type list struct {
	first, last *item
}

func (l *list) empty() bool { return l.first == nil }

func (l *list) push(it *item) {
	it.in, it.prev, it.next = l, l.last, nil
	if l.last == nil {
		l.first = it
	} else {
		l.last.next = it
	}
	l.last = it
}

func (l *list) pop() *item {
	it := l.first
	if it != nil {
		it.unlink()
	}
	return it
}

// replace puts it into the place of old, which is in l and leaves it.
func (l *list) replace(old, it *item) {
	it.in, it.prev, it.next = l, old.prev, old.next
	if it.prev == nil {
		l.first = it
	} else {
		it.prev.next = it
	}
	if it.next == nil {
		l.last = it
	} else {
		it.next.prev = it
	}
	old.in, old.prev, old.next = nil, nil, nil
}

// unlink takes the item out of the list that it is in, if any.
func (it *item) unlink() {
	l := it.in
	if l == nil {
		return
	}
	if it.prev == nil {
		l.first = it.next
	} else {
		it.prev.next = it.next
	}
	if it.next == nil {
		l.last = it.prev
	} else {
		it.next.prev = it.prev
	}
	it.in, it.prev, it.next = nil, nil, nil
}
