package events

import (
	"strconv"
	"unicode/utf8"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/frame"
)

// MaxTopic is the longest name of a topic in bytes (clause 7.1).
const MaxTopic = frame.MaxName

// A Topic is the name of a topic: 1 to 255 bytes, any bytes, compared byte by
// byte. Topic(b) makes one of a byte slice, []byte(t) goes back. The empty
// name is that of events which go to sessions and not to a topic; nobody
// subscribes to it.
//
// In a message a topic is a str if it is valid UTF-8, and a bin if it is not,
// so that each name has one encoding; a TypeScript client sees a string or a
// Uint8Array.
type Topic string

var (
	_ codec.Marshaler   = Topic("")
	_ codec.Unmarshaler = (*Topic)(nil)
)

// AppendMsgpack appends the name. The error is TooLarge if it is too long.
func (t Topic) AppendMsgpack(b []byte) ([]byte, error) {
	if len(t) > MaxTopic {
		return b, t.tooLong()
	}
	if utf8.ValidString(string(t)) {
		return codec.AppendString(b, string(t)), nil
	}
	return codec.AppendBytes(b, []byte(t)), nil
}

// ReadMsgpack reads a name: a str, or a bin of any bytes. One that is too long
// is codec.ErrLimit.
func (t *Topic) ReadMsgpack(r *codec.Reader) error {
	var v Topic
	if r.Peek() == codec.TypeBytes {
		v = Topic(r.BorrowBytes())
	} else {
		v = Topic(r.BorrowStr())
	}
	if len(v) > MaxTopic {
		r.Fail(codec.ErrLimit, "topic of at most 255 bytes")
	}
	if err := r.Err(); err != nil {
		return err
	}
	*t = Topic(append([]byte(nil), v...))
	return nil
}

// check returns why a session cannot be subscribed to t, nothing if it can.
func (t Topic) check() error {
	switch {
	case t == "":
		return twinwire.NewError(twinwire.BadRequest, "topic has no name")
	case len(t) > MaxTopic:
		return t.tooLong()
	}
	return nil
}

func (t Topic) tooLong() error {
	return twinwire.NewError(twinwire.TooLarge, "topic name of "+strconv.Itoa(len(t))+" bytes is over the limit of "+strconv.Itoa(MaxTopic))
}
