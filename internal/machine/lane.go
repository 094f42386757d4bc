package machine

import (
	"time"

	"github.com/twinwire/twinwire/frame"
)

// Acknowledgement pace (clause 4.2). Frames and bytes are not those of streams,
// whose sender asks.
const (
	ackFrames = 32
	ackBytes  = 16 << 10
	ackParts  = 16 // so many bytes of a message of several frames count as one
	ackDelay  = 20 * time.Millisecond
	// Nobody waits for an event to be acknowledged: ackEvents of them count as
	// one frame, and the delay, at most, is just below the time after which a client asks
	// whether the peer is there; a server does not ask. An ACK for each of 50 events a
	// second was a quarter of what the server and its 1,000 subscribers cost.
	ackEvents        = 4
	eventDelay       = 300 * time.Millisecond
	clientEventDelay = 1200 * time.Millisecond
)

// A lane is one lane in both directions.
type lane struct {
	bound    bool // frames may be sent
	attached bool // a server has received its ATTACH
	asked    bool // a server has sent OPEN, or a client has received it
	ackLate  bool // an ACK is due: its time has come, or the peer asks for one
	again    bool // keep may have frames to send again

	sent    uint64 // the number of the next frame to be sent
	acked   uint64 // what the peer has accepted
	flight  []mark // batches that wait for their acknowledgement
	pending int    // bytes of the batches in flight
	pace    *pace  // of the streams; nil before the first
	keep    *keep  // what was sent and is not acknowledged; nil for nothing

	next      uint64        // the number of the next frame to be received
	owedSince uint64        // next as the last ACK said it
	owedCount int32         // frames received since the last ACK, without those of streams, times ackEvents
	owedBytes int32         // their bytes
	ackDue    time.Duration // when an ACK will be due; 0 for none

	*names // nil before the first
}

// names are what names of methods and event types stand for on a lane.
type names struct {
	sentNames map[string]uint64 // ids of those that were sent
	heard     []name            // by id-1, those that were received
}

// A mark is the end of a batch on a lane, for counting unacknowledged bytes.
type mark struct {
	next  uint64
	bytes int
}

// A name is a method or an event type that the peer has introduced.
type name struct {
	text   string
	target any // what Resolve returned
}

// maxFlight is how many batches of a lane are told apart until they are
// acknowledged.
const maxFlight = 64

// batched records that a batch brought the lane to its present number.
func (l *lane) batched(bytes int) {
	l.pending += bytes
	if n := len(l.flight); n == maxFlight {
		// A peer that never acknowledges must not make this grow.
		l.flight[n-1] = mark{l.sent, l.flight[n-1].bytes + bytes}
		return
	}
	l.flight = append(l.flight, mark{l.sent, bytes})
}

// acknowledge takes an ACK into account (clause 4.2).
func (l *lane) acknowledge(next uint64, now time.Duration) error {
	if next > l.sent {
		return protocolError("acknowledgement of frames never sent")
	}
	if next <= l.acked {
		return nil
	}
	l.acked = next
	if l.pace != nil {
		l.pace.acknowledged(next, now)
	}
	n := 0
	for n < len(l.flight) && l.flight[n].next <= next {
		l.pending -= l.flight[n].bytes
		n++
	}
	l.flight = append(l.flight[:0], l.flight[n:]...)
	return nil
}

// accept counts a numbered frame that arrived at a client or a server, and
// reports whether it is new (clause 4.1).
func (l *lane) accept(f *frame.Frame, bytes int, client bool, now time.Duration) (bool, error) {
	switch {
	case f.Seq < l.next:
		return false, nil
	case f.Seq > l.next:
		return false, protocolError("a sequence number was skipped")
	}
	l.next++
	due := now + ackDelay
	switch {
	case f.Kind == frame.More || f.Size > 0:
		// Nobody waits for the room that one part of a large message takes.
		l.owedCount += ackEvents
		l.owedBytes += int32(bytes / ackParts)
	case f.Kind == frame.Event || f.Kind == frame.Gap:
		l.owedCount++
		l.owedBytes += int32(bytes)
		// At times that are each session's own: subscribers that all got an event
		// at once would otherwise all acknowledge it at once, beside the next one.
		delay := eventDelay
		if client {
			delay = clientEventDelay
		}
		due = now - now%delay + delay
	case f.Kind != frame.Data:
		l.owedCount += ackEvents
		l.owedBytes += int32(bytes)
	case f.Flags&frame.Ask != 0:
		l.ackLate = true
	}
	if !l.ackLate && (l.ackDue == 0 || due < l.ackDue) {
		l.ackDue = due
	}
	return true, nil
}

// ask has an ACK sent, if one is owed.
func (l *lane) ask() {
	if l.owes() {
		l.ackDue, l.ackLate = 0, true
	}
}

// owes reports whether an ACK may be sent, and due whether it must be.
func (l *lane) owes() bool { return l.next != l.owedSince }

func (l *lane) due() bool {
	return l.owes() && (l.owedCount >= ackFrames*ackEvents || l.owedBytes >= ackBytes || l.ackLate)
}

func (l *lane) acknowledged() {
	l.owedSince, l.owedCount, l.owedBytes, l.ackDue, l.ackLate = l.next, 0, 0, 0, false
}

// reference returns how a name is written on the lane (clause 6.2).
func (l *lane) reference(text string, most int) uint64 {
	if l.names == nil {
		l.names = new(names)
	}
	if id, ok := l.sentNames[text]; ok {
		return id << 1
	}
	if len(l.sentNames) >= most {
		return 0
	}
	if l.sentNames == nil {
		l.sentNames = make(map[string]uint64)
	}
	id := uint64(len(l.sentNames)) + 1
	l.sentNames[text] = id
	return id<<1 | 1
}

// resolve returns the name that a frame refers to, and remembers it if the
// frame introduces it.
func (l *lane) resolve(f *frame.Frame, most int, valid func([]byte) bool, target func(string) any) (name, error) {
	if l.names == nil {
		l.names = new(names)
	}
	if !frame.NamedRef(f.Ref) {
		if id := f.Ref >> 1; id <= uint64(len(l.heard)) {
			return l.heard[id-1], nil
		}
		return name{}, protocolError("reference to an unknown name")
	}
	if !valid(f.Name) {
		return name{}, protocolError("malformed name")
	}
	n := name{text: string(f.Name)}
	if target != nil {
		n.target = target(n.text)
	}
	if f.Ref != 0 {
		if id := f.Ref >> 1; id != uint64(len(l.heard))+1 || id > uint64(most) {
			return name{}, protocolError("name id out of range")
		}
		l.heard = append(l.heard, n)
	}
	return n, nil
}
