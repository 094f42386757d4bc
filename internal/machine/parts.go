package machine

import "github.com/twinwire/twinwire/frame"

// Rooms are buffers that messages of several frames are put together in. The
// zero value leaves them to the garbage collector.
type Rooms struct {
	// New returns an empty slice with room for at least n bytes.
	New func(n int) []byte
	// Free takes back a slice that is of no use any more.
	Free func([]byte)
}

// roomGrowth is how much room is made for a message of several frames, as a
// multiple of what of it has arrived: so a peer's word alone costs little, and
// what arrives is copied a third more often, and not five times over.
const roomGrowth = 4

func (r *Rooms) make(n int) []byte {
	if r.New == nil {
		return make([]byte, 0, n)
	}
	return r.New(n)
}

// begin returns the parts of a message whose head has arrived, with room for
// more.
func (r *Rooms) begin(size int, f *frame.Frame) []byte {
	return append(r.make(min(size, roomGrowth*len(f.Payload))), f.Payload...)
}

// add adds a MORE frame to the parts and reports whether they are whole.
func (r *Rooms) add(parts *[]byte, size int, f *frame.Frame) (bool, error) {
	b, more := *parts, f.Flags&frame.HasMore != 0
	switch n := len(b) + len(f.Payload); {
	case n > size, n == size && more, n < size && !more:
		return false, protocolError("parts do not add up to the size of the message")
	case n > cap(b):
		b = append(r.make(min(size, roomGrowth*n)), b...)
		r.drop(parts)
	}
	*parts = append(b, f.Payload...)
	return !more, nil
}

// drop gives back what holds the parts.
func (r *Rooms) drop(parts *[]byte) {
	if r.Free != nil {
		r.Free(*parts)
	}
	*parts = nil
}
