package codec

import (
	"errors"
	"strconv"
)

// The kinds of error that reading a message can end in; test for them with
// errors.Is.
var (
	// ErrTruncated means that the message ends inside a value.
	ErrTruncated = errors.New("codec: message is truncated")
	// ErrType means that the value is of another type than the one asked for.
	ErrType = errors.New("codec: wrong type")
	// ErrRange means that a number, or the length of a fixed array, does not
	// fit what was asked for.
	ErrRange = errors.New("codec: out of range")
	// ErrLimit means that the message goes beyond its [Limits].
	ErrLimit = errors.New("codec: over the limit")
	// ErrFormat means bytes that are no value: 0xc1, an extension that is not
	// a timestamp, a timestamp that is not well formed.
	ErrFormat = errors.New("codec: malformed value")
	// ErrUTF8 means that a string is not valid UTF-8.
	ErrUTF8 = errors.New("codec: invalid UTF-8")
	// ErrTrailing means that bytes follow the value.
	ErrTrailing = errors.New("codec: trailing bytes")
	// ErrUnbalanced means that an Unmarshaler called Leave more or less often
	// than it entered arrays and maps. The mistake is the program's, not the
	// peer's.
	ErrUnbalanced = errors.New("codec: unbalanced Leave")
)

// An Error says where reading failed and why. Want and Found are words of a
// fixed vocabulary and repeat nothing that the peer sent.
type Error struct {
	// Kind is one of the sentinels of this package.
	Kind error
	// Offset is where the value at fault begins, in bytes from the beginning
	// of the message.
	Offset int
	// Want is what was asked for.
	Want string
	// Found is the format that stood there instead, in the words of the
	// MessagePack specification.
	Found string
}

// Error describes the failure in one line.
func (e *Error) Error() string {
	return e.Kind.Error() + " at byte " + strconv.Itoa(e.Offset) + ": want " + e.Want + ", found " + e.Found
}

// Unwrap returns the kind of the error.
func (e *Error) Unwrap() error { return e.Kind }

// errorAt makes the error for the value that begins at off in b. It is never
// inlined, so that the paths that do not fail stay small.
//
//go:noinline
func errorAt(kind error, b []byte, off int, want string) *Error {
	found := "end of message"
	if off < len(b) {
		found = formatName(b[off])
	}
	return &Error{Kind: kind, Offset: off, Want: want, Found: found}
}
