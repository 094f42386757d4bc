// Package deframe finds the frames in what a wire delivers. Carriers look at
// the length field of a frame and, where a lane begins, at its kind and lane;
// all else belongs to the session (docs/protocol.md, clauses 2.1, 2.5, 4.4).
package deframe

import (
	"errors"

	"github.com/twinwire/twinwire/frame"
)

// ErrOpening means that a lane begins with another frame than clause 4.4
// wants. Its text is fit to be sent as a reason.
var ErrOpening = errors.New("lane does not begin with HELLO or ATTACH")

// Whole returns the length of the whole frames at the start of b, and how
// many bytes the frame behind them takes in all: 0 if b ends with a whole
// frame, or too early to tell. It returns an error of package frame for a
// length that breaks the protocol.
func Whole(b []byte) (n, need int, err error) {
	for n < len(b) {
		// Most frames have a length of one or two bytes; frame.Size knows
		// the others and the errors.
		size := 0
		switch c := b[n]; {
		case c < 0x40 && c >= 2:
			size = 1 + int(c)
		default:
			if size, err = frame.Size(b[n:]); err != nil {
				return n, 0, err
			}
		}
		if size == 0 || size > len(b)-n {
			return n, size, nil
		}
		n += size
	}
	return n, 0, nil
}

// Batch checks that b is one or more whole frames, as a batch must be (clause
// 2.5), and returns an error of package frame otherwise.
func Batch(b []byte) error {
	n, _, err := Whole(b)
	switch {
	case err != nil:
		return err
	case n < len(b) || n == 0:
		return frame.ErrShort
	}
	return nil
}

// Opening returns the lane that is opened by a stream that begins with b. It
// returns -1 while b is too short to tell, and ErrOpening for a beginning that
// clause 4.4 forbids.
func Opening(b []byte) (lane int, err error) {
	if _, err := frame.Size(b); err != nil {
		return -1, err
	}
	_, n := frame.Varint(b)
	if n == 0 || len(b) < n+2 {
		return -1, nil
	}
	kind, lane := frame.Kind(b[n]), int(b[n+1]&(frame.MaxLanes-1))
	if (kind == frame.Hello) != (lane == 0) || kind != frame.Hello && kind != frame.Attach {
		return -1, ErrOpening
	}
	return lane, nil
}
