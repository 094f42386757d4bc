// Package codec writes and reads MessagePack, the encoding of every twinwire
// payload. It is what generated code is made of, and what a type without a
// generated codec implements by hand; values known only by reflection go
// through codec/reflective.
//
// # Bytes
//
// Every value has one encoding: integers, strings, binaries and container
// headers in the shortest form that the MessagePack specification offers,
// floats as wide as their Go type, time as the timestamp extension, durations
// as a count of nanoseconds. The bytes equal those of vmihailenco/msgpack v5
// with UseCompactInts(true). Nil stands for a nil pointer, slice, map or binary
// and for nothing else. Entries of a map have no order; the caller chooses one.
// Strings are written as they are: one that is not valid UTF-8 is refused by
// whoever reads it. Nothing longer than 2^32-1 has an encoding; messages are
// bounded far below that.
//
// # Trust
//
// A [Reader] and [Check] take bytes from anyone. Nothing in a message makes
// them panic, recurse, loop without end or allocate before the message has
// paid for it: containers nest no deeper, declare no more elements and cost no
// more memory than [Limits] allow. Numbers arrive exactly or not at all: 300
// for a uint8 is an error, never 44. Text is valid UTF-8. Unknown fields may
// be skipped, and what is skipped is held to the same rules.
//
// # Errors
//
// Reading stops at the first error. The Reader remembers it, and every later
// read of that message returns a zero value, so that a decoder may read all
// fields and ask once. Each error is an [*Error] and matches one of the
// sentinels ErrTruncated, ErrType, ErrRange, ErrLimit, ErrFormat, ErrUTF8,
// ErrTrailing and ErrUnbalanced with errors.Is. Its text is made of fixed words
// and an offset, and repeats no byte of the message.
//
// # Writing a decoder
//
// A struct is a map from the names of fields; see the example of [Reader]. Each
// ArrayHeader and MapHeader is followed by a Leave when its elements have been
// read: that is how recursive types stay within the depth. What a message
// merely declares is allocated by [ReadSlice], [ReadMap] and [ReadPointer], or
// after [Reader.Charge]: that is how they stay within the memory. Whoever holds
// the whole message ends with [Reader.Finish].
//
// # Memory and goroutines
//
// What a Reader returns is the caller's own, except from the methods whose
// names begin with Borrow and from MapKey and Raw: these alias the message and
// are valid as long as its buffer. The Append functions keep no reference to
// their arguments. Functions may be called from any goroutine; a Reader
// belongs to one at a time.
package codec

// A Marshaler appends itself to b as one MessagePack value and returns the
// extended slice. Generated types implement it with a value receiver.
type Marshaler interface {
	AppendMsgpack(b []byte) ([]byte, error)
}

// An Unmarshaler reads itself from r, which stands before one MessagePack
// value. It keeps no reference into r's buffer unless it says so.
type Unmarshaler interface {
	ReadMsgpack(r *Reader) error
}
