package core

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// Rooms are buffers for messages of several frames: what they are put together
// in when they arrive, and what they are encoded into. Made anew for each they
// took a third of the time of a call with 1 MiB there and back, most of it in
// page faults.
//
// There are sizes of 64 KiB to 4 MiB, each with a little more for what stands
// beside a payload of a round size.
const (
	leastRoom  = 64 << 10
	roomMargin = 1 << 10
	roomSizes  = 7
)

var rooms [roomSizes]sync.Pool // of *[]byte

// roomSize returns which of the sizes has room for n bytes; roomSizes for none.
func roomSize(n int) int {
	return min(bits.Len(uint(max(n-roomMargin-1, 0)/leastRoom)), roomSizes)
}

// newRoom returns an empty slice with room for n bytes.
func newRoom(n int) []byte {
	i := roomSize(n)
	if i == roomSizes {
		return make([]byte, 0, n)
	}
	if b, ok := rooms[i].Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 0, leastRoom<<i+roomMargin)
}

// freeRoom takes back what newRoom has returned, and leaves any other slice to
// the garbage collector.
func freeRoom(b []byte) {
	if i := roomSize(cap(b)); i < roomSizes && cap(b) == leastRoom<<i+roomMargin {
		b = b[:0]
		rooms[i].Put(&b)
	}
}

// A size is how large messages of a kind were lately, for those that are larger
// than what buffers otherwise keep: the next one is encoded into a room.
type size struct{ large atomic.Int64 }

// begin returns where a message is to be encoded: b, or a room.
func (s *size) begin(b []byte) []byte {
	if n := s.large.Load(); n > 0 {
		return newRoom(int(n))
	}
	return b[:0]
}

// end takes note of a message that was encoded into what begin has returned for
// b, and returns it in a buffer of its size.
func (s *size) end(b, begun, encoded []byte) []byte {
	small := len(encoded) <= maxPooled
	switch {
	case !small && s.large.Load() != int64(len(encoded)):
		s.large.Store(int64(len(encoded)))
	case small && s.large.Load() != 0:
		s.large.Store(0)
	}
	room := cap(begun) > maxPooled
	if small && room {
		encoded = append(b[:0], encoded...)
		freeRoom(begun)
	}
	if !small && room && &encoded[0] != &begun[:1][0] { // it was larger still
		freeRoom(begun)
	}
	return encoded
}
