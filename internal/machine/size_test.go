package machine

import (
	"testing"
	"unsafe"
)

// A machine and its lanes are one piece of memory: what is over 1,792 bytes, with
// the 8 of the allocator, costs each session 256 more.
func TestSizeOfMachine(t *testing.T) {
	const most = 1792 - 8
	var whole struct {
		Machine
		lanes [usualLanes]lane
	}
	if n := unsafe.Sizeof(whole); n > most {
		t.Errorf("a machine has %d bytes, over %d", n, most)
	}
}
