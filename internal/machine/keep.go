package machine

import "github.com/twinwire/twinwire/frame"

// A keep holds the frames of a lane that were sent and that the peer has not
// acknowledged, as they were encoded, to be sent again on another carrier
// (clause 14.4).
type keep struct {
	b     []byte // frames back to back
	head  int    // where the first one begins
	again int    // where the next one to be sent again begins; len(b) for none
	next  uint64 // the number of the first one
}

// keepIdle is how much room a keep holds on to when it is empty.
const keepIdle = 4 << 10

func (k *keep) bytes() int { return len(k.b) - k.head }

// replays reports whether frames are to be sent again.
func (k *keep) replays() bool { return k.again < len(k.b) }

// add keeps a frame that is sent for the first time.
func (k *keep) add(f []byte) {
	if k.head > 0 && len(k.b)+len(f) > cap(k.b) && k.head >= len(k.b)/2 {
		k.b = append(k.b[:0], k.b[k.head:]...)
		k.head = 0
	}
	k.b = append(k.b, f...)
	k.again = len(k.b)
}

// trim drops the frames below a number and returns how many bytes they were.
func (k *keep) trim(next uint64) int {
	start := k.head
	for ; k.next < next && k.head < len(k.b); k.next++ {
		n, _ := frame.Size(k.b[k.head:])
		k.head += n
	}
	k.next = max(k.next, next)
	n := k.head - start
	k.again = max(k.again, k.head)
	if k.head == len(k.b) {
		k.head, k.again = 0, 0
		if cap(k.b) > keepIdle {
			k.b = nil
		}
		k.b = k.b[:0]
	}
	return n
}

// rewind has everything sent again.
func (k *keep) rewind() { k.again = k.head }

// take returns whole frames to be sent again, at least one and no more than
// budget bytes beside the last.
func (k *keep) take(budget int) []byte {
	start := k.again
	for k.again < len(k.b) && k.again-start < budget {
		n, _ := frame.Size(k.b[k.again:])
		k.again += n
	}
	return k.b[start:k.again]
}
