// Package machine is the session as a state machine: sequence numbers, lanes,
// acknowledgements, windows, calls, messages, states and topics of
// docs/protocol.md, for either end.
//
// A [Machine] does no I/O, starts no goroutine, takes no lock, and reads no
// clock and no random source. It is given what happens (a call begins, frames
// arrived, time passed) with the time at which it does, and it answers with
// batches to send and [Effects] to carry out. That makes it fast, and it lets
// a simulator drive both ends through any history that a seed describes.
//
// The driver, package core, holds a lock around every method; nothing here
// blocks. Time is the time since the session began; only differences matter.
//
// # Memory
//
// Payloads that are handed to a machine belong to it until it hands them back
// in Effects.Sent, or until the call they belong to is done; they are copied
// once, into a batch. Payloads of shared things (events and states) are only
// read and may be queued by many machines at once. What Receive puts into
// Effects borrows from the frames it was given unless the field says that it
// is owned.
package machine

import (
	"errors"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// Window is what one side lets the other have in flight (clause 5), and the
// sizes it accepts. Both sides say theirs in the hello.
type Window struct {
	// Calls is the number of calls that may run at once.
	Calls int
	// Messages is the number of one-way messages that may be in flight, where
	// large ones count as several: see share.
	Messages int
	// Large is the bytes of messages of several frames that may be in flight.
	Large int
	// MaxMessage is the largest message in bytes.
	MaxMessage int
	// Names is the number of names remembered for each lane.
	Names int
	// Streams is the number of streams that may be open at once, Stream how
	// many bytes of each may be sent at first.
	Streams, Stream int
}

// share returns how much of Messages a message of so many bytes takes (clause
// 5.4): so a window that lets many small ones go on their way holds no more
// than 4 KiB for each.
func (w *Window) share(size int) uint64 {
	return uint64(max(1, min(1+size/messageUnit, maxShare, w.Messages)))
}

const (
	messageUnit = 4096 // bytes
	maxShare    = 1 + frame.MaxPayload/messageUnit
)

// Config is what a machine needs to know. It does not change.
type Config struct {
	// Client says which end this is.
	Client bool
	// Independent says that the lanes of the carrier are independent, so that
	// each is a pipe of its own.
	Independent bool
	// Latest says that both sides know versions of events and LATEST (clause
	// 7.6), Datagram how many bytes of a datagram the carrier takes, 0 for one
	// that has none.
	Latest bool
	// Early says that both sides know EARLY (clause 17), Copies how many bytes of a
	// datagram may be copies.
	Early bool
	// Watchdog has the peer's silence noticed early while something is waited
	// for (clause 14.5).
	Watchdog bool
	Datagram int32
	Copies   int32
	// Generation is the generation of the handshake.
	Generation uint64
	// Lanes is the number of lanes that the two hellos agreed on, 1 to 8.
	Lanes int
	// Peer is what the peer lets this side do; Own, in Rules, the other way
	// round.
	Peer Window
	// Heartbeat is the interval of clause 8.1.
	Heartbeat time.Duration
	// Retention is how many bytes of what was sent and is not acknowledged are
	// kept for another carrier, for each lane; beyond it sending waits. 0 means
	// none, and that the session ends with its carrier.
	Retention int
	// Trip is how long a round trip takes on the carrier, as far as the
	// handshake has shown.
	Trip time.Duration
	// Inflate returns what a compressed payload of the peer was made of, at most
	// frame.MaxPayload bytes. It must be a pure function. Nil means that none may
	// come (clause 16.1).
	Inflate func([]byte) ([]byte, error)
	// NewStream makes the owner of a stream of the peer.
	NewStream func(*InStream) any
	// Rules are what many sessions have in common.
	*Rules
}

// Rules are the part of a Config that all sessions of a server can share: the
// machines only read it.
type Rules struct {
	// Own is what this side lets the peer do.
	Own Window

	// MaxQueuedCalls and MaxQueuedBytes bound the calls and messages that wait
	// for a window; beyond them Start refuses.
	MaxQueuedCalls, MaxQueuedBytes int
	// MaxReplyBytes bounds the replies that wait to be sent; a reply beyond it
	// becomes a rejection with ResourceExhausted.
	MaxReplyBytes int
	// MaxEventBytes bounds the events that wait to be sent.
	MaxEventBytes int
	// MaxStateBytes bounds the deltas of one state that wait to be sent.
	MaxStateBytes int
	// MaxStates bounds the states that the peer may open.
	MaxStates int
	// StateRate is how many changes of a state of the peer are expected in a
	// second (clause 5.7); 0 means any number.
	StateRate int
	// MaxStream is how large the window of a stream may become, MaxStreams
	// the windows of all.
	MaxStream, MaxStreams int

	// Limited, unless nil, is told each time that a limit is reached.
	Limited func(Limit)
	// Resolve finds what serves a method, once for each name that the peer
	// introduces. It must be a pure function. Nil means nothing is served.
	Resolve func(method string) any
	// NewInbound makes the value for a call or message that arrives, so that
	// the driver can make it part of something larger.
	NewInbound func() *Inbound
	// NewChunk and FreeChunk make buffers of streams and take them back.
	NewChunk  func() *Chunk
	FreeChunk func(*Chunk)
	// Rooms are what calls, messages and replies of several frames are put
	// together in. The driver gives them back.
	Rooms Rooms
}

// Machine is one end of a session. See the package comment.
type Machine struct {
	cfg  Config
	role struct{ call, event, bulk, stream int } // lanes by role (clause 4.3)

	lanes   []lane // as many as there are
	control control
	beat    heartbeat

	// Sending.
	waiting   [priorities]list // calls and messages that wait for a window
	queues    [priorities]list // what leaves on the call lane, in order; replies and states are Normal
	credit    list             // large messages that wait for credit
	large     list             // large messages of which parts were sent
	unacked   list             // tracked calls and messages that were sent whole, in their order
	events    *eventQueue      // nil before the first subscription and event
	out       outgoing
	nextSub   uint64
	nextState uint64
	str       streams // in both directions

	// Receiving.
	in           incoming
	topics       map[uint64]*InTopic
	unknownSince time.Duration
	openEvent    *InTopic // whose event has not arrived whole
	nextTopic    uint64
	early        *copies // of frames, in both directions; nil before the first

	closing     closing
	leaving     leaving
	ended       bool
	detached    bool  // there is no carrier
	sawLatest   bool  // an event with a version has arrived
	called      bool  // a brief item is in the batch
	largeWaited bool  // a large message waits that the last batch had no room for
	touched     uint8 // lanes of which a numbered frame is in the batch
	largeRun    int32 // batches with a part of a large message before the one of largeAt, made soon after each other
	unknown     int32 // frames that were ignored since unknownSince
	kept        int   // bytes in the keeps of all lanes
	stats       counters
	chunk       *Chunk        // that the payload of the frame being appended is in
	appended    []byte        // what Batch is writing to
	calledAt    time.Duration // when the last batch with one was made
	sent        []*Inbound    // replies that were sent whole
	largeAt     time.Duration // when the last batch with a part of a large message was made
	messagesOut []*Call       // messages that were sent whole
	sentTracked []*Call       // tracked calls and messages that were sent whole
}

// Stats counts what a session did since it began, and what waits in it.
type Stats struct {
	FramesSent, FramesReceived uint64
	BytesSent, BytesReceived   uint64
	CallsStarted, CallsServed  uint64
	Messages, EventsSent       uint64
	EventsMissed               uint64 // dropped here because the peer did not keep up
	UnknownFrames              uint64
	BytesReplayed              uint64        // sent again on another carrier
	FramesCopied               uint64        // sent twice, because the path loses packets
	CopiesFirst                uint64        // frames of the peer of which the copy came first
	RTT                        time.Duration // of the last heartbeat; 0 before the first

	// At this moment: calls and messages of this side that wait to be sent, and
	// their bytes; calls of this side that were sent and have no answer yet;
	// calls and messages of the peer that are being served, or wait to be;
	// bytes of replies and of events that wait to be sent; and bytes that were
	// sent and that the peer has not acknowledged.
	CallsWaiting, BytesWaiting    int
	CallsRunning                  int
	CallsServing, MessagesServing int
	ReplyBytes, EventBytes        int
	Unacknowledged                int
}

// usualLanes is how many lanes a session has whose both ends are twinwire's.
const usualLanes = 5

// New returns a machine whose handshake is complete. A client's first batch
// begins with ATTACH (clause 4.5); a server's lanes are bound by what it
// receives.
func New(cfg Config, now time.Duration) *Machine {
	// One piece of memory for all: an idle session should be small.
	whole := new(struct {
		Machine
		lanes [usualLanes]lane
	})
	m := &whole.Machine
	m.cfg = cfg
	if m.lanes = whole.lanes[:min(cfg.Lanes, usualLanes)]; cfg.Lanes > usualLanes {
		m.lanes = make([]lane, cfg.Lanes)
	}
	m.role.call = min(1, cfg.Lanes-1)
	m.role.event = min(2, cfg.Lanes-1)
	m.role.bulk = min(3, cfg.Lanes-1)
	m.role.stream = min(4, cfg.Lanes-1)
	m.in.init(&m.cfg.Own)
	m.out.init(&m.cfg.Peer)
	m.str.init(cfg.Own, cfg.Peer, cfg.MaxStreams-cfg.Own.Streams*cfg.Own.Stream)
	m.beat.heard = now
	m.lanes[0].bound = !cfg.Client
	return m
}

// Pipes returns how many pipes the carrier has: one, or one for each lane.
// Batch and Ready take a pipe; on an independent carrier it is the lane.
func (m *Machine) Pipes() int {
	if m.cfg.Independent {
		return m.cfg.Lanes
	}
	return 1
}

// carries reports whether frames of a lane travel in a pipe.
func (m *Machine) carries(pipe, ln int) bool { return !m.cfg.Independent || pipe == ln }

// Crowded reports whether more than one call or message is under way, so that
// others may be about to send as well.
func (m *Machine) Crowded() bool {
	// A call that has a place in the window and is not sent yet is in both.
	return max(m.out.calls, m.out.queued)+m.in.running.len()+int(m.in.serving) > 1
}

// Calls returns how many calls are under way.
func (m *Machine) Calls() int { return m.out.calls }

// Queued returns how many calls and messages wait to be sent.
func (m *Machine) Queued() int { return m.out.queued }

// Effects is what a driver has to carry out after Receive, Tick or End, in the
// order of the fields. A driver may use one value again after Reset.
type Effects struct {
	// States, then Events, then Data, then Done: a reply never overtakes the
	// state change or the event that its handler caused (clauses 6.9 and
	// 6.10), nor the streams that it ends (clause 12.8).
	States []StateIn
	Events []EventIn
	Data   []DataIn
	// Received are tracked calls that the peer has received and not answered.
	Received []*Call
	// Done are calls that have ended, messages that ended unsent, and tracked
	// messages that were received or whose session ended before it was known.
	Done []*Call
	// Start are calls and messages to serve, in their order.
	Start []*Inbound
	// Cancel are served calls whose caller no longer waits.
	Cancel []*Inbound
	// Dropped are streams whose call did not come or will not be served
	// (clause 12.3).
	Dropped []*InStream
	// Renewal are frames of a renewal (clause 15.8).
	Renewal []RenewalIn
	// Leaving says that the server has announced its end (clause 8.4): see
	// Machine.Leaving.
	Leaving bool
	// Closed says that the session is over by agreement (clause 8.2); the
	// carrier is to be closed.
	Closed bool
}

// Reset empties e and keeps its memory.
func (e *Effects) Reset() {
	clear(e.States)
	clear(e.Events)
	clear(e.Received)
	clear(e.Done)
	clear(e.Start)
	clear(e.Cancel)
	clear(e.Data)
	clear(e.Renewal)
	*e = Effects{
		States: e.States[:0], Events: e.Events[:0], Data: e.Data[:0], Received: e.Received[:0], Done: e.Done[:0],
		Start: e.Start[:0], Cancel: e.Cancel[:0], Renewal: e.Renewal[:0],
	}
}

// Errors of the methods that begin something.
var (
	// ErrQueueFull means that too much waits for a window already.
	ErrQueueFull = &twinwire.Error{Code: twinwire.ResourceExhausted, Message: "too many calls wait to be sent"}
	// ErrTooLarge means that the peer does not accept a message of this size.
	ErrTooLarge = &twinwire.Error{Code: twinwire.TooLarge, Message: "message is larger than the peer accepts"}
	// ErrEnded means that the session takes nothing new.
	ErrEnded = errors.New("session has ended")
)

// protocolError is a violation by the peer (clause 9.3).
func protocolError(reason string) error {
	return &twinwire.Error{Code: twinwire.ProtocolError, Message: reason}
}
