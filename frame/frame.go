// Package frame is the unit of the twinwire protocol: the header of a frame,
// its limits, and the one encoder and the one decoder that every wire uses
// (docs/protocol.md, clauses 1.3 to 2.7).
//
// A [Frame] is a plain value that has room for the fields of every kind.
// [Append] writes one; [Frame.Parse] reads one and borrows its strings and
// payload from the input. Nothing here allocates, apart from growing the
// slice that is appended to, and nothing here trusts its input: whatever
// Parse accepts is within the limits and has exactly one encoding, so for a
// known kind Append(nil, f) gives back the bytes that f was parsed from.
//
// Any number of goroutines may use the functions of this package at once; a
// Frame belongs to one at a time.
package frame

import (
	"strconv"
)

// Limits of the protocol. They are part of its version, not settings.
const (
	// MaxPayload is the most payload of one frame, in bytes (clause 2.3).
	MaxPayload = 16 << 10
	// MaxBody is the most that may follow the length field (clause 2.1).
	MaxBody = 32 << 10
	// MaxFrame is the most bytes that a whole frame takes.
	MaxFrame = MaxBody + 4
	// MaxBatch is the most bytes of one batch (clause 2.5): room for four
	// frames of the largest payload.
	MaxBatch = 68 << 10
	// MaxLanes is the most lanes of a session (clause 1.2).
	MaxLanes = 8
	// MaxSlots is the most streams of one side of a call (clause 12.1).
	MaxSlots = 256
	// MaxName is the most bytes of a method, topic or event type (clauses 6.2, 7.1).
	MaxName = 255
	// MaxMetadata is the most bytes of a metadata string (clause 6.3).
	MaxMetadata = 8 << 10
	// MaxReason is the most bytes of the reason of CLOSE and REFUSE (clause 9.3).
	MaxReason = 120
	// MaxCode is the highest code (clause 9.1).
	MaxCode = 4095
)

// A Kind says what a frame is for (clause 2.2).
type Kind uint8

// The kinds of clause 2.6.
const (
	Hello     Kind = 0x01
	Challenge Kind = 0x02
	Proof     Kind = 0x03
	Welcome   Kind = 0x04
	Refuse    Kind = 0x05
	Attach    Kind = 0x06
	Open      Kind = 0x07
	Ack       Kind = 0x08
	Ping      Kind = 0x09
	Pong      Kind = 0x0a
	Credit    Kind = 0x0b
	Close     Kind = 0x0c
	Window    Kind = 0x0d
	Call      Kind = 0x41
	Message   Kind = 0x42
	Reply     Kind = 0x43
	Cancel    Kind = 0x44
	More      Kind = 0x45
	State     Kind = 0x46
	Data      Kind = 0x4a
	Reset     Kind = 0x4b
	Stop      Kind = 0x4c
	Topic     Kind = 0xc7
	Event     Kind = 0xc8
	Gap       Kind = 0xc9
	Leaving   Kind = 0x8e
	Latest    Kind = 0x8f // in datagrams only (clause 7.8)
	Early     Kind = 0x90 // clause 17
)

// packed is the bit of the kind byte of a frame whose payload is compressed
// (clause 16.2).
const packed Kind = 0x20

// Packs reports whether frames of kind k may have a compressed payload.
func (k Kind) Packs() bool { return layouts[k].packs }

// Ignorable reports whether a receiver that does not know k skips the frame.
func (k Kind) Ignorable() bool { return k&0x80 != 0 }

// Numbered reports whether frames of kind k carry a sequence number.
func (k Kind) Numbered() bool { return k&0x40 != 0 }

// Known reports whether k is a kind of clause 2.6.
func (k Kind) Known() bool { return layouts[k].name != "" }

// String returns the kind's name as in clause 2.6.
func (k Kind) String() string {
	if k.Known() {
		return layouts[k].name
	}
	return "KIND(0x" + strconv.FormatUint(uint64(k), 16) + ")"
}

// Flags are the five flag bits of a frame, whose meaning depends on its kind.
type Flags uint8

// The flags of clause 2.6.
const (
	F1 Flags = 0x08
	F2 Flags = 0x10
	F3 Flags = 0x20
	F4 Flags = 0x40
	F5 Flags = 0x80

	HasMore    = F1 // CALL, MESSAGE, REPLY, MORE, STATE, EVENT: more frames follow
	HasMeta    = F2 // CALL, MESSAGE, REPLY
	Deadline   = F3 // CALL
	Unordered  = F4 // CALL, MESSAGE
	Idempotent = F5 // CALL
	Barrier    = F3 // REPLY
	Streamed   = F4 // REPLY
	First      = F2 // DATA
	Last       = F4 // DATA
	Ask        = F5 // DATA
	OfCallee   = F3 // DATA, RESET, STOP, WINDOW
	Snapshot   = F2 // STATE
	HasName    = F3 // STATE
	End        = F4 // STATE
	Begin      = F1 // TOPIC
	Missed     = F2 // EVENT
	Versioned  = F3 // EVENT
	AllLanes   = F1 // ATTACH
	RetryAfter = F1 // REFUSE, CLOSE, LEAVING
	Never      = F2 // REFUSE
	WantAuth   = F3 // REFUSE
)

// Whose message a MORE frame continues (clause 6.6).
const (
	OfCall  = 0
	OfReply = 1
	OfState = 2
	OfEvent = 3
)

// OfFlags returns the flags of a MORE frame that continues a message of the
// given owner.
func OfFlags(of int) Flags { return Flags(of<<4) & (F2 | F3) }

// Of returns whose message a MORE frame with flags f continues.
func (f Flags) Of() int { return int(f&(F2|F3)) >> 4 }

// What a CREDIT speaks of (clauses 5.4, 5.5 and 12.5).
const (
	CreditMessages = 0
	CreditLarge    = 1
	CreditStreams  = 2
)

// A Frame is one frame with the fields of every kind; which of them count is
// said by the kind and the flags (clause 2.6). Append ignores the others and
// Parse leaves them zero.
type Frame struct {
	Kind  Kind
	Flags Flags
	Lane  uint8
	// Packed says that the payload is compressed (clause 16.2).
	Packed bool
	Seq    uint64 // numbered kinds

	// ID is the id of a call, message, state or topic, or of the call that a
	// stream belongs to; the generation of an ATTACH; the token of a PING or
	// PONG; what a CREDIT speaks of.
	ID uint64
	// Code is the outcome in REFUSE, CLOSE, REPLY, CANCEL, RESET and STOP.
	Code uint16
	// Ref is the method or event type as clause 6.2 writes it.
	Ref uint64
	// Size is the size of the whole message in bytes, of a head with HasMore.
	Size uint64
	// Millis is the time left of a CALL with Deadline, and the time to wait
	// of a REFUSE, CLOSE or LEAVING with RetryAfter.
	Millis uint64
	// Next is the number in an ACK, the barrier of a REPLY, the missed count
	// of an EVENT or GAP, the version of a STATE with Snapshot, the limit of
	// a CREDIT or WINDOW, the milliseconds until the end of a LEAVING.
	Next uint64
	// Slot is the slot of a stream, and the number of streams in a REPLY with
	// Streamed.
	Slot uint64
	// Version is the number of an event of which the newest counts: of a
	// LATEST, and of an EVENT with Versioned (clause 7.6).
	Version uint64
	// Nexts are the numbers in a CLOSE, by lane; NextCount says how many.
	Nexts     [MaxLanes]uint64
	NextCount int

	// Name is the name of a method, event type, state or topic, and the
	// reason of a CLOSE or REFUSE. Parse borrows it.
	Name []byte
	// Meta is the metadata string of clause 6.3. Parse borrows it.
	Meta []byte
	// Payload is the rest of the frame. Parse borrows it.
	Payload []byte
}

// NamedRef reports whether a reference of clause 6.2 is followed by a name.
func NamedRef(ref uint64) bool { return ref == 0 || ref&1 != 0 }

// String returns the frame for people: its kind and what matters most.
func (f *Frame) String() string {
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	s := f.Kind.String() + " lane " + number(uint64(f.Lane))
	if f.Kind.Numbered() {
		s += " #" + number(f.Seq)
	}
	return s + " id " + number(f.ID) + " code " + number(uint64(f.Code)) + ", " + strconv.Itoa(len(f.Payload)) + " bytes"
}
