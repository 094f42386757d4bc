package core

import (
	"testing"
	"unsafe"
)

// What is over 896 bytes, with the 8 of the allocator, costs each session 128
// more.
func TestSizeOfSession(t *testing.T) {
	const most = 896 - 8
	if n := unsafe.Sizeof(Session{}); n > most {
		t.Errorf("a session has %d bytes, over %d", n, most)
	}
}
