package frame

// A layout is what clause 2.6 says of one kind: its lane, which flags it
// knows, where its numbers go, and whether it has strings and a payload.
type layout struct {
	name    string
	control bool // lane 0 only
	flags   Flags
	payload bool
	packs   bool // it may be compressed
	numbers []number
	strings []text
}

// A number says which field of a Frame stands next on the wire, and when.
type number struct {
	field field
	when  Flags // 0: always
}

// A text says which string stands next on the wire, and when.
type text struct {
	field field
	when  Flags // 0: always
	ref   bool  // only if Ref is followed by a name (clause 6.2)
	max   int
}

type field uint8

const (
	fieldID field = iota
	fieldCode
	fieldRef
	fieldSize
	fieldMillis
	fieldNext
	fieldNexts
	fieldSlot
	fieldStreams
	fieldVersion
	fieldName
	fieldMeta
)

var (
	refName = text{field: fieldName, ref: true, max: MaxName}
	meta    = text{field: fieldMeta, when: HasMeta, max: MaxMetadata}
	reason  = text{field: fieldName, max: MaxReason}
)

// layouts is the table of clause 2.6. It is read only.
var layouts = [256]layout{
	Hello:     {name: "HELLO", control: true, payload: true},
	Challenge: {name: "CHALLENGE", control: true, payload: true},
	Proof:     {name: "PROOF", control: true, payload: true},
	Welcome:   {name: "WELCOME", control: true, payload: true},
	Refuse: {name: "REFUSE", control: true, flags: RetryAfter | Never | WantAuth,
		numbers: []number{{field: fieldCode}, {fieldMillis, RetryAfter}}, strings: []text{reason}},
	Attach: {name: "ATTACH", flags: AllLanes, numbers: []number{{field: fieldID}}},
	Open:   {name: "OPEN"},
	Ack:    {name: "ACK", numbers: []number{{field: fieldNext}}},
	Ping:   {name: "PING", control: true, numbers: []number{{field: fieldID}}},
	Pong:   {name: "PONG", control: true, numbers: []number{{field: fieldID}}},
	Credit: {name: "CREDIT", control: true, numbers: []number{{field: fieldID}, {field: fieldNext}}},
	Window: {name: "WINDOW", control: true, flags: OfCallee, numbers: []number{{field: fieldID}, {field: fieldSlot}, {field: fieldNext}}},
	Close: {name: "CLOSE", control: true, flags: RetryAfter,
		numbers: []number{{field: fieldCode}, {fieldMillis, RetryAfter}, {field: fieldNexts}}, strings: []text{reason}},
	Call: {name: "CALL", packs: true, flags: HasMore | HasMeta | Deadline | Unordered | Idempotent, payload: true,
		numbers: []number{{field: fieldID}, {field: fieldRef}, {fieldSize, HasMore}, {fieldMillis, Deadline}},
		strings: []text{refName, meta}},
	Message: {name: "MESSAGE", packs: true, flags: HasMore | HasMeta | Unordered, payload: true,
		numbers: []number{{field: fieldRef}, {fieldID, HasMore}, {fieldSize, HasMore}},
		strings: []text{refName, meta}},
	Reply: {name: "REPLY", packs: true, flags: HasMore | HasMeta | Barrier | Streamed, payload: true,
		numbers: []number{{field: fieldID}, {field: fieldCode}, {fieldSize, HasMore}, {fieldNext, Barrier}, {fieldStreams, Streamed}},
		strings: []text{meta}},
	Cancel: {name: "CANCEL", numbers: []number{{field: fieldID}, {field: fieldCode}}},
	More:   {name: "MORE", packs: true, flags: HasMore | F2 | F3, payload: true, numbers: []number{{field: fieldID}}},
	State: {name: "STATE", packs: true, flags: HasMore | Snapshot | HasName | End, payload: true,
		numbers: []number{{field: fieldID}, {fieldNext, Snapshot}, {fieldSize, HasMore}},
		strings: []text{{field: fieldName, when: HasName, max: MaxName}}},
	Data: {name: "DATA", flags: First | Last | OfCallee | Ask, payload: true,
		numbers: []number{{field: fieldID}, {field: fieldSlot}}},
	Reset: {name: "RESET", flags: OfCallee, payload: true,
		numbers: []number{{field: fieldID}, {field: fieldSlot}, {field: fieldCode}}},
	Stop: {name: "STOP", flags: OfCallee, payload: true,
		numbers: []number{{field: fieldID}, {field: fieldSlot}, {field: fieldCode}}},
	Topic: {name: "TOPIC", flags: Begin, numbers: []number{{field: fieldID}},
		strings: []text{{field: fieldName, when: Begin, max: MaxName}}},
	Event: {name: "EVENT", packs: true, flags: HasMore | Missed | Versioned, payload: true,
		numbers: []number{{field: fieldID}, {field: fieldRef}, {fieldSize, HasMore}, {fieldNext, Missed}, {fieldVersion, Versioned}},
		strings: []text{refName}},
	Gap: {name: "GAP", numbers: []number{{field: fieldID}, {field: fieldNext}}},
	Latest: {name: "LATEST", payload: true, numbers: []number{{field: fieldID}, {field: fieldVersion}},
		strings: []text{{field: fieldName, max: MaxName}}},
	Early:   {name: "EARLY", payload: true, numbers: []number{{field: fieldNext}}},
	Leaving: {name: "LEAVING", control: true, flags: RetryAfter, numbers: []number{{field: fieldNext}, {fieldMillis, RetryAfter}}},
}

// present reports whether f has the string t.
func (t *text) present(f *Frame) bool {
	return f.Flags&t.when == t.when && (!t.ref || NamedRef(f.Ref))
}

// allows reports whether a number may have the value v: codes end at MaxCode
// (clause 9.1), there are at most MaxLanes lanes (clause 1.2) and MaxSlots
// streams of a call and side (clause 12.1), and what has a size does not fit
// one frame (clause 2.4).
func (fd field) allows(v uint64) bool {
	switch fd {
	case fieldCode:
		return v <= MaxCode
	case fieldSize:
		return v > MaxPayload
	case fieldNexts:
		return v <= MaxLanes
	case fieldSlot:
		return v < MaxSlots
	case fieldStreams:
		return v > 0 && v <= MaxSlots
	}
	return true
}

// allowsPayload reports whether a frame of l with these flags may have a
// payload of n bytes: none if the kind has none, a full one if more of the
// message follows (clause 2.4), which a compressed one is when it is not any
// more (clause 16.3).
func (l *layout) allowsPayload(flags Flags, packed bool, n int) bool {
	switch {
	case packed:
		return l.packs && n > 0 && n < MaxPayload
	case !l.payload:
		return n == 0
	case flags&l.flags&HasMore != 0:
		return n == MaxPayload
	}
	return n <= MaxPayload
}
